"""Labels at the ends of curves, moved apart where they would cover one another."""

from collections.abc import Iterable, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

LINE = 1.3  # height of a line of text, in font sizes
START, BEND, TEXT = 4, 16, 20  # where a label's leader starts and bends, and where its text is: points right of the axes


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


def wrapped(text: str, width: int) -> str:
    """Return a text broken into lines of at most `width` letters, where it can be."""
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


class EndLabels:
    """Texts right of an axes, each tied to the end of its curve by a leader in the look of the curve."""

    def __init__(self, ax: Axes, size: float = 8, width: int = 27) -> None:
        self._ax, self._size, self._width = ax, size, width
        self._pool: list[tuple[Text, Line2D]] = []
        self.artists: list[Text | Line2D] = []

    @property
    def texts(self) -> list[str]:
        """What is written, from the top down, line breaks taken out."""
        shown = [text for text, _ in self._pool if text.get_visible()]
        return [text.get_text().replace("\n", " ") for text in sorted(shown, key=lambda t: -t.get_position()[1])]

    def show(self, entries: Sequence[tuple[str, float, dict]]) -> None:
        """Place one label for each (text, end of the curve as a share of the axes' height, look of its line)."""
        while len(self._pool) < len(entries):
            self._pool.append(self._pair())
        pixel = self._ax.figure.dpi / 72
        unit = 1 / self._ax.bbox.height  # a pixel, as a share of the axes' height
        right = [1 + points * pixel / self._ax.bbox.width for points in (0, START, BEND, TEXT)]
        words = [wrapped(text, self._width) for text, _, _ in entries]
        heights = np.array([(text.count("\n") + 1) * LINE * self._size * pixel * unit for text in words])
        ends = np.array([end for _, end, _ in entries])
        # a little room below and above the axes is free as well
        places = apart(ends, heights, -0.08, 1.04)
        for text, leader in self._pool[len(entries) :]:
            text.set_visible(False)
            leader.set_visible(False)
        for (text, leader), word, (_, end, look), place in zip(self._pool, words, entries, places, strict=False):
            text.set(text=word, color=look["color"], x=right[3], y=place, visible=True)
            inside = end <= 1
            x, y = (right, [end, end, place, place]) if inside else ([right[1], right[2]], [place, place])
            leader.set(xdata=x[:4] if inside else x, ydata=y, visible=True, **look)
            leader.set_linewidth(min(look["linewidth"], 1.6))

    def _pair(self) -> tuple[Text, Line2D]:
        text = self._ax.text(1, 0, "", size=self._size, va="center", transform=self._ax.transAxes, linespacing=1.1)
        leader = Line2D([], [], transform=self._ax.transAxes, clip_on=False)
        self._ax.add_artist(leader)
        self.artists += [text, leader]
        return text, leader


def joined(titles: Iterable[str]) -> str:
    """Return one name for curves that coincide, e.g. ``KL = χ²``."""
    return " = ".join(dict.fromkeys(titles))
