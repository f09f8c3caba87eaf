"""Certification: the votes of every image, logged as they are counted, and how far that is."""

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from math import isfinite, nan
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from tqdm.auto import tqdm

from rsexplore import __version__, noises, records
from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.data import Names, class_names
from rsexplore.log import CERTIFIED, SELECT, UNLABELLED, Header, Row, kept, writable
from rsexplore.montecarlo.logits import Model
from rsexplore.montecarlo.models import digest
from rsexplore.montecarlo.runner import Job, RemoteRunner, Runner, Survey, device_of, stop_for


class Progress(NamedTuple):
    """How far a run is."""

    images: int  # finished, with those that the log held
    of: int
    votes: int  # counted since the call
    total: int  # to be counted since the call; less where images end early
    seconds: float  # since counting began
    clean: float  # share of the clean images looked at that are put into their class; nan before, and without labels
    noisy: float  # share of votes for the true class, of finished images; nan before the first, and without labels
    doing: str = ""  # what is done before the first vote, in words; empty from then on

    @property
    def rate(self) -> float:
        """Votes a second."""
        return self.votes / self.seconds if self.seconds > 0 else nan

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first vote."""
        return (self.total - self.votes) / self.rate if self.votes else nan


def certify(
    model: Model,
    images: ArrayLike | torch.Tensor,
    labels: ArrayLike | None,
    noise: noises.Noise,
    n0: int | None = None,
    n: int | None = None,
    alpha: float | None = None,
    seed: int = 0,
    log: str | PathLike[str] | None = None,
    *,
    radius: float | None = None,
    precision: float | None = None,
    bound: Bound | str | None = None,
    norm: float | None = None,
    select: str = "votes",
    indices: ArrayLike | None = None,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
    threads: int | None = None,
    autocast: str | torch.dtype | None = None,
    fast: bool = False,
    compile: bool = False,
    channels_last: bool = False,
    grid: int | None = None,
    executor: Any = None,
    data: str = "",
    names: Names | None = None,
    progress: bool | Callable[[Progress], Any] = True,
) -> records.Records:
    """Votes of a classifier under noise, from which every bound certifies.

    Each image is drawn `n0` times to select a class, then `n` times to count its votes, by a generator of its own. With
    a wanted `radius` or `precision` it ends earlier.
    Radii, abstention and confidence are views of these counts: see `rsexplore.accuracy`. What they speak of is the
    smoothed classifier. So another `alpha` or another bound need no run of their own: they are asked of the records.

    Parameters
    ----------
    model : callable or nn.Module
        Maps a batch (b, ...) to logits (b, classes); in evaluation mode. An nn.Module gets its batches in its own
        floating type, a callable in float32. Logits may be -inf for classes that are ruled out.
    images : array_like of float, shape (images, ...)
        In the units of the noise (as a rule [0, 1]); a UserWarning tells of pictures outside of that, and of any values
        beyond 10. They are not changed.
    labels : array_like of int, shape (images,), or None
        True classes; where they are not known (None, or all -1) no share of right ones is said.
    noise : Noise
        Law of the noise. Of one that has so many `outcomes` (splitting noise) each is counted once, so that the vote is
        exact: n0, n and alpha are refused, the header says alpha = 0, and images must lie on the noise's grid.
    n0, n : int, >= 1
        Draws for the selection (100 if absent, 1,000 for a wanted precision, none for a wanted radius, with which it is
        refused) and for the estimation (100,000 if absent).
    alpha : float, in (0, 1)
        Failure probability of one image's statement (0.001 if absent); kept in the header.
    seed : int, >= 0
        Seed of the run; an image's generator starts from (seed, its index).
    log : path, optional
        Where each image's counts are appended and fsynced when done. The log of an unfinished run is gone on with, by
        the same call: its images are fixed, so more of them are another run, which needs another log. A UserWarning
        tells of half a line that is left out, of another card or library, and of a model that has no digest. Another
        one tells of images that only two bounds may give the wanted radius.
    radius : float, optional
        Wanted radius, in the input's units. Each image ends as soon as its votes certify it, or leave little hope that
        n would, by an exact sequential test at `alpha` (`rsexplore.sequential`); the log says so, and is read so: see
        `Records.q_a`.
    precision : float, in (0, 1), optional
        Part of the radius, of what n draws would give, that may be lost. The n0 draws of the selection set how many
        more an image gets; its bounds are from these alone, at any level and under any bound.
    bound, norm : Bound or its key, and float, optional
        What certifies `radius`, or whose radius is meant by `precision`, and in which norm if not in the bound's own.
    select : {"votes", "label"}
        Of a wanted radius: whether the class is the one that the votes certify, or the label, whose votes alone are
        tested then, so that such a run says nothing of the images that are put elsewhere.
    indices : array_like of int, shape (images,), optional
        The images' numbers in the log; 0, 1, 2, ... if absent.
    batch_size : int, >= 1, optional
        Noisy copies that pass through the model at once, halved where memory is short. If absent, it goes by the size
        of an image, on a GPU by a search of seconds; the noise does not depend on it.
    device : torch.device or str, optional
        Where to run; an nn.Module is moved there. If absent, where the model is.
    threads : int, >= 1, optional
        CPU threads of the run. If absent, 1 for images of fewer than `runner.SMALL_IMAGE` coordinates, else torch's
        setting.
    autocast : {"bfloat16", "float16"}, optional
        Precision in which torch runs what can be run so; noise is drawn and added in the images' own.
    fast : bool
        Whether a copy of the model is certified whose batch norms are folded into its convolutions, channels last, on a
        GPU with weights in bfloat16 (or `autocast`, which is then their type). It is another network: digest and header
        say so, and no log of the model itself is gone on with. Noise is drawn and added in float32. A UserWarning tells
        of batch norms that stay, or if there are none.
    compile, channels_last : bool
        Whether the model is compiled, once for the one shape of the votes, or it and its batches are put into that
        memory format, in which some networks are faster.
    grid : int, >= 1, optional
        Steps in one unit of the input (255 for 8-bit images in [0, 1]), where certificates are to hold in spite of
        rounding: see `montecarlo.grid`. Images must be whole multiples of 1 / grid, and so are the noisy copies.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the images are shared out; rows are logged here as they come. Its workers need this package.
    names : optional
        Of the classes, as `rsexplore.data.class_names` takes them; kept in the header.
    data : str
        Name of the data; kept in the header, beside least and largest pixel and a digest of images, labels, indices.
    progress : bool or callable
        Whether a bar with rate, time left, clean and noisy accuracy is shown. A callable gets these as a `Progress`
        after each batch, and before the first one where something takes its time (`doing` says
        what); what it raises is passed on, as a KeyboardInterrupt is.

    Returns
    -------
    Records
        One row an image, in their order; a log has them in that in which they ended.

    Raises
    ------
    ValueError
        An argument has a wrong shape or range; the message names it. Or with `fast` clean logits move by more than 5 %
        of what decides, or the model does not run.
    ModelOutputError
        The model's output is not (batch, classes), holds a nan, a +inf or no finite logit for some copy, or depends for
        one image on the others of its batch.
    LogInUseError
        Another run is writing `log`.
    rsexplore.records.LogHeaderError
        `log` belongs to another run; it is left as it is.
    OSError
        The log cannot be written any further. It holds every finished image, and the same call goes on from there.
    KeyboardInterrupt
        Passed on; the log holds every finished image, and the same call goes on from there.
    """
    if radius is not None and (n0, precision) != (None, None):
        raise ValueError(f"certify: a wanted radius takes neither n0 nor precision, got {n0=}, {precision=}")
    if select not in SELECT or (radius is None and select != "votes"):
        raise ValueError(f"certify: select must be one of {SELECT}, for a wanted radius, got select={select!r}")
    if exact := getattr(noise, "outcomes", None):
        given = {"n0": n0, "n": n, "alpha": alpha, "radius": radius, "precision": precision, "grid": grid}
        if wrong := [f"{name}={value!r}" for name, value in given.items() if value is not None]:
            raise ValueError(
                f"certify: votes of all {exact} outcomes of {noise!r} are exact; leave out {', '.join(wrong)}"
            )
        n0, n, alpha = 0, exact, 0.0
    n0 = (100 if precision is None else 1000) if n0 is None else n0
    n, alpha = 100_000 if n is None else n, 0.001 if alpha is None else alpha
    task = Job(
        model, images, labels, noise, n0, n, alpha, seed, indices=indices, batch_size=batch_size, device=device,
        threads=threads, autocast=autocast, fast=fast, compile=compile, channels_last=channels_last, grid=grid,
    )  # fmt: skip
    labelled = task.labels[0] != UNLABELLED
    if select == "label" and not labelled:
        raise ValueError("certify: select='label' needs the images' labels, got none")
    if (radius, precision) != (None, None):
        task.stop = stop_for(task, radius, precision, bound, norm, select)
        task.n0 = task.n0 if radius is None else 0
    elif (bound, norm) != (None, None):
        raise ValueError("certify: bound and norm are for a wanted radius or precision; else ask them of the records")
    noises.to_dict(noise)  # a log needs a noise of a known family, and the model is not looked at before that is clear
    made = getattr(model, "made_for", noise)  # of a denoiser
    if {**noises.to_dict(made), "dim": 0} != {**noises.to_dict(noise), "dim": 0}:
        warnings.warn(f"certify: the model's denoiser is for {made!r}, and noise={noise!r}", stacklevel=2)
    path, runner = writable(log), Runner(task) if executor is None else RemoteRunner(task, executor)
    places, copies = {index: place for place, index in enumerate(task.indices.tolist())}, task.n0 + task.n
    with closing(Reporter(progress, len(places) * copies, len(places))) as reporter:
        survey = runner.survey(task.images, len(places) * copies, reporter.doing)
        if (largest := task.labels.max()) >= survey.num_classes:
            raise ValueError(f"certify: the model knows {survey.num_classes} classes, but labels go up to {largest}")
        header = _header(task, survey, data, executor is None)
        if known := class_names(names):
            header = replace(header, classes=[known.get(key) or str(key) for key in range(survey.num_classes)])
        with kept(header, path, dict(zip(places, task.labels.tolist(), strict=True))) as (rows, keep):
            if rows and header.model["digest"] is None:
                warnings.warn(
                    f"certify: the model is a plain callable, so that its answers to {len(survey.answers)} clean "
                    f"images are all that shows it to be the one that {path} was begun with",
                    stacklevel=2,
                )
            done = {row.index for row in rows}
            if left := [place for index, place in places.items() if index not in done]:
                right = np.where(labelled, survey.clean == task.labels[: len(survey.clean)], nan)
                reporter.begin(len(left) * copies, right, rows)
                if compile:
                    reporter.doing("compiling")
                chosen = task.images[left], task.labels[left], task.indices[left]
                with closing(runner.rows(chosen, survey, reporter.tick)) as found:
                    for row in found:
                        keep(row)
                        reporter.add(row, task.n - row.draws)
    if task.stop and radius is not None and (others := [row for row in rows if row.end != CERTIFIED]):
        own, rival, draws = np.array([(row.count, row.rival, row.draws) for row in others]).T
        both = named(bound).radius(noise, own / draws, p_b=rival / draws, norm=norm) >= radius
        if both := (both & (draws - own > task.stop.header["q_a"] * draws)).sum():
            some = f"{both} of {len(others)} images that miss the wanted radius may have it by bounds on p_A and p_B"
            warnings.warn(f"certify: {some}, for a fixed n: without radius=, by Records.top_two", stacklevel=2)
    return records.from_rows(header, sorted(rows, key=lambda row: places[row.index]))


def _header(task: Job, survey: Survey, data: str, here: bool) -> Header:
    """Header of a run; of the machines of workers nothing is known, so that it tells of them only if it runs `here`."""
    model, images = task.model, task.images
    name, digest_ = getattr(model, "__name__", type(model).__name__), None
    if isinstance(model, nn.Module):
        given, digest_ = getattr(model, "name", None), digest(model)
        name = given if isinstance(given, str) else type(model).__name__
    # what changes the rounding of logits is part of the classifier that is certified
    ways = {"autocast": task.autocast, "fast": task.fast, "compile": task.compile, "channels_last": task.channels_last}
    ways = {way: value for way, value in ways.items() if value}
    total = hashlib.sha256(f"{tuple(images.shape)} {images.dtype}\n".encode())
    for image in images:
        total.update(image.cpu().numpy().tobytes())
    total.update(task.labels.tobytes() + task.indices.tobytes())
    span = {"min": float(images.min()), "max": float(images.max())}
    # another torch, or another kind of device, may draw other numbers from the same seed
    device = torch.device(device_of(task))
    return Header(
        noise=noises.to_dict(task.noise),
        n0=task.n0,
        n=task.n,
        alpha=task.alpha,
        seed=None if task.noise.outcomes else task.seed,
        model={"name": name, "digest": digest_, **ways, "clean": [list(answer) for answer in survey.answers]},
        data={"name": data, "images": len(images), "digest": total.hexdigest(), **span},
        versions={"rsexplore": __version__, "torch": torch.__version__, "device": device.type},
        stop=task.stop.header if task.stop else None,
        grid=task.grid,
        select=task.stop.select if task.stop else "votes" if task.noise.outcomes else None,
        training=told if isinstance(told := getattr(model, "trained", None), dict) and told else None,
        info=_info(device) if here else None,
    )


def _info(device: torch.device) -> dict[str, Any]:
    """What a run is made with, for a log's header: it tells, and decides nothing.

    Cards draw other numbers from one seed, and round otherwise with other flags.
    """
    backends = torch.backends
    return {
        "card": torch.cuda.get_device_name(device) if device.type == "cuda" else backends.cpu.get_cpu_capability(),
        "rsexplore": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version(),
        "cudnn.benchmark": backends.cudnn.benchmark,
        "cudnn.deterministic": backends.cudnn.deterministic,
        "cudnn.tf32": _tf32(backends.cudnn),
        "matmul.tf32": _tf32(backends.cuda.matmul),
    }


def _tf32(part: Any) -> bool | str:
    try:
        return bool(part.allow_tf32)
    except RuntimeError:  # it was set by its newer name, and torch refuses to tell it by the older one
        return str(part.fp32_precision)


class Reporter:
    """Counts votes and images, and shows or tells them, and what is done before the first vote.

    Parameters
    ----------
    wish : bool or callable
        Whether there is a bar, or what gets a `Progress` after each batch.
    total : int
        Votes to be counted.
    images : int
        Images of the run.
    """

    def __init__(self, wish: bool | Callable[[Progress], Any], total: int, images: int) -> None:
        self._wish, self._now, self._start = wish, Progress(0, images, 0, total, 0.0, nan, nan), time.perf_counter()
        self._head, self._right, self._counted = "", 0, 0
        self._bar = tqdm(total=total, unit=" votes", unit_scale=True, disable=callable(wish) or not wish, leave=False)

    def close(self) -> None:
        """Nothing more comes; the bar stays if counting had begun."""
        self._bar.close()

    def doing(self, what: str) -> None:
        """Something is done that counts no votes."""
        self.tick(doing=what)

    def begin(self, total: int, clean: NDArray[np.float64], rows: Iterable[Row]) -> None:
        """Counting begins: so many votes, of the clean images these put into their class, of the log these rows."""
        share = float(np.mean(clean))
        self._now, self._start = self._now._replace(total=total, clean=share), time.perf_counter()
        of = "" if len(clean) == self._now.of else f" of {len(clean)}"
        self._head = f"clean {share:.1%}{of}" if isfinite(share) else ""
        self._bar.leave = True
        self._bar.reset(total)
        for row in rows:
            self._count(row)

    def tick(self, copies: int = 0, doing: str = "", saved: int = 0) -> None:
        """So many more votes are counted, and so many fewer are to be counted than planned."""
        now, seconds = self._now, time.perf_counter() - self._start
        self._now = now._replace(votes=now.votes + copies, total=now.total - saved, seconds=seconds, doing=doing)
        self._bar.total = self._now.total
        self._bar.set_description(doing or self._head, refresh=False)
        self._bar.update(copies)
        if callable(self._wish):
            self._wish(self._now)

    def add(self, row: Row, saved: int) -> None:
        """Count an image as finished, with so many votes fewer than planned."""
        self._count(row)
        self.tick(saved=saved)

    def _count(self, row: Row) -> None:
        self._right, self._counted = self._right + row.counts.get(row.label, 0), self._counted + row.draws
        noisy = self._right / self._counted if self._counted and row.label != UNLABELLED else nan
        now = self._now = self._now._replace(images=self._now.images + 1, noisy=noisy)
        share = f", under noise {noisy:.1%}" if isfinite(noisy) else ""
        self._bar.set_postfix_str(f"{now.images}/{now.of} images{share}", refresh=False)
