"""A figure that is drawn once, after which only what moved is drawn.

A full draw costs several times what moving the artists does, so it is done only when axes change.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from rsexplore.explorers.packed import Packer
from rsexplore.explorers.sprites import Sprites
from rsexplore.plots import style

KEPT = 16  # backgrounds: a slider that goes back and forth meets the same few axes again


class View(ABC):
    """What a panel shows: a figure and the words that go with it."""

    figure: Figure

    @property
    @abstractmethod
    def moving(self) -> Sequence[Artist]:
        """Artists that `update` moves, from back to front."""

    @abstractmethod
    def update(self, **values: Any) -> None:
        """Move the artists to the values of the controls."""

    @abstractmethod
    def readout(self) -> str:
        """HTML of the numbers that the figure shows."""

    @abstractmethod
    def code(self) -> str:
        """One line of code that gives this panel in this state."""

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the figure depends on now."""
        return ()

    def slow(self) -> Iterator[None]:
        """Work that no slider should wait for, in short steps; each may move artists."""
        return iter(())


class Canvas:
    """A figure kept as pixels: a background is drawn only for limits and labels of axes not met before."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._agg = FigureCanvasAgg(figure)
        self._sprites = Sprites(figure)
        width, height = self._agg.get_width_height()
        self._packer = Packer(height, width)
        self._backgrounds: dict[tuple[Any, ...], Any] = {}
        self.full_draws = 0

    def png(self, moving: Sequence[Artist]) -> bytes:
        """Return the picture with the artists where they are now."""
        axes = self.figure.axes
        frame = tuple((*ax.get_xlim(), *ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel()) for ax in axes)
        if frame not in self._backgrounds:
            if len(self._backgrounds) >= KEPT:
                self._backgrounds.pop(next(iter(self._backgrounds)))
            for artist in moving:
                artist.set_animated(True)  # left out of the background
            self._agg.draw()
            self._backgrounds[frame] = self._agg.copy_from_bbox(self.figure.bbox)
            self.full_draws += 1
        else:
            self._agg.restore_region(self._backgrounds[frame])
        renderer, texts = self._agg.get_renderer(), []
        for artist in moving:
            artist.set_animated(True)
            if isinstance(artist, Text) and artist.get_bbox_patch() is None:
                texts.append(artist)
            else:
                artist.draw(renderer)
        pixels = np.asarray(self._agg.buffer_rgba())  # the canvas itself, which is painted over next time
        words = pixels.view(np.uint32)[..., 0]  # the same memory
        for text in texts:
            self._sprites.draw(words, text)
        return self._packer.png(pixels)

    def saved(self, kind: str) -> bytes:
        """Return the figure as a file: "pdf" and "svg" are of lines, "png" has twice the pixels of the screen."""
        file = io.BytesIO()
        self.figure.savefig(file, format=kind, dpi=2 * self.figure.dpi)
        return file.getvalue()


def frames(size: tuple[int, int], *boxes: tuple[float, float, float, float]) -> tuple[Figure, list[Axes], list[Text]]:
    """Return a figure of `size` pixels, axes in boxes of (left, bottom, width, height) pixels, and their titles."""
    width, height = size
    with matplotlib.rc_context(style.PAPER):
        figure = Figure((width / 100, height / 100), dpi=100)
        figure.set_layout_engine("none")
        axes = [figure.add_axes((x / width, y / height, w / width, h / height)) for x, y, w, h in boxes]
        titles = [ax.set_title(" ") for ax in axes]
    return figure, axes, titles
