"""Pictures on paper: Matplotlib draws them for columns of 3.4 and 6.8 inches, all text in one size.

Every text is measured before it is placed, so that none is cut or covers another. Plots that find no room side by side
go under one another, and names at the ends of lines into a key. The picture is read by the kinds of its items alone.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise, product
from math import inf
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from rsexplore.beyond import matplotlib  # before its parts, as it says what is missing

# isort: split
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.ticker import NullFormatter
from matplotlib.transforms import Bbox

PAGE = 6.8  # inches, of two columns of print
SCREEN = 125.0  # pixels of a picture's height in an inch
PIXELS = 12.0  # of a text on a screen, by which widths of lines are measured
LEAD = 1.25  # from line to line, in sizes of text
NARROW = 36.0  # points: too little for words between two rules
LEADER, GAP = 20.0, 4.0  # points: from the plot to a name at a line's end; between texts and what they are about
PAPER: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.7,
    "hatch.linewidth": 0.8,
    "pdf.fonttype": 42,
    "svg.hashsalt": "rsexplore",
    "figure.dpi": 100,
    "figure.constrained_layout.use": False,  # as texts have their places
}
FACTS = {"pdf": ("Subject", "CreationDate"), "svg": ("Description", "Date"), "png": ("Description", "Date")}
DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (5, 2)), "dot": ":", "dashdot": (0, (6, 2, 1.2, 2))}
STRONG = "#D55E00"  # numbers that stand out
MARKS = {"": "", "circle": "o", "triangle": "^", "down": "v", "square": "s", "diamond": "D", "plus": "P"}


def look(color: str = "ink", dash: str = "solid", width: float = 1.6, mark: str = "") -> dict[str, Any]:
    """Fields of a `Line`, e.g. ``**style.look(bound)``, as keywords for ``ax.plot``."""
    return {"color": _color(color), "linestyle": DASHES[dash], "linewidth": width, "marker": MARKS[mark]}


def save(picture: Any, path: str | PathLike[str], width: float = PAGE) -> None:
    """Write a picture as vectors (.pdf, .svg) or pixels (.png, 300 to the inch), `width` inches wide.

    Raises
    ------
    ValueError
        The name of the file ends otherwise.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FACTS:
        raise ValueError(f"save needs a name that ends in .pdf, .svg or .png, got {str(path)!r}")
    Path(path).write_bytes(file(picture, kind, width))


def file(picture: Any, kind: str, width: float = PAGE) -> bytes:
    """Return what `save` writes, for "pdf", "svg" or "png"; the same picture gives the same bytes."""
    words, date = FACTS[kind]
    stream = BytesIO()
    with matplotlib.rc_context(PAPER):
        facts = {"Title": picture.title, words: picture.desc, date: None}
        draw(picture, width=width).savefig(stream, format=kind, dpi=300, metadata=facts)
    return stream.getvalue()


def png(picture: Any, width: float = PAGE) -> tuple[bytes, dict[str, int]]:
    """Return a PNG for a notebook, sharp on dense screens, and the size in pixels at which it is shown."""
    figure, stream = draw(picture, width=width), BytesIO()
    with matplotlib.rc_context(PAPER):
        figure.savefig(stream, format="png", dpi=200)
    wide, high = (round(100 * inches) for inches in figure.get_size_inches())
    return stream.getvalue(), {"width": wide, "height": high}


def draw(picture: Any, where: Any = None, width: float = PAGE) -> Any:
    """Draw a picture on a new figure `width` inches wide, a figure, or on axes, one a plot; return the figure.

    On a figure of its own all text has 8 points; on axes the size of ``rcParams["font.size"]``, and a plot with all its
    texts keeps to the cell of its axes in their grid of subplots, or to the rectangle of axes that are in none.

    Raises
    ------
    ValueError
        There are not as many axes as plots.
    """
    if where is not None and not isinstance(where, Figure | SubFigure):
        axes = list(np.ravel(where))
        if len(axes) != len(picture.plots):
            raise ValueError(f"draw needs one axes a plot, got {len(axes)} for {len(picture.plots)} plots")
        for plot, ax in zip(picture.plots, axes, strict=True):
            _plot(plot, ax, _cell(ax))
        return axes[0].get_figure()
    with matplotlib.rc_context(PAPER):
        width = width if where is None else where.bbox.width / where.dpi
        rows = _rows(picture.plots, width)
        tall = [max(_tall(plot, room, picture.height / SCREEN) for plot, room in row) for row in rows]
        if where is None:
            where = Figure((width, sum(tall)))
            FigureCanvasAgg(where)
        elif isinstance(where, Figure):
            where.set_layout_engine("none")  # as texts have their places
        top = 1.0
        for row, height in zip(rows, np.array(tall) / sum(tall), strict=True):
            left, top = 0.0, top - height
            for plot, room in row:
                _plot(plot, where.add_axes((left, top, 0.1, 0.1)), Bbox.from_bounds(left, top, room / width, height))
                left += room / width
        return where


def _cell(ax: Axes) -> Bbox:
    """Return what axes have of the figure, from edge to edge, as shares of it."""
    spec = ax.get_subplotspec()
    if spec is None:
        return ax.get_position()
    grid: Any = spec.get_gridspec()
    ratios = grid.get_width_ratios(), grid.get_height_ratios()
    across, down = (np.cumsum([0.0, *parts]) / sum(parts) for parts in ratios)
    rows, columns = spec.rowspan, spec.colspan
    return Bbox.from_extents(across[columns.start], 1 - down[rows.stop], across[columns.stop], 1 - down[rows.start])


# -- sizes ------------------------------------------------------------------------------------------------------------


def _size() -> float:
    return float(matplotlib.rcParams["font.size"])


def math(text: str, weight: str = "normal") -> str:
    """Return a text with its subscripts, a letter or number after "_", as Matplotlib sets them."""
    font = {"normal": "rm", "bold": "bf"}[weight]
    base = r"((?<!\w)\w|[^\w\s])"  # one sign, so that names of files stay as they are
    return re.sub(base + r"_(∞|\d+(?:\.\d+)?|\w)(?!\w)", rf"$\\math{font}{{\1}}_{{\\math{font}{{\2}}}}$", text)


@lru_cache(maxsize=4096)
def _wide(text: str, weight: str, size: float) -> float:
    font = FontProperties(weight=weight)
    paths = (TextPath((0, 0), math(line, weight), size=size, prop=font) for line in text.split("\n") if line.strip())
    # 3 %: pixels of a screen make letters wider
    return 1.03 * max((path.get_extents().width for path in paths), default=0.0)


def wide(text: str, weight: str = "normal") -> float:
    """Width of the widest line of a text, in points."""
    return _wide(text, weight, _size())


def wrapped(text: str, room: float, weight: str = "normal") -> str:
    """Return a text broken at spaces into lines of at most `room` points, where it can be."""
    lines: list[str] = []
    for word in re.split(" +", text):
        if lines and wide(f"{lines[-1]} {word}", weight) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def _high(*texts: str) -> float:
    """Height in points of texts under one another."""
    return LEAD * _size() * sum(text.count("\n") + 1 for text in texts)


def apart(wanted: ArrayLike, heights: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Positions nearest to those wanted, in least squares, at which intervals do not overlap.

    Parameters
    ----------
    wanted : array_like, shape (n,)
        Centres, in any order, which is kept.
    heights : array_like, shape (n,)
        Lengths of the intervals.
    low, high : float
        The intervals stay between these if there is room for all; else they start at `low`.

    Returns
    -------
    ndarray, shape (n,)
    """
    centres, lengths = np.asarray(wanted, dtype=float), np.asarray(heights, dtype=float)
    order = np.argsort(centres, kind="stable")
    # with the room below each taken off, "no overlap" reads "not decreasing"
    below = np.cumsum(lengths[order]) - lengths[order] / 2
    start = isotonic_regression(centres[order] - below).x if len(order) else centres
    placed = np.empty_like(centres)
    placed[order] = np.maximum(np.minimum(start, high - lengths.sum()), low) + below
    return placed


def _bars(plot: Any) -> Any:
    return next((item for item in plot.items if item.kind == "bars"), None)


def _named(plot: Any) -> list[Any]:
    """Lines with a label; those with labels at their ends from the top down."""
    found = [item for item in plot.items if item.kind == "line" and item.label]
    return found if plot.names == "key" else sorted(found, key=lambda line: _end(line.y), reverse=True)


def _end(y: ArrayLike) -> float:
    """Last value of a line."""
    return float(np.nan_to_num(np.ravel(y)[-1:], nan=-inf).max(initial=-inf))


def _ends(plot: Any, room: float, tall: float = inf) -> list[str]:
    """Names at the ends of lines, wrapped; none where a key has them, as in few inches or points of height."""
    if plot.names == "key" or room < 3.8:
        return []
    top = max(plot.y.domain) if plot.y else 1.0
    labels = [line.label + "\u00a0↑" * (_end(line.y) > top) for line in _named(plot)]
    tries = ([wrapped(label, 72 * part * room) for label in labels] for part in (0.3, 0.4))
    return next((names for names in tries if _high(*names) <= tall), [])


def _key(plot: Any, room: float, tall: float = inf) -> tuple[list[str], int, float]:
    """Names in a key below the plot, wrapped, in how many columns, and its height in points."""
    lines, swatch, space = _named(plot), 4.2 * _size(), 72 * room - 2 * GAP
    if not lines or _ends(plot, room, tall):
        return [], 1, 0.0
    names = [wrapped(line.label, space - swatch) for line in lines]
    columns = max(1, min(len(names), int(space // (swatch + max(map(wide, names))))))
    rows = -(-len(names) // columns)
    return names, columns, GAP + max(_high(*names[i * rows : (i + 1) * rows]) for i in range(columns))


def _room_of_names(room: float) -> float:
    """Points that names of bars may take, in a plot of so many inches."""
    return min(72 * 0.4 * room, 14 * _size())


def _turned(texts: Sequence[str], room: float) -> int:
    """Degrees by which texts at upright bars are turned: where they would meet."""
    return 90 if max(map(wide, texts), default=0) > 72 * 0.85 * room / max(len(texts), 1) - GAP / 2 else 0


def _rows(plots: Sequence[Any], width: float) -> list[list[tuple[Any, float]]]:
    """Plots with the widths of their cells in inches, row by row, as many in a row as have the room that they need."""
    rows: list[list[tuple[Any, float]]] = []
    for plot in plots:
        row = [*(other for other, _ in rows[-1]), plot] if rows else [plot]
        sized = [(one, width * one.share / sum(each.share for each in row)) for one in row]
        if rows and all(room >= _least(one) for one, room in sized):
            rows[-1] = sized
        else:
            rows.append([(plot, width)])
    return rows


def _least(plot: Any) -> float:
    """Least width of a plot, in inches."""
    if plot.x is None and plot.y is None:
        return 1.0
    return 1.6 if plot.square or not (_bars(plot) or _named(plot)) else 2.4


def _tall(plot: Any, room: float, height: float) -> float:
    """Height of the cell of a plot, in inches."""
    bars, size = _bars(plot), _size()
    if plot.x is None and not plot.items:
        return 3 * size / 72
    if plot.square or any(item.kind == "image" for item in plot.items):
        return room + 3 * size / 72
    least = min(height, 0.66 * room + 0.4)
    if bars is not None and bars.upright:
        names = [row.name for row in bars.rows]
        least += max(map(wide, names), default=0.0) / 72 * bool(_turned(names, room))
    elif bars is not None:
        names = [wrapped(row.name, _room_of_names(room)) for row in bars.rows]
        least = (_high(*names) + 0.5 * size * len(names) + 6.5 * size) / 72
    ends = _ends(plot, room)
    return max(least, (_high(*ends) + 6 * size) / 72 if ends else 0.0) + _key(plot, room)[2] / 72


# -- drawing ----------------------------------------------------------------------------------------------------------


def _color(color: str) -> str:
    return "black" if color == "ink" else color


def _dark(color: str) -> Any:
    """Return a colour darkened until it can be read as small text on white."""
    return tuple(0.6 * part for part in to_rgb(_color(color)))


def tick(value: float, place: float | None = None) -> str:
    """Text of a number on an axis, for Matplotlib's formatters: 0.25, but 2.5e-4, which is shorter."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:g}"
    digits, power = f"{value:.4e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _plot(plot: Any, ax: Axes, cell: Bbox) -> None:
    """Draw a plot so that everything lies in a cell, whose corners are shares of the figure."""
    figure: Any = ax.get_figure()
    point = figure.dpi / 72 / figure.bbox.size  # as shares of the figure
    room, high = cell.size / point
    size, tall = _size(), high - 6 * _size()
    _axis(ax, "x", plot.x)
    _axis(ax, "y", plot.y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=size, width=0.7, length=3)
    if plot.square:
        ax.set_box_aspect(1)
    lines = {item: _item(ax, plot, item, 1 + order / 1000, room / 72) for order, item in enumerate(plot.items)}
    named: list[Any] = [lines[line] for line in _named(plot)]
    ends = _ends(plot, room / 72, tall)
    names, columns, below = _key(plot, room / 72, tall)
    inner = Bbox([cell.p0 + point * (GAP, GAP + below), cell.p1 - point * GAP])
    _fit(ax, inner, plot.title, plot.x.label if plot.x else "", LEADER + max(map(wide, ends), default=-LEADER))
    if names:
        own: Any = [math(name) for name in names]
        look: Any = {"labelspacing": 0.2, "handletextpad": 0.6, "columnspacing": 1.2, "handlelength": 2.4}
        look |= {"bbox_to_anchor": cell.p0 + point * GAP, "bbox_transform": figure.transSubfigure, "loc": "lower left"}
        ax.legend(named, own, ncols=columns, fontsize=size, frameon=False, borderpad=0, borderaxespad=0, **look)
    if ends:
        _names(ax, named[::-1], ends[::-1])
    _words(ax, plot, lines)


def _axis(ax: Axes, which: str, axis: Any) -> None:
    if axis is None:
        ax.set(**{f"{which}lim": (0, 1), f"{which}ticks": []})
        ax.spines["bottom" if which == "x" else "left"].set_visible(False)
        return
    ax.set(**{f"{which}scale": axis.scale, f"{which}lim": axis.domain})
    ax.set(**{f"{which}label": math(re.sub(" +", " ", axis.label))})
    own: Any = ax.xaxis if which == "x" else ax.yaxis
    own.label.set_size(_size())
    if axis.scale == "linear":
        own.set_major_formatter(tick)
    else:
        own.set_minor_formatter(NullFormatter())
    if not axis.ticks:
        own.set_ticks([])


def _values(values: Any, axis: Any) -> NDArray[np.float64]:
    """Numbers with those that are far off, as infinity, brought near, where Matplotlib can draw to."""
    low, high = sorted(axis.domain if axis else (0.0, 1.0))
    far = (low / 1e6, high * 1e6) if axis and axis.scale == "log" else (low - 9 * (high - low), high + 9 * (high - low))
    return np.clip(np.asarray(values, dtype=float), *far)


def _item(ax: Axes, plot: Any, item: Any, order: float, room: float) -> Line2D | None:
    """Draw an item, without its words unless they are of bars; return the line that words should not cover."""
    unit, line = _size() / PIXELS, None
    if item.kind in ("line", "region", "points"):
        x, y = _values(plot.grid if item.x is None else item.x, plot.x), _values(item.y, plot.y)
    color = _color(getattr(item, "color", "ink"))
    look: dict[str, Any] = {"color": color, "zorder": order}
    if item.kind in ("line", "rule"):
        look |= {"linestyle": DASHES[item.dash], "linewidth": unit * item.width}
    if item.kind == "line":
        every = max(len(x) // 9, 1)
        (line,) = ax.plot(x, y, drawstyle="steps-pre" if item.step else "default", **look)
        line.set(marker=MARKS[item.mark], markersize=6 * unit, markevery=(every // 2, every))
    elif item.kind == "region":
        ax.fill(x, y, alpha=item.opacity, linewidth=0, **look)
    elif item.kind == "points":
        ax.scatter(x, y, item.size * unit**2, marker=MARKS[item.mark], alpha=item.opacity, linewidths=0, **look)
    elif item.kind == "rule":
        low, high = ax.get_ylim() if item.axis == "x" else ax.get_xlim()
        ends = [item.at, item.at], [low, high if item.to is None else float(np.clip(item.to, low, high))]
        (line,) = ax.plot(*(ends if item.axis == "x" else ends[::-1]), scalex=False, scaley=False, **look)
    elif item.kind == "image":
        pixels = np.asarray(item.pixels, dtype=float)
        where = (*ax.get_xlim(), *ax.get_ylim())
        ax.imshow(pixels, "gray", vmin=0, vmax=1, interpolation="nearest", extent=where, aspect="auto", zorder=order)
        ax.set_box_aspect(pixels.shape[0] / pixels.shape[1])
    elif item.kind == "bars":
        _draw_bars(ax, item, order, room)
    return line


def _draw_bars(ax: Axes, bars: Any, order: float, room: float) -> None:
    upright = bars.upright
    names = [row.name if upright else wrapped(row.name, _room_of_names(room)) for row in bars.rows]
    parts = np.array([1.0 if upright else _high(name) + 0.5 * _size() for name in names])
    edges = np.concatenate([[0.0], np.cumsum(parts)]) / max(parts.sum(), 1)
    mids, thick = (edges[1:] + edges[:-1]) / 2, 0.66 * np.min(np.diff(edges), initial=0.15)
    floor = (ax.get_ylim() if upright else ax.get_xlim())[0]
    turned = [_turned(texts, room) for texts in (names, [row.text for row in bars.rows])]
    for row, name, mid in zip(bars.rows, names, mids if upright else 1 - mids, strict=True):
        value = float(np.nan_to_num(row.value, nan=floor, posinf=1e300))
        corner, sizes = (mid - thick / 2, floor), (thick, value - floor)
        bar = Rectangle(corner, *sizes) if upright else Rectangle(corner[::-1], *sizes[::-1])
        full, color = row.fill == "solid", _color(row.color)
        bar.set(facecolor=color if full else "none", edgecolor=color, linewidth=0 if full else 1.4 * _size() / PIXELS)
        bar.set(linestyle=DASHES[row.dash], hatch="/////" if row.fill == "hatched" else None, zorder=order)
        ax.add_patch(bar)
        look = {"weight": "bold" if row.strong else "normal"}
        if upright:
            below = ax.get_xaxis_transform()
            _text(ax, name, (mid, 0), (0, -GAP), xycoords=below, ha="center", va="top", rotation=turned[0], **look)
            _text(ax, row.text, (mid, max(value, floor)), (0, GAP / 2), ha="center", va="bottom", rotation=turned[1])
        else:
            beside: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "va": "center"}
            _text(ax, name, (0, mid), (-GAP, 0), ha="right", **beside)
            _text(ax, row.text, (1, mid), (GAP, 0), color=_dark(STRONG) if row.strong else "black", **beside, **look)


def _text(ax: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **look: Any) -> Text:
    """Put a text so many points from a place."""
    words = math(text, look.get("weight", "normal"))
    space: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False, "linespacing": 1.1}
    return ax.annotate(words, at, offset, size=_size(), **space, **look)


def _fit(ax: Axes, cell: Bbox, title: str, label: str, side: float) -> None:
    """Let axes fill a cell with their ticks, labels and title, and `side` points at the right."""
    figure: Any = ax.get_figure()
    point, whole = figure.dpi / 72, figure.bbox.size
    left, right = figure.bbox.x0 + np.array([cell.x0, cell.x1]) * whole[0]
    ax.set_anchor("NW")
    ax.set_position(cell)
    for _ in range(3):  # the number of ticks depends on the room that they leave
        ax.apply_aspect()
        box = ax.get_window_extent()
        over = max([0.0, *(text.get_window_extent().y1 - box.y1 for text in ax.texts)]) / point  # numbers of bars
        words = wrapped(title, (right - box.x0) / point, "bold")
        middle = (box.x0 + box.x1) / 2
        ax.set_xlabel(math(wrapped(label, 2 * min(middle - left, right - middle) / point)))
        ax.set_title(math(words, "bold"), loc="left", size=_size(), weight="bold", pad=GAP + over)
        around: Any = ax.get_tightbbox()
        low = (box.p0 - around.p0) / whole
        top = np.maximum(around.p1 - box.p1, (side * point, 0.6 * _size() * point)) / whole
        ax.set_position((*(cell.p0 + low), *np.maximum(cell.size - low - top, 0.01)))
    ax.apply_aspect()


def _names(ax: Axes, lines: Sequence[Any], names: Sequence[str]) -> None:
    """Put names right of the axes, from below, each tied to the end of its line by a leader in the look of the line."""
    figure: Any = ax.get_figure()
    box, point = ax.get_window_extent(), figure.dpi / 72
    at = ax.transData.transform([[ax.get_xlim()[1], _end(line.get_ydata())] for line in lines])[:, 1]
    ends = np.clip((at - box.y0) / box.height, -0.2, 1.2)
    heights = [_high(name) * point / box.height for name in names]
    inset = 0.4 * _size() * point / box.height  # neither numbers of the axis nor the title are met
    places = apart(np.clip(ends, 0, 1), heights, -inset, 1 + inset)
    across = [1 + step * point / box.width for step in (0, 2, 9, 17)]
    for line, name, end, place in zip(lines, names, ends, places, strict=True):
        color: Any = line.get_color()
        _text(ax, name, (1, place), (LEADER, 0), xycoords="axes fraction", va="center", color=_dark(color))
        # from where the line leaves the plot, or none if that is out of sight
        path = (across, [end, end, place, place]) if 0 <= end <= 1 else (across[2:], [place, place])
        look: dict[str, Any] = {"color": color, "linestyle": line.get_linestyle(), "linewidth": 0.8}
        ax.add_artist(Line2D(*path, transform=ax.transAxes, clip_on=False, **look))


def _places(ax: Axes, item: Any, cuts: Sequence[float]) -> Iterator[tuple[Any, ...]]:
    """Where words of a note or a rule may stand: how far along, place, alignment, and points off it and of room."""
    figure: Any = ax.get_figure()
    box, point = ax.get_window_extent(), figure.dpi / 72

    def gap(start: float, end: float) -> tuple[float, float]:
        """How far from `start` words begin, and their room up to `end`: between rules where that is enough."""
        within = (cut for cut in cuts if min(start, end) < cut < max(start, end))
        edges = [start, *sorted(within, key=lambda cut: abs(cut - start)), end]
        gaps = [(abs(a - start) / point + GAP, abs(b - a) / point - 2 * GAP) for a, b in pairwise(edges)]
        return next((gap for gap in gaps if gap[1] > NARROW), (GAP, abs(end - start) / point - 2 * GAP))

    if item.kind == "note":
        low, ha = "bottom" in item.at, "right" if "right" in item.at else "left"
        off, room = gap(box.x0, box.x1) if ha == "left" else gap(box.x1, box.x0)
        place = (float(ha == "right"), float(not low)), ax.transAxes
        yield 0.0, *place, ha, "bottom" if low else "top", off, min(room, 0.6 * box.width / point)
        return
    at, most = ax.transData.transform([item.at] * 2), 13 * _size()
    for along, side in product((1.0, 0.8, 0.6, 0.4, 0.2, 0.0), ("left", "right")):
        if item.axis == "x":
            off, room = gap(at[0], box.x1 if side == "left" else box.x0)
            place = (item.at, along), ax.get_xaxis_transform()
            yield along, *place, side, "top" if along else "bottom", off, min(room, most)
        else:
            place, ha = ((along, item.at), ax.get_yaxis_transform()), "right" if along else "left"
            yield along, *place, ha, "bottom" if side == "left" else "top", GAP, min(box.width / point - 2 * GAP, most)


def _words(ax: Axes, plot: Any, lines: dict[Any, Line2D | None]) -> None:
    """Put notes into their corners, and the words of rules beside them where they cover least."""
    box, rules = ax.get_window_extent(), [item for item in plot.items if item.kind == "rule"]
    upright = [rule.at for rule in rules if rule.axis == "x" and rule.to is None]
    cuts = [float(ax.transData.transform([at] * 2)[0]) for at in upright]
    paths = {item: line.get_transform().transform_path(line.get_path()) for item, line in lines.items() if line}
    placed: list[Bbox] = []
    for item in [*(item for item in plot.items if item.kind == "note"), *(rule for rule in rules if rule.text)]:
        look: dict[str, Any] = {"color": _dark(item.color), "style": "italic" if item.kind == "note" else "normal"}
        look |= {"path_effects": [withStroke(linewidth=2, foreground="white")], "zorder": 4}
        tries: list[Any] = []
        for along, spot, to, ha, va, off, room in _places(ax, item, cuts):
            by, words = (off if ha == "left" else -off, -GAP if va == "top" else GAP), wrapped(item.text, room)
            text = _text(ax, words, spot, by, xycoords=to, ha=ha, va=va, **look)
            area = text.get_window_extent()
            out = (area.p0 < box.p0).any() or (area.p1 > box.p1).any()
            bad = words.count("\n") / 2 - along + 99 * (out + sum(area.overlaps(other) for other in placed))
            bad += sum(path.intersects_bbox(area, filled=False) for one, path in paths.items() if one is not item)
            tries.append((bad, len(tries), text, area))
        *_, kept, area = min(tries)
        placed.append(area)
        for *_, text, _ in tries:
            if text is not kept:
                text.remove()
