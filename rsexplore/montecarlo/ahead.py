"""Noise of one image, block by block; on a CPU with a core to spare, drawn while the network is at work."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait

import torch
from torch import Tensor

FIRST = 100  # copies
# Coordinates that the other thread draws at a time. Waking a thread costs more than a block of a small image does.
CHUNK = 2**17
CHUNKS = 2  # under way
TURNS = 3  # of each way, before the faster one stays
TURN = 8  # chunks of one turn; the first half of them is left to what was drawn in the turn before


def may_help(device: torch.device) -> bool:
    """Whether a thread that draws noise may help a network: where that leaves cores idle. A GPU needs no thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type == "cpu" and torch.get_num_threads() == 1 and cores > 1


class Turns:
    """Whether the other thread draws: both ways in turns, then the one that was faster.

    Nothing is lost by it, for every vote counts. A busy machine makes it slower, an idle core faster.
    """

    def __init__(self) -> None:
        self.on = True
        self._best = {True: 0.0, False: 0.0}
        self._turn, self._begin, self._half = 0, 0, 0.0
        self._copies = 0

    def tick(self, copies: int, coordinates: int) -> None:
        """Take note of a batch of so many copies of so many coordinates."""
        if self._turn == 2 * TURNS:
            return
        self._copies += copies
        done = self._copies * coordinates / (TURN * CHUNK)
        if done >= 0.5 and not self._half:
            self._half, self._begin = time.perf_counter(), self._copies
        elif done >= 1:
            rate = (self._copies - self._begin) / (time.perf_counter() - self._half)
            self._best[self.on] = max(self._best[self.on], rate)
            self._turn, self._half, self._copies = self._turn + 1, 0.0, 0
            self.on = self._best[True] > self._best[False] if self._turn == 2 * TURNS else not self.on


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
    chunk : int
        Copies that are drawn ahead at a time, in one or more blocks.
    pool : Executor, optional
        One thread that draws ahead.
    turns : Turns, optional
        Whether it does just now; without, it does.
    """

    def __init__(
        self,
        draw: Callable[[int], Tensor],
        samples: tuple[int, ...],
        block: int,
        chunk: int,
        pool: Executor | None,
        turns: Turns | None = None,
    ) -> None:
        self._draw, self._samples, self._block, self._chunk = draw, samples, block, chunk
        self._pool, self._turns = pool, turns
        self._queue = deque[Future[list[Tensor]]]()
        self._begin()

    def _begin(self) -> None:
        self._sizes, self._drawn = self._all_sizes(), 0
        self._ready = deque[Tensor]()

    def _all_sizes(self) -> Iterator[int]:
        for sample in self._samples:
            start = 0
            while start < sample:
                size = min(self._block, max(FIRST, start), sample - start)
                yield size
                start += size

    def next(self, until: int) -> Tensor:
        """Return the next block, and have others drawn in the meantime, up to that many copies of the image."""
        if not self._ready:
            if self._pool is not None and (self._turns is None or self._turns.on):
                while len(self._queue) <= CHUNKS and (sizes := self._next_sizes(until)):
                    self._queue.append(self._pool.submit(_quietly, self._draw, sizes))
            if not self._queue:
                size = next(self._sizes)
                self._drawn += size
                return self._draw(size)
            self._ready.extend(self._queue.popleft().result())
        return self._ready.popleft()

    def _next_sizes(self, until: int) -> list[int]:
        sizes = list[int]()
        end = min(self._drawn + self._chunk, until)
        while self._drawn < end:
            sizes.append(next(self._sizes))
            self._drawn += sizes[-1]
        return sizes

    def restart(self) -> None:
        """Forget what was drawn ahead. The next block is the first one again, if the source is set back, too."""
        wait([future for future in self._queue if not future.cancel()])
        self._queue.clear()
        self._begin()


def _quietly(draw: Callable[[int], Tensor], sizes: list[int]) -> list[Tensor]:
    with torch.inference_mode():  # a setting of each thread
        return [draw(size) for size in sizes]
