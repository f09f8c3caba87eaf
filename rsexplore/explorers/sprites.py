"""Text that is drawn once and then copied: laying out a text costs more than all the lines of a figure."""

import re
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
    """Opacity of a text's pixels, from the top down, and where they are from its anchor, in pixels."""

    opacity: NDArray[np.floating]  # (height, width, 1)
    left: float
    top: float  # upwards
    width: float


class Sprites:
    """Pictures of texts, by what is written and how."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._kept: dict[tuple[Any, ...], Sprite] = {}

    def draw(self, pixels: NDArray[np.uint8], text: Text) -> None:
        """Write a text without rotation on an image of shape (height, width, 3)."""
        words = text.get_text()
        if not words or not text.get_visible():
            return
        x, y = text.get_transform().transform(text.get_position())
        align = text.get_horizontalalignment()
        if "$" in words or "\n" in words or align == "center" or not any(letter.isdigit() for letter in words):
            _paste(pixels, self._sprite(text, words), x, y, text.get_color())
            return
        # letters as high and as low as any tell where the line is
        y += self._sprite(text, "lp").top - self._sprite(text, "lp", "baseline").top
        runs = [self._sprite(text, run, "baseline", "left") for run in RUNS.findall(words)]
        x -= sum(run.width for run in runs) if align == "right" else 0
        for run in runs:
            _paste(pixels, run, x, y, text.get_color())
            x += run.width

    def _sprite(self, text: Text, words: str, upright: str | None = None, side: str | None = None) -> Sprite:
        align = (side or text.get_horizontalalignment(), upright or text.get_verticalalignment())
        key = (words, *align, text.get_fontsize(), text.get_fontweight(), text.get_fontstyle())
        if key not in self._kept:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = self._made(text, words, align)
        return self._kept[key]

    def _made(self, text: Text, words: str, align: tuple[str, str]) -> Sprite:
        twin = Text(0, 0, words, fontproperties=text.get_fontproperties(), linespacing=1.05, color="black")
        twin.set(ha=align[0], va=align[1], figure=self._figure)
        twin.set_transform(IdentityTransform())
        measure = RendererAgg(8, 8, self._figure.dpi)
        box = twin.get_window_extent(measure)
        left, bottom = np.floor(box.x0) - PAD, np.floor(box.y0) - PAD
        width, height = (int(np.ceil(length)) + 2 * PAD + 1 for length in (box.x1 - left, box.y1 - bottom))
        sheet = RendererAgg(width, height, self._figure.dpi)
        twin.set_position((-left, -bottom))
        twin.draw(sheet)
        opacity = np.asarray(sheet.buffer_rgba())[..., 3:].astype(np.float32) / 255
        twin.set(text=words * 2, position=(0, 0))
        return Sprite(opacity, left, bottom + height, twin.get_window_extent(measure).width - box.width)


def _paste(pixels: NDArray[np.uint8], sprite: Sprite, x: float, y: float, color: Any) -> None:
    height = len(pixels)
    x0, y0 = round(x + sprite.left), height - round(y + sprite.top)
    y1, x1 = y0 + sprite.opacity.shape[0], x0 + sprite.opacity.shape[1]
    part = pixels[max(y0, 0) : y1, max(x0, 0) : x1]
    if part.size:
        opacity = sprite.opacity[max(-y0, 0) :, max(-x0, 0) :][: part.shape[0], : part.shape[1]]
        part[:] = part + opacity * (_ink(color) - part)


@lru_cache(maxsize=256)
def _ink(color: Any) -> NDArray[np.floating]:
    return 255 * np.array(to_rgb(color), dtype=np.float32)
