"""A figure that is drawn once, after which only what moved is drawn.

A full draw costs several times what moving the artists does, so it is done only when axes change.
"""

import io
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.spines import Spine
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform, blended_transform_factory
from numpy.typing import NDArray

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


try:  # the same format in a sixth of the time, on the processors that it is built for
    from isal import isal_zlib as deflate
except ImportError:
    import zlib as deflate  # type: ignore[no-redef]

FAST = 1  # level of compression
# A server may hold back what fills no TCP segment until the browser has acknowledged what it sent before, which takes
# up to 40 ms (Nagle's algorithm and delayed acknowledgement). On loopback a segment is 65,483 bytes.
LEAST = 3 * 2**14  # bytes of an image, of which three go as four of text


class Packer:
    """Writes PNGs of one size; it keeps its memory, as asking for fresh megabytes takes as long as filling them."""

    def __init__(self, height: int, width: int) -> None:
        # the 0 at the head of each row says that its colours stand as they are: for text and lines on white, Deflate
        # is faster and better on them than on differences between neighbours
        self._rows = np.zeros((height, 3 * width + 1), dtype=np.uint8)
        self._head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def png(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return an image, shape (height, width, 4), as a PNG of its first three channels."""
        colors = self._rows[:, 1:].reshape(*pixels.shape[:2], 3)  # the same memory
        for i in range(3):  # by colour: NumPy steps slowly over the fourth
            colors[..., i] = pixels[..., i]
        body = _chunk(b"IHDR", self._head) + _chunk(b"IDAT", deflate.compress(self._rows.data, FAST))
        padding = _chunk(b"paDd", bytes(max(0, LEAST - len(body))))  # private, and skipped by every reader
        return b"\x89PNG\r\n\x1a\n" + body + padding + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", deflate.crc32(data, deflate.crc32(kind)))


# numbers change with every move, their digits do not, nor do the words between them
RUNS = re.compile(r"[\d.]|(?<=\d)e-(?=\d)|[^\d.]+?(?=e-\d|[\d.]|$)")
MOST = 4000  # sprites kept
PAD = 2


class Sprite(NamedTuple):
    """The pixels of a text that have ink, from its anchor: right, down, and how opaque; and the text's width."""

    right: NDArray[np.intp]
    down: NDArray[np.intp]
    opacity: NDArray[np.floating]  # (pixels, 1)
    top: float  # of its box, upwards
    width: float


class Sprites:
    """Pictures of texts, by what is written and how."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._kept: dict[tuple[Any, ...], Sprite] = {}

    def draw(self, pixels: NDArray[np.uint32], texts: Iterable[Text]) -> None:
        """Write texts, none over another, on an image of shape (height, width), a number of four bytes a pixel."""
        height, width = pixels.shape
        found = list[tuple[Sprite, int, int, NDArray[np.float32]]]()
        for text in texts:
            words = text.get_text()
            if words and text.get_visible():
                x, y = text.get_transform().transform(text.get_position())
                found.append((self._line(text, words), round(x), height - round(y), _ink(text.get_color())))
        if not found:
            return
        # all at once, for each call costs more than the pixels of one text
        right = np.concatenate([sprite.right + x for sprite, x, *_ in found])
        down = np.concatenate([sprite.down + y for sprite, _, y, _ in found])
        opacity = np.concatenate([sprite.opacity for sprite, *_ in found])
        ink = np.repeat([ink for *_, ink in found], [len(sprite.right) for sprite, *_ in found], axis=0)
        if not (0 <= right.min() and right.max() < width and 0 <= down.min() and down.max() < height):
            inside = (right >= 0) & (right < width) & (down >= 0) & (down < height)
            right, down, opacity, ink = right[inside], down[inside], opacity[inside], ink[inside]
        place = down * width + right
        flat = pixels.reshape(-1)  # the same memory
        under = flat[place].view(np.uint8).reshape(-1, 4)
        flat[place] = (under + opacity * (ink - under)).astype(np.uint8).view(np.uint32)[:, 0]

    def _line(self, text: Text, words: str) -> Sprite:
        """The whole text, put together of its runs where it has numbers."""
        align = text.get_horizontalalignment()
        whole = "$" in words or "\n" in words or align == "center" or text.get_rotation()
        if whole or not any(letter.isdigit() for letter in words):
            return self._sprite(text, words)
        face = _face(text)
        key = (words, "whole", align, text.get_verticalalignment(), *face)
        if key not in self._kept:
            # letters as high and as low as any tell where the line is
            up = round(self._sprite(text, "lp").top - self._sprite(text, "lp", "baseline").top)
            runs = [self._run(text, run, face) for run in RUNS.findall(words)]
            end = -sum(run.width for run in runs) if align == "right" else 0.0
            parts = []
            for run in runs:
                parts.append(run.right + round(end))
                end += run.width
            down, opacity = np.concatenate([run.down for run in runs]), np.concatenate([run.opacity for run in runs])
            self._keep(key, Sprite(np.concatenate(parts), down - up, opacity, 0.0, end))
        return self._kept[key]

    def _run(self, text: Text, words: str, face: tuple[Any, ...]) -> Sprite:
        key = (words, "left", "baseline", *face)
        return self._kept[key] if key in self._kept else self._sprite(text, words, "baseline", "left")

    def _keep(self, key: tuple[Any, ...], sprite: Sprite) -> None:
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = sprite

    def _sprite(self, text: Text, words: str, upright: str | None = None, side: str | None = None) -> Sprite:
        align = (side or text.get_horizontalalignment(), upright or text.get_verticalalignment())
        key = (words, *align, *_face(text))
        if key not in self._kept:
            self._keep(key, self._made(text, words, align))
        return self._kept[key]

    def _made(self, text: Text, words: str, align: tuple[str, str]) -> Sprite:
        twin = Text(0, 0, words)
        twin.update_from(text)
        twin.set(ha=align[0], va=align[1], color="black", visible=True, clip_on=False, figure=self._figure)
        twin.set(rotation_mode=text.get_rotation_mode(), transform=IdentityTransform())
        measure = RendererAgg(8, 8, self._figure.dpi)
        box = twin.get_window_extent(measure)
        left, bottom = np.floor(box.x0) - PAD, np.floor(box.y0) - PAD
        width, height = (int(np.ceil(length)) + 2 * PAD + 1 for length in (box.x1 - left, box.y1 - bottom))
        sheet = RendererAgg(width, height, self._figure.dpi)
        twin.set_position((-left, -bottom))
        twin.draw(sheet)
        opacity = np.asarray(sheet.buffer_rgba())[..., 3]
        down, right = np.nonzero(opacity)
        twin.set(text=words * 2, position=(0, 0))
        more = twin.get_window_extent(measure).width - box.width
        ink = opacity[down, right, None].astype(np.float32) / 255
        return Sprite(right + int(left), down - int(bottom) - height, ink, box.y1, more)


def _face(text: Text) -> tuple[Any, ...]:
    return text.get_fontsize(), text.get_fontweight(), text.get_fontstyle(), text.get_rotation()


@lru_cache(maxsize=256)
def _ink(color: Any) -> NDArray[np.float32]:
    return np.array([*(255 * channel for channel in to_rgb(color)), 255], dtype=np.float32)
