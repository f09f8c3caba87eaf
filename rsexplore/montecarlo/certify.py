"""Certification: the votes of every image, logged as they are counted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

import rsexplore
from rsexplore import noises, records
from rsexplore.montecarlo.counts import BATCH_SIZE, Model, class_counts
from rsexplore.montecarlo.job import Job, job, whole_number
from rsexplore.montecarlo.logfile import kept, writable
from rsexplore.montecarlo.quality import predictions
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.noises import Noise
from rsexplore.records import Header, Records, Row

# Coordinates below which one thread is the default. Small layers gain nothing from a second one and wait for it after
# each: 2,000,000 votes of the shipped net took 11 s with one thread; with two, 16 s, and 127 s beside busy neighbours.
SMALL_IMAGE = 512


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
    indices: ArrayLike | None = None,
    batch_size: int = BATCH_SIZE,
    device: torch.device | str | None = None,
    threads: int | None = None,
    data: str = "",
    progress: bool = True,
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
        In the units of the noise (as a rule [0, 1]); a UserWarning tells of values beyond 10. They are not changed.
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
        the same call: its images are fixed, so more of them are another run, which needs another log.
    indices : array_like of int, shape (images,), optional
        The images' numbers in the log; 0, 1, 2, ... if absent.
    batch_size : int, >= 1
        Noisy copies that pass through the model at once; the noise does not depend on it.
    device : torch.device or str, optional
        Where to run; an nn.Module is moved there. If absent, where the model is.
    threads : int, >= 1, optional
        CPU threads of the run. If absent, 1 for images of fewer than `SMALL_IMAGE` coordinates, else torch's setting.
    data : str
        Name of the data; kept in the header, beside least and largest pixel and a digest of images, labels, indices.
    progress : bool
        Whether a bar with rate, time left, clean and noisy accuracy is shown.

    Returns
    -------
    Records
        One row an image.

    Raises
    ------
    ValueError
        An argument has a wrong shape or range; the message names it.
    ModelOutputError
        The model's output is not (batch, classes), or holds a nan, a +inf or no finite logit for some copy.
    LogInUseError
        Another run is writing `log`.
    rsexplore.records.LogHeaderError
        `log` belongs to another run; it is left as it is.
    KeyboardInterrupt
        Passed on; the log holds every finished image, and the same call goes on from there.
    """
    task = job(
        model, images, labels, indices, device, noise=noise, n0=n0, n=n, alpha=alpha, seed=seed, batch_size=batch_size
    )
    header, path = _header(task, data), writable(log)
    with _threads(threads, task):
        clean, num_classes = predictions(task.model, task.images, task.batch_size)
        task.check_classes(num_classes)
        with kept(header, path) as (rows, keep):
            _run(task, num_classes, rows, keep, f"clean {np.mean(clean == task.labels):.1%}", progress)
    return records.from_rows(header, rows)


@contextmanager
def _threads(asked: int | None, task: Job) -> Iterator[None]:
    """CPU threads for a while: torch's setting is the whole process's, so it is put back."""
    before = torch.get_num_threads()
    whole_number("threads", before if asked is None else asked, 1)
    torch.set_num_threads(asked or (1 if task.images[0].numel() < SMALL_IMAGE else before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _header(task: Job, data: str) -> Header:
    # another torch, or another kind of device, may draw other numbers from the same seed
    versions = {"rsexplore": rsexplore.__version__, "torch": torch.__version__, "device": task.images.device.type}
    return Header(
        noise=noises.to_dict(task.noise),
        n0=int(task.n0),
        n=int(task.n),
        alpha=float(task.alpha),
        seed=int(task.seed),
        model=task.model_entry(),
        data=task.data_entry(data),
        versions=versions,
    )


def _run(task: Job, num_classes: int, rows: list[Row], keep: Callable[[Row], None], title: str, progress: bool) -> None:
    finished = {row.index for row in rows}
    votes = sum(row.counts.get(row.label, 0) for row in rows)
    with tqdm(total=len(task.images), initial=len(rows), unit="image", desc=title, disable=not progress) as bar:
        for position, index in enumerate(task.indices.tolist()):
            if index in finished:
                continue
            row = _row(task, position, num_classes)
            keep(row)
            votes += row.counts.get(row.label, 0)
            bar.set_postfix_str(f"under noise {votes / (task.n * len(rows)):.1%}", refresh=False)
            bar.update()


def _row(task: Job, position: int, num_classes: int) -> Row:
    start = time.perf_counter()
    index, image = int(task.indices[position]), task.images[position]
    rng = TorchRng(task.seed, index, device=image.device)
    # two separate samples: a class chosen on the votes that certify it would fail up to twice as often
    counts0, counts = (
        class_counts(task.model, image, task.noise, size, rng, num_classes=num_classes, batch_size=task.batch_size)
        for size in (task.n0, task.n)
    )
    return Row(index, int(task.labels[position]), _sparse(counts0), _sparse(counts), time.perf_counter() - start)


def _sparse(counts: NDArray[np.int64]) -> dict[int, int]:
    return {label: count for label, count in enumerate(counts.tolist()) if count}
