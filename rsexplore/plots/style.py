"""The look of every figure, a fixed look for each claim, and labels that do not cover one another.

Line style tells the status of a bound and colour its method, in every figure, so that a reader learns it once; methods
that share a colour differ by their mark, and a formula as printed has the colour of the one that corrects it. Colours
are those of Okabe and Ito, which colour-blind readers can tell apart; labels at the lines say the same in words.
"""

from collections.abc import Sequence
from math import ceil, floor, log10
from textwrap import fill
from typing import Any, NamedTuple, cast
from zlib import crc32

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from rsexplore.bound import Bound, Status

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#666666",
)  # fmt: skip
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)
SIZE, LINE_HEIGHT = 8, 1.3  # of labels at lines: of the font, and of a line in font sizes
HIDDEN = -0.2  # where the label of a line that is not drawn wants to be
START, BEND, STOP, TEXT = 2, 9, 17, 20  # points right of the axes: a leader's corners and end, and its text
FORBIDDEN = "#F4E3D7"  # where no certificate can be
BEYOND = "#A6522A"  # text about it

PAPER: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.prop_cycle": f"cycler('color', {list(CYCLE)})",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": 100,
}

LINE: dict[Status, Any] = {
    Status.TIGHT: "-",
    Status.SOUND: "-",
    Status.HEURISTIC: (0, (5, 2)),
    Status.AS_PRINTED: (0, (6, 2, 1.2, 2)),
}
METHODS: dict[str, tuple[str, str]] = {  # key of a bound, without "-printed": colour, mark
    "cohen-l2": (BLACK, ""),
    "cohen-lp": (BLACK, ""),
    "laplace-l1": (BLACK, ""),
    "uniform-l1": (BLACK, ""),
    "renyi-l2": (BLUE, ""),
    "li-renyi-l2": (BLUE, "^"),
    "li-l1": (BLUE, ""),
    "kl-l2": (SKY, ""),
    "chi2-l2": (SKY, "s"),
    "hellinger-l2": (GREEN, ""),
    "bhattacharyya-l2": (GREEN, "D"),
    "tv-l2": (PINK, ""),
    "dmr-l2": (ORANGE, ""),
    "dmr-linf": (ORANGE, ""),
    "lecuyer-l2": (RED, ""),
    "lecuyer-l1": (RED, ""),
    "lipschitz-l2": (GREY, ""),
    "lipschitz-dimension-l2": (GREY, "o"),
    "teng-l1": (GREEN, ""),
    "teng-l1-binary": (SKY, "D"),
    "dinf-linf": (ORANGE, ""),
    "pure-dp-linf": (BLUE, ""),
    "gg-kl-exact-lp": (SKY, "v"),
    "gg-kl-lp": (ORANGE, ""),
}
FAMILY = {
    "Gaussian": BLUE, "Laplace": ORANGE, "Uniform": GREEN, "GeneralizedGaussian": PINK, "ExponentialLinf": RED,
}  # fmt: skip


class Look(NamedTuple):
    """What a claim looks like; its fields are those of a `Line2D`."""

    color: str
    linestyle: Any
    linewidth: float
    marker: str


def look(bound: Bound, status: Status | None = None, exact: bool = False) -> Look:
    """Return the look of a bound's curve, the same in every figure; `exact` is for the one that is exact there.

    The status is the bound's own if absent; it differs from it where a radius is carried over to another norm.
    """
    key = bound.key.removesuffix("-printed")
    # a new bound gets a colour from its name, so that it keeps it whatever else is drawn
    color, marker = METHODS.get(key, (CYCLE[crc32(key.encode()) % len(CYCLE)], "P"))
    return Look(color, LINE[status or bound.status], 3.0 if exact else 1.6, marker)


def norm_label(norm: float) -> str:
    """Return the name of the l_p norm for Matplotlib, e.g. for axis labels."""
    return r"$\ell_\infty$" if norm == float("inf") else rf"$\ell_{{{norm:g}}}$"


def below(value: float) -> float:
    """Half decade at or below a positive number: so axes change seldom while a slider moves."""
    return float(10 ** (floor(2 * log10(value) + 1e-9) / 2))


def above(value: float) -> float:
    """Half decade at or above a positive number."""
    return float(10 ** (ceil(2 * log10(value) - 1e-9) / 2))


def round_above(value: float) -> float:
    """Return a round number that is not below a positive one: so axes change seldom while a slider moves."""
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1, 2, 4, 7, 10) if step * unit >= value * (1 - 1e-12))


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


def tick(value: float, place: float | None = None) -> str:
    """Text of a number on an axis, for Matplotlib's formatters: 0.25, but 2.5e-4, which is shorter."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:g}"
    digits, power = f"{value:.4e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def wrapped(text: str, width: int) -> str:
    """Return a text broken into lines of at most `width` letters, where it can be."""
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


def dark(color: Any) -> tuple[float, float, float]:
    """Return a colour darkened until it can be read as small text on white."""
    red, green, blue = to_rgb(color)
    return 0.6 * red, 0.6 * green, 0.6 * blue


class EndLabels:
    """Texts right of an axes, each tied to the end of its curve by a leader in the look of the curve."""

    def __init__(self, ax: Axes, width: int = 27) -> None:
        self._ax, self._width = ax, width
        # across: points from the right edge of the axes, so that nothing moves when a layout engine resizes them
        inches = cast("Figure", ax.get_figure(root=True)).dpi_scale_trans
        edge = ScaledTranslation(1, 0, ax.transAxes)  # type: ignore[arg-type]  # any transform will do
        self._where = blended_transform_factory(Affine2D().scale(1 / 72) + inches + edge, ax.transAxes)
        self._pool: list[tuple[Text, Line2D]] = []

    @property
    def artists(self) -> list[Text | Line2D]:
        """Everything that `show` moves."""
        return [artist for pair in self._pool for artist in pair]

    @property
    def texts(self) -> list[str]:
        """What is written, from the top down, line breaks taken out."""
        shown = [text for text, _ in self._pool if text.get_visible()]
        return [text.get_text().replace("\n", " ") for text in sorted(shown, key=lambda t: -t.get_position()[1])]

    def show(self, entries: Sequence[tuple[str, Line2D]], dashes: Sequence[Any] = ()) -> None:
        """Place one label for each (text, line); an arrow follows the text of one that ends out of sight.

        `dashes` are the lines' own line styles: a line tells its own only where it has a name.
        """
        dashes = dashes or [line.get_linestyle() for _, line in entries]
        while len(self._pool) < len(entries):
            text = self._ax.text(TEXT, 0, "", size=SIZE, va="center", transform=self._where, linespacing=1.05)
            leader = Line2D([], [], transform=self._where, clip_on=False, linewidth=1.2, zorder=4)
            self._ax.add_artist(leader)
            self._pool.append((text, leader))
        ends = [self._end(line) for _, line in entries]
        arrows = ["\u00a0↑" if end > 1 else "\u00a0↓" if HIDDEN != end < 0 else "" for end in ends]
        words = [wrapped(text + arrow, self._width) for (text, _), arrow in zip(entries, arrows, strict=True)]
        unit = LINE_HEIGHT * SIZE * self._ax.figure.dpi / 72 / self._ax.bbox.height
        heights = [(text.count("\n") + 1) * unit for text in words]
        # a little room below and above the axes is free as well
        places = apart([min(max(end, 0.0), 1.01) for end in ends], heights, -0.08, 1.04)
        for artist in self.artists[2 * len(entries) :]:
            artist.set_visible(False)
        labels = zip(self._pool, words, entries, ends, places, dashes, strict=False)
        for (text, leader), word, (_, line), end, place, dash in labels:
            text.set(text=word, y=place, color=dark(line.get_color()), visible=True)
            if 0 <= end <= 1:
                leader.set_data([0, START, BEND, STOP], [end, end, place, place])
            else:
                leader.set_data([BEND, STOP], [place, place])  # right of where others run down or up
            leader.set(color=line.get_color(), linestyle=dash, visible=True)

    def _end(self, line: Line2D) -> float:
        """Where a line ends, as a share of the axes' height; 0 for nan, and `HIDDEN` for a line that is not shown."""
        y = np.asarray(line.get_ydata(), dtype=float)
        if not line.get_visible() or not len(y):
            return HIDDEN
        end = (self._ax.transScale + self._ax.transLimits).transform((1.0, y[-1]))[1]
        return float(np.clip(np.nan_to_num(end, nan=0.0), -2, 2))
