"""A run whose arguments are checked, and what one process does of it: a look at the model, then rows of votes."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from rsexplore.check import is_number
from rsexplore.log import AT_N, Row
from rsexplore.montecarlo import grid, memory
from rsexplore.montecarlo import images as pixels
from rsexplore.montecarlo.engine import Engine, Sampler, Work, usual_batch_size
from rsexplore.montecarlo.logits import Model, check_independence, check_layers, in_own_dtype, model_dtype, predictions
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.stopping import Stop
from rsexplore.noises import Noise

# Coordinates below which one thread is the default. Small layers gain nothing from a second one and wait for it after
# each: 2,000,000 votes of the shipped net took 11 s with one thread; with two, 16 s, and 127 s beside busy neighbours.
SMALL_IMAGE = 512
# Batch sizes that are tried on a GPU, in a run of so many copies at least; the seconds, and the part of the run, that
# this may take; batches of one size, of which the first pays for what is set up once; and the share of the best rate
# below which larger ones are not tried.
GPU_SIZES = tuple(2**power for power in range(6, 14))
SEARCHED = 25 * GPU_SIZES[-1]
LONGEST, SHARE, ROUNDS, NEAR = 5.0, 0.02, 3, 0.9
AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, eq=False)
class Job:
    """A run that can start, made by `job`. Workers get it by pickle, without its images."""

    model: Model
    images: Tensor  # (images, ...) floating
    labels: NDArray[np.int64]  # (images,)
    indices: NDArray[np.int64]  # (images,) numbers in the log, all different
    noise: Noise
    n0: int
    n: int
    alpha: float
    seed: int
    batch_size: int | None = None  # by the size of an image, or a search, where None
    device: Any = None  # where the model is, if None
    threads: int | None = None
    autocast: str | None = None  # a key of AUTOCAST
    compile: bool = False
    channels_last: bool = False
    grid: int | None = None  # steps in one unit of the input, where images and noise are whole numbers of them
    stop: Stop | None = None


def job(
    model: Model,
    images: ArrayLike | Tensor,
    labels: ArrayLike,
    indices: ArrayLike | None,
    here: torch.device | str | None,
    **settings: Any,
) -> Job:
    """Job from a caller's arguments, all checked: arrays become tensors where the model is; it goes `here`.

    Images are kept in float32, or float64 for a model of that type: a narrow one rounds the noisy copies, not these.
    """
    wide = model_dtype(model) == torch.float64
    found = pixels.tensor(images, torch.float64 if wide else torch.float32)
    if here is not None:
        here = pixels.usable_device(here)
    if isinstance(model, nn.Module):
        if here is not None:
            model.to(here)
        here = next((value.device for value in model.state_dict().values()), here)
    _check_settings(settings)
    _check_model(model)
    task = Job(
        model,
        found if here is None else found.to(pixels.usable_device(here)),
        _integers(labels),
        np.arange(found.shape[0] if found.ndim else 0) if indices is None else _integers(indices),
        **settings,
    )
    _check_images(task)
    pixels.warn_if_far(float(task.images.min()), float(task.images.max()), task.images.ndim - 1)
    return task


def _integers(values: ArrayLike | Tensor) -> NDArray[Any]:
    array = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(np.int64) if np.issubdtype(array.dtype, np.integer) else array


def _check_settings(settings: dict[str, Any]) -> None:
    """Check what is no array, and make Python's own numbers of it."""
    for name, least in {"n0": 1, "n": 1, "batch_size": 1, "threads": 1, "seed": 0}.items():
        value = settings.get(name)
        if value is None and name in ("batch_size", "threads"):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"certify: {name} must be a whole number of at least {least}, got {name}={value!r}")
        settings[name] = int(value)
    if (autocast := settings.get("autocast")) is not None:
        settings["autocast"] = str(autocast).removeprefix("torch.")
        if settings["autocast"] not in AUTOCAST:
            raise ValueError(f"certify: autocast must be one of {tuple(AUTOCAST)}, got autocast={autocast!r}")
    alpha, noise = settings["alpha"], settings["noise"]
    if not is_number(alpha) or not 0 < alpha < 1:
        raise ValueError(f"certify: alpha must lie between 0 and 1, got {alpha=}")
    settings["alpha"] = float(alpha)
    if not isinstance(noise, Noise):
        raise TypeError(f"certify: noise must be a Noise, got {type(noise).__name__}")
    if settings.get("grid") is not None:
        settings["grid"] = grid.GridNoise(noise, settings["grid"]).levels


def _check_model(model: Model) -> None:
    parts = model.named_modules() if isinstance(model, nn.Module) else [("", model)]
    for name, part in parts:
        if getattr(part, "training", False):
            who = f"the model's part {name!r}" if name else "the model"
            raise ValueError(
                f"certify: {who} must be in evaluation mode, for in training mode it is not one classifier; "
                "call model.eval()"
            )
    check_layers(model)


def _check_images(task: Job) -> None:
    shape = tuple(task.images.shape)
    if task.images.ndim < 2 or 0 in shape:
        raise ValueError(f"certify: images must have shape (images, ...) with one at least, got {shape}")
    if not task.images.is_floating_point():
        raise pixels.not_floating(task.images.dtype)
    if not torch.isfinite(task.images).all():
        raise ValueError("certify: images must be finite, got nan or inf")
    if task.noise.dim not in (None, dim := prod(shape[1:])):
        raise ValueError(
            f"certify: the noise has dim={task.noise.dim}, but an image of shape {shape[1:]} has {dim} coordinates"
        )
    if task.grid is not None:
        for number, image in enumerate(task.images):
            grid.steps(image, task.grid, f"images[{number}]")
    for name, values in (("labels", task.labels), ("indices", task.indices)):
        if values.shape != shape[:1]:
            raise ValueError(f"certify: {name} must have shape ({shape[0]},), one for each image, got {values.shape}")
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"certify: {name} must be whole numbers, got {values.dtype}")
        if values.min() < 0:
            raise ValueError(f"certify: {name} must be at least 0, got {values.min()}")
    if len(np.unique(task.indices)) != len(task.indices):
        raise ValueError("certify: indices must all differ, for each names one row of the log and one generator")


# images (images, ...), their labels, and their numbers in the log
Chosen = tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]
Rows = Generator[Row, None, None]


@dataclass(frozen=True)
class Survey:
    """What has to be known before the first image is voted on."""

    clean: NDArray[np.int64]  # classes of clean images
    num_classes: int
    batch_size: int
    answers: Sequence[tuple[int, float | None]]  # to the first clean images: class, and lead over the next one


class Runner:
    """A job at work on this process's own device."""

    def __init__(self, task: Job) -> None:
        self.task, model = task, task.model
        if isinstance(model, nn.Module):
            if task.device is not None:
                model.to(task.device)
            if task.channels_last:
                model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        own = in_own_dtype(model)
        self._plain = self._logits_of = self._in_precision(own)
        if task.compile:
            # for the one shape of the votes; what earlier runs compiled counts against a limit of a few graphs
            torch.compiler.reset()
            self._logits_of = self._in_precision(torch.compile(own, dynamic=False))

    def _in_precision(self, model: Model) -> Model:
        """Return a model whose logits are in the precision of the task."""
        if self.task.autocast is None:
            return model
        precision = AUTOCAST[self.task.autocast]

        def logits_of(batch: Tensor) -> Tensor:
            with torch.autocast(batch.device.type, precision):
                return model(batch)

        return logits_of

    def survey(self, images: Tensor, copies: int, doing: Callable[[str], Any] = lambda what: None) -> Survey:
        """Look at the classes of clean images, and choose the batch size of a run of so many copies; tells its steps.

        The model is not compiled here, for that would be for other shapes than the one of the votes.
        """
        images, count = self._placed(images), len(images)
        with self._surroundings(images[0]):
            batch_size = self.task.batch_size or usual_batch_size(images[0])
            doing(f"clean images, 0 of {count}")
            clean, num_classes, answers = predictions(
                self._plain, images, batch_size, lambda done: doing(f"clean images, {done} of {count}")
            )
            if self.task.batch_size is None and images.is_cuda and copies >= SEARCHED:
                doing("choosing a batch size")
                batch_size = fastest_batch_size(self._plain, images[0], copies)
            check_independence(self._plain, images, batch_size)
        return Survey(clean, num_classes, min(batch_size, self.task.n0 + self.task.n), answers)

    def rows(self, chosen: Chosen, survey: Survey, tick: Callable[[int], Any] = lambda _: None) -> Rows:
        """Yield the votes of images, as they are done."""
        task, (images, labels, indices) = self.task, chosen
        images = self._placed(images)
        begin, counted = time.perf_counter(), 0

        def count(copies: int) -> None:
            nonlocal counted
            counted += copies
            tick(copies)

        def work(image: Tensor, label: int, index: int) -> Work:
            start = image if task.grid is None else grid.steps(image, task.grid)
            return Work((index, label), start, TorchRng(task.seed, index, device=image.device), (task.n0, task.n))

        noise: Sampler = task.noise if task.grid is None else grid.GridNoise(task.noise, task.grid)
        model = self._logits_of if task.grid is None else grid.on_grid(self._logits_of, task.grid)
        size, form = survey.batch_size, task.channels_last
        # of this call alone: a worker may have several, in threads
        engine = Engine(model, noise, survey.num_classes, size, fixed_shape=task.compile, channels_last=form)
        works = map(work, images, labels.tolist(), indices.tolist())
        with self._surroundings(images[0]):
            for done, votes in engine.run(works, task.stop.looks() if task.stop else None, count):
                # images of one batch take their time together, so an image has the mean one of its copies
                seconds = int(votes.sum()) * (time.perf_counter() - begin) / counted
                counts0, counts = ({k: v for k, v in enumerate(sample) if v} for sample in votes.tolist())
                end = task.stop.end(votes) if task.stop else AT_N
                index, label = done.key
                yield Row(index, label, counts0, counts, seconds, end)

    def _placed(self, images: Tensor) -> Tensor:
        """Images where the model is."""
        model, device = self.task.model, self.task.device
        if isinstance(model, nn.Module):
            device = next((value.device for value in model.state_dict().values()), device)
        return images if device is None else images.to(device)

    @contextmanager
    def _surroundings(self, image: Tensor) -> Iterator[None]:
        """CPU threads and allocator for a while: both are the whole process's, so they are put back."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.task.threads or (1 if image.numel() < SMALL_IMAGE else before))
        try:
            with memory.kept_heap():
                yield
        finally:
            torch.set_num_threads(before)


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
    task = job(model, images, labels, None, None, noise=noise, n0=n, n=1, alpha=0.5, seed=seed, batch_size=batch_size)
    survey, votes = first_votes(task)
    noisy = (votes[np.arange(len(votes)), task.labels] / n).mean()
    smoothed = (votes.argmax(1) == task.labels).mean()
    return Accuracies(float((survey.clean == task.labels).mean()), float(noisy), float(smoothed))


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
    rates, begin = dict[int, float](), time.perf_counter()
    for size in GPU_SIZES:
        try:
            seconds = min(_seconds(logits_of, image, size) for _ in range(ROUNDS))
        except Exception as error:
            if not memory.is_exhaustion(error):
                raise
            break
        rates[size] = size / seconds
        best, coming = max(rates.values()), time.perf_counter() - begin + ROUNDS * 2 * seconds
        if rates[size] < NEAR * best or coming > min(LONGEST, SHARE * copies / best):
            break
    return max(rates, key=rates.__getitem__, default=GPU_SIZES[0] // 2)  # the run halves it further where it must


@torch.inference_mode()
def _seconds(logits_of: Model, image: Tensor, size: int) -> float:
    batch = image.expand(size, *image.shape).clone()  # the model may spoil it
    wait = torch.cuda.synchronize if image.is_cuda else lambda: None
    wait()
    start = time.perf_counter()
    logits_of(batch)
    wait()
    return time.perf_counter() - start
