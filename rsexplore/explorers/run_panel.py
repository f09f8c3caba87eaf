"""A run and its panel: Run and Stop, how far it is, and the sliders over its votes."""

import asyncio
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic
from typing import Any
from weakref import finalize

import ipywidgets as widgets

from rsexplore.explorers import families
from rsexplore.explorers.certified_accuracy import certified_accuracy, shipped
from rsexplore.explorers.controls import Control
from rsexplore.explorers.job import FILE, GIVEN, Job, dimension
from rsexplore.explorers.one_image import one_image
from rsexplore.explorers.panel import Panel, alert
from rsexplore.explorers.running import Run, Stopped
from rsexplore.noises import Noise
from rsexplore.records import Records

LOOK = 0.2  # seconds between looks at how far a run is
# of `certify`, left out of the line of code; the device is not, for it differs between machines
DEFAULTS = {"data": "digits", "images": 50, "every": 1, "n": 1000, "n0": 100, "alpha": 0.001, "seed": 0, "log": "",
            "arch": "", "normalize": ""}  # fmt: skip


class CertifyPanel(widgets.VBox):
    """Controls of a run, the run, and the panels over its records."""

    def __init__(self, controls: list[Control], given: Any, fixed: Mapping[str, Any], width: int) -> None:
        self.controls = {control.name: control for control in controls}
        self.records: Records | None = None
        self.views: dict[str, Panel] = {}  # over the records
        self._given, self._fixed, self._width = given, fixed, width
        self._run: Run | None = None
        self._job: Job | None = None
        self._kept = Path(mkdtemp(prefix="rsexplore-"))  # for logs without a path
        finalize(self, rmtree, self._kept, ignore_errors=True)
        self.run = widgets.Button(description="Run", button_style="primary", tooltip="count votes, or go on doing so")
        self.stop = widgets.Button(description="Stop", disabled=True, tooltip="stop; Run goes on from there")
        self.bar = widgets.FloatProgress(min=0, max=1, value=0, layout={"flex": "1 1 auto", "min_width": "120px"})
        self.status = widgets.HTML("nothing was run yet")
        self.message = widgets.HTML(layout={"display": "none"})
        self.code = widgets.Textarea(description="code", rows=2, layout={"width": "98%"})
        self.results = widgets.VBox()
        grid = widgets.GridBox(
            [control.row for control in controls],
            layout={"grid_template_columns": "repeat(auto-fit, minmax(400px, 1fr))", "grid_gap": "2px 24px"},
        )
        line = widgets.HBox([self.run, self.stop, self.bar])
        super().__init__([grid, line, self.status, self.message, self.code, self.results])
        self.run.on_click(lambda button: self.start())
        self.stop.on_click(lambda button: self._stop())
        for control in controls:
            control.observe(self._changed)
        self._changed()

    @property
    def values(self) -> dict[str, Any]:
        """State of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def move(self, **values: Any) -> None:
        """Set several controls."""
        for name, value in values.items():
            self.controls[name].value = value

    def start(self) -> None:
        """Run what the controls say, or go on with it."""
        if self._run is not None:
            return
        self._say("")
        try:
            self._job = job = Job(self.values, self._given, self._fixed, self._kept)
        except Exception as error:
            self._say(_words(error))
            return
        self.run.disabled, self.stop.disabled, self.bar.value = True, False, 0.0
        self.status.value = "loading the model and the images"
        self._run = Run(job.run)
        self._later()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the run, or so long; for cells that need its records."""
        end = None if seconds is None else monotonic() + seconds
        while self._run is not None and (end is None or monotonic() < end):
            self._run.wait(LOOK)
            self._look()

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stop()
            self.stop.disabled = True
            self.status.value += ", stopping"

    def _later(self) -> None:
        try:
            asyncio.get_running_loop().call_later(LOOK, self._turn)
        except RuntimeError:  # not in a kernel: `wait` looks
            pass

    def _turn(self) -> None:
        if self._run is not None:
            self._look()
            self._later()

    def _look(self) -> None:
        """Show how far the run is, and what it has found once it has ended."""
        run, job = self._run, self._job
        if run is None or job is None:
            return
        if run.alive:
            if run.progress is not None:
                self.bar.value = run.progress.votes / max(run.progress.total, 1)
                self.status.value = _progress(run.progress) + (", stopping" if run.stopping else "")
            return
        self._run = None
        self.run.disabled, self.stop.disabled = False, True
        if run.error is not None and not isinstance(run.error, Stopped):
            self.status.value = "not run to its end"
            self._say(_words(run.error))
            return
        try:
            self._end(job, run.result)
        except Exception as error:
            self._say(_words(error))

    def _end(self, job: Job, found: Records | None) -> None:
        found = job.logged() if found is None else found
        done = 0 if found is None else len(found)
        stopped = done < job.images
        if not stopped:
            self.bar.value = 1.0
        ended = f"stopped: {done} of {job.images} images are counted, and Run goes on from there"
        kept = f"Votes are in {job.log}" if self.values["log"].strip() else "Votes are kept as long as this panel is"
        self.status.value = f"{ended if stopped else f'{done} images are counted'}. {kept}"
        if found is None or not done:
            return
        self.records = found
        right = sum(int(row.predict == row.label) for row in found.rows) / done
        self.status.value += f". Selected class right: {right:.1%}"
        norm = self.values["norm"]
        logs = {"this run": found} | {name: c for name, c in shipped().items() if _alike(c.noise, found.noise)}
        self.views = {}
        for head, make in (
            ("All images", lambda: certified_accuracy(logs, norm=norm, width=self._width)),
            ("One image", lambda: one_image(found, job.pictures, norm=norm, width=self._width)),
        ):
            try:
                self.views[head] = make()
            except LookupError as error:  # there is no bound for this noise
                self._say(_words(error))
        self.results.children = [part for head, view in self.views.items() for part in (_head(head), view)]

    def _changed(self) -> None:
        values = self.values
        own = values["model"] == FILE
        for name in ("file", "arch", "normalize"):
            self.controls[name].show(own)
        unused = set(families.unused(self._noise(values)))
        for name in ("k", "powers", "shape"):
            self.controls[name].show(name not in unused)
        for panel in self.views.values():
            if panel.values["norm"] != values["norm"]:
                panel.move(norm=values["norm"])
        self.code.value = self._code(values)

    def _noise(self, values: Mapping[str, Any]) -> Noise:
        rest = {name: values[name] for name in ("family", "sigma", "k", "powers", "shape")}
        return families.member(dim=dimension(values["data"].strip()) or families.DIM, **rest)

    def _code(self, values: Mapping[str, Any]) -> str:
        source = values["file"] if values["model"] == FILE else values["model"]
        shown = {name: {**values, **self._fixed}[name] for name in (*DEFAULTS, "norm", "device")}
        line = families.call("certify", {"model": source, "noise": self._noise(values), **shown}, DEFAULTS)
        remarks = ["model: what you gave"] if source == GIVEN else []
        if dimension(values["data"].strip()) is None:
            remarks.append(f"dim={families.DIM} is assumed, until the images are found")
        return line.replace(f"model={GIVEN!r}", "model=model") + "  # " * bool(remarks) + "; ".join(remarks)

    def _say(self, words: str) -> None:
        self.message.value = alert(words) if words else ""
        self.message.layout.display = None if words else "none"


def _head(words: str) -> widgets.HTML:
    return widgets.HTML(f'<div style="margin-top:10px;font-size:15px;font-weight:600">{words}</div>')


def _words(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _progress(p: Any) -> str:
    if p.doing:
        return f"{p.images} of {p.of} images; {p.doing}"
    left = f", {_time(p.left)} left" if isfinite(p.left) else ""
    noisy = f", under noise {p.noisy:.1%}" if isfinite(p.noisy) else ""
    rate = f"{p.rate:,.0f} votes/s" if isfinite(p.rate) else ""
    return f"{p.images} of {p.of} images, {rate}{left}; right: clean {p.clean:.1%}{noisy}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _alike(one: Noise, other: Noise) -> bool:
    return type(one) is type(other) and one.sigma == other.sigma
