"""A picture under controls: a move sends new values to the chart in the browser; what is slow is computed beside it."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from html import escape
from math import inf
from time import monotonic, thread_time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets

from rsexplore.explorers.controls import Control
from rsexplore.patience import Steps, Task, TookLong, watched
from rsexplore.pictures import paper
from rsexplore.pictures.picture import Picture, renderer

# who moves a control of the panel asks the kernel, which answers when it takes messages
WIDGET = """
const SILENT = 10000; // milliseconds without an answer, after which the kernel is said to be gone
const GONE = "The kernel has not answered for 10 s: it is gone, or busy elsewhere, and nothing moves here.";
const MOVES = ["input", "change", "pointerup", "keydown"];
export default {
  render({ model, el }) {
    const drawn = chart(el, model.get("picture"));
    const gone = document.createElement("div");
    Object.assign(gone, { className: "rsx-note", role: "alert", textContent: GONE });
    const [changed, end] = [() => drawn.show(model.get("picture")), new AbortController()];
    let waiting;
    const wait = () => (waiting = setTimeout(() => (model.get("working") ? wait() : el.prepend(gone)), SILENT));
    const asked = () => {
      if (waiting) return;
      model.send({});
      wait();
    };
    const answered = () => {
      waiting = clearTimeout(waiting); // undefined
      gone.remove();
    };
    requestAnimationFrame(() => { // once it stands in its panel
      const panel = el.closest(".rsx-panel") ?? el;
      for (const move of MOVES) panel.addEventListener(move, asked, { capture: true, signal: end.signal });
    });
    model.on("change:picture", changed);
    model.on("msg:custom", answered);
    return () => {
      model.off("change:picture", changed);
      model.off("msg:custom", answered);
      end.abort();
      clearTimeout(waiting);
      drawn.stop();
    };
  },
};
"""
NOTHING = Picture(title="", desc="Nothing is drawn yet.", plots=())


def sent(picture: Picture, _: Any) -> dict[str, Any]:
    """What travels to the browser, which gets numbers as a DataView of the bytes of little-endian float64."""
    return picture.data(lambda values: np.asarray(values, dtype="<f8").tobytes())


class Chart(anywidget.AnyWidget):
    """A picture; `chart.picture = another` draws another in its place."""

    _esm = renderer() + WIDGET
    picture = traitlets.Instance(Picture).tag(sync=True, to_json=sent)
    working = traitlets.Bool(False).tag(sync=True)  # whether something is announced as worked on

    def __init__(self, picture: Picture = NOTHING, **rest: Any) -> None:
        super().__init__(picture=picture, **rest)
        self.on_msg(lambda widget, content, buffers: self.send({}))


class Words(NamedTuple):
    """What goes with a picture."""

    code: str  # the line that gives this panel in this state
    numbers: str  # HTML of those that the picture shows
    idle: Container[str] = ()  # names of the controls that nothing in the picture depends on now


LONGEST = 60.0  # seconds of a processor after which a task is given up


class Stopped(KeyboardInterrupt):
    """The reader has pressed Stop."""


class Run(threading.Thread):
    """A task in a thread of its own, since one that keeps the kernel busy would hear no button.

    It ends when it next breathes after `stopping` was set, or after `longest` seconds of computing.
    """

    def __init__(self, task: Task, longest: float = inf) -> None:
        super().__init__(daemon=True)  # a kernel that is ended waits for nothing
        self.task, self.longest, self.stopping = task, longest, False
        self.start()

    def run(self) -> None:
        """Work."""
        begun = thread_time()

        def watch() -> None:
            if self.stopping:
                raise Stopped
            if thread_time() - begun > self.longest:
                raise TookLong(f"given up after {self.longest:g} s of computing: {self.task.words}")

        with watched(watch):
            self.task.run()


WORDS_AFTER = 0.2  # seconds without a move until numbers and code are written
PATIENCE = 0.15  # seconds that a move waits for its picture, before it says what is worked on and goes on beside
LOOK, GLANCE = 0.05, 0.02  # seconds between looks at such work, and that each look waits for more
FIRST, SHOWN = 2.0, 10.0  # seconds that a new panel waits for its picture, and one that a notebook is to keep
KINDS = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
BUTTON = 'class="jupyter-button widget-button lm-Widget" style="width:auto" type="button"'
# a page that is neither of this machine nor encrypted has no clipboard of its own: there a selection is copied
COPY = (
    'const say=words=>{this.textContent=words};const old=()=>{const area=document.createElement("textarea");'
    "area.value=this.dataset.code;document.body.append(area);area.select();"
    'say(document.execCommand("copy")?"copied":"not copied: select the line below");area.remove()};'
    'navigator.clipboard?navigator.clipboard.writeText(this.dataset.code).then(()=>say("copied"),old):old()'
)
STYLE = (
    "<style>.rsx-note{padding:4px 8px;border-left:4px solid #D55E00;"
    "background:color-mix(in srgb,#D55E00 12%,var(--jp-layout-color0,Canvas));overflow-wrap:anywhere}"
    ".rsx-work{height:24px;margin:0!important}"  # at all times, so that nothing jumps
    "@media(max-width:800px){.rsx-work{height:42px}}@media(max-width:500px){.rsx-work{height:58px}}"
    ".rsx-work .rsx-note{padding:2px 8px;font-size:12px;line-height:1.4;border-color:#0072B2;"
    "background:color-mix(in srgb,#0072B2 12%,var(--jp-layout-color0,Canvas))}"
    ".rsx-panel .widget-html-content{min-width:0}.rsx-readout{overflow-x:auto;font-size:12px;line-height:1.35}"
    ".rsx-readout tr[data-above]{background:#FBEDE3;color:#5A2A00}</style>"
)


def status(words: str, note: str = "", role: str = "status") -> str:
    """HTML of what goes on, or of an error, in words; nothing if there are none."""
    lines = "<br>".join(escape(line) for line in (*words.splitlines(), note) if line)
    return f'<div role="{role}" class="rsx-note">{lines}</div>' if words else ""


def alert(words: str, note: str = "") -> str:
    """HTML of an error, in words."""
    return status(words, note, "alert")


class Notice(widgets.HTML):
    """A place for words, of which nothing is seen while there are none."""

    def show(self, html: str) -> None:
        """Show these instead."""
        self.value, self.layout.display = html, None if html else "none"


class Board(widgets.VBox):
    """Controls, those that few need behind "more", a place for what went wrong, and a line of code for this state.

    Parameters
    ----------
    controls, more : sequence of Control
    own_norm : callable, optional
        What the norm is set to, by the values of all, as long as the reader has not chosen one.
    """

    def __init__(
        self,
        controls: Sequence[Control],
        more: Sequence[Control] = (),
        own_norm: Callable[[dict[str, Any]], float] | None = None,
    ) -> None:
        super().__init__()
        self.add_class("rsx-panel")
        self.controls = {control.name: control for control in (*controls, *more)}
        self._own_norm, self._chosen, self._held = own_norm, set[str](), False  # chosen: the controls that were moved
        layout = {"grid_template_columns": "repeat(auto-fit, minmax(min(100%, 500px), 1fr))", "grid_gap": "2px 24px"}
        first, rest = (widgets.GridBox([one.row for one in part], layout=layout) for part in (controls, more))
        button = widgets.ToggleButton(description="more", tooltip="controls that few need")
        button.observe(lambda change: setattr(rest.layout, "display", None if change.new else "none"), "value")
        rest.layout.display = "none"
        style = widgets.HTML(STYLE, layout={"display": "none"})
        self.grid = widgets.VBox([style, first, *([button, rest] if more else [])])
        # cut: what was typed and is not taken as it is
        self.message, self.cut = (Notice(layout={"display": "none"}) for _ in range(2))
        self.code = widgets.Textarea(description="code", rows=2, layout={"width": "98%"})
        self.code.tooltip = "the line of code that gives this state: select and copy it"
        for name, control in self.controls.items():
            control.refuse = self.warn
            control.observe(partial(self._moved, name))

    @property
    def values(self) -> dict[str, Any]:
        """State of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def move(self, **values: Any) -> None:
        """Set several controls, and then show their state once."""
        self._set(values)
        self._moved(*values)

    def changed(self) -> None:
        """Show the state of the controls."""
        raise NotImplementedError

    def warn(self, words: str) -> None:
        """Say what is not taken as it was typed, or as a link has it; nothing if there are no words."""
        self.cut.show(status(words))

    def _say(self, words: str, note: str = "") -> None:
        self.message.show(alert(words, note))

    def _set(self, values: Mapping[str, Any]) -> None:
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False

    def _moved(self, *names: str) -> None:
        if self._held:
            return
        self._chosen |= set(names)
        if self._own_norm is not None and "norm" not in self._chosen:
            self._set({"norm": self._own_norm(self.values)})
        self.changed()


class Panel(Board):
    """A picture under its controls.

    Parameters
    ----------
    name : str
        Of the explorer that makes it, of the files of its pictures, and of its tab in a link.
    draw : callable
        Gets the values of the controls by their names, and yields tasks and pictures, each followed by its `Words`.
        What comes after the first picture waits until the sliders rest.
    controls, more, own_norm
        As for `Board`.
    """

    def __init__(
        self,
        name: str,
        draw: Callable[..., Steps],
        controls: Sequence[Control],
        more: Sequence[Control] = (),
        own_norm: Callable[[dict[str, Any]], float] | None = None,
    ) -> None:
        super().__init__(controls, more, own_norm)
        self.name, self.draw, self.linked = name, draw, False
        self.picture: Picture | None = None  # what is shown
        self.chart, self.working, self.readout, self.copy, self.saved = Chart(), *(widgets.HTML() for _ in range(4))
        self.working.add_class("rsx-work")
        self._start = self.values
        self.reset = widgets.Button(description="reset", tooltip="set every control as it was at first")
        self.reset.on_click(lambda button: self._reset())
        self.save = widgets.Button(description="save figure", tooltip="make files of the picture, to download")
        self.save.on_click(lambda button: self._save())
        self.reset.layout.width = self.save.layout.width = "auto"
        tools = widgets.HBox([self.reset, self.save, self.copy, self.saved], layout={"flex_flow": "row wrap"})
        parts = [self.grid, self.cut, self.message, self.working, self.chart, tools, self.readout, self.code]
        self.children = parts
        self.turn = threading.RLock()
        self._steps: Steps = self.draw(**self._start)
        self._run: Run | None = None  # the task of the last step
        self._pending: asyncio.TimerHandle | None = None
        self._current = self._to_save = self._paused = False
        self._since = 0.0
        self.changed(FIRST)

    def changed(self, patience: float = PATIENCE) -> None:
        """Draw the state of the controls, at once where it is quick; what was begun for another state is dropped."""
        with self.turn:
            self._drop()
            self._steps, self._current, self._paused = self.draw(**self.values), False, False
            # who has waited once does not wait again at every step of a slider
            self._go_on(monotonic() + (0 if self.working.value else patience))

    def finish(self, within: float = inf) -> None:
        """Do at once what was put off until the controls rest, or as much of it as `within` seconds allow."""
        # where nothing goes on by itself there is no later
        self._go_on(inf if running_loop() is None else monotonic() + within, rested=True)

    def pause(self) -> None:
        """End the work in hand, as nobody looks; `resume` takes it up."""
        with self.turn:
            self._paused |= self._run is not None or self._pending is not None
            self._drop()

    def resume(self) -> None:
        """Go on with what was paused."""
        if self._paused:
            self.changed()

    @property
    def state(self) -> dict[str, str]:
        """What differs from the start, as texts that a link holds."""
        return {name: c.text for name, c in self.controls.items() if c.value != self._start[name]}

    def restore(self, state: Mapping[str, str]) -> None:
        """Set what a link holds, and say what was cut to a range; ValueError if a control has no such value."""
        read = {name: self.controls[name].read(text) for name, text in state.items() if name in self.controls}
        self.move(**read)
        self.warn(". ".join(filter(None, (self.controls[name].taken(value) for name, value in read.items()))))

    def _reset(self) -> None:
        self._chosen.clear()
        self._set(self._start)
        self.warn("")
        self.changed()

    def _drop(self) -> None:
        """End what is worked on."""
        if self._run is not None:
            self._run.stopping = True
        if self._pending is not None:
            self._pending.cancel()
        self._steps.close()
        self._run = self._pending = None

    def _go_on(self, until: float, rested: bool = False) -> None:
        """Go on until the work waits: for a task, for the sliders to rest, or for the kernel to take messages."""
        with self.turn:
            if self._pending is not None:
                self._pending.cancel()
                self._pending = None
            wait: float | None = None
            try:
                wait = self._take(until, rested)
            except Exception as error:
                # JupyterLab shows nothing of an error in a callback, so the panel says it itself
                self._drop()
                note = "The picture shows the last state that could be drawn." if self.picture else NOTHING.desc
                self._say(str(error) if isinstance(error, TookLong) else f"{type(error).__name__}: {error}", note)
            if wait is None:
                self._tell("")
            elif (loop := running_loop()) is None:
                self.finish()
            else:
                self._pending = loop.call_later(wait, lambda: self._go_on(monotonic() + GLANCE, rested=True))

    def _take(self, until: float, rested: bool) -> float | None:
        """Take steps; return after how many seconds the next one is due, None if there is none left."""
        while True:
            if self._run is not None:
                self._run.join(None if until == inf else max(until - monotonic(), 0.0))
                if self._run.is_alive():
                    self._tell(self._run.task.words)
                    return LOOK
                self._run = None
            step = next(self._steps, None)
            if isinstance(step, Task):
                self._run = Run(step, LONGEST)
            elif isinstance(step, Words):
                self._write(step)
            elif isinstance(step, Picture):
                self._current, self.picture, self.chart.picture = True, step, step
                self._say("")
                if not rested:
                    return WORDS_AFTER
            else:
                if self._to_save and self.picture:
                    self._make_files()
                return None

    def _tell(self, words: str) -> None:
        """Say what is worked on, above the picture, which stays where it is."""
        if not self.working.value:
            self._since = monotonic()
        before = "" if self._current else "; until then picture and numbers are those of before"
        said = f"working: {words} ({monotonic() - self._since:.0f} s){before}"
        self.working.value = status(said if words else "")
        self.chart.working = bool(words)

    def _write(self, words: Words) -> None:
        self.readout.value, self.code.value = words.numbers, words.code
        said = "copy the line of code that gives this state"
        code = f'data-code="{escape(words.code)}" title="{said}"'
        link = escape(urlencode({"tab": self.name, **self.state}))
        self.copy.value = f"<button {BUTTON} {code} onclick='{COPY}'>copy as code</button>"
        self.copy.value += f' <a href="?{link}">link to this state</a>' * self.linked
        self.saved.value = ""  # files of another state
        for name, control in self.controls.items():
            control.show(name not in words.idle)

    def _save(self) -> None:
        self._to_save = True
        self.finish(PATIENCE)
        if self._to_save:
            self.saved.value = "The files come when the picture is finished."

    def _make_files(self) -> None:
        self._to_save = False
        assert self.picture is not None
        files = {kind: (mime, paper.file(self.picture, kind)) for kind, mime in KINDS.items()}
        files["csv"] = ("text/csv", self.picture.csv().encode())
        links = (
            f'<a download="{self.name}.{kind}" href="data:{mime};base64,{b64encode(data).decode()}">'
            f"{self.name}.{kind}</a>"
            for kind, (mime, data) in files.items()
        )
        self.saved.value = "&nbsp; ".join(links)

    def _repr_mimebundle_(self, **kwargs: Any) -> Mapping[str, Any]:
        # the picture too, for readers without a kernel: nbconvert, and pages that show notebooks
        self.finish(SHOWN)
        bundle = dict(super()._repr_mimebundle_(**kwargs)) | {"text/plain": self.code.value}
        return bundle | ({"image/png": b64encode(paper.png(self.picture)[0]).decode()} if self.picture else {})


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of a kernel, which takes a slider's messages between its steps."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
