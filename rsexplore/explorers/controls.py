"""Controls of a panel, one row each: a named field for keyboards and screen readers, its unit, and a slider."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from math import inf, log10
from typing import Any

import ipywidgets as widgets

from rsexplore import noises
from rsexplore.noises import Noise

DIGITS = 4  # significant digits of what a slider gives, so that the code line stays short
FIELD = {"width": "180px"}
NAME = {"description_width": "62px"}
# room at both ends, where half of the thumb sticks out
SLIDER = {"flex": "1 1 auto", "min_width": "60px", "width": "auto", "margin": "2px 10px"}


class Control:
    """A row, the field that holds its value, and the slider (or nothing) that follows the field and moves it."""

    def __init__(self, name: str, field: Any, row: Any, slider: Any = None) -> None:
        self.name, self.field, self.row, self.slider = name, field, row, slider

    @property
    def value(self) -> Any:
        """What the field holds."""
        return self.field.value

    @value.setter
    def value(self, value: Any) -> None:
        self.field.value = value

    def observe(self, callback: Callable[[], None]) -> None:
        """Call back on every change."""
        self.field.observe(lambda change: callback(), "value")

    def show(self, shown: bool) -> None:
        """Show or hide the row."""
        display = None if shown else "none"
        if self.row.layout.display != display:
            self.row.layout.display = display


def number(
    name: str,
    label: str,
    unit: str,
    value: float,
    low: float,
    high: float,
    *,
    scale: str = "log",
    whole: bool = False,
    help: str = "",
) -> Control:
    """Return a row with a number field and a slider.

    Parameters
    ----------
    name, label, unit : str
        Keyword of the view's `update`, what names the field, and what stands after it.
    value, low, high : float
        In that unit; the range is made to hold the value.
    scale : {"linear", "log", "reversed log"}
        How the slider goes from left to right; reversed has `high` on the left.
    whole : bool
        Whether only whole numbers are taken.
    help : str
        Shown when the pointer rests on the slider.
    """
    low, high = min(low, value), max(high, value)
    kind = widgets.BoundedIntText if whole else widgets.BoundedFloatText
    # the range before the value, or the field would cut the value to its first range
    field = kind(min=low, max=high, value=value, description=label, style=NAME, layout=FIELD)
    field.step = 1 if whole else None
    to, back = _scales(scale)
    ends = sorted((to(low), to(high)))
    slider = widgets.FloatSlider(
        min=ends[0], max=ends[1], value=to(value), step=(ends[1] - ends[0]) / 200, readout=False
    )
    slider.layout = SLIDER
    slider.tooltip = field.tooltip = help or f"{label} ({unit})"

    def given(place: float) -> float:
        value = float(f"{back(place):.{DIGITS}g}")
        return round(value) if whole else value

    _link(field, slider, to, given)
    return Control(name, field, widgets.HBox([field, _unit(unit), slider]), slider)


def pick(name: str, label: str, unit: str, options: Mapping[str, Any], value: Any) -> Control:
    """Return a row with a list and a slider over the same few values."""
    options = dict(options) if value in options.values() else {**options, f"{value:g}": value}
    field = widgets.Dropdown(options=options, value=value, description=label, style=NAME, layout=FIELD)
    slider = widgets.SelectionSlider(options=options, value=value, readout=False)
    slider.layout = SLIDER
    slider.tooltip = f"{label} ({unit})"
    widgets.link((field, "value"), (slider, "value"))
    return Control(name, field, widgets.HBox([field, _unit(unit), slider]), slider)


def choice(name: str, label: str, options: Mapping[str, Any], value: Any) -> Control:
    """Return a row with a list."""
    field = widgets.Dropdown(options=options, value=value, description=label, style=NAME, layout={"width": "98%"})
    return Control(name, field, widgets.HBox([field]))


def toggle(name: str, label: str, value: bool) -> Control:
    """Return a row with a check box."""
    field = widgets.Checkbox(value=value, description=label, indent=False, layout={"width": "98%"})
    return Control(name, field, widgets.HBox([field], layout={"padding": "0 0 0 66px"}))


def text(name: str, label: str, value: str, placeholder: str = "") -> Control:
    """Return a row with a text field, which calls back when it is left or Enter is pressed."""
    field = widgets.Text(value=value, description=label, placeholder=placeholder, style=NAME, continuous_update=False)
    field.layout, field.tooltip = {"width": "98%"}, placeholder or label
    return Control(name, field, widgets.HBox([field]))


def _unit(words: str) -> widgets.Label:
    return widgets.Label(words, layout={"flex": "0 0 auto"})  # cut off by nothing


def _scales(scale: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Return the maps from a value to a place on the slider, and back."""
    if scale == "linear":
        return float, float
    sign = {"log": 1.0, "reversed log": -1.0}[scale]
    return lambda value: sign * log10(value), lambda place: 10 ** (sign * place)


def _link(field: Any, slider: Any, to: Callable[[float], float], back: Callable[[float], float]) -> None:
    busy = False  # rounding would else send the two after each other

    def follow(target: Any, value: float) -> None:
        nonlocal busy
        if not busy:
            busy = True
            try:
                with target.hold_sync():  # the picture, which follows from this, is sent before the field is
                    target.value = value
            finally:
                busy = False

    def moved(change: Any) -> None:
        # JupyterLab moves a slider to its nearest step when it shows it: no wish of the reader's, so the field stays
        if abs(change["new"] - to(field.value)) > 0.5001 * slider.step:
            follow(field, back(change["new"]))

    field.observe(lambda change: follow(slider, to(change["new"])), "value")
    slider.observe(moved, "value")


NORMS = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0, "8": 8.0, "∞": inf}
OWN = {"k": "k", "power_norm": "powers", "shape": "shape"}  # fields that only some families have -> their controls
LEAST = 1e-12  # of 1 - p_A
DIM = 3072  # a 32 x 32 colour image
POWERS = {"‖z‖₂, eq. (8)": (2.0, 2.0), "‖z‖∞, eq. (10)": (inf, inf), "mixed, eq. (9)": (inf, 2.0)}
SHAPE = 2.0  # of generalized Gaussian noise, where the start has none


def family(start: Noise) -> Control:
    """List of all controls."""
    return choice("family", "noise", {cls.__name__: cls for cls in noises.ALL}, type(start))


def sigma(value: float) -> Control:
    """Deviation of one coordinate."""
    return number("sigma", "σ", "input units", value, 0.01, 10, help="deviation of one coordinate of the noise")


def votes(q_a: float, least: float = LEAST) -> Control:
    """1 - p_A, falling from left to right."""
    return number("q_a", "1 − p_A", "votes against", q_a, least, 0.4999, scale="reversed log")


def share(value: float) -> Control:
    """p_B as a share of 1 - p_A."""
    words = "p_B, as a share of the votes against; 1 is the case of two classes"
    return number("share", "p_B", "of 1 − p_A", value, 0.01, 1, scale="linear", help=words)


def dim(value: int, most: int = 1_000_000, least: int = 1) -> Control:
    """Number of coordinates."""
    return number("dim", "d", "coordinates", value, least, most, whole=True)


def power(start: Noise) -> Control:
    """The soap bubbles' k as a share of d."""
    return number("k", "k", "of d", getattr(start, "k", 0.0) / (start.dim or DIM), 0, 0.99, scale="linear")


def powers(start: Noise) -> Control:
    """Which norms the soap bubbles' density is of."""
    own = (getattr(start, "power_norm", 2.0), getattr(start, "tail_norm", 2.0))
    return pick("powers", "power of", "which norm pulls", POWERS, own)


def shape(start: Noise) -> Control:
    """Shape of generalized Gaussian noise."""
    return number("shape", "shape s", "1 Laplace, 2 Gaussian", getattr(start, "shape", SHAPE), 1, 20)


def member(family: type[Noise], sigma: float, dim: int, k: float, powers: tuple[float, float], shape: float) -> Noise:
    """Return the family's member of that deviation; `k` is a share of `dim`, and what a family lacks is not used."""
    own = {"k": float(f"{k * dim:.12g}"), "power_norm": powers[0], "tail_norm": powers[1], "shape": shape}
    has = {field.name for field in fields(family)}  # type: ignore[arg-type]
    return family.from_sigma(sigma, dim, **{name: value for name, value in own.items() if name in has})


def unused(noise: Noise) -> Iterator[str]:
    """Names of the controls of fields that the noise does not have."""
    has = {field.name for field in fields(noise)}  # type: ignore[arg-type]
    yield from (name for field, name in OWN.items() if field not in has)


def noise_code(noise: Noise) -> str:
    """Code that gives the noise."""
    held = asdict(noise).items()  # type: ignore[call-overload]
    return f"rs.noises.{noise.family}({', '.join(f'{name}={literal(value)}' for name, value in held)})"


def call(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Line of code that calls an explorer; arguments at their defaults are left out."""
    wanted = {key: value for key, value in given.items() if key not in defaults or defaults[key] != value}
    return f"rs.explorers.{name}({', '.join(f'{key}={literal(value)}' for key, value in wanted.items())})"


def literal(value: Any) -> str:
    """Code that gives a value."""
    if isinstance(value, Noise):
        return noise_code(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    return 'float("inf")' if value == inf else repr(value)
