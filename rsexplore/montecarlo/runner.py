"""A run whose arguments are checked, and what one process does of it: a look at the model, then rows of votes.

Or several processes: images go to the workers of an executor, rows come back as they are done.
"""

import secrets
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import isfinite, prod
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor, nn

from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.check import is_number
from rsexplore.log import AT_N, CERTIFIED, GIVEN_UP, PILOT, PRECISE, SEQUENTIAL, UNLABELLED, Row
from rsexplore.montecarlo import engine, grid, logits, networks
from rsexplore.montecarlo.logits import Model
from rsexplore.montecarlo.rng import EvenRng, TorchRng, whole
from rsexplore.noises import Noise, Splitting
from rsexplore.sequential import Plan, plan

# Coordinates below which one thread is the default. Small layers gain nothing from a second one and wait for it after
# each: 2,000,000 votes of the shipped net took 11 s with one thread; with two, 16 s, and 127 s beside busy neighbours.
SMALL_IMAGE = 512
# Batch sizes that are tried on a GPU, in a run of so many copies at least; the seconds, and the part of the run, that
# this may take; batches of one size, of which the first pays for what is set up once; and the share of the best rate
# below which larger ones are not tried.
GPU_SIZES = tuple(2**power for power in range(6, 14))
SEARCHED = 25 * GPU_SIZES[-1]
LONGEST, SHARE, ROUNDS, NEAR = 5.0, 0.02, 3, 0.9
ANSWERS = 16  # to the first clean images, by which a log knows its model
# Votes at which radii are computed, to read others between them, and numbers of draws that a pilot may ask for; and by
# how much more is asked of it than it is to keep, for one whose votes all agree is optimistic
KNOTS, OPTIMISM = 200, 1.4
# Values beyond this are hardly anything in the unit of the noise: 0 .. 255 is a slip.
FAR = 10.0
BLUR = 1e-3  # how far beyond [0, 1] pixels are taken to be by rounding or resizing
# Of a run that is shared out: clean images that one worker looks at beforehand; tasks that the executor knows at once
# (so that not all images wait in its memory); votes below which several images share a task; and images of a task where
# most end early, so that they fill each other's batches.
SURVEYED, IN_FLIGHT, TASK_COPIES, STOPPED_TOGETHER = 64, 256, 20_000, 16
AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(eq=False)
class Job:
    """A run that can start: a caller's arguments, all checked, the arrays among them made into what stands behind.

    Images are kept in float32, or float64 for a model of that type: a narrow one rounds the noisy copies, not these.
    """

    model: Model
    images: Any  # Tensor (images, ...) floating
    labels: Any  # int64 (images,), all UNLABELLED where they are not known
    noise: Noise
    n0: int
    n: int
    alpha: float  # 0 where every outcome of the noise is counted, so that votes are exact
    seed: int
    indices: Any = None  # int64 (images,) numbers in the log, all different; 0, 1, 2, ... if absent
    batch_size: int | None = None  # by the size of an image, or a search, where None
    device: Any = None  # where the model is, if None
    threads: int | None = None
    autocast: Any = None  # a key of AUTOCAST
    fast: Any = False  # in words what was done to `model`, if anything
    compile: bool = False
    channels_last: bool = False
    grid: int | None = None  # steps in one unit of the input, where images and noise are whole numbers of them
    stop: "Stop | None" = None
    slow: Any = None  # the caller's model, where `model` is a fast copy of it

    def __post_init__(self) -> None:
        wide = not self.fast and logits.model_dtype(self.model) == torch.float64
        self.images = _tensor(self.images, "float64" if wide else "float32")
        self._check_settings()
        logits.check_layers(self.model)
        self._check_images()
        _warn_if_far(self.images)
        if self.fast:
            narrow = self.autocast or ("float32" if str(device_of(self)).startswith("cpu") else "bfloat16")
            self.slow, self.autocast, self.channels_last = self.model, None, True
            self.model, self.fast = networks.fast(self.slow, getattr(torch, narrow))

    def __getstate__(self) -> dict[str, Any]:
        """Workers get it by pickle, without its images."""
        return vars(self) | {"images": torch.empty(0), "labels": None, "indices": None}

    def _check_settings(self) -> None:
        """Check what is no array, and make Python's own numbers of it."""
        if not isinstance(self.noise, Noise):
            raise TypeError(f"certify: noise must be a Noise, got {type(self.noise).__name__}")
        exact = self.noise.outcomes is not None
        if exact and (self.n0, self.n, self.alpha) != (0, self.noise.outcomes, 0.0):
            raise ValueError(f"certify: votes under {self.noise!r} are exact, not drawn; only certify takes it")
        for name, least in {"n0": 1 - exact, "n": 1, "seed": 0, "batch_size": 1, "threads": 1}.items():
            if (value := getattr(self, name)) is not None or name in ("n0", "n", "seed"):
                setattr(self, name, whole("certify", name, value, least))
        if self.autocast is not None:
            given, self.autocast = self.autocast, str(self.autocast).removeprefix("torch.")
            if self.autocast not in AUTOCAST:
                raise ValueError(f"certify: autocast must be one of {tuple(AUTOCAST)}, got autocast={given!r}")
        if self.fast and not isinstance(self.model, nn.Module):
            raise ValueError(f"certify: fast=True needs an nn.Module as the model, got {type(self.model).__name__}")
        if not is_number(self.alpha) or not (0 < self.alpha < 1 or exact):
            raise ValueError(f"certify: alpha must lie between 0 and 1, got alpha={self.alpha!r}")
        self.alpha = float(self.alpha)
        if self.grid is not None:
            self.grid = grid.GridNoise(self.noise, self.grid).levels

    def _check_images(self) -> None:
        """Check the arrays."""
        shape = tuple(self.images.shape)
        if len(shape) < 2 or 0 in shape:
            raise ValueError(f"certify: images must have shape (images, ...) with one at least, got {shape}")
        if not torch.isfinite(self.images).all():
            raise ValueError("certify: images must be finite, got nan or inf")
        if self.noise.dim not in (None, dim := prod(shape[1:])):
            raise ValueError(
                f"certify: the noise has dim={self.noise.dim}, but an image of shape {shape[1:]} has {dim} coordinates"
            )
        for number, image in enumerate(self.images):
            if self.grid is not None:
                grid.steps(image, self.grid, f"images[{number}]")
            elif isinstance(self.noise, Splitting):
                self.noise.steps(image)
        self.indices = np.arange(shape[0]) if self.indices is None else self.indices
        self.labels = np.full(shape[0], UNLABELLED) if self.labels is None else self.labels
        for name, given in (("labels", self.labels), ("indices", self.indices)):
            values = np.asarray(given.cpu() if isinstance(given, Tensor) else given)
            if values.shape != shape[:1]:
                raise ValueError(f"certify: {name} must have shape {shape[:1]}, one for each image, got {values.shape}")
            if not np.issubdtype(values.dtype, np.integer):
                raise ValueError(f"certify: {name} must be whole numbers, got {values.dtype}")
            values = values.astype(np.int64)
            if values.min() < 0 and not (name == "labels" and (values == UNLABELLED).all()):
                raise ValueError(f"certify: {name} must be at least 0, got {values.min()}")
            setattr(self, name, values)
        if len(np.unique(self.indices)) != len(self.indices):
            raise ValueError("certify: indices must all differ, for each names one row of the log and one generator")


def _tensor(images: Any, kind: str) -> Tensor:
    """Images as a tensor of that floating type, which shares memory with the caller's where it can."""
    if not isinstance(images, Tensor):
        try:
            images = np.asarray(images)
        except ValueError as error:
            raise ValueError(f"certify: images must be an array of one shape ({error})") from None
        if images.dtype.kind == "f":  # of any byte order, strides and width
            images = torch.as_tensor(np.require(images, kind, ["C", "W"]))
    if not (isinstance(images, Tensor) and images.is_floating_point()):
        needed = "floating, in the units of the noise (as a rule [0, 1])"
        raise ValueError(f"certify: images must be {needed}, got {images.dtype}")
    if images.is_meta:
        raise ValueError("certify: images must hold numbers, got a tensor on the device meta, which keeps none")
    return images.detach().to(getattr(torch, kind))


def _warn_if_far(images: Tensor) -> None:
    """Warn of images that lie outside the unit in which noise is usually given.

    Pictures, of two coordinates at least, are taken to be meant in [0, 1]; of other data nothing is known but that they
    are seldom far from it.
    """
    low, high = float(images.min()), float(images.max())
    told = f"certify: the images go from {low:g} to {high:g}, and the noise is in the same unit"
    if max(-low, high) > FAR:
        told += "; if it is meant for pixels in [0, 1], scale them to that first"
    elif images.ndim > 2 and (low < -BLUR or high > 1 + BLUR):
        told += (
            ", so radii are not in pixels of [0, 1]; if they are to be, give the pixels, and normalise them within the "
            "model: nn.Sequential(montecarlo.Normalize(mean, std), net)"
        )
    else:
        return
    warnings.warn(told, UserWarning, stacklevel=5)  # the line that calls certify


def device_of(task: Job) -> torch.device | str:
    """Where a job runs: on the device that is asked for, else on that of its model, else on that of its images."""
    if task.device is not None:
        return task.device
    state = task.model.state_dict() if isinstance(task.model, nn.Module) else {}
    return next((value.device for value in state.values()), task.images.device)


# images (images, ...), their labels, and their numbers in the log
Chosen = tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]
Rows = Generator[Row, None, None]


@dataclass(frozen=True)
class Survey:
    """What has to be known before the first image is voted on."""

    clean: NDArray[np.int64]  # classes of clean images
    num_classes: int
    batch_size: int
    # to the first clean images, to tell the model by: class, and how far its logit leads the next one, to 4 digits, or
    # None without bound; who compares leads leaves room for sums in another order, see `Header.check`
    answers: Sequence[tuple[int, float | None]]


class Runner:
    """A job at work on this process's own device."""

    def __init__(self, task: Job) -> None:
        self.task, model = task, task.model
        self.device = engine.usable_device(device_of(task))
        if isinstance(model, nn.Module):
            if task.device is not None:
                model.to(self.device)
            if task.channels_last:
                model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        own = logits.in_own_dtype(model)
        wrap = torch.autocast(self.device.type, AUTOCAST[task.autocast]) if task.autocast else lambda model: model
        self._plain = self._logits_of = wrap(own)
        if task.compile:
            # for the one shape of the votes; what earlier runs compiled counts against a limit of a few graphs
            torch.compiler.reset()
            self._logits_of = wrap(torch.compile(own, dynamic=False))

    def survey(self, images: Tensor, copies: int, doing: Callable[[str], Any] = lambda what: None) -> Survey:
        """Look at the classes of clean images, and choose the batch size of a run of so many copies; tells its steps.

        The model is not compiled here, for that would be for other shapes than the one of the votes.

        Raises
        ------
        ModelOutputError
            The logits are not (batch, classes), or some image has a nan, a +inf or no finite logit, or one that depends
            on the other images.
        ValueError
            The model fails on images that look like (height, width, channels).
        """
        images, count = images.to(self.device), len(images)
        classes, width, answers = list[int](), None, list[tuple[int, float | None]]()
        with self._surroundings(images[0]):
            if self.task.fast:
                doing("comparing the fast network with its own")
                logits.check_fast(self._plain, logits.in_own_dtype(self.task.slow.to(self.device)), images[:ANSWERS])
            size = batch_size = self.task.batch_size or engine.usual_batch_size(images[0])
            while (done := len(classes)) < count:
                doing(f"clean images, {done} of {count}")
                batch = images[done : done + size]
                try:
                    with torch.inference_mode():
                        answer = self._plain(batch.clone())  # a copy, for a model may work in place
                except Exception as error:
                    if engine.is_exhaustion(error) and len(batch) > 1:
                        size = len(batch) // 2
                        continue
                    shape = tuple(batch.shape[1:])
                    other = len(shape) == 3 and shape[2] in (1, 3, 4) and shape[0] not in (1, 3, 4)
                    if isinstance(error, RuntimeError) and other:
                        raise ValueError(
                            f"certify: the model fails on the images ({error}); the images have shape {shape}, which "
                            "looks like (height, width, channels), and torch's networks take (channels, height, "
                            "width): give images.transpose(0, 3, 1, 2), or permute for a tensor"
                        ) from error
                    raise
                width = logits.checked_logits(answer, len(batch), width).shape[1]
                found = logits.read_classes(answer, width).tolist()
                if width in found:
                    raise logits.no_class("a clean image")
                top = answer[: ANSWERS - len(answers)].double().topk(2).values
                for one, lead in zip(found, (top[:, 0] - top[:, 1]).tolist(), strict=False):
                    answers.append((one, float(f"{lead:.4g}") if isfinite(lead) else None))
                classes += found
            assert width is not None
            doing(f"clean images, {count} of {count}")
            if self.task.batch_size is None and images.is_cuda and copies >= SEARCHED:
                doing("choosing a batch size")
                batch_size = fastest_batch_size(self._plain, images[0], copies)
            logits.check_independence(self._plain, images, batch_size)
        return Survey(np.array(classes), width, min(batch_size, self.task.n0 + self.task.n), answers)

    def rows(self, chosen: Chosen, survey: Survey, tick: Callable[[int], Any] = lambda _: None) -> Rows:
        """Yield the votes of images, as they are done."""
        task, (images, labels, indices) = self.task, chosen
        images, begin = images.to(self.device), time.perf_counter()

        def work(image: Tensor, label: int, index: int) -> engine.Work:
            start = image if task.grid is None else grid.steps(image, task.grid)
            parts, place = task.noise.outcomes, image.device
            rng = EvenRng(parts, place) if parts else TorchRng(task.seed, index, device=place)
            return engine.Work((index, label), start, rng, (task.n0, task.n))

        noise: engine.Sampler = task.noise if task.grid is None else grid.GridNoise(task.noise, task.grid)
        model = self._logits_of if task.grid is None else grid.on_grid(self._logits_of, task.grid)
        size, form = survey.batch_size, task.channels_last
        # of this call alone: a worker may have several, in threads
        votes_of = engine.Engine(model, noise, survey.num_classes, size, fixed_shape=task.compile, channels_last=form)
        works, stop = map(work, images, labels.tolist(), indices.tolist()), task.stop
        until = None if stop is None else lambda one, counts: stop.until(counts, one.key[1])
        with self._surroundings(images[0]):
            for done, votes in votes_of.run(works, until, tick):
                # images of one batch take their time together, so an image has the mean one of its copies
                seconds = int(votes.sum()) * (time.perf_counter() - begin) / votes_of.counted
                counts0, counts = ({k: v for k, v in enumerate(sample) if v} for sample in votes.tolist())
                index, label = done.key
                end = stop.end(votes, label) if stop else AT_N
                selected = label if stop and stop.select == "label" else None
                yield Row(index, label, counts0, counts, seconds, end, selected)

    @contextmanager
    def _surroundings(self, image: Tensor) -> Iterator[None]:
        """CPU threads and allocator for a while: both are the whole process's, so they are put back."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.task.threads or (1 if image.numel() < SMALL_IMAGE else before))
        try:
            with engine.kept_heap():
                yield
        finally:
            torch.set_num_threads(before)


class RemoteRunner:
    """A job at work on the workers of an executor: any with `submit(function, *arguments)` and futures with callbacks.

    A row depends on the seed and the image alone, so it is the same from every worker, and from the second worker that
    is given the image after the first one was lost. Whether lost work is given again is up to the executor: that of
    dask.distributed does so, a process pool ends the run, which the same call then goes on with.
    """

    def __init__(self, task: Job, executor: Any) -> None:
        if not callable(getattr(executor, "submit", None)):
            raise ValueError(
                "certify: executor must be a concurrent.futures executor or a dask.distributed client, "
                f"got {type(executor).__name__}"
            )
        is_dask = hasattr(executor, "scheduler_info")
        self.task, self._submit = task, partial(executor.submit, pure=False) if is_dask else executor.submit
        # a token, which no other run has, and the job. A dask client keeps what is scattered or submitted on the
        # workers; a function's result can be had again when they are lost, and what was scattered cannot
        plan = secrets.token_hex(16), task
        self._plan = self._submit(_itself, plan) if is_dask else plan

    def survey(self, images: Tensor, copies: int, doing: Callable[[str], Any] = lambda what: None) -> Survey:
        """Let one worker look at some clean images, and choose the batch size of the run."""
        doing(f"{min(SURVEYED, len(images))} clean images, on a worker")
        return self._submit(_survey, self._plan, images[:SURVEYED].cpu().numpy(), copies).result()

    def rows(self, chosen: Chosen, survey: Survey, tick: Callable[[int], Any] = lambda _: None) -> Rows:
        """Yield the votes of images as they come, in any order."""
        images, labels, indices = chosen
        together = STOPPED_TOGETHER if self.task.stop else max(1, TASK_COPIES // (self.task.n0 + self.task.n))
        starts, done, running = iter(range(0, len(images), together)), SimpleQueue[Any](), set[Any]()
        try:
            while True:
                for start in islice(starts, IN_FLIGHT - len(running)):
                    part = slice(start, start + together)
                    some = images[part].cpu().numpy(), labels[part], indices[part]
                    future = self._submit(_rows, self._plan, *some, survey)
                    running.add(future)
                    future.add_done_callback(done.put)
                if not running:
                    return
                running.discard(future := done.get())
                for row in future.result():
                    tick(self.task.n0 + row.draws)
                    yield row
        finally:
            for future in running:
                future.cancel()


def _itself(plan: tuple[str, Job]) -> tuple[str, Job]:
    return plan


# of a worker's process: the last plan that it has worked on, ready
_lock = Lock()
_ready: dict[str, Runner] = {}


def _runner(plan: tuple[str, Job]) -> Runner:
    token, task = plan
    with _lock:
        if token not in _ready:
            _ready.clear()
            _ready[token] = Runner(task)
        return _ready[token]


def _survey(plan: tuple[str, Job], images: NDArray, copies: int) -> Survey:
    return _runner(plan).survey(torch.tensor(images), copies)


def _rows(plan: tuple[str, Job], images: NDArray, labels: NDArray, indices: NDArray, survey: Survey) -> list[Row]:
    return list(_runner(plan).rows((torch.tensor(images), labels, indices), survey))


def first_votes(task: Job) -> tuple[Survey, NDArray[np.int64]]:
    """Survey of a job, and the votes of the first sample of every image alone, shape (images, classes)."""
    runner = Runner(task)
    survey = runner.survey(task.images, len(task.images) * task.n0)
    votes = np.zeros((len(task.images), survey.num_classes), dtype=np.int64)
    for row in runner.rows((task.images, task.labels, np.arange(len(votes))), survey):
        votes[row.index, list(row.counts0)] = list(row.counts0.values())
    return survey, votes


@dataclass(frozen=True)
class Accuracies:
    """Shares of right answers, in [0, 1]."""

    clean: float  # of the classifier itself
    noisy: float  # of the classifier under noise, averaged over draws
    smoothed: float  # of the majority vote under noise

    def __str__(self) -> str:
        return f"clean {self.clean:.3f}, under noise {self.noisy:.3f}, smoothed {self.smoothed:.3f}"


def accuracies(
    model: Model,
    images: Tensor,
    labels: NDArray[np.int64],
    noise: Noise,
    n: int = 100,
    seed: int = 0,
    *,
    batch_size: int | None = None,
) -> Accuracies:
    """Clean, noisy and smoothed accuracy of a classifier. Look at it before certifying.

    Parameters
    ----------
    model : callable
        Maps a batch to logits, on the images' device; in evaluation mode.
    images : Tensor, shape (images, ...)
        In the units of the noise.
    labels : ndarray of int, shape (images,)
        True classes.
    noise : Noise
        Law of the additive noise.
    n : int
        Noisy copies of each image.
    seed : int
        Seed of the noise.
    batch_size : int, optional
        Images that pass through the model at once; if absent, by their size.

    Raises
    ------
    ModelOutputError
        The logits are not (batch, classes), or not finite, or depend on the other images of the batch.
    """
    task = Job(model, images, labels, noise, n0=n, n=1, alpha=0.5, seed=seed, batch_size=batch_size)
    survey, votes = first_votes(task)
    noisy = (votes[np.arange(len(votes)), task.labels] / n).mean()
    smoothed = (votes.argmax(1) == task.labels).mean()
    return Accuracies(float((survey.clean == task.labels).mean()), float(noisy), float(smoothed))


@torch.inference_mode()
def fastest_batch_size(logits_of: Model, image: Tensor, copies: int) -> int:
    """Copies at which most a second pass a network on a GPU; ends before a size that does not fit, or takes too long.

    Parameters
    ----------
    logits_of : callable
        Maps a batch (b, ...) to logits; not compiled, for each size would be compiled anew.
    image : Tensor, shape (...)
        On the device of the run.
    copies : int
        Copies that the run will count.
    """
    wait = torch.cuda.synchronize if image.is_cuda else lambda: None
    rates, begin = dict[int, float](), time.perf_counter()
    for size in GPU_SIZES:
        ends = [time.perf_counter()]
        try:
            for _ in range(ROUNDS):
                logits_of(image.expand(size, *image.shape).clone())  # the model may spoil it
                wait()
                ends.append(time.perf_counter())
        except Exception as error:
            if not engine.is_exhaustion(error):
                raise
            break
        seconds = np.diff(ends).min()
        rates[size] = size / seconds
        best, coming = max(rates.values()), ends[-1] - begin + ROUNDS * 2 * seconds
        if rates[size] < NEAR * best or coming > min(LONGEST, SHARE * copies / best):
            break
    return max(rates, key=rates.__getitem__, default=GPU_SIZES[0] // 2)  # the run halves it further where it must


@dataclass(frozen=True)
class Stop:
    """What ends an image before its last draw: a decision on a wanted radius, or the number that its pilot sets.

    That number is a function of the first sample, so that the second one is independent of it.
    """

    header: Mapping[str, Any]  # entry of a log's header
    n: int
    plan: Plan | None = None  # of a wanted radius
    select: str | None = None  # one of `log.SELECT`, for a wanted radius
    # else size of the second sample by votes of the first one's class; 0 where it abstains
    wanted: tuple[int, ...] = ()

    def end(self, counts: engine.Votes, label: int) -> str | None:
        """What ends an image of these counts (samples, classes) and that label, at a look; None if nothing does."""
        draws = int(counts[1].sum())
        if self.plan is None:
            return AT_N if draws == self.n else PRECISE if draws else GIVEN_UP
        against = draws - int(counts[1, label] if self.select == "label" else counts[1].max())
        last = AT_N if draws == self.n else None
        return {1: CERTIFIED, -1: GIVEN_UP}.get(self.plan.verdict(against, draws), last)

    def until(self, counts: engine.Votes, label: int) -> int:
        """How many copies these counts are to grow to before they are looked at; no more than there are at an end."""
        pilot, draws = counts.sum(1).tolist()
        if self.plan is None:
            n0 = len(self.wanted) - 1
            return n0 + (self.wanted[counts[0].max()] if pilot == n0 else 0)
        ended = draws and self.end(counts, label)
        return draws if ended else next(size for size in self.plan.sizes if size > draws)


def stop_for(task: Job, radius: Any, precision: Any, bound: Any, norm: float | None, select: str) -> Stop:
    """Return what ends an image once it is decided whether `bound` certifies `radius`, or `precision` is expected.

    Raises
    ------
    ValueError
        The bound is no certificate; the radius is not positive, or no vote reaches it, or n votes out of n do not
        certify it; the precision is not between 0 and 1.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    bound, n, n0, alpha = named(bound), task.n, task.n0, task.alpha
    if not isinstance(bound, Bound) or not bound.certifies:
        raise ValueError(
            f"certify: a wanted {'precision' if radius is None else 'radius'} needs a proved bound, such as "
            f'bound=rsexplore.bounds.get("cohen-l2"), got bound={getattr(bound, "key", bound)}'
        )
    best = -np.expm1(np.log(alpha) / n)  # 1 - p of which n votes out of n are as likely as alpha
    largest = float(bound.radius(task.noise, q_a=best, norm=norm))
    native: Any = bound.norm if norm is None else norm  # where both are None bound.radius has refused it
    told = {"norm": float(native), "bound": bound.key}
    if radius is not None:
        if not is_number(radius) or not 0 < radius < np.inf:
            raise ValueError(f"certify: the wanted radius must be positive and finite, got radius={radius!r}")
        # a hair less, so that the radius is read in every digit of the bound, at however many points it is asked for
        q_a = bound.vote(task.noise, float(radius), norm=norm).q_a * (1 - 2.0**-30)
        if not best <= q_a:
            raise ValueError(
                f"certify: {n} votes out of n={n} certify a radius of {largest:.4g} at alpha={alpha:g}, "
                f"less than the wanted radius={radius:g}; raise n"
            )
        header = {"rule": SEQUENTIAL, "radius": float(radius), **told, "q_a": q_a}
        return Stop(header, n, plan(q_a, n, alpha, both=select == "votes"), select)
    if not is_number(precision) or not 0 < precision < 1:
        raise ValueError(f"certify: precision must be between 0 and 1, got precision={precision!r}")
    votes, draws = np.arange(n0 // 2 + 1, n0 + 1), np.unique(np.geomspace(1, n, KNOTS).round())[:, None]
    against = (1 - votes / n0) * draws
    tails = special.betainccinv(against + 1, draws - against, alpha)  # Clopper and Pearson's, at the pilot's share
    q = np.geomspace(best, 0.5, KNOTS)
    expected = np.interp(np.log(tails), np.log(q), bound.radius(task.noise, q_a=q, norm=norm))
    first = (expected >= (1 - precision / OPTIMISM) * expected[-1]).argmax(0)
    wanted = (0,) * (n0 + 1 - len(votes)) + tuple(draws[first, 0].astype(int).tolist())
    return Stop({"rule": PILOT, "precision": float(precision), **told}, n, wanted=wanted)
