"""A figure under controls: drawn once, after which only what moved is drawn; what is slow is computed beside it.

A full draw costs several times what drawing the moved artists does, so it is done only when axes change.
"""

import asyncio
import io
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from math import inf
from time import monotonic, thread_time
from typing import Any

import ipywidgets as widgets
import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.spines import Spine
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory
from PIL import Image, ImageDraw, ImageFont

from rsexplore.explorers.controls import Control
from rsexplore.patience import Task, TookLong, watched
from rsexplore.plots import style

WIDTH, DPI = 1000, 100  # pixels of a figure, and in an inch
# Titles and labels of axes have fixed places: Matplotlib's search for them is a third of the time of a full draw.
FIXED: dict[Any, Any] = style.PAPER | {"axes.titley": 1.0}
UNDER, BESIDE = 30, 46  # pixels from axes to the labels of x and y
ANCHORS = {"left": "l", "center": "m", "right": "r", "top": "a", "baseline": "s", "bottom": "d"}
LEADING = 0.1  # room between lines of text, in font sizes

Steps = Generator[Any, Any, None]  # a `Task`, whose result is sent back, or None where artists have moved


class View(ABC):
    """What a panel shows: a figure, kept as pixels, and the words that go with it.

    The height, and the boxes of axes (left, bottom, width, height), are in pixels; `beside` are those from each axes to
    the label of its y, where they are not `BESIDE`.
    """

    def __init__(self, height: int, *boxes: tuple[float, float, float, float], beside: Sequence[float] = ()) -> None:
        with matplotlib.rc_context(FIXED):
            self.figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI)
            self.figure.set_layout_engine("none")
            self.axes = [self.figure.add_axes((x / WIDTH, y / height, w / WIDTH, h / height)) for x, y, w, h in boxes]
            self.titles = [ax.set_title(" ") for ax in self.axes]
        for ax, (x, y, *_), gap in zip(self.axes, boxes, beside or [BESIDE] * len(boxes), strict=True):
            place, inside = self.figure.transFigure, ax.transAxes
            ax.xaxis.set_label_coords(0.5, (y - UNDER) / height, blended_transform_factory(inside, place))
            ax.yaxis.set_label_coords((x - gap) / WIDTH, 0.5, blended_transform_factory(place, inside))
        self._agg = FigureCanvasAgg(self.figure)
        self._frame: list[Any] = []
        self._background: Any = None
        self.full_draws = 0

    @abstractmethod
    def update(self, **values: Any) -> Steps | None:
        """Move the artists to the values of the controls; by steps where that may take long."""

    @abstractmethod
    def readout(self) -> str:
        """HTML of the numbers that the figure shows."""

    @abstractmethod
    def code(self) -> str:
        """One line of code that gives this panel in this state."""

    def idle(self) -> Iterable[str]:
        """Names of the controls that nothing in the figure depends on now."""
        return ()

    def slow(self) -> Steps:
        """Work that no slider should wait for, by tasks; None where artists have moved."""
        yield from ()

    def png(self) -> bytes:
        """Return the picture with the artists where they are now."""
        moving = [artist for ax in self.axes for artist in _over(ax)]
        for artist in moving:
            artist.set_animated(True)  # left out of the background
        frame = [(ax.get_xlim(), ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel()) for ax in self.axes]
        if frame != self._frame:
            self._agg.draw()
            self._frame, self._background = frame, self._agg.copy_from_bbox(self.figure.bbox)
            self.full_draws += 1
        else:
            self._agg.restore_region(self._background)
        plain: list[Text] = []
        for artist in moving:
            if isinstance(artist, Text) and "$" not in artist.get_text():
                plain.append(artist)
            elif artist.get_visible():
                artist.draw(self._agg.get_renderer())
        size = self._agg.get_width_height()
        image = Image.frombuffer("RGBA", size, self._agg.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
        for text in plain:
            if text.get_visible():
                write(image, text)
        stream = io.BytesIO()
        image.save(stream, "png", compress_level=1)
        return stream.getvalue()

    def saved(self, kind: str) -> bytes:
        """Return the figure as a file: "pdf" and "svg" are of lines, "png" has twice the pixels of the screen."""
        stream = io.BytesIO()
        self.figure.savefig(stream, format=kind, dpi=2 * DPI)
        return stream.getvalue()


def _over(ax: Axes) -> Iterator[Artist]:
    """Whatever is drawn over the ticks of axes, from back to front."""
    for artist in sorted(ax.get_children(), key=Artist.get_zorder):
        if not isinstance(artist, Axis) and artist is not ax.patch and (ax.axison or not isinstance(artist, Spine)):
            yield artist


def write(image: Image.Image, text: Text) -> None:
    """Write a text as Matplotlib would, which takes 2 ms for one: as long as for all curves together."""
    x, y = text.get_transform().transform(text.get_position())
    across, face = text.get_horizontalalignment(), text.get_fontproperties()
    size = face.get_size_in_points() * DPI / 72
    ImageDraw.Draw(image).text(
        (x, image.height - y),
        text.get_text(),
        tuple(round(255 * channel) for channel in to_rgb(text.get_color())),
        _font(face, size),
        ANCHORS[across] + ANCHORS[text.get_verticalalignment()],
        LEADING * size,
        across,
    )


@lru_cache
def _font(properties: FontProperties, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(properties), size)


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
WORKING = (
    '<div role="status" style="position:absolute;z-index:1;padding:2px 8px;border-left:4px solid #0072B2;'
    'background:#E8F1F8;color:#123">working: {} ({:.0f} s){}</div>'
)
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


class Board(widgets.VBox):
    """Controls, a place for what went wrong, and a line of code that gives this state."""

    def __init__(self, controls: Sequence[Control]) -> None:
        super().__init__()
        self.controls = {control.name: control for control in controls}
        self.grid = widgets.GridBox(
            [control.row for control in controls],
            layout={"grid_template_columns": "repeat(auto-fit, minmax(400px, 1fr))", "grid_gap": "2px 24px"},
        )
        self.message = widgets.HTML(layout={"display": "none"})
        self.code = widgets.Textarea(description="code", rows=2, layout={"width": "98%"})
        self.code.tooltip = "the line of code that gives this state: select and copy it"

    @property
    def values(self) -> dict[str, Any]:
        """State of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def _say(self, words: str, note: str = "") -> None:
        self.message.value = alert(words, note) if words else ""
        self.message.layout.display = None if words else "none"


class Panel(Board):
    """A view under its controls."""

    def __init__(self, view: View, controls: Sequence[Control], name: str) -> None:
        super().__init__(controls)
        self.view, self.name = view, name
        self.picture = b""  # the PNG that is shown
        # of a URL that holds the picture, for a page takes 5 ms longer to load it from anywhere else
        self.image = widgets.Image(format="url", layout={"max_width": "100%", "object_fit": "contain"})
        self.image.layout.width = f"{WIDTH}px"
        self.working = widgets.HTML(layout={"height": "0", "margin": "0", "overflow": "visible"})
        self.readout = widgets.HTML()
        start = self.values
        self.reset = widgets.Button(description="reset", tooltip="set every control as it was at first")
        self.reset.on_click(lambda button: self.move(**start))
        self.save = widgets.Button(description="save figure", tooltip="make files of the picture, to download")
        self.save.on_click(lambda button: self._save())
        self.copy, self.saved = widgets.HTML(), widgets.HTML()
        for button in (self.reset, self.save):
            button.layout.width = "auto"
        tools = widgets.HBox([self.reset, self.save, self.copy, self.saved])
        self.children = [self.grid, self.message, self.working, self.image, tools, self.readout, self.code]
        self._held = False
        self._pending: asyncio.TimerHandle | None = None
        self._work: Steps = _nothing()
        self._run: Run | None = None
        self._current = self._to_save = False
        self._since = 0.0
        for control in controls:
            control.observe(self._refresh)
        self._draw()
        self.finish(FIRST)

    def move(self, **values: Any) -> None:
        """Set several controls and draw once."""
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False
        self._refresh()

    def finish(self, within: float = inf) -> None:
        """Do at once what was put off until the controls rest, or as much of it as `within` seconds allow."""
        # where nothing goes on by itself there is no later
        self._go_on(inf if _loop() is None else monotonic() + within, rested=True)

    def _refresh(self) -> None:
        if not self._held:
            self._draw()

    def _draw(self) -> None:
        """Draw the state of the controls, at once where it is quick; what was begun for another state is dropped."""
        if self._run is not None:
            self._run.stop()
        self._work, self._run, self._current = self._stages(), None, False
        # who has waited once does not wait again at every step of a slider
        self._go_on(monotonic() + (0 if self.working.value else PATIENCE))

    def _stages(self) -> Steps:
        """All that a state asks for; None after artists have moved."""
        yield from self.view.update(**self.values) or ()
        self._paint()
        self._say("")
        yield REST
        yield from self.view.slow()
        self._write()
        if self._to_save:
            self._make_files()

    def _paint(self) -> None:
        self._current = True
        self.picture = self.view.png()
        self.image.value = b"data:image/png;base64," + b64encode(self.picture)

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
            try:
                step = _resume(self._work, ended)
            except StopIteration:
                return None
            ended = None
            if isinstance(step, Task):
                self._run = started(step)
            elif step is REST:
                if not rested:
                    return WORDS_AFTER
            else:
                self._paint()
                self._write()

    def _tell(self, words: str) -> None:
        """Say what is worked on, over the picture, which stays where it is."""
        if not self.working.value:
            self._since = monotonic()
        before = "" if self._current else "; until then picture and numbers are those of before"
        self.working.value = WORKING.format(escape(words), monotonic() - self._since, before) if words else ""

    def _write(self) -> None:
        self.readout.value = self.view.readout()
        self.code.value = self.view.code()
        self.copy.value = COPY.format(code=escape(self.code.value))
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
        links = []
        for kind, mime in KINDS.items():
            data = b64encode(self.view.saved(kind)).decode()
            file = f"{self.name}.{kind}"
            links.append(f'<a download="{file}" href="data:{mime};base64,{data}">{file}</a>')
        self.saved.value = "&nbsp; ".join(links)

    def _repr_mimebundle_(self, **kwargs: Any) -> Mapping[str, Any]:
        # the picture too, for readers without a kernel: nbconvert, and pages that show notebooks
        self.finish(SHOWN)
        bundle = dict(super()._repr_mimebundle_(**kwargs))
        return bundle | {"image/png": b64encode(self.picture).decode(), "text/plain": self.code.value}


def _loop() -> asyncio.AbstractEventLoop | None:
    """The loop of a kernel, which takes a slider's messages between its steps."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _nothing() -> Steps:
    yield from ()


def _resume(work: Steps, ended: Run | None) -> Any:
    """Take the next step, with what the task of the last one has come to."""
    if ended is None:
        return next(work)
    return work.send(ended.result) if ended.error is None else work.throw(ended.error)
