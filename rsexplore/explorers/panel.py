"""A picture under controls: a move sends new values to the chart in the browser; what is slow is computed beside it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from functools import partial
from html import escape
from math import inf
from time import monotonic, thread_time
from typing import Any
from urllib.parse import urlencode

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets

from rsexplore.explorers.controls import Control, call
from rsexplore.patience import Task, TookLong, watched
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
    const late = () => {
      if (model.get("working")) waiting = setTimeout(late, SILENT);
      else el.prepend(gone);
    };
    const asked = () => {
      if (!waiting) model.send({});
      waiting ??= setTimeout(late, SILENT);
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


Steps = Generator[Any, Any, None]  # of a `Task`, whose result is sent back, or of what `View.take` draws


class View(ABC):
    """What a panel shows: a picture, and the words that go with it."""

    picture: Picture  # set by `update`
    later: Iterable[Any] = ()  # steps that no slider should wait for
    explorer: Callable[..., Any]  # whose panel it is
    given: Mapping[str, Any]  # its arguments that give this state
    always: Container[str] = ("sigma", "size", "q_a", "r")  # of them, what a line of code says also at the default

    @abstractmethod
    def update(self, **values: Any) -> Steps | None:
        """Make the picture of the values of the controls; by steps where that may take long."""

    @abstractmethod
    def readout(self) -> str:
        """HTML of the numbers that the picture shows."""

    def code(self) -> str:
        """One line of code that gives this panel in this state."""
        return call(self.explorer, self.given, self.always)

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the picture depends on now."""
        return ()

    def take(self, found: Any) -> None:
        """Make the picture of what a step has found."""
        raise NotImplementedError


LONGEST = 60.0  # seconds of a processor after which a task is given up


class Stopped(KeyboardInterrupt):
    """The reader has pressed Stop."""


class Run(threading.Thread):
    """A function in a thread of its own, since one that keeps the kernel busy would hear no button.

    Parameters
    ----------
    work : callable
        Gets a function to call now and then with how far it is; this raises `Stopped` once `stop` was called. What is
        raised ends up in `error`, what is returned in `result`.
    words : str
        What it does.
    """

    def __init__(self, work: Callable[[Callable[[Any], None]], Any], words: str = "") -> None:
        super().__init__(daemon=True)  # a kernel that is ended waits for nothing
        self.progress: Any = None  # the last that was told
        self.result: Any = None
        self.error: BaseException | None = None
        self.stopping = False  # whether it was asked to stop
        self.work, self.words = work, words
        self.start()

    def stop(self) -> None:
        """Ask it to stop, which it does when it next tells how far it is."""
        self.stopping = True

    def tell(self, progress: Any) -> None:
        """Tell how far it is."""
        self.progress = progress
        if self.stopping:
            raise Stopped

    def run(self) -> None:
        """Work."""
        try:
            self.result = self.work(self.tell)
        except BaseException as error:  # a thread has nobody else to tell
            self.error = error


def started(task: Task) -> Run:
    """Start a task that ends when it next breathes after it was asked to stop, or after `LONGEST`."""

    def work(tell: Callable[[Any], None]) -> Any:
        def watch() -> None:
            tell(None)
            if thread_time() - begun > LONGEST:
                raise TookLong(f"given up after {LONGEST:g} s of computing: {task.words}")

        begun = thread_time()
        with watched(watch):
            return task.work()

    return Run(work, task.words)


WORDS_AFTER = 0.2  # seconds without a move until numbers and code are written
PATIENCE = 0.15  # seconds that a move waits for its picture, before it says what is worked on and goes on beside
LOOK, GLANCE = 0.05, 0.02  # seconds between looks at such work, and that each look waits for more
FIRST, SHOWN = 2.0, 10.0  # seconds that a new panel waits for its picture, and one that a notebook is to keep
REST = object()  # a step: what follows waits until the sliders rest
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


def alert(words: str, note: str = "") -> str:
    """HTML of an error, in words."""
    lines = "<br>".join(escape(line) for line in (*words.splitlines(), note) if line)
    return f'<div role="alert" class="rsx-note">{lines}</div>'


def status(words: str) -> str:
    """HTML of what goes on, in words; nothing if there are none."""
    return f'<div role="status" class="rsx-note">{escape(words)}</div>' if words else ""


def _fill(place: widgets.HTML, html: str) -> None:
    place.value, place.layout.display = html, None if html else "none"


class Board(widgets.VBox):
    """Controls, those that few need behind "more", a place for what went wrong, and a line of code for this state."""

    def __init__(self, controls: Sequence[Control]) -> None:
        super().__init__()
        self.add_class("rsx-panel")
        self.controls = {control.name: control for control in controls}
        layout = {"grid_template_columns": "repeat(auto-fit, minmax(min(100%, 500px), 1fr))", "grid_gap": "2px 24px"}
        first, rest = ([c.row for c in controls if c.more is more] for more in (False, True))
        style = widgets.HTML(STYLE, layout={"display": "none"})
        parts: list[widgets.Widget] = [style, widgets.GridBox(first, layout=layout)]
        if rest:
            more = widgets.ToggleButton(description="more", tooltip="controls that few need")
            hidden = widgets.GridBox(rest, layout=layout | {"display": "none"})
            more.observe(lambda change: setattr(hidden.layout, "display", None if change.new else "none"), "value")
            parts += [more, hidden]
        self.grid = widgets.VBox(parts)
        self.message = widgets.HTML(layout={"display": "none"})
        self.cut = widgets.HTML(layout={"display": "none"})  # what was typed and is not taken as it is
        self.code = widgets.Textarea(description="code", rows=2, layout={"width": "98%"})
        self.code.tooltip = "the line of code that gives this state: select and copy it"
        for control in controls:
            control.refuse = self.warn

    @property
    def values(self) -> dict[str, Any]:
        """State of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def _say(self, words: str, note: str = "") -> None:
        _fill(self.message, alert(words, note) if words else "")

    def warn(self, words: str) -> None:
        """Say what is not taken as it was typed, or as a link has it; nothing if there are no words."""
        _fill(self.cut, status(words))


class Panel(Board):
    """A view under its controls.

    Parameters
    ----------
    view : View
    controls : sequence of Control
    explorer : callable
        What makes it; its name is that of the files of its pictures, and of its tab in a link.
    own_norm : callable, optional
        What the norm is set to, by the values of all, as long as the reader has not chosen one.
    """

    def __init__(
        self,
        view: View,
        controls: Sequence[Control],
        explorer: Callable[..., Any],
        own_norm: Callable[[dict[str, Any]], float] | None = None,
    ) -> None:
        super().__init__(controls)
        self.view, self.name, self.linked = view, explorer.__name__, False
        view.explorer = explorer
        self.picture: Picture | None = None  # what is shown
        self.chart = Chart()
        self.working = widgets.HTML()
        self.working.add_class("rsx-work")
        self.readout = widgets.HTML()
        self._start, self._own_norm = self.values, own_norm
        self._chosen: set[str] = set()  # the controls that were moved
        self.reset = widgets.Button(description="reset", tooltip="set every control as it was at first")
        self.reset.on_click(lambda button: self._reset())
        self.save = widgets.Button(description="save figure", tooltip="make files of the picture, to download")
        self.save.on_click(lambda button: self._save())
        self.copy, self.saved = widgets.HTML(), widgets.HTML()
        for button in (self.reset, self.save):
            button.layout.width = "auto"
        tools = widgets.HBox([self.reset, self.save, self.copy, self.saved], layout={"flex_flow": "row wrap"})
        parts = [self.grid, self.cut, self.message, self.working, self.chart, tools, self.readout, self.code]
        self.children = parts
        self.turn = threading.RLock()
        self._held = False
        self._pending: asyncio.TimerHandle | None = None
        self._work: Steps = _nothing()
        self._run: Run | None = None
        self._current = self._to_save = self._paused = False
        self._since = 0.0
        for control in controls:
            control.observe(partial(self._refresh, control.name))
        self._draw()
        if not self._current:
            self._go_on(monotonic() + FIRST)

    def move(self, **values: Any) -> None:
        """Set several controls and draw once."""
        self._chosen |= values.keys()
        self._set(values)
        self._refresh()

    def finish(self, within: float = inf) -> None:
        """Do at once what was put off until the controls rest, or as much of it as `within` seconds allow."""
        # where nothing goes on by itself there is no later
        self._go_on(inf if running_loop() is None else monotonic() + within, rested=True)

    def pause(self) -> None:
        """End the work in hand, as nobody looks; `resume` takes it up."""
        with self.turn:
            if self._run is not None or self._pending is not None:
                self._drop()
                self._paused = True

    def resume(self) -> None:
        """Go on with what was paused."""
        if self._paused:
            self._draw()

    @property
    def state(self) -> dict[str, str]:
        """What differs from the start, as texts that a link holds."""
        return {name: c.text for name, c in self.controls.items() if c.value != self._start[name]}

    def restore(self, state: Mapping[str, str]) -> None:
        """Set what a link holds, and say what was cut to a range; ValueError if a control has no such value."""
        read = {name: self.controls[name].read(text) for name, text in state.items() if name in self.controls}
        self.move(**read)
        self.warn(". ".join(filter(None, (self.controls[name].taken(value) for name, value in read.items()))))

    def _set(self, values: Mapping[str, Any]) -> None:
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False

    def _reset(self) -> None:
        self._chosen.clear()
        self._set(self._start)
        self.warn("")
        self._draw()

    def _refresh(self, name: str = "") -> None:
        if self._held:
            return
        self._chosen |= {name} - {""}
        if self._own_norm is not None and "norm" not in self._chosen:
            self._set({"norm": self._own_norm(self.values)})
        self._draw()

    def _drop(self) -> None:
        """End what is worked on."""
        if self._run is not None:
            self._run.stop()
        if self._pending is not None:
            self._pending.cancel()
        self._work, self._run, self._pending = _nothing(), None, None

    def _draw(self) -> None:
        """Draw the state of the controls, at once where it is quick; what was begun for another state is dropped."""
        with self.turn:
            self._drop()
            self._work, self._current, self._paused = self._stages(), False, False
            # who has waited once does not wait again at every step of a slider
            self._go_on(monotonic() + (0 if self.working.value else PATIENCE))

    def _stages(self) -> Steps:
        """All that a state asks for."""
        yield from self.view.update(**self.values) or ()
        self._paint()
        self._say("")
        yield REST
        yield from self.view.later
        self._write()
        if self._to_save:
            self._make_files()

    def _paint(self) -> None:
        self._current, self.picture = True, self.view.picture
        self.chart.picture = self.picture

    def _go_on(self, until: float, rested: bool = False) -> None:
        """Go on until the work waits: for a task, for the sliders to rest, or for the kernel to take messages."""
        with self.turn:
            if self._pending is not None:
                self._pending.cancel()
                self._pending = None
            wait: float | None = None
            try:
                wait = self._steps(until, rested)
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

    def _steps(self, until: float, rested: bool) -> float | None:
        """Take steps; return after how many seconds the next one is due, None if there is none left."""
        ended: Run | None = None
        while True:
            if self._run is not None:
                self._run.join(None if until == inf else max(until - monotonic(), 0.0))
                if self._run.is_alive():
                    self._tell(self._run.words)
                    return LOOK
                ended, self._run = self._run, None
            try:  # what the task of the last step has come to goes back
                if ended is not None and ended.error is not None:
                    step = self._work.throw(ended.error)
                else:
                    step = self._work.send(ended and ended.result)
            except StopIteration:
                return None
            ended = None
            if isinstance(step, Task):
                self._run = started(step)
            elif step is REST:
                if not rested:
                    return WORDS_AFTER
            else:
                self.view.take(step)
                self._paint()
                self._write()

    def _tell(self, words: str) -> None:
        """Say what is worked on, above the picture, which stays where it is."""
        if not self.working.value:
            self._since = monotonic()
        before = "" if self._current else "; until then picture and numbers are those of before"
        said = f"working: {words} ({monotonic() - self._since:.0f} s){before}"
        self.working.value = status(said if words else "")
        self.chart.working = bool(words)

    def _write(self) -> None:
        self.readout.value = self.view.readout()
        self.code.value = line = self.view.code()
        said = "copy the line of code that gives this state"
        self.copy.value = (
            f'<button {BUTTON} data-code="{escape(line)}" title="{said}" onclick=\'{COPY}\'>copy as code</button>'
        )
        if self.linked:
            self.copy.value += (
                f' <a href="?{escape(urlencode({"tab": self.name, **self.state}))}">link to this state</a>'
            )
        self.saved.value = ""  # files of another state
        idle = set(self.view.idle())
        for name, control in self.controls.items():
            control.show(name not in idle)

    def _save(self) -> None:
        self._to_save = True
        self.finish(PATIENCE)
        if self.working.value:
            self.saved.value = "The files come when the picture is finished."
        elif self._to_save:  # all was done before
            self._make_files()

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


def _nothing() -> Steps:
    yield from ()
