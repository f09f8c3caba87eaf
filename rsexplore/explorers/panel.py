"""Controls, the picture under them, its numbers as text, and the line of code that gives this state again."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from rsexplore.explorers.base import Canvas, View
from rsexplore.explorers.controls import Control

WORDS_AFTER = 0.2  # seconds without a move until numbers and code are written
BREATH = 0.004  # seconds between steps of slow work, in which the kernel takes what a slider has sent
KINDS = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
COPY = (
    '<button class="jupyter-button widget-button lm-Widget" style="width:auto" type="button" data-code="{code}" '
    'title="copy the line of code that gives this state" '
    "onclick=\"navigator.clipboard.writeText(this.dataset.code);this.textContent='copied'\">copy as code</button>"
)


def alert(words: str, note: str = "") -> str:
    """HTML of an error, in words."""
    style = "padding:4px 8px;border-left:4px solid #D55E00;background:#FBEDE3;color:#5A2A00"
    lines = "<br>".join(escape(line) for line in (*words.splitlines(), note) if line)
    return f'<div role="alert" style="{style}">{lines}</div>'


class Panel(widgets.VBox):
    """A view under its controls."""

    def __init__(self, view: View, controls: Sequence[Control], name: str = "figure") -> None:
        self.view, self.controls, self.name = view, {control.name: control for control in controls}, name
        self.canvas = Canvas(view.figure)
        self.picture = b""  # the PNG that is shown
        # of a URL that holds the picture, for a page takes 5 ms longer to load it from anywhere else
        self.image = widgets.Image(format="url", layout={"max_width": "100%", "object_fit": "contain"})
        self.image.layout.width = f"{round(view.figure.bbox.width)}px"
        self.message = widgets.HTML(layout={"display": "none"})
        self.readout = widgets.HTML()
        self.code = widgets.Textarea(description="code", disabled=False, rows=2, layout={"width": "98%"})
        self.code.tooltip = "the line of code that gives this state: select and copy it"
        grid = widgets.GridBox(
            [control.row for control in controls],
            layout={"grid_template_columns": "repeat(auto-fit, minmax(400px, 1fr))", "grid_gap": "2px 24px"},
        )
        super().__init__([grid, self.message, self.image, self._tools(), self.readout, self.code])
        self._held = False
        self._pending: asyncio.TimerHandle | None = None
        self._work: Iterator[None] = iter(())
        self._start = self.values
        for control in controls:
            control.observe(self._refresh)
        if self._draw():
            self._work = view.slow()
        self.finish()

    def _tools(self) -> widgets.HBox:
        self.reset = widgets.Button(description="reset", tooltip="set every control as it was at first")
        self.reset.on_click(lambda button: self.move(**self._start))
        self.save = widgets.Button(description="save figure", tooltip="make files of the picture, to download")
        self.save.on_click(lambda button: self._save())
        self.copy, self.saved = widgets.HTML(), widgets.HTML()
        for button in (self.reset, self.save):
            button.layout.width = "auto"
        return widgets.HBox([self.reset, self.save, self.copy, self.saved])

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

    def finish(self) -> None:
        """Do at once what was put off until the controls rest."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        try:
            worked = sum(1 for _ in self._work)
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            return
        if worked:
            self._paint()
        self._write()

    def _draw(self) -> bool:
        # JupyterLab shows nothing of an error in a callback, so the panel says it itself
        self._work = iter(())
        try:
            self.view.update(**self.values)
            self._paint()
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            return False
        self._say("")
        return True

    def _paint(self) -> None:
        self.picture = self.canvas.png(self.view.moving)
        self.image.value = b"data:image/png;base64," + b64encode(self.picture)

    def _refresh(self) -> None:
        if self._held or not self._draw():
            return
        self._work = self.view.slow()
        self._later()

    def _later(self) -> None:
        """Write the words once the sliders rest: a table that is laid out anew would hold up the picture."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # not in a kernel
            self.finish()
        else:
            self._pending = loop.call_later(WORDS_AFTER, self._step, self._work)

    def _step(self, work: Iterator[None]) -> None:
        """Do one step of slow work, and let the kernel take messages before the next."""
        try:
            next(work)
            self._paint()
        except StopIteration:
            self._write()
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
        else:
            self._pending = asyncio.get_running_loop().call_later(BREATH, self._step, work)

    def _write(self) -> None:
        try:
            self.readout.value = self.view.readout()
            self.code.value = self.view.code()
            idle = set(self.view.idle())
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            return
        self.copy.value = COPY.format(code=escape(self.code.value))
        self.saved.value = ""  # files of another state
        for name, control in self.controls.items():
            control.show(name not in idle)

    def _save(self) -> None:
        self.finish()
        links = []
        for kind, mime in KINDS.items():
            data = b64encode(self.canvas.saved(kind)).decode()
            file = f"{self.name}.{kind}"
            links.append(f'<a download="{file}" href="data:{mime};base64,{data}">{file}</a>')
        self.saved.value = "&nbsp; ".join(links)

    def _say(self, words: str) -> None:
        note = "The picture shows the last state that could be drawn."
        self.message.value = alert(words, note) if words else ""
        self.message.layout.display = None if words else "none"

    def _repr_mimebundle_(self, **kwargs: Any) -> Mapping[str, Any]:
        # the picture too, for readers without a kernel: nbconvert, and pages that show notebooks
        self.finish()
        bundle = dict(super()._repr_mimebundle_(**kwargs))
        return bundle | {"image/png": b64encode(self.picture).decode(), "text/plain": self.code.value}
