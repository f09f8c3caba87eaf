"""Pictures as data: frozen values of seven kinds of item, which a browser (`chart.js`) and paper (`paper.py`) draw.

A picture holds plots, a plot two axes and items, from back to front. Texts may hold subscripts, one letter after "_"
("p_A", "ℓ_2", "ℓ_∞"). Colours are "#rrggbb" or "ink", which is black on paper and the page's own colour of text in a
browser. Numbers may be nan, where a line breaks, and infinite.
"""

import csv
import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from html import escape
from io import StringIO
from math import inf, isnan
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

SCHEMA = 1  # what stored notebooks say that they hold; a renderer draws every schema up to its own
INK = "ink"
Dash = Literal["solid", "dash", "dot", "dashdot"]
Mark = Literal["", "circle", "triangle", "down", "square", "diamond", "plus"]
Corner = Literal["top left", "top right", "bottom left", "bottom right"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """One axis: what it measures, with its unit, and from where to where."""

    domain: tuple[float, float]
    label: str = ""
    name: str = ""  # what a number under the pointer is called; the label if empty
    scale: Literal["linear", "log"] = "linear"
    ticks: bool = True
    # of lengths, which grow with the noise: what the domain is rounded from, by `style.round_above` (linear, from 0) or
    # `style.below` and `above` (logarithmic), so that a page can stretch a picture
    lengths: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A curve; over the grid of its plot if it has no `x`."""

    kind: ClassVar[str] = "line"
    y: ArrayLike
    x: ArrayLike | None = None
    name: str = ""  # of the numbers under the pointer; a line without a name gives none
    label: str = ""  # at its end or in the key
    color: str = INK
    dash: Dash = "solid"
    width: float = 1.6
    mark: Mark = ""
    step: bool = False  # constant between points, at the value of the right one
    down: bool = False  # whether its numbers are rounded towards 0, as what certifies must be


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """A filled polygon."""

    kind: ClassVar[str] = "region"
    x: ArrayLike
    y: ArrayLike
    color: str
    opacity: float = 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Marks; `name` and `down` as those of a line."""

    kind: ClassVar[str] = "points"
    x: ArrayLike
    y: ArrayLike
    name: str = ""
    color: str = INK
    mark: Mark = "circle"
    size: float = 45.0  # area in square pixels
    opacity: float = 1.0
    down: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """A straight line at one value of an axis, across the plot or up to a value of the other axis."""

    kind: ClassVar[str] = "rule"
    at: float
    axis: Literal["x", "y"] = "x"
    to: float | None = None
    text: str = ""
    color: str = "#777777"
    dash: Dash = "dot"
    width: float = 1.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Bar:
    """One row of `Bars`."""

    name: str
    value: float
    text: str  # the number as it is written
    color: str = INK
    fill: Literal["solid", "hollow", "hatched"] = "solid"
    dash: Dash = "solid"
    strong: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Bars with names and numbers, one under the other, or upright side by side."""

    kind: ClassVar[str] = "bars"
    rows: tuple[Bar, ...]
    upright: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """Pixels of shape (height, width) or (height, width, 3) in [0, 1], which fill the plot."""

    kind: ClassVar[str] = "image"
    pixels: ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False)
class Note:
    """Words in a corner of the plot."""

    kind: ClassVar[str] = "note"
    text: str
    at: Corner = "top left"
    color: str = INK


Item = Line | Region | Points | Rule | Bars | Image | Note


@dataclass(frozen=True, kw_only=True, eq=False)
class Plot:
    """Axes with items. Without `x` or `y` there is no such axis, and its range is [0, 1]."""

    items: tuple[Item, ...]
    title: str = ""
    x: Axis | None = None
    y: Axis | None = None
    grid: ArrayLike | None = None
    share: float = 1.0  # of the width, where plots lie side by side
    square: bool = False
    names: Literal["ends", "key"] = "ends"  # where the labels of lines are


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """Plots side by side, or under one another where there is little room.

    `desc` is the alternative text: all numbers that a reader would look for.
    """

    title: str
    desc: str
    plots: tuple[Plot, ...]
    height: float = 430.0  # pixels, where plots lie side by side

    def data(self, array: Callable[[Any], Any] | None = None) -> dict[str, Any]:
        """Nested dicts and lists for `chart.js`, without what has its default; `array` turns arrays into their form.

        By default that is a list in which nan is None and infinity the text "Infinity", as JSON has neither.
        """
        return {"schema": SCHEMA} | _plain(self, array or _listed)

    def json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.data(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def csv(self) -> str:
        """The numbers as comma-separated values, to full precision: one row a point of a line, a mark or a bar."""
        stream = StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["plot", "item", "x", "y"])
        for number, plot in enumerate(self.plots, 1):
            for item in plot.items:
                writer.writerows([plot.title or number, *row] for row in _rows(item, plot.grid))
        return stream.getvalue()

    def draw(self, where: Any = None, width: float = 6.8) -> Any:
        """Draw with Matplotlib on a new figure `width` inches wide, a figure, or axes, one a plot; return the figure.

        Raises
        ------
        ValueError
            There are not as many axes as plots.
        """
        from rsexplore.pictures import paper

        return paper.draw(self, where, width)

    def save(self, path: str | PathLike[str], width: float = 6.8) -> None:
        """Write a file for paper: .pdf or .svg (vectors) or .png, `width` inches wide, e.g. 3.4 for one column.

        Raises
        ------
        ValueError
            The name of the file ends otherwise.
        """
        from rsexplore.pictures import paper

        paper.save(self, path, width)

    def __repr__(self) -> str:
        """What is drawn, in words: arrays would fill pages."""
        return f"<Picture: {self.title}. {self.desc}>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        from rsexplore.pictures import paper

        return paper.png(self)

    def html(self, *, fragment: bool = False) -> str:
        """A page that draws the picture without a network, or a fragment of one, which may stand in a page many times.

        Without scripts its place shows the description.
        """
        data = self.json().replace("<", "\\u003c")  # or a text could end the script
        body = PLACE.format(desc=escape(self.desc), renderer=renderer(), data=data)
        return body if fragment else PAGE.format(title=escape(self.title), body=body)


PLACE = """<div class="rsexplore-picture" data-waiting><p>{desc}</p></div>
<script type="module">
{renderer}
const place = document.querySelector(".rsexplore-picture[data-waiting]");
place.removeAttribute("data-waiting");
place.replaceChildren();
chart(place, {data});
</script>"""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{body}
</html>
"""


@cache
def renderer() -> str:
    """The text of an ES module that exports `chart(element, picture)`: D3, the style sheet, `chart.js`."""
    d3, css, chart = (
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("vendor/d3.min.js", "chart.css", "chart.js")
    )
    return f"{d3}const CSS = {json.dumps(css)};\n{chart}"


def _rows(item: Item, grid: ArrayLike | None) -> Iterator[tuple[Any, ...]]:
    if isinstance(item, Bars):
        yield from ((bar.name, "", repr(float(bar.value))) for bar in item.rows)
    elif isinstance(item, Line | Points):
        words = item.name or getattr(item, "label", "")
        x = grid if item.x is None else item.x
        points = (np.asarray(each, dtype=float).ravel().tolist() for each in (x, item.y))
        yield from ((words, repr(at), repr(value)) for at, value in zip(*points, strict=True))


def _listed(values: Any) -> Any:
    return [_number(value) for value in np.asarray(values, dtype=float).ravel().tolist()]


def _number(value: float) -> Any:
    return None if isnan(value) else value if abs(value) < inf else "Infinity" if value > 0 else "-Infinity"


_fields: Any = cache(fields)  # of a class; a picture travels at every step of a slider


def _plain(value: Any, array: Callable[[Any], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": value.kind} if hasattr(value, "kind") else {}
    for field in _fields(type(value)):
        name, part = field.name, getattr(value, field.name)
        if part is None:
            continue
        if isinstance(part, Axis):
            found[name] = _plain(part, array)
        elif name in ("x", "y", "grid"):
            found[name] = array(part)
        elif name == "pixels":
            found["src"] = png(part)
        elif name in ("plots", "items", "rows"):
            found[name] = [_plain(each, array) for each in part]
        elif name in ("domain", "lengths"):
            found[name] = [float(end) for end in part]
        elif part != field.default:
            found[name] = _number(float(part)) if isinstance(part, float) else part
    return found


def png(pixels: ArrayLike) -> str:
    """Pixels of shape (height, width) or (height, width, 3) in [0, 1] as the address of a PNG, a `data:` URL."""
    shown = np.asarray(np.clip(np.asarray(pixels, dtype=float), 0, 1) * 255 + 0.5, dtype=np.uint8)
    height, width = shown.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), shown.reshape(height, -1)], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if shown.ndim == 2 else 2, 0, 0, 0)
    parts = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()
