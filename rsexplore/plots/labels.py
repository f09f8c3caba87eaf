"""Labels at the ends of curves, moved apart where they would cover one another."""

from collections.abc import Sequence
from functools import lru_cache
from textwrap import fill
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory
from numpy.typing import ArrayLike, NDArray

LINE = 1.3  # height of a line of text, in font sizes
START, BEND, STOP, TEXT = 2, 9, 17, 20  # points right of the axes: a leader's corners and end, and its text


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
    # with the room below each taken off, "no overlap" reads "not decreasing": isotonic regression, by pooling
    below = np.cumsum(lengths[order]) - lengths[order] / 2
    pools: list[list[float]] = []
    for value in centres[order] - below:
        pools.append([value, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    start = np.concatenate([np.full(int(n), value) for value, n in pools]) if pools else np.empty(0)
    placed = np.empty_like(centres)
    placed[order] = np.maximum(np.minimum(start, high - lengths.sum()), low) + below
    return placed


def tick(value: float, place: float | None = None) -> str:
    """Text of a number on an axis, for Matplotlib's formatters: 0.25, but 2.5e-4, which is shorter."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:g}"
    digits, power = f"{value:.4e}".split("e")
    return f"{float(digits):g}e{int(power)}"


@lru_cache(maxsize=1024)
def wrapped(text: str, width: int) -> str:
    """Return a text broken into lines of at most `width` letters, where it can be."""
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


def dark(color: str) -> tuple[float, float, float]:
    """Return a colour darkened until it can be read as small text on white."""
    red, green, blue = to_rgb(color)
    return 0.6 * red, 0.6 * green, 0.6 * blue


class EndLabels:
    """Texts right of an axes, each tied to the end of its curve by a leader in the look of the curve."""

    def __init__(self, ax: Axes, size: float = 8, width: int = 27) -> None:
        self._ax, self._size, self._width = ax, size, width
        # across: points from the right edge of the axes, so that nothing moves when a layout engine resizes them
        inches = cast("Figure", ax.get_figure(root=True)).dpi_scale_trans
        edge = ScaledTranslation(1, 0, ax.transAxes)  # type: ignore[arg-type]  # any transform will do
        self._points = Affine2D().scale(1 / 72) + inches + edge
        self._pool: list[tuple[Text, Line2D]] = []
        self._drawn: dict[Line2D, dict[str, Any]] = {}
        self.artists: list[Text | Line2D] = []

    @property
    def texts(self) -> list[str]:
        """What is written, from the top down, line breaks taken out."""
        shown = [text for text, _ in self._pool if text.get_visible()]
        return [text.get_text().replace("\n", " ") for text in sorted(shown, key=lambda t: -t.get_position()[1])]

    def show(self, entries: Sequence[tuple[str, float, dict[str, Any]]]) -> None:
        """Place one label for each (text, end of the curve as a share of the axes' height, look of its line)."""
        while len(self._pool) < len(entries):
            self._pool.append(self._pair())
        words = [wrapped(text, self._width) for text, _, _ in entries]
        line = LINE * self._size * self._ax.figure.dpi / 72 / self._ax.bbox.height
        heights = [(text.count("\n") + 1) * line for text in words]
        # a little room below and above the axes is free as well
        places = apart([min(max(end, 0.0), 1.01) for _, end, _ in entries], heights, -0.08, 1.04)
        for text, leader in self._pool[len(entries) :]:
            text.set_visible(False)
            leader.set_visible(False)
        for (text, leader), word, (_, end, look), place in zip(self._pool, words, entries, places, strict=False):
            text.set_text(word)
            text.set_y(place)
            text.set_visible(True)
            inside = 0 <= end <= 1
            if inside:
                leader.set_data([0, START, BEND, STOP], [end, end, place, place])
            else:
                leader.set_data([BEND, STOP], [place, place])  # right of where others run down or up
            leader.set_visible(True)
            if self._drawn.get(leader) != look:  # setting it again would take time
                text.set_color(dark(look["color"]))
                leader.set(color=look["color"], linestyle=look["linestyle"], linewidth=1.2)
                self._drawn[leader] = look

    def _pair(self) -> tuple[Text, Line2D]:
        across, up = self._points, self._ax.transAxes
        where = blended_transform_factory(across, up)
        text = self._ax.text(TEXT, 0, "", size=self._size, va="center", transform=where, linespacing=1.05)
        leader = Line2D([], [], transform=where, clip_on=False)
        self._ax.add_artist(leader)
        self.artists += [text, leader]
        return text, leader
