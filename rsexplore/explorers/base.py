"""A figure that is drawn once, after which only what moved is drawn.

A full draw costs several times what moving the artists does, so it is done only when axes change.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.spines import Spine
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from rsexplore.explorers.packed import Packer
from rsexplore.explorers.sprites import Sprites
from rsexplore.plots import style

KEPT = 16  # backgrounds: a slider that goes back and forth meets the same few axes again
# Titles and labels of axes have fixed places: Matplotlib's search for them is a third of the time of a full draw.
FIXED: dict[Any, Any] = style.PAPER | {"axes.titley": 1.0}
EDGE = 3  # pixels beyond axes that the lines around them take
UNDER, BESIDE = 30, 46  # pixels from axes to the labels of x and y


Steps = Generator[Any, Any, None]  # a `Task`, whose result is sent back, or None where artists have moved


class View(ABC):
    """What a panel shows: a figure and the words that go with it."""

    figure: Figure

    @property
    @abstractmethod
    def moving(self) -> Sequence[Artist]:
        """Artists of the axes that `update` moves, from back to front."""

    @abstractmethod
    def update(self, **values: Any) -> Steps | None:
        """Move the artists to the values of the controls; by steps where that may take long."""

    @abstractmethod
    def readout(self) -> str:
        """HTML of the numbers that the figure shows."""

    @abstractmethod
    def code(self) -> str:
        """One line of code that gives this panel in this state."""

    @property
    def spines(self) -> list[Artist]:
        """Edges of the axes, which belong over what moves."""
        return [spine for ax in self.figure.axes if ax.axison for spine in ax.spines.values()]

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the figure depends on now."""
        return ()

    def slow(self) -> Steps:
        """Work that no slider should wait for, in short steps and tasks; each may move artists."""
        yield from ()


class Canvas:
    """A figure kept as pixels: a background is drawn only for limits and labels of axes not met before."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._agg = FigureCanvasAgg(figure)
        self._sprites = Sprites(figure)
        width, height = self._agg.get_width_height()
        self._packer = Packer(height, width)
        self._backgrounds: dict[tuple[Any, ...], Any] = {}
        self._resting: dict[Axes, tuple[tuple[Any, ...], Any]] = {}  # what was drawn of axes, and as pixels
        self.full_draws = 0

    def png(self, moving: Sequence[Artist]) -> bytes:
        """Return the picture with the artists where they are now."""
        axes = self.figure.axes
        states = {ax: (*ax.get_xlim(), *ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel()) for ax in axes}
        for artist in moving:
            artist.set_animated(True)  # left out of the background
        frame = tuple(states.values())
        if frame not in self._backgrounds:
            if len(self._backgrounds) >= KEPT:
                self._backgrounds.pop(next(iter(self._backgrounds)))
            self._backgrounds[frame] = self._background()
        else:
            self._agg.restore_region(self._backgrounds[frame])
        texts, others = list[Text](), dict[Any, list[Artist]]()
        for artist in moving:
            if isinstance(artist, Text) and artist.get_bbox_patch() is None:
                texts.append(artist)
            elif artist.get_visible():
                others.setdefault(artist.axes, []).append(artist)
        for ax, artists in others.items():
            self._draw(ax, artists, states[ax])
        self._write(texts)
        return self._packer.png(self._pixels())

    def _draw(self, ax: Axes, artists: Sequence[Artist], frame: tuple[Any, ...]) -> None:
        """Draw what moves of axes, or copy it if none of it has moved since the last two times."""
        state, before = (*frame, *artists), self._resting.get(ax, ((), None))
        rests = before[0] == state and not any(artist.stale for artist in artists)
        if rests and before[1] is not None:
            self._agg.restore_region(before[1])
            return
        for artist in artists:
            artist.draw(self._agg.get_renderer())
        # what is not cut off at the edges of the axes may be anywhere
        inside = all(artist.get_clip_on() or isinstance(artist, Spine) for artist in artists)
        self._resting[ax] = state, self._agg.copy_from_bbox(ax.bbox.padded(EDGE)) if rests and inside else None

    def _background(self) -> Any:
        """Draw all that does not move; return its pixels."""
        words = [text for ax in self.figure.axes if ax.axison for text in labels(ax)]
        for text in words:
            text.set_visible(False)
        self._agg.draw()
        for text in words:
            text.set_visible(True)
        self._write(words)
        self.full_draws += 1
        return self._agg.copy_from_bbox(self.figure.bbox)

    def _pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self._agg.buffer_rgba())  # the canvas itself, which is painted over next time

    def _write(self, texts: Iterable[Text]) -> None:
        self._sprites.draw(self._pixels().view(np.uint32)[..., 0], texts)  # the same memory

    def saved(self, kind: str) -> bytes:
        """Return the figure as a file: "pdf" and "svg" are of lines, "png" has twice the pixels of the screen."""
        self._resting.clear()  # to Matplotlib, what it draws now has not moved since
        file = io.BytesIO()
        self.figure.savefig(file, format=kind, dpi=2 * self.figure.dpi)
        return file.getvalue()


def labels(ax: Axes) -> Iterator[Text]:
    """Labels of the axes and of those ticks that are inside."""
    for i, axis in enumerate((ax.xaxis, ax.yaxis)):
        low, high = ax.bbox.get_points()[:, i]
        yield axis.label
        for text in axis.get_majorticklabels():
            place = text.get_transform().transform(text.get_position())[i]
            if low - 0.5 <= place <= high + 0.5:
                yield text


def frames(
    size: tuple[int, int], *boxes: tuple[float, float, float, float], beside: Sequence[float] = ()
) -> tuple[Figure, list[Axes], list[Text]]:
    """Return a figure, axes in boxes of (left, bottom, width, height), and the titles of the axes.

    All lengths are in pixels; `beside` are those from each axes to the label of its y, where they are not `BESIDE`.
    """
    width, height = size
    with matplotlib.rc_context(FIXED):
        figure = Figure((width / 100, height / 100), dpi=100)
        figure.set_layout_engine("none")
        axes = [figure.add_axes((x / width, y / height, w / width, h / height)) for x, y, w, h in boxes]
        titles = [ax.set_title(" ") for ax in axes]
    for ax, (x, y, *_), gap in zip(axes, boxes, beside or [BESIDE] * len(boxes), strict=True):
        place, inside = figure.transFigure, ax.transAxes
        ax.xaxis.set_label_coords(0.5, (y - UNDER) / height, blended_transform_factory(inside, place))
        ax.yaxis.set_label_coords((x - gap) / width, 0.5, blended_transform_factory(place, inside))
    return figure, axes, titles
