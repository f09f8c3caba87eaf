"""A picture under controls: a move sends new values to the chart in the browser; what is slow is computed beside it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial, wraps
from html import escape
from math import inf
from time import monotonic, thread_time
from typing import Any
from urllib.parse import urlencode

import ipywidgets as widgets

from rsexplore.explorers.chart import Chart
from rsexplore.explorers.controls import Control
from rsexplore.patience import Task, TookLong, watched
from rsexplore.pictures import paper
from rsexplore.pictures.picture import Picture

Steps = Generator[Any, Any, None]  # of a `Task`, whose result is sent back, or of what `View.take` draws


def _in_turn(method: Callable[..., None]) -> Callable[..., None]:
    """A method of a panel that one thread calls at a time: JupyterLab takes messages of widgets in one of their own."""

    @wraps(method)
    def called(panel: Any, *args: Any, **options: Any) -> None:
        with panel.turn:
            method(panel, *args, **options)

    return called


class View(ABC):
    """What a panel shows: a picture, and the words that go with it."""

    picture: Picture  # set by `update`

    @abstractmethod
    def update(self, **values: Any) -> Steps | None:
        """Make the picture of the values of the controls; by steps where that may take long."""

    @abstractmethod
    def readout(self) -> str:
        """HTML of the numbers that the picture shows."""

    @abstractmethod
    def code(self) -> str:
        """One line of code that gives this panel in this state."""

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the picture depends on now."""
        return ()

    def slow(self) -> Steps:
        """Work that no slider should wait for."""
        yield from ()

    def take(self, found: Any) -> None:
        """Make the picture of what a step has found."""
        raise NotImplementedError


LONGEST = 60.0  # seconds of a processor after which a task is given up


class Stopped(KeyboardInterrupt):
    """The reader has pressed Stop."""


class Run:
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
        self.progress: Any = None  # the last that was told
        self.result: Any = None
        self.error: BaseException | None = None
        self.words = words
        self._work, self._wish = work, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)  # a kernel that is ended waits for nothing
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._wish.is_set()

    def stop(self) -> None:
        """Ask it to stop, which it does when it next tells how far it is."""
        self._wish.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end, or so long."""
        self._thread.join(seconds)

    def _tell(self, progress: Any) -> None:
        self.progress = progress
        if self._wish.is_set():
            raise Stopped

    def _run(self) -> None:
        try:
            self.result = self._work(self._tell)
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
        self.message.value = alert(words, note) if words else ""
        self.message.layout.display = None if words else "none"

    def warn(self, words: str) -> None:
        """Say what is not taken as it was typed, or as a link has it; nothing if there are no words."""
        self.cut.value = f'<div role="status" class="rsx-note">{escape(words)}</div>' if words else ""
        self.cut.layout.display = None if words else "none"


class Panel(Board):
    """A view under its controls.

    Parameters
    ----------
    view : View
    controls : sequence of Control
    name : str
        Of the files of its pictures, and of its tab in a link.
    follow : mapping of names to callables, optional
        What a control is set to, by the values of all, as long as the reader has not chosen for himself.
    """

    def __init__(
        self,
        view: View,
        controls: Sequence[Control],
        name: str,
        follow: Mapping[str, Callable[[dict[str, Any]], Any]] | None = None,
    ) -> None:
        super().__init__(controls)
        self.view, self.name, self.linked = view, name, False
        self.picture: Picture | None = None  # what is shown
        self.chart = Chart()
        self.working = widgets.HTML()
        self.working.add_class("rsx-work")
        self.readout = widgets.HTML()
        self._start, self._follow = self.values, dict(follow or {})
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
        self._go_on(inf if _loop() is None else monotonic() + within, rested=True)

    @_in_turn
    def pause(self) -> None:
        """End the work in hand, as nobody looks; `resume` takes it up."""
        if self._run is not None or self._pending is not None:
            if self._run is not None:
                self._run.stop()
            if self._pending is not None:
                self._pending.cancel()
            self._work, self._run, self._pending, self._paused = _nothing(), None, None, True

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
        values = self.values
        self._set({name: rule(values) for name, rule in self._follow.items() if name not in self._chosen})
        self._draw()

    @_in_turn
    def _draw(self) -> None:
        """Draw the state of the controls, at once where it is quick; what was begun for another state is dropped."""
        if self._run is not None:
            self._run.stop()
        self._work, self._run, self._current, self._paused = self._stages(), None, False, False
        # who has waited once does not wait again at every step of a slider
        self._go_on(monotonic() + (0 if self.working.value else PATIENCE))

    def _stages(self) -> Steps:
        """All that a state asks for."""
        yield from self.view.update(**self.values) or ()
        self._paint()
        self._say("")
        yield REST
        yield from self.view.slow()
        self._write()
        if self._to_save:
            self._make_files()

    def _paint(self) -> None:
        self._current, self.picture = True, self.view.picture
        self.chart.picture = self.picture

    @_in_turn
    def _go_on(self, until: float, rested: bool = False) -> None:
        """Go on until the work waits: for a task, for the sliders to rest, or for the kernel to take messages."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        wait: float | None = None
        try:
            wait = self._steps(until, rested)
        except Exception as error:
            # JupyterLab shows nothing of an error in a callback, so the panel says it itself
            self._work, self._run = _nothing(), None
            note = "The picture shows the last state that could be drawn." if self.picture else "Nothing is drawn yet."
            self._say(str(error) if isinstance(error, TookLong) else f"{type(error).__name__}: {error}", note)
        if wait is None:
            self._tell("")
        elif (loop := _loop()) is None:
            self.finish()
        else:
            self._pending = loop.call_later(wait, lambda: self._go_on(monotonic() + GLANCE, rested=True))

    def _steps(self, until: float, rested: bool) -> float | None:
        """Take steps; return after how many seconds the next one is due, None if there is none left."""
        ended: Run | None = None
        while True:
            if self._run is not None:
                self._run.wait(None if until == inf else max(until - monotonic(), 0.0))
                if self._run.alive:
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
        said = f"working: {escape(words)} ({monotonic() - self._since:.0f} s){before}"
        self.working.value = f'<div role="status" class="rsx-note">{said}</div>' if words else ""
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


def _loop() -> asyncio.AbstractEventLoop | None:
    """The loop of a kernel, which takes a slider's messages between its steps."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _nothing() -> Steps:
    yield from ()
