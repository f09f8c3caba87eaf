"""What one process does of a run, on its own device: a look at the model, then rows of votes."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsexplore.montecarlo import ahead, memory
from rsexplore.montecarlo.counts import BATCH_SIZE
from rsexplore.montecarlo.engine import Engine
from rsexplore.montecarlo.grid import GridNoise, on_grid, steps
from rsexplore.montecarlo.lane import Sampler, Work
from rsexplore.montecarlo.logits import Model, check_independence, in_own_dtype
from rsexplore.montecarlo.quality import predictions
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.stopping import Stop
from rsexplore.montecarlo.tuning import best_batch_size
from rsexplore.noises import Noise
from rsexplore.row import Row

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
    batch_size: int | None  # measured where None
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
        self._logits_of: Model = torch.compile(own, dynamic=False) if plan.compile else own
        self._noise: Sampler = plan.noise if plan.grid is None else GridNoise(plan.noise, plan.grid)
        self._largest = 2**62  # batch that is known to fit into memory

    def logits_of(self, batch: Tensor) -> Tensor:
        """Logits of a batch, in the precision of the plan."""
        if self.plan.autocast is None:
            return self._logits_of(batch)
        with torch.autocast(batch.device.type, AUTOCAST[self.plan.autocast]):
            return self._logits_of(batch)

    def survey(self, images: Tensor, copies: int) -> Survey:
        """Look at the classes of clean images, and find the batch size of a run of so many copies."""
        images = self._placed(images)
        with self._surroundings(images[0]):
            batch_size = self.plan.batch_size
            size = min(batch_size or BATCH_SIZE, len(images))
            while True:
                try:
                    clean, num_classes = predictions(self.logits_of, images, size)
                    break
                except Exception as error:
                    if not memory.is_exhaustion(error) or size == 1:
                        raise
                    size //= 2
                    memory.release(images.device)
            if batch_size is None:
                batch_size = best_batch_size(self.logits_of, images[0], copies)
            check_independence(self.logits_of, images, batch_size)
            return Survey(clean, num_classes, min(batch_size, self.plan.n0 + self.plan.n))

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
            before = time.perf_counter()
            for work, counts in engine.run(works, stop.looks() if stop else None, tick):
                now = time.perf_counter()
                place = work.key
                yield Row(int(indices[place]), int(labels[place]), _sparse(counts[0]), _sparse(counts[1]), now - before)
                before = now
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


def _sparse(counts: NDArray[np.int64]) -> dict[int, int]:
    return {label: count for label, count in enumerate(counts.tolist()) if count}
