"""Controls of a panel, one row each: a named field for keyboards and screen readers, its unit, and a slider."""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from inspect import signature
from math import inf, isfinite, log10, nan
from typing import Any

import ipywidgets as widgets

from rsexplore import noises
from rsexplore.noises import Noise
from rsexplore.pictures import style
from rsexplore.pictures.soap_bubbles import POWERS

DIGITS = 4  # significant digits of what a slider gives, so that the code line stays short
FIELD = {"width": "250px"}
NAME = {"description_width": "130px"}
# room at both ends, where half of the thumb sticks out; under its field where there is no room beside it
SLIDER = {"flex": "1 1 110px", "min_width": "110px", "width": "auto", "margin": "2px 10px"}


class Control:
    """A row, and the field in it that holds a value; `slider` where the row has one over the same values."""

    def __init__(self, name: str, field: Any, unit: str = "", slider: Any = None, help: str = "") -> None:
        self.name, self.field, self.slider = name, field, slider
        self.refuse: Callable[[str], None] = lambda words: None  # is told what is not taken as it was typed, in words
        field.tooltip = help or field.description
        if slider is None:
            field.layout = {"width": "98%"}
            self.row = widgets.HBox([field])
        else:
            field.layout, slider.layout = FIELD, SLIDER
            field.tooltip = slider.tooltip = help or f"{field.description} ({unit})"
            words = widgets.Label(unit, layout={"flex": "0 0 auto"})  # cut off by nothing
            self.row = widgets.HBox([field, words, slider], layout={"flex_flow": "row wrap", "align_items": "center"})

    @property
    def value(self) -> Any:
        """What the field holds."""
        return self.field.value

    @value.setter
    def value(self, value: Any) -> None:
        self.field.value = value

    @property
    def text(self) -> str:
        """The value as a text, for a link: of a list the name of the value."""
        return str(getattr(self.field, "label", self.value))

    def read(self, text: str) -> Any:
        """The value that a text stands for; ValueError if none does."""
        options = getattr(self.field, "options", {"True": True, "False": False})
        if text not in options:
            raise ValueError(f"{self.name} needs one of {list(options)}, got {text!r}")
        return options[text]

    def taken(self, value: Any) -> str:
        """What was taken for a value, in words; empty where it was that value."""
        return ""

    def observe(self, callback: Callable[[], None]) -> None:
        """Call back on every change."""
        self.field.observe(lambda change: callback(), "value")

    def show(self, shown: bool) -> None:
        """Show or hide the row."""
        self.row.layout.display = None if shown else "none"


class Several(Control):
    """Any of some names."""

    @property
    def text(self) -> str:
        """The names, one a line."""
        return "\n".join(self.value)

    def read(self, text: str) -> tuple[str, ...]:
        """The names among the lines of a text; ValueError if one is not there."""
        names = tuple(filter(None, text.split("\n")))
        if unknown := [name for name in names if name not in self.field.options]:
            raise ValueError(f"{self.name} needs some of {list(self.field.options)}, got {unknown}")
        return names


class Number(Control):
    """A number in a range: a field in which any way to write it is read, and a slider.

    Parameters
    ----------
    name, label, unit : str
        Keyword of what the panel draws by, what names the field, and what stands after it.
    value, low, high : float
        In that unit; the range is made to hold the value.
    scale : {"linear", "log", "reversed log"}
        How the slider goes from left to right; reversed has `high` on the left.
    whole : bool
        Whether only whole numbers are taken.
    help : str
        Shown when the pointer rests on the row.
    """

    def __init__(
        self, name: str, label: str, unit: str, value: float, low: float, high: float, *,
        scale: str = "log", whole: bool = False, help: str = "",
    ) -> None:  # fmt: skip
        self.low, self.high = min(low, value), max(high, value)
        self.label, self.whole, self._value = label, whole, value
        self._sign = {"linear": 0, "log": 1, "reversed log": -1}[scale]
        self._callbacks: list[Callable[[], None]] = []
        field = widgets.Text(value=f"{value!r}", description=label, style=NAME, continuous_update=False)
        low, high = sorted((self.place(self.low), self.place(self.high)))
        step = max((high - low) / 200, 1.0 if whole and scale == "linear" else 0.0)  # a key press is a number
        slider = widgets.FloatSlider(min=low, max=high, value=self.place(value), step=step, readout=False)
        super().__init__(name, field, unit, slider, help)
        field.observe(lambda change: self._typed(change["new"]), "value")
        slider.observe(lambda change: self._moved(change["new"]), "value")

    def place(self, value: float) -> float:
        """Where the slider stands for a value."""
        return self._sign * log10(value) if self._sign else float(value)

    def at(self, place: float) -> float:
        """The value for which the slider stands there."""
        return 10 ** (self._sign * place) if self._sign else place

    @property
    def value(self) -> float:
        """The number, within its range."""
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        cut = float(min(max(value, self.low), self.high))
        before, self._value = self._value, round(cut) if self.whole else cut
        if self._value != before:
            for callback in self._callbacks:  # the picture is sent before field and slider are
                callback()
        self.field.value = repr(self._value)
        if not self._near(self.slider.value):
            self.slider.value = self.place(self._value)

    @property
    def text(self) -> str:
        """The number as Python writes it."""
        return repr(self._value)

    def read(self, text: str) -> float:
        """The number that a text is; ValueError if it is none."""
        try:
            value = float(text)
        except ValueError:
            value = nan
        if not isfinite(value):
            raise ValueError(f"{self.label} needs a number, got {text!r}")
        return value

    def taken(self, value: float) -> str:
        """What was taken for a number, in words; empty where it was that number."""
        if self._value == value:
            return ""
        if self.whole and self.low <= value <= self.high:
            return f"{self.label} is a whole number: {value:.12g} was taken as {self._value}"
        return f"{self.label} goes from {self.low:g} to {self.high:g} here: {value:.12g} was cut to {self._value:g}"

    def observe(self, callback: Callable[[], None]) -> None:
        """Call back on every change."""
        self._callbacks.append(callback)

    def _near(self, place: float) -> bool:
        # JupyterLab moves a slider to its nearest step when it shows it: no wish of the reader's, so the field stays
        return abs(place - self.place(self._value)) <= 0.5001 * self.slider.step

    def _typed(self, text: str) -> None:
        try:
            value = self.read(text.strip().replace("−", "-"))
        except ValueError:
            point = " with a point for the comma" if re.fullmatch(r"\s*-?\d*,\d+\s*", text) else ""
            self.field.value = self.text
            self.refuse(f"{self.label}: {text!r} is no number; write one{point}, such as 0.25 or 1e-3")
        else:
            self.value = value
            self.refuse(self.taken(value))

    def _moved(self, place: float) -> None:
        if not self._near(place):
            self.value = float(f"{self.at(place):.{DIGITS}g}")


def pick(name: str, label: str, unit: str, options: Mapping[str, Any], value: Any) -> Control:
    """Return a row with a list and a slider over the same few values."""
    options = dict(options) if value in options.values() else {**options, f"{value:g}": value}
    field = widgets.Dropdown(options=options, value=value, description=label, style=NAME)
    slider = widgets.SelectionSlider(options=options, value=value, readout=False)
    widgets.link((field, "value"), (slider, "value"))
    return Control(name, field, unit, slider)


def choice(name: str, label: str, options: Mapping[str, Any], value: Any) -> Control:
    """Return a row with a list."""
    return Control(name, widgets.Dropdown(options=options, value=value, description=label, style=NAME))


def several(name: str, label: str, options: Sequence[str], value: Sequence[str]) -> Control:
    """Return a row with a list of which any number may be chosen."""
    field = widgets.SelectMultiple(options=options, value=tuple(value), description=label, style=NAME, rows=4)
    return Several(name, field, help=f"{label}: several with Ctrl or Shift")


def toggle(name: str, label: str, value: bool) -> Control:
    """Return a row with a check box."""
    return Control(name, widgets.Checkbox(value=value, description=label, indent=False))


def text(name: str, label: str, value: str, placeholder: str = "") -> Control:
    """Return a row with a text field, which calls back when it is left or Enter is pressed."""
    field = widgets.Text(value=value, description=label, placeholder=placeholder, style=NAME, continuous_update=False)
    return Control(name, field, help=placeholder)


NORMS = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0, "8": 8.0, "∞": inf}
OWN = {"k": "k", "power_norm": "powers", "shape": "shape"}  # fields that only some families have -> their controls
LEAST = 1e-12  # of 1 - p_A
DIM = 3072  # a 32 x 32 colour image
SHAPE = 2.0  # of generalized Gaussian noise, where the start has none


def law(start: Noise) -> list[Control]:
    """List of all families, and the deviation."""
    families = {style.NOISES.get(cls.__name__, cls.__name__): cls for cls in noises.ALL}
    return [choice("family", "noise", families, type(start)), sigma(start.sigma)]


def own(start: Noise) -> list[Control]:
    """What only one family has: norms of the soap bubbles' density, their k as a share of d, shape."""
    powers = getattr(start, "power_norm", 2.0), getattr(start, "tail_norm", 2.0)
    k = getattr(start, "k", 0.0) / (start.dim or DIM)
    return [
        pick("powers", "soap bubble", "its norm", POWERS, powers),
        Number("k", "pull k", "of d", k, 0, 0.99, scale="linear"),
        Number("shape", "shape s", "1 Laplace, 2 Gauss", getattr(start, "shape", SHAPE), 1, 20),
    ]


def sigma(value: float) -> Control:
    """Deviation of one coordinate."""
    return Number("sigma", "deviation σ", "input units", value, 0.01, 10, help="of one coordinate of the noise")


def votes(q_a: float, least: float = LEAST) -> Control:
    """1 - p_A, falling from left to right."""
    words = "share of the noisy copies on which the classifier does not say the class: 1 − p_A"
    return Number("q_a", "votes against", "1 − p_A", q_a, least, 0.4999, scale="reversed log", help=words)


def share(value: float) -> Control:
    """p_B as a share of 1 - p_A."""
    words = "p_B, as a share of the votes against; 1 is the case of two classes"
    return Number("share", "runner-up's share", "of these votes", value, 0.01, 1, scale="linear", help=words)


def dim(value: int, most: int = 1_000_000, least: int = 1) -> Control:
    """Number of coordinates."""
    return Number("dim", "dimension d", "pixels × channels", value, least, most, whole=True)


def norm(value: float, label: str = "norm of the ball", unit: str = "p", norms: Mapping[str, float] = NORMS) -> Control:
    """Norm of a ball, or of a shift."""
    return pick("norm", label, unit, norms, float(value))


def member(values: Mapping[str, Any], **instead: Any) -> Noise:
    """Return the noise that the controls say; `k` is a share of `dim`, and what the family lacks is not used."""
    v = {**values, **instead}
    own = {"k": float(f"{v['k'] * v['dim']:.12g}"), "shape": v["shape"]}
    own |= zip(("power_norm", "tail_norm"), v["powers"], strict=True)
    has = {field.name for field in fields(v["family"])}
    return v["family"].from_sigma(v["sigma"], v["dim"], **{name: own[name] for name in own if name in has})


def own_norm(noise: Noise) -> float:
    """The norm in which most is known of the noise; 2 where the list lacks it."""
    return noise.natural_norm if noise.natural_norm in NORMS.values() else 2.0


def norm_of(values: Mapping[str, Any]) -> float:
    """The same, by the values of the controls."""
    return own_norm(member(values))


def unused(noise: Noise) -> Iterator[str]:
    """Names of the controls of fields that the noise does not have."""
    has = {field.name for field in fields(noise)}  # type: ignore[arg-type]
    yield from (name for field, name in OWN.items() if field not in has)


ALWAYS = ("sigma", "size", "q_a", "r")  # what a line of code says also where it is the default


def call(explorer: Callable[..., Any], given: Mapping[str, Any], *own: str, always: Container[str] = ALWAYS) -> str:
    """Line of code that calls an explorer: names of the reader's own, what is always said or not at its default."""
    usual = {name: one.default for name, one in signature(explorer).parameters.items() if name not in always}
    words = (f"{name}={literal(value)}" for name, value in given.items() if name not in usual or usual[name] != value)
    return f"rs.explorers.{explorer.__name__}({', '.join([*own, *words])})"


def plain(norm: float) -> float:
    """A norm without ".0" where it is whole, for a line of code."""
    return int(norm) if norm.is_integer() else norm


def literal(value: Any) -> str:
    """Code that gives a value."""
    if isinstance(value, Noise):
        held = asdict(value).items()  # type: ignore[call-overload]
        return f"rs.noises.{value.family}({', '.join(f'{name}={literal(each)}' for name, each in held)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    return 'float("inf")' if value == inf else repr(value)
