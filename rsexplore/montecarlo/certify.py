"""Certification: the votes of every image, logged as they are counted."""

import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from os import PathLike
from typing import Any

import torch
from numpy.typing import ArrayLike

import rsexplore
from rsexplore import noises, records
from rsexplore.bound import Bound
from rsexplore.log import kept, writable
from rsexplore.montecarlo.job import Job, info, job
from rsexplore.montecarlo.logits import Model
from rsexplore.montecarlo.progress import Progress, Reporter
from rsexplore.montecarlo.runner import Plan, Runner, Survey
from rsexplore.montecarlo.scaleout import RemoteRunner
from rsexplore.montecarlo.stopping import stop_at
from rsexplore.noises import Noise
from rsexplore.records import Header, Records, Row


def certify(
    model: Model,
    images: ArrayLike | torch.Tensor,
    labels: ArrayLike,
    noise: Noise,
    n0: int = 100,
    n: int = 100_000,
    alpha: float = 0.001,
    seed: int = 0,
    log: str | PathLike[str] | None = None,
    *,
    radius: float | None = None,
    bound: Bound | str | None = None,
    norm: float | None = None,
    indices: ArrayLike | None = None,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
    threads: int | None = None,
    autocast: str | torch.dtype | None = None,
    compile: bool = False,
    channels_last: bool = False,
    grid: int | None = None,
    executor: Any = None,
    data: str = "",
    progress: bool | Callable[[Progress], Any] = True,
) -> Records:
    """Votes of a classifier under noise, from which every bound certifies.

    Each image is drawn `n0` times to select a class, then `n` times to count its votes, by a generator of its own.
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
    labels : array_like of int, shape (images,)
        True classes.
    noise : Noise
        Law of the additive noise.
    n0, n : int, >= 1
        Draws for the selection and for the estimation.
    alpha : float, in (0, 1)
        Failure probability of one image's statement; kept in the header.
    seed : int, >= 0
        Seed of the run; an image's generator starts from (seed, its index).
    log : path, optional
        Where each image's counts are appended and fsynced when done. The log of an unfinished run is gone on with, by
        the same call: its images are fixed, so more of them are another run, which needs another log. A UserWarning
        tells of half a line that is left out, of another card or library, and of a model that has no digest.
    radius : float, optional
        Wanted radius, in the input's units. Each image ends as soon as its votes certify it, or rule out that n would,
        with a bound that holds at every number of draws (`rsexplore.confidence`); the log says so, and is read so.
    bound, norm : Bound or its key, and float, optional
        What certifies `radius`, and in which norm if not in the bound's own.
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
    compile, channels_last : bool
        Whether the model is compiled, once for the one shape of the votes, or it and its batches are put into that
        memory format, in which some networks are faster.
    grid : int, >= 1, optional
        Steps in one unit of the input (255 for 8-bit images in [0, 1]), where certificates are to hold in spite of
        rounding: see `montecarlo.grid`. Images must be whole multiples of 1 / grid, and so are the noisy copies.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the images are shared out; rows are logged here as they come. Its workers need this package.
    data : str
        Name of the data; kept in the header, beside least and largest pixel and a digest of images, labels, indices.
    progress : bool or callable
        Whether a bar with rate, time left, clean and noisy accuracy is shown. A callable gets these as a `Progress`
        after each batch, or some small ones, and before the first one where something takes its time (`doing` says
        what); what it raises is passed on, as a KeyboardInterrupt is.

    Returns
    -------
    Records
        One row an image, in their order; a log has them in that in which they ended.

    Raises
    ------
    ValueError
        An argument has a wrong shape or range; the message names it.
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
    task = job(
        model, images, labels, indices, None if executor else device, noise=noise, n0=n0, n=n, alpha=alpha, seed=seed,
        batch_size=batch_size, threads=threads, autocast=autocast, compile=compile, channels_last=channels_last,
        device=device, grid=grid,
    )  # fmt: skip
    stop = None if radius is None else stop_at(radius, bound, norm, noise, n, alpha)
    if radius is None and (bound, norm) != (None, None):
        raise ValueError("certify: bound and norm are for a wanted radius; without one, ask them of the records")
    plan = task.plan(stop)
    header, path = _header(task, plan, data, executor is None), writable(log)
    runner = Runner(plan) if executor is None else RemoteRunner(plan, executor)
    copies = len(task.images) * (task.n0 + task.n)
    places = {index: place for place, index in enumerate(task.indices.tolist())}
    with Reporter(progress, copies, len(task.images)) as reporter:
        survey = runner.survey(task.images, copies, reporter.doing)
        task.check_classes(survey.num_classes)
        header = replace(header, model={**header.model, "clean": [list(answer) for answer in survey.answers]})
        with kept(header, path, dict(zip(places, task.labels.tolist(), strict=True))) as (rows, keep):
            if rows and header.model["digest"] is None:
                warnings.warn(
                    f"certify: the model is a plain callable, so that its answers to {len(survey.answers)} clean "
                    f"images are all that shows it to be the one that {path} was begun with",
                    stacklevel=2,
                )
            _run(task, runner, survey, rows, keep, reporter)
    return records.from_rows(header, sorted(rows, key=lambda row: places[row.index]))


def _header(task: Job, plan: Plan, data: str, here: bool) -> Header:
    # another torch, or another kind of device, may draw other numbers from the same seed
    device = task.images.device if plan.device is None else torch.device(plan.device)
    versions = {"rsexplore": rsexplore.__version__, "torch": torch.__version__, "device": device.type}
    return Header(
        noise=noises.to_dict(task.noise),
        n0=int(task.n0),
        n=int(task.n),
        alpha=float(task.alpha),
        seed=int(task.seed),
        model=task.model_entry(),
        data=task.data_entry(data),
        versions=versions,
        stop=None if plan.stop is None else plan.stop.header(),
        grid=plan.grid,
        info=info(device) if here else None,  # of the machines of workers nothing is known
    )


def _run(
    task: Job,
    runner: Runner | RemoteRunner,
    survey: Survey,
    rows: list[Row],
    keep: Callable[[Row], None],
    reporter: Reporter,
) -> None:
    finished = {row.index for row in rows}
    places = [place for place, index in enumerate(task.indices.tolist()) if index not in finished]
    if not places:
        return
    reporter.begin((task.n0 + task.n) * len(places), survey.clean == task.labels[: len(survey.clean)], rows)
    if task.compile:
        reporter.doing("compiling")
    stop, chosen = runner.plan.stop, (task.images[places], task.labels[places], task.indices[places])
    with closing(runner.rows(*chosen, survey, reporter.tick)) as found:
        for row in found:
            row = row if stop is None else replace(row, end=stop.end(row))
            keep(row)
            reporter.add(row, task.n - row.draws)
