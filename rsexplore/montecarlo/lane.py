"""An image in work: where its noise comes from and stands, and what was counted.

Its noise comes from a generator of its own, in blocks of a size that depends on nothing but the image's shape and the
kind of device, so neither batches, nor neighbours, nor stops change it.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsexplore.montecarlo.logits import no_class
from rsexplore.montecarlo.rng import TorchRng

# Copies, and coordinates, that one call of the sampler draws. Constants, so that the batch size never changes the
# noise. A CPU's second-level cache holds 2 MiB; a GPU wants work for all its cores.
BLOCK_COPIES = 400
FIRST_COPIES = 100
BLOCK_COORDINATES = {"cpu": 2**19}
DEVICE_BLOCK_COORDINATES = 2**24

Votes = NDArray[np.int64]


class Sampler(Protocol):
    """What noise is drawn from: a `Noise`, or one on a grid."""

    def draw(self, rng: TorchRng, shape: tuple[int, ...]) -> Tensor:
        """Return independent draws of that shape, in the units of the images."""


@dataclass(eq=False)
class Work:
    """One image to be voted on."""

    key: Any  # the caller's name of it
    image: Tensor  # (...) floating, in the units of the noise
    rng: TorchRng
    samples: tuple[int, ...]  # sizes of separate samples, drawn one after the other


@dataclass(frozen=True)
class Looks:
    """When the last sample of an image is looked at, and what ends it then."""

    sizes: tuple[int, ...]  # ascending
    enough: Callable[[Votes], bool]  # takes counts (samples, classes)


def block_sizes(samples: tuple[int, ...], block: int) -> Iterator[int]:
    """Copies of each block: they depend on nothing but the samples, and none reaches over an end of one.

    The first ones of a sample are shorter, for it may end early.
    """
    for sample in samples:
        start = 0
        while start < sample:
            size = min(block, max(FIRST_COPIES, start), sample - start)
            yield size
            start += size


class Lane:
    """An image in work: where its noise stands and what was counted."""

    def __init__(self, work: Work, noise: Sampler, num_classes: int, looks: Looks | None) -> None:
        self.work, self.looks, self._noise = work, looks, noise
        self.total = sum(work.samples)
        self.counts = torch.zeros(len(work.samples), num_classes + 1, dtype=torch.int64, device=work.image.device)
        coordinates = BLOCK_COORDINATES.get(work.image.device.type, DEVICE_BLOCK_COORDINATES)
        self._block = max(1, min(BLOCK_COPIES, coordinates // max(1, math.prod(work.image.shape))))
        self.start = work.rng.state
        self._begin()

    def _begin(self) -> None:
        self._sizes = block_sizes(self.work.samples, self._block)
        self.placed, self.sample, self.sample_end = 0, 0, self.work.samples[0]
        self.left: Tensor | None = None
        self.set_barrier()

    def restart(self) -> None:
        """Forget everything: the next copies are the first ones again."""
        self.work.rng.state = self.start
        self.counts.zero_()
        self._begin()

    def set_barrier(self) -> None:
        """Set how many copies are to be placed before the counts are looked at."""
        before = self.total - self.work.samples[-1]
        sizes = self.looks.sizes if self.looks else ()
        self.barrier = next((before + size for size in sizes if before + size > self.placed), self.total)

    def place(self, rows: Tensor) -> tuple[int, int]:
        """Write noisy copies into the first of `rows`; return how many and of which sample."""
        if self.placed == self.sample_end:
            self.sample += 1
            self.sample_end += self.work.samples[self.sample]
        if self.left is None:
            self.left = self._noise.draw(self.work.rng, (next(self._sizes), *self.work.image.shape))
        found, room = len(self.left), min(len(rows), self.barrier - self.placed)
        size = min(found, room)
        part = self.left if size == found else self.left[:size]
        torch.add(part, self.work.image, out=rows if size == len(rows) else rows[:size])
        self.left = self.left[size:] if size < found else None
        self.placed += size
        return size, self.sample

    def send(self) -> None:
        """Send the counts on their way from the device, behind all that it has been asked for so far."""
        self.sent: Tensor = self.counts
        self.arrival = None
        if self.counts.device.type == "cuda":
            self.sent = torch.empty(self.counts.shape, dtype=self.counts.dtype, pin_memory=True)
            self.sent.copy_(self.counts, non_blocking=True)
            self.arrival = torch.cuda.Event()
            self.arrival.record(torch.cuda.current_stream(self.counts.device))

    def received(self) -> Votes:
        """Return the counts, shape (samples, classes).

        Raises
        ------
        ModelOutputError
            Some copy left no class.
        """
        if self.arrival is not None:
            self.arrival.synchronize()
        found = self.sent.cpu().numpy()
        if lost := int(found[:, -1].sum()):
            sample = found[int(np.argmax(found[:, -1] > 0))]
            raise no_class(f"{lost} of {int(sample.sum())} noisy copies")
        return found[:, :-1].copy()
