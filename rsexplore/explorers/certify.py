"""Certification in a notebook: what is chosen, the run, and what it has found."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, prod
from os import PathLike
from os.path import expanduser
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic
from typing import Any
from weakref import finalize
from zipfile import BadZipFile, ZipFile

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from rsexplore import noises, records
from rsexplore.comparison import exact_bound
from rsexplore.data import Names
from rsexplore.explorers import controls
from rsexplore.explorers.certified_accuracy import certified_accuracy
from rsexplore.explorers.controls import Control, Number, choice, text
from rsexplore.explorers.one_image import one_image
from rsexplore.explorers.panel import Board, Panel, Run, Stopped, running_loop
from rsexplore.noises import Noise
from rsexplore.patience import Task, breathe
from rsexplore.pictures.accuracy import shipped
from rsexplore.records import Records

FILE, GIVEN = "a file", "what you gave"
DIMENSIONS = {"digits": 64, "cifar10": 3072, "imagenet": 150_528}


def dimension(data: str) -> int | None:
    """Coordinates of an image, as far as the name of the data or the head of its file tells; None if neither does."""
    if known := DIMENSIONS.get(data.partition(":")[0]):
        return known
    if Path(data).expanduser().is_dir():
        return DIMENSIONS["imagenet"]  # pictures are cropped alike
    try:
        with ZipFile(data) as file, file.open("images.npy") as array:
            version = np.lib.format.read_magic(array)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            return prod(read(array)[0][1:])
    except (OSError, BadZipFile, KeyError, ValueError):
        return None


@dataclass
class Setting:
    """One setting of the controls, by which votes are counted."""

    values: Mapping[str, Any]  # of the controls
    given: Any  # a network that is not in a file
    fixed: Mapping[str, Any]  # n0, alpha, seed and names
    log: Path
    pictures: dict[int, NDArray] = field(default_factory=dict)  # once they are loaded
    warned: str = ""  # what the run has warned of
    progress: Any = None  # how far it is

    def tell(self, progress: Any) -> None:
        """Tell how far it is; raise what ends it if it is to stop."""
        self.progress = progress
        breathe()

    def run(self) -> Records:
        """Load what is needed, and count the votes."""
        from rsexplore import montecarlo

        v, data = self.values, self.values["data"].strip()
        model = self._model(montecarlo)
        which = slice(0, v["images"] * v["every"], v["every"])
        split = montecarlo.load_images(data, which, names=self.fixed["names"])
        self.pictures = dict(zip(split.index.tolist(), split.images, strict=True))
        noise = controls.member(v, dim=int(np.prod(split.images.shape[1:])))
        wish: dict[str, Any] = {"n0": self.fixed["n0"]}
        if v["radius"]:
            if (bound := exact_bound(noise, v["norm"])) is None:
                raise ValueError(
                    f"a wanted radius needs a norm in which the exact one is known: {noise.family} noise has "
                    f"l{noise.natural_norm:g}, got l{v['norm']:g}"
                )
            wish = {"radius": v["radius"], "bound": bound, "norm": v["norm"]}
        wish |= {name: self.fixed[name] for name in ("alpha", "seed", "names")}
        wish |= {"n": v["n"], "device": v["device"], "data": montecarlo.data_name(data), "log": self.log}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            found = montecarlo.certify(
                model, split.images, split.labels, noise, indices=split.index, progress=self.tell, **wish
            )
        self.warned = " ".join(str(one.message) for one in told if issubclass(one.category, UserWarning))
        return found

    def _model(self, montecarlo: Any) -> Any:
        v = self.values
        if v["model"] == GIVEN:
            return self.given
        if v["model"] != FILE:
            return montecarlo.load_model(v["model"])
        file, arch, how = (v[name].strip() for name in ("file", "arch", "normalize"))
        if not file:
            raise ValueError("certify needs the path of a checkpoint in the field 'checkpoint', got an empty one")
        return montecarlo.load_model(file, arch=arch or None, normalize=montecarlo.normalization(how) if how else None)


LOOK = 0.2  # seconds between looks at how far a run is
SAID = ("data", "images", "every", "n", "n0", "radius", "alpha", "seed", "log", "arch", "normalize", "norm", "device")


class CertifyPanel(Board):
    """Controls of a run, the run, and the panels over its records."""

    def __init__(
        self, chosen: Sequence[Control], more: Sequence[Control], given: Any, fixed: Mapping[str, Any], own_norm: bool
    ) -> None:
        norm_of = None if own_norm else lambda values: controls.own_norm(_noise(values))
        super().__init__(chosen, more, norm_of)
        self.records: Records | None = None
        self.views: dict[str, Panel] = {}  # over the records
        self._given, self._fixed = given, fixed
        self._run: Run | None = None
        self._kept = Path(mkdtemp(prefix="rsexplore-"))  # for logs without a path
        finalize(self, rmtree, self._kept, ignore_errors=True)
        self.run = widgets.Button(description="Run", button_style="primary", tooltip="count votes, or go on doing so")
        self.stop = widgets.Button(description="Stop", disabled=True, tooltip="stop; Run goes on from there")
        self.bar = widgets.FloatProgress(min=0, max=1, value=0, layout={"flex": "1 1 auto", "min_width": "120px"})
        self.status = widgets.HTML("nothing was run yet")
        self.results = widgets.VBox()
        line = widgets.HBox([self.run, self.stop, self.bar])
        self.children = [self.grid, self.cut, line, self.status, self.message, self.code, self.results]
        self.run.on_click(lambda button: self.start())
        self.stop.on_click(lambda button: self._stop())
        self.changed()

    def start(self) -> None:
        """Run what the controls say, or go on with it."""
        if self._run is not None:
            return
        values = self.values
        if values["log"].strip():
            log = Path(expanduser(values["log"].strip()))  # which a user that is not there leaves as it is
        else:
            # one file for each run, so that one that was stopped goes on when its settings come back
            unlike = {"log"} if values["radius"] else {"log", "norm"}
            named = sorted((name, str(x)) for name, x in {**values, **self._fixed}.items() if name not in unlike)
            log = self._kept / f"{hashlib.sha256(repr(named).encode()).hexdigest()[:12]}.tsv"
        self._say("")
        self.run.disabled, self.stop.disabled, self.bar.value = True, False, 0.0
        self.status.value = "loading the model and the images"
        self._job = Setting(values, self._given, self._fixed, log)
        self._run = Run(Task("votes", self._job.run))
        self._turn()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the run, or so long; for cells that need its records."""
        end = monotonic() + (inf if seconds is None else seconds)
        while self._run is not None and monotonic() < end:
            self._run.join(LOOK)
            self._look()

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stopping = self.stop.disabled = True
            self.status.value += ", stopping"

    def _turn(self) -> None:
        """Look again and again; where no loop runs `wait` looks."""
        self._look()
        if self._run is not None and (loop := running_loop()) is not None:
            loop.call_later(LOOK, self._turn)

    def _look(self) -> None:
        """Show how far the run is, and what it has found once it has ended."""
        run = self._run
        if run is None:
            return
        if run.is_alive():
            if (progress := self._job.progress) is not None:
                self.bar.value = progress.votes / max(progress.total, 1)
                self.status.value = _progress(progress) + ", stopping" * run.stopping
            return
        self._run = None
        self.run.disabled, self.stop.disabled = False, True
        try:
            self.status.value = "not run to its end"
            self._end(None if isinstance(run.task.exception(), Stopped) else run.task.result())
        except Exception as error:
            self._say(_words(error))

    def _end(self, found: Records | None) -> None:
        job = self._job
        if found is None and job.log.exists() and job.log.stat().st_size:
            found = records.read(job.log)
        done, wanted = 0 if found is None else len(found), len(job.pictures) or job.values["images"]
        if done < wanted:
            ended = f"stopped: {done} of {wanted} images are counted, and Run goes on from there"
        else:
            self.bar.value, ended = 1.0, f"{done} images are counted"
        kept = f"Votes are in {job.log}" if self.values["log"].strip() else "Votes are kept as long as this panel is"
        self.status.value = f"{ended}. {kept}"
        if found is None or not done:
            return
        self.records = found
        self.warn(job.warned)
        right = f" Selected class right: {np.mean(found.predict == found.label):.1%}." if found.labelled else ""
        self.status.value += f".{right} {found.spent}"
        norm, own = self.values["norm"], (type(found.noise), found.noise.sigma)
        alike = {name: curve for name, curve in shipped().items() if (type(curve.noise), curve.noise.sigma) == own}
        self.views = {}
        if found.labelled:
            try:
                self.views["All images"] = certified_accuracy({"this run": found, **alike}, norm=norm)
            except LookupError as error:  # there is no bound for this noise
                self._say(_words(error))
        self.views["One image"] = one_image(found, job.pictures, norm=norm)
        self.results.children = [part for head, view in self.views.items() for part in (_head(head), view)]

    def changed(self) -> None:
        """Hide what means nothing now, take the norm to the panels over the records, and say the code."""
        values, fixed, noise = self.values, self._fixed, _noise(self.values)
        hidden = {*controls.unused(noise), *(() if values["model"] == FILE else ("file", "arch", "normalize"))}
        for name, control in self.controls.items():
            control.show(name not in hidden)
        for panel in self.views.values():
            if panel.values["norm"] != values["norm"]:
                panel.move(norm=values["norm"])
        source = values["file"] if values["model"] == FILE else values["model"]
        given = {"model": source, "noise": noise} | {name: {**values, **fixed}[name] for name in SAID}
        line = controls.call(certify, given, always=("model",)).replace(f"model={GIVEN!r}", "model=model")
        remarks = ["model: what you gave"] if source == GIVEN else []
        remarks += ["without your names="] if fixed["names"] is not None else []
        if dimension(values["data"].strip()) is None:
            remarks.append(f"dim={controls.DIM} is assumed, until the images are found")
        self.code.value = line + "  # " * bool(remarks) + "; ".join(remarks)


def _noise(values: Mapping[str, Any]) -> Noise:
    return controls.member(values, dim=dimension(values["data"].strip()) or controls.DIM)


def _head(words: str) -> widgets.HTML:
    return widgets.HTML(f'<div style="margin-top:10px;font-size:15px;font-weight:600">{words}</div>')


def _words(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _progress(p: Any) -> str:
    if p.doing:
        return f"{p.images} of {p.of} images; {p.doing}"
    left = f", {_time(p.left)} left" if isfinite(p.left) else ""
    clean = f"; right: clean {p.clean:.1%}" if isfinite(p.clean) else ""
    noisy = f", under noise {p.noisy:.1%}" if isfinite(p.noisy) else ""
    rate = f"{p.rate:,.0f} votes/s" if isfinite(p.rate) else ""
    return f"{p.images} of {p.of} images, {rate}{left}{clean}{noisy}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def certify(
    model: Any = "digits-gaussian-0.25",
    noise: Noise | None = None,
    *,
    data: str = "digits",
    images: int = 50,
    every: int = 1,
    n: int = 1000,
    n0: int = 100,
    radius: float = 0.0,
    alpha: float = 0.001,
    seed: int = 0,
    norm: float | None = None,
    device: str | None = None,
    log: str | PathLike[str] = "",
    arch: str = "",
    normalize: str = "",
    names: Names | None = None,
) -> CertifyPanel:
    """Choose a model, images and noise, count votes on any device, and slide over what was counted. Needs torch.

    A run that is stopped goes on with the next press of Run, and with a log also after the kernel has ended.

    Parameters
    ----------
    model : str, path, or nn.Module
        A shipped model's name, a checkpoint, or a network.
    noise : Noise, optional
        Where to start; Gaussian(0.25) if absent.
    data : str
        As `montecarlo.load_images` takes it: "digits", "cifar10:DIR", "imagenet:DIR", a folder of pictures or an .npz
        file.
    images, every : int
        How many images, from the first on, and whether each, or every 100th, say.
    n, n0 : int
        Draws that count the votes, and that select the class.
    radius : float >= 0
        Each image ends as soon as its votes certify this radius, in that norm, or there is little hope of it; no sample
        selects the class then. 0: all votes of all images are counted.
    alpha : float in (0, 1)
        Failure probability of a radius, for a start.
    seed : int
        Of the run.
    norm : float >= 1, optional
        Norm of the radii; that in which most is known of the noise if absent. It is part of a run for a wanted radius
        only.
    device : str, optional
        One of `montecarlo.devices()`; the first GPU, or the processor, if absent.
    log : path
        Where votes are kept; if empty, in a temporary folder, until the panel is gone.
    arch, normalize : str
        For a checkpoint that does not say: as in `montecarlo.load_model`.
    names : optional
        Of the classes, as `data.class_names` takes them.

    Returns
    -------
    CertifyPanel
        `records` holds the votes once something was run; `start()` and `wait()` do in code what the button does.

    Raises
    ------
    ImportError
        torch is not installed.
    ValueError
        A number is below 1, or the device is not there.
    """
    from rsexplore import montecarlo

    here = montecarlo.devices()
    if min(images, every, n) < 1 or device not in (None, *here):
        got = f"images={images}, every={every}, n={n}, device={device!r}"
        raise ValueError(f"certify needs images, every and n of at least 1, and a device of {here}, got {got}")
    start = noises.Gaussian(0.25) if noise is None else noise
    own = not isinstance(model, (str, PathLike))
    named = not own and str(model) in montecarlo.names()
    models = {name: name for name in montecarlo.names()} | {FILE: FILE} | ({GIVEN: GIVEN} if own else {})
    chosen = [
        choice("model", "model", models, GIVEN if own else str(model) if named else FILE),
        text("data", "data", data, "digits, cifar10:DIR, imagenet:DIR, a folder of pictures, or an .npz file"),
        text("file", "checkpoint", "" if own or named else str(model), "a file, or torchvision:NAME, timm:NAME"),
        text("arch", "its architecture", arch, "where the file does not name it"),
        text("normalize", "its pixels", normalize, "where it lacks that: cifar10, imagenet, none, or MEAN,..:STD,.."),
        *controls.law(start),
        *controls.own(start),
        Number("images", "images", "from the first on", images, 1, 10_000, whole=True),
        Number("n", "votes n", "noisy copies an image", n, 100, 1_000_000, whole=True),
        controls.norm(start.natural_norm if norm is None else norm),
    ]
    more = [
        Number("every", "step", "from image to image", every, 1, 1000, whole=True),
        Number("radius", "wanted radius", "0: all votes", radius, 0, 10, scale="linear"),
        choice("device", "device", {name: name for name in here}, device or here[min(1, len(here) - 1)]),
        text("log", "file for the votes", str(log), "to keep them in; empty: as long as this panel is"),
    ]
    fixed = {"n0": n0, "alpha": alpha, "seed": seed, "names": names}
    return CertifyPanel(chosen, more, model if own else None, fixed, norm is not None)
