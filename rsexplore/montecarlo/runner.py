"""What one process does of a run, on its own device: a look at the model, then rows of votes."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsexplore.log import Row
from rsexplore.montecarlo import ahead, memory
from rsexplore.montecarlo.engine import Engine
from rsexplore.montecarlo.grid import GridNoise, on_grid, steps
from rsexplore.montecarlo.lane import Sampler, Work
from rsexplore.montecarlo.logits import Model, check_independence, in_own_dtype
from rsexplore.montecarlo.quality import Answers, predictions
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.stopping import Stop
from rsexplore.montecarlo.tuning import best_batch_size, usual_batch_size
from rsexplore.noises import Noise

# Coordinates below which one thread is the default. Small layers gain nothing from a second one and wait for it after
# each: 2,000,000 votes of the shipped net took 11 s with one thread; with two, 16 s, and 127 s beside busy neighbours.
SMALL_IMAGE = 512
AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, eq=False)
class Plan:
    """How every image of a run is voted on; other processes get it by pickle."""

    token: str  # differs between runs
    model: Model
    noise: Noise
    n0: int
    n: int
    seed: int
    stop: Stop | None
    batch_size: int | None  # chosen by `tuning` where None
    device: str | None  # where the model is, if None
    threads: int | None
    autocast: str | None  # key of AUTOCAST
    compile: bool
    channels_last: bool
    grid: int | None = None  # steps in one unit of the input, where images and noise are whole numbers of them


@dataclass(frozen=True)
class Survey:
    """What has to be known before the first image is voted on."""

    clean: NDArray[np.int64]  # classes of clean images
    num_classes: int
    batch_size: int
    answers: Sequence[tuple[int, float | None]] = ()  # to the first clean images: class, and lead over the next one


class Runner:
    """A plan at work.

    Parameters
    ----------
    plan : Plan
        What to do.
    alone : bool
        Whether no other process of the run wants this machine's cores.
    """

    def __init__(self, plan: Plan, alone: bool = True) -> None:
        self.plan, self._alone, model = plan, alone, plan.model
        if isinstance(model, nn.Module):
            if plan.device is not None:
                model.to(plan.device)
            if plan.channels_last:
                model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        own = in_own_dtype(model)
        self._plain = self.logits_of = self._in_precision(own)
        if plan.compile:
            # for the one shape of the votes; what earlier runs compiled counts against a limit of a few graphs
            torch.compiler.reset()
            self.logits_of = self._in_precision(torch.compile(own, dynamic=False))
        self._noise: Sampler = plan.noise if plan.grid is None else GridNoise(plan.noise, plan.grid)
        self._largest = 2**62  # batch that is known to fit into memory

    def _in_precision(self, model: Model) -> Model:
        """Return a model whose logits are in the precision of the plan."""
        if self.plan.autocast is None:
            return model
        precision = AUTOCAST[self.plan.autocast]

        def logits_of(batch: Tensor) -> Tensor:
            with torch.autocast(batch.device.type, precision):
                return model(batch)

        return logits_of

    def survey(self, images: Tensor, copies: int, doing: Callable[[str], Any] = lambda what: None) -> Survey:
        """Look at the classes of clean images, and choose the batch size of a run of so many copies; tells its steps.

        The model is not compiled here, for that would be for other shapes than the one of the votes.
        """
        images = self._placed(images)
        with self._surroundings(images[0]):
            batch_size = self.plan.batch_size
            size = min(batch_size or usual_batch_size(images[0]), len(images))
            doing(f"clean images, 0 of {len(images)}")
            while True:
                answers = Answers(self._plain)
                try:
                    clean, num_classes = predictions(
                        answers, images, size, lambda done: doing(f"clean images, {done} of {len(images)}")
                    )
                    break
                except Exception as error:
                    if not memory.is_exhaustion(error) or size == 1:
                        raise
                    size //= 2
                    memory.release(images.device)
            if batch_size is None:
                doing("choosing a batch size")
                batch_size = best_batch_size(self._plain, images[0], copies)
            check_independence(self._plain, images, batch_size)
            return Survey(clean, num_classes, min(batch_size, self.plan.n0 + self.plan.n), answers.found)

    def rows(
        self,
        images: Tensor,
        labels: NDArray[np.int64],
        indices: NDArray[np.int64],
        survey: Survey,
        tick: Callable[[int], Any] = lambda copies: None,
    ) -> Generator[Row, None, None]:
        """Yield the votes of images, shape (images, ...), with their labels and numbers in the log."""
        plan, stop = self.plan, self.plan.stop
        images = self._placed(images)
        works = (
            Work(position, self._addend(image), TorchRng(plan.seed, int(index), device=image.device), (plan.n0, plan.n))
            for position, (image, index) in enumerate(zip(images, indices, strict=True))
        )
        with self._surroundings(images[0]):
            engine = self._engine(survey, images.device)
            clock = Clock(tick)
            for work, counts in engine.run(works, stop.looks() if stop else None, clock.tick):
                place, seconds = work.key, clock.share(int(counts.sum()))
                yield Row(int(indices[place]), int(labels[place]), _sparse(counts[0]), _sparse(counts[1]), seconds)
                if engine.batch_size < survey.batch_size:
                    self._largest = engine.batch_size

    def _engine(self, survey: Survey, device: torch.device) -> Engine:
        """Return an engine for one call alone: a worker may run several in threads."""
        plan = self.plan
        return Engine(
            self.logits_of if plan.grid is None else on_grid(self.logits_of, plan.grid),
            self._noise,
            survey.num_classes,
            min(survey.batch_size, self._largest),
            fixed_shape=plan.compile,
            channels_last=plan.channels_last,
            ahead=self._alone and ahead.may_help(device),
        )

    def _addend(self, image: Tensor) -> Tensor:
        """What noise is added to."""
        return image if self.plan.grid is None else steps(image, self.plan.grid)

    def _placed(self, images: Tensor) -> Tensor:
        """Images where the model is."""
        model, device = self.plan.model, self.plan.device
        if isinstance(model, nn.Module):
            device = next((value.device for value in model.state_dict().values()), device)
        return images if device is None else images.to(device)

    @contextmanager
    def _surroundings(self, image: Tensor) -> Iterator[None]:
        """CPU threads and allocator for a while: both are the whole process's, so they are put back."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.plan.threads or (1 if image.numel() < SMALL_IMAGE else before))
        try:
            with memory.kept_heap():
                yield
        finally:
            torch.set_num_threads(before)


class Clock:
    """Shares the time of a run out among images: those of one batch take it together, and none of them alone."""

    def __init__(self, tick: Callable[[int], Any]) -> None:
        self._tick, self._copies, self._start = tick, 0, time.perf_counter()

    def tick(self, copies: int) -> None:
        """So many more copies are counted."""
        self._copies += copies
        self._tick(copies)

    def share(self, copies: int) -> float:
        """Seconds that so many copies take, at the mean rate so far."""
        return copies * (time.perf_counter() - self._start) / max(copies, self._copies)


def _sparse(counts: NDArray[np.int64]) -> dict[int, int]:
    return {label: count for label, count in enumerate(counts.tolist()) if count}
