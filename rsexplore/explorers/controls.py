"""Controls of a panel, one row each: a named field for keyboards and screen readers, its unit, and a slider."""

from collections.abc import Callable, Mapping
from math import log10
from typing import Any

import ipywidgets as widgets

DIGITS = 4  # significant digits of what a slider gives, so that the code line stays short
FIELD = {"width": "180px"}
NAME = {"description_width": "62px"}
# room at both ends, where half of the thumb sticks out
SLIDER = {"flex": "1 1 auto", "min_width": "60px", "width": "auto", "margin": "2px 10px"}


class Control:
    """A row, the field that holds its value, and the slider (or nothing) that follows the field and moves it."""

    def __init__(
        self, name: str, field: Any, row: Any, slider: Any = None, back: Callable[[float], Any] | None = None
    ) -> None:
        self.name, self.field, self.row, self.slider = name, field, row, slider
        self.back = back  # from a place on the slider to a value

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

    @property
    def stops(self) -> list[Any]:
        """Values that the slider gives, from left to right; of one that is continuous, at each of its steps."""
        if not isinstance(self.slider, widgets.FloatSlider) or self.back is None:
            return []
        count = round((self.slider.max - self.slider.min) / self.slider.step)
        return [self.back(self.slider.min + i * self.slider.step) for i in range(count + 1)]

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
        return _rounded(back(place), whole)

    _link(field, slider, to, given)
    row = widgets.HBox([field, _unit(unit), slider])
    return Control(name, field, row, slider, given)


def pick(name: str, label: str, unit: str, options: Mapping[str, Any], value: Any) -> Control:
    """Return a row with a list and a slider over the same few values."""
    options = dict(options) if value in options.values() else {**options, f"{value:g}": value}
    field = widgets.Dropdown(options=options, value=value, description=label, style=NAME, layout=FIELD)
    slider = widgets.SelectionSlider(options=options, value=value, readout=False)
    slider.layout = SLIDER
    slider.tooltip = f"{label} ({unit})"
    widgets.link((field, "value"), (slider, "value"))
    return Control(name, field, widgets.HBox([field, _unit(unit), slider]), slider)


def choice(name: str, label: str, options: Mapping[str, Any], value: Any, width: str = "98%") -> Control:
    """Return a row with a list."""
    field = widgets.Dropdown(options=options, value=value, description=label, style=NAME, layout={"width": width})
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


def _rounded(value: float, whole: bool) -> float:
    return round(float(f"{value:.{DIGITS}g}")) if whole else float(f"{value:.{DIGITS}g}")


def _link(field: Any, slider: Any, to: Callable[[float], float], back: Callable[[float], float]) -> None:
    busy = False  # rounding would else send the two after each other

    def follow(target: Any, convert: Callable[[float], float]) -> Callable[[Any], None]:
        def move(change: Any) -> None:
            nonlocal busy
            if not busy:
                busy = True
                try:
                    with target.hold_sync():  # the picture, which follows from this, is sent before the field is
                        target.value = convert(change["new"])
                finally:
                    busy = False

        return move

    def from_slider(change: Any) -> None:
        # JupyterLab moves a slider to its nearest step when it shows it: no wish of the reader's, so the field stays
        if abs(change["new"] - to(field.value)) > 0.5001 * slider.step:
            follow(field, back)(change)

    field.observe(follow(slider, to), "value")
    slider.observe(from_slider, "value")
