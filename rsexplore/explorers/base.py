"""A figure that is drawn once, after which only what moved is drawn; and the panel that shows it under its controls.

A full draw costs several times what moving the artists does, so it is done only when axes change.
"""

import asyncio
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from rsexplore.explorers.controls import Control
from rsexplore.explorers.sprites import Sprites

WORDS_AFTER = 0.12  # seconds without a move until numbers and code are written
KEPT = 16  # backgrounds: a slider that goes back and forth meets the same few axes again


class View(Protocol):
    """What a panel shows: a figure and the words that go with it."""

    figure: Figure

    @property
    def moving(self) -> Sequence[Artist]:
        """Artists that `update` moves, from back to front."""

    def update(self, **values: Any) -> None:
        """Move the artists to the values of the controls."""

    def readout(self) -> str:
        """HTML of the numbers that the figure shows."""

    def code(self) -> str:
        """One line of code that gives this panel in this state."""

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the figure depends on now."""


class Canvas:
    """A figure kept as pixels: a background is drawn only for limits and labels of axes not met before."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._agg = FigureCanvasAgg(figure)
        self._sprites = Sprites(figure)
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
        pixels = np.asarray(self._agg.buffer_rgba())[..., :3]  # the canvas itself, which is painted over next time
        for text in texts:
            self._sprites.draw(pixels, text)
        return png(pixels)


def png(pixels: np.ndarray) -> bytes:
    """Return an image of bytes, shape (height, width, 3), as a PNG; packed lightly, as it must be made in a blink."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 3 * width + 1), dtype=np.uint8)
    flat = pixels.reshape(height, -1)
    # each line as the difference from the one above (PNG's filter 2), which for lines and areas is mostly zeros
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.data, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


class Panel(widgets.VBox):
    """Controls, the picture under them, its numbers as text, and the line of code that gives this state again."""

    def __init__(self, view: View, controls: Sequence[Control]) -> None:
        self.view, self.controls = view, {control.name: control for control in controls}
        self.canvas = Canvas(view.figure)
        self.image = widgets.Image(format="png", layout={"max_width": "100%", "object_fit": "contain"})
        self.image.layout.width = f"{round(view.figure.bbox.width)}px"
        self.message = widgets.HTML(layout={"display": "none"})
        self.readout = widgets.HTML()
        self.code = widgets.Textarea(description="code", disabled=False, rows=2, layout={"width": "98%"})
        self.code.tooltip = "the line of code that gives this state: select and copy it"
        grid = widgets.GridBox(
            [control.row for control in controls],
            layout={"grid_template_columns": "repeat(auto-fit, minmax(400px, 1fr))", "grid_gap": "2px 24px"},
        )
        super().__init__([grid, self.message, self.image, self.readout, self.code])
        self._held = False
        self._pending: asyncio.TimerHandle | None = None
        for control in controls:
            control.observe(self._refresh)
        self._refresh()
        self._write()

    @property
    def values(self) -> dict[str, Any]:
        """State of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def move(self, **values: Any) -> None:
        """Set several controls and draw once."""
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False
        self._refresh()

    def _refresh(self) -> None:
        if self._held:
            return
        # JupyterLab shows nothing of an error in a callback, so the panel says it itself
        try:
            self.view.update(**self.values)
            self.image.value = self.canvas.png(self.view.moving)
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            return
        self._say("")
        self._later()

    def _later(self) -> None:
        """Write the words once the sliders rest: a table that is laid out anew would hold up the picture."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # not in a kernel
            self._write()
        else:
            self._pending = loop.call_later(WORDS_AFTER, self._write)

    def _write(self) -> None:
        try:
            self.readout.value = self.view.readout()
            self.code.value = self.view.code()
            idle = set(self.view.idle())
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            return
        for name, control in self.controls.items():
            control.show(name not in idle)

    def _say(self, words: str) -> None:
        style = "padding:4px 8px;border-left:4px solid #D55E00;background:#FBEDE3;color:#5A2A00"
        note = "The picture shows the last state that could be drawn."
        self.message.value = f'<div role="alert" style="{style}">{escape(words)}<br>{note}</div>' if words else ""
        self.message.layout.display = None if words else "none"

    def _repr_mimebundle_(self, **kwargs: Any) -> Mapping[str, Any]:
        # the picture too, for readers without a kernel: nbconvert, and pages that show notebooks
        bundle = dict(super()._repr_mimebundle_(**kwargs))
        return bundle | {"image/png": b64encode(self.image.value).decode(), "text/plain": self.code.value}
