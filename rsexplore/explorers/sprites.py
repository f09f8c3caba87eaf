"""Text that is drawn once and then copied: laying out a text costs more than all the lines of a figure."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray

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
