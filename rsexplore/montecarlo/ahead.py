"""Noise of one image, block by block; on a CPU with a core to spare, drawn while the network is at work."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait

import torch
from torch import Tensor

FIRST = 100  # copies


def may_help(device: torch.device) -> bool:
    """Whether a thread that draws noise may help a network: where that leaves cores idle. A GPU needs no thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type == "cpu" and torch.get_num_threads() == 1 and cores > 1


class Blocks:
    """Noise in blocks whose sizes depend on nothing but the samples, so that drawing ahead never changes it.

    Parameters
    ----------
    draw : callable
        Takes a number of copies and returns their noise; each image has its own, which no two threads call at a time.
    samples : tuple of int
        Sizes of separate samples; no block reaches over an end of one.
    block : int
        Copies of a block; the first ones of a sample are shorter, for it may end early.
    pool : Executor, optional
        One thread that draws ahead.
    """

    def __init__(self, draw: Callable[[int], Tensor], samples: tuple[int, ...], block: int, pool: Executor | None):
        self._draw, self._samples, self._block, self._pool = draw, samples, block, pool
        self._queue = deque[tuple[int, Future[Tensor]]]()
        self._begin()

    def _begin(self) -> None:
        self._sizes, self._drawn = self._all_sizes(), 0

    def _all_sizes(self) -> Iterator[int]:
        for sample in self._samples:
            start = 0
            while start < sample:
                size = min(self._block, max(FIRST, start), sample - start)
                yield size
                start += size

    def next(self, until: int, ahead: int) -> Tensor:
        """Return the next block, and have `ahead` copies drawn in the meantime, up to that many of the image."""
        if self._pool is None:
            return self._draw(next(self._sizes))
        waiting = sum(size for size, _ in self._queue)
        while not self._queue or (waiting < ahead and self._drawn < until):
            size = next(self._sizes, 0)
            if not size:
                break
            self._queue.append((size, self._pool.submit(_quietly, self._draw, size)))
            self._drawn += size
            waiting += size
        return self._queue.popleft()[1].result()

    def restart(self) -> None:
        """Forget what was drawn ahead. The next block is the first one again, if the source is set back, too."""
        wait([future for _, future in self._queue if not future.cancel()])
        self._queue.clear()
        self._begin()


def _quietly(draw: Callable[[int], Tensor], size: int) -> Tensor:
    with torch.inference_mode():  # a setting of each thread
        return draw(size)
