"""Lines of text in a corner of an axes, in the colours of what they are about."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text

from rsexplore.plots.labels import LINE, dark


class Keys:
    """A few lines of text under one another; `show` writes other ones."""

    def __init__(self, ax: Axes, x: float, y: float, lines: int, *, right: bool = False, size: float = 8.5) -> None:
        height = ax.bbox.height
        step = LINE * size * ax.figure.dpi / 72 / height
        common: dict[str, Any] = {
            "transform": ax.transAxes,
            "size": size,
            "va": "top",
            "ha": "right" if right else "left",
            "zorder": 6,
        }
        self.artists: list[Text] = [ax.text(x, y - i * step, "", **common) for i in range(lines)]

    def show(self, lines: Sequence[tuple[str, str]]) -> None:
        """Write each text in a darker shade of its colour."""
        padded = [*lines, *[("", "black")] * (len(self.artists) - len(lines))]
        for text, (words, color) in zip(self.artists, padded, strict=True):
            text.set(text=words, color=dark(color))
