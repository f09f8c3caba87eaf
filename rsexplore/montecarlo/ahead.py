"""Batches of noisy copies; on a CPU with a core to spare, made while the network is at work on those before."""

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.lane import Lane

# Coordinates that the other thread makes at a time. Waking a thread costs more than a small batch does.
CHUNK = 2**17
CHUNKS = 2  # under way
TURNS = 3  # of each way, before the faster one stays
TURN = 8  # chunks of one turn; the first half of them is left to what was made in the turn before


def may_help(device: torch.device) -> bool:
    """Whether a thread that draws noise may help a network: where that leaves cores idle. A GPU needs no thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type == "cpu" and torch.get_num_threads() == 1 and cores > 1


class Turns:
    """Whether the other thread makes batches: both ways in turns, then the one that was faster.

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


@dataclass(eq=False)
class Batch:
    """Noisy copies that wait for the network."""

    rows: Tensor | None = None  # (batch_size, ...); None where there was nothing to do
    size: int = 0  # how many of them are copies
    segments: list[tuple[Lane, int, int]] = field(default_factory=list)  # lane, sample and copies, in their order
    halted: list[Lane] = field(default_factory=list)  # to be looked at after this batch


class Feeder:
    """Makes batches, here or in another thread. Which copies share a batch never changes the votes.

    Parameters
    ----------
    source : iterator of Lane
        Taken up as there is room in a batch. All images of one shape.
    batch_size : int
        Copies of a batch.
    channels_last : bool
        Memory format of image batches.
    pool : Executor, optional
        One thread that makes batches ahead, as long as the turns say so.
    turns : Turns
        Whether it does just now.
    """

    def __init__(
        self, source: Iterator[Lane], batch_size: int, channels_last: bool, pool: Executor | None, turns: Turns
    ) -> None:
        self.batch_size, self._channels_last, self._pool, self._turns = batch_size, channels_last, pool, turns
        self._source, self._ready = source, deque[Lane]()  # of the thread that makes batches
        self._back, self._free = deque[Lane](), deque[Tensor]()  # handed over by the other one
        self._tasks, self._made = deque[Future[list[Batch]]](), deque[Batch]()
        self.taken, self.exhausted = 0, False
        self._error: Exception | None = None
        self._reading = False  # stays true where the source raised: it has ended then, whatever was left in it

    def next(self) -> Batch:
        """Return the next batch; an empty one where all lanes wait to be looked at, or are done."""
        if not self._made:
            if self._pool is not None and self._turns.on:
                while len(self._tasks) <= CHUNKS:
                    self._tasks.append(self._pool.submit(self._several, CHUNK))
            self._made.extend(self._tasks.popleft().result() if self._tasks else self._several(1))
        if not self._made and self._error is not None:
            raise self._error
        return self._made.popleft()

    def go_on(self, lane: Lane) -> None:
        """Take a lane that was looked at up again."""
        self._back.append(lane)

    def recycle(self, batch: Batch) -> None:
        """Have the memory of a batch filled again."""
        assert batch.rows is not None
        self._free.append(batch.rows)

    def restart(self, batch_size: int, failed: Batch) -> None:
        """Make smaller batches. Copies that were not counted are drawn anew: their images start again, all the same."""
        lost = [failed, *self._made, *(batch for task in self._tasks if not task.cancel() for batch in task.result())]
        if self._error is not None and (self._reading or not memory.is_exhaustion(self._error)):
            raise self._error
        lanes = [lane for batch in lost for lane, *_ in batch.segments]
        self._ready = deque(dict.fromkeys([*lanes, *self._ready]))
        self.batch_size, self._error = batch_size, None
        for left in (self._tasks, self._made, self._free):
            left.clear()
        for batch in lost:
            batch.rows = None  # only what nobody holds can be given back
        with torch.inference_mode():
            for lane in self._ready:
                lane.restart()
        memory.release(self._ready[0].counts.device)

    def _several(self, coordinates: int) -> list[Batch]:
        """Make batches of so many coordinates in all; none after an error, which `next` tells in its turn."""
        made, left = list[Batch](), coordinates
        try:
            while left > 0 and self._error is None:
                made.append(self._fill())
                rows = made[-1].rows
                left -= coordinates if rows is None else rows.numel()
        except Exception as error:
            self._error = error
        return made

    def _fill(self) -> Batch:
        batch = Batch()
        try:
            with torch.inference_mode():  # a setting of each thread
                while batch.size < self.batch_size and (lane := self._first()):
                    if batch.rows is None:
                        batch.rows = self._rows(lane.work.image)
                    rows = batch.rows[batch.size :] if batch.size else batch.rows
                    size, sample = lane.place(rows)
                    batch.segments.append((lane, sample, size))
                    batch.size += size
                    if lane.placed == lane.barrier:
                        batch.halted.append(self._ready.popleft())
        except BaseException:
            self._ready.extendleft(reversed(batch.halted))  # so that nothing is lost where a smaller batch is tried
            raise
        return batch

    def _first(self) -> Lane | None:
        while self._back:
            self._ready.appendleft(self._back.popleft())
        if not self._ready and not self.exhausted:
            self._reading = True
            fresh = next(self._source, None)
            self._reading = False
            self.exhausted = fresh is None
            if fresh is not None:
                self.taken += 1
                self._ready.append(fresh)
        return self._ready[0] if self._ready else None

    def _rows(self, image: Tensor) -> Tensor:
        shape = (self.batch_size, *image.shape)
        if self._free and self._free[0].shape == shape:
            return self._free.popleft()
        rows = torch.empty(shape, dtype=image.dtype, device=image.device)
        return rows.to(memory_format=torch.channels_last) if self._channels_last and image.ndim == 3 else rows
