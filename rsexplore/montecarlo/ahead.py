"""Batches of noisy copies; on a CPU with a core to spare, made while the network is at work on those before."""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.lane import Lane

# Coordinates that the other thread makes at a time: few in the turns, which are short, and many after them, for waking
# a thread costs more than a small batch does.
FIRST_CHUNK = 2**17
CHUNK = 2**18
CHUNKS = 1  # waiting, or in the making, while one is used up
TURNS = 5  # of each way, before one stays: without the thread, if that was faster in all pairs of turns but one
TURN = 8  # first chunks of one turn; half of them are left to what was made in the turn before
SWITCH = 1e-5  # seconds after which one thread asks the other for the interpreter

_lock = Lock()
_runs, _interval = 0, sys.getswitchinterval()


def may_help(device: torch.device) -> bool:
    """Whether a thread that draws noise may help a network: where that leaves cores idle. A GPU needs no thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type == "cpu" and torch.get_num_threads() == 1 and cores > 1


@contextmanager
def other_thread() -> Iterator[Executor]:
    """A thread beside the network's, which waits less for the interpreter meanwhile; that is the whole process's."""
    global _runs, _interval
    with _lock:
        _runs += 1
        if _runs == 1:
            _interval = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH)
    try:
        with ThreadPoolExecutor(1, "noise") as pool:
            yield pool
    finally:
        with _lock:
            _runs -= 1
            if _runs == 0:
                sys.setswitchinterval(_interval)


class Turns:
    """Whether the other thread makes batches: both ways in turns, then one of them.

    Nothing is lost by it, for every vote counts. A busy machine makes it slower, an idle core faster.
    """

    def __init__(self) -> None:
        self.on, self.chunk = False, FIRST_CHUNK
        self._rates = list[float]()
        self._copies, self._begin, self._half = 0, 0, 0.0

    def tick(self, copies: int, coordinates: int) -> None:
        """Take note of a batch of so many copies of so many coordinates."""
        if len(self._rates) == 2 * TURNS:
            return
        self._copies += copies
        done = self._copies * coordinates / (TURN * FIRST_CHUNK)
        if done >= 0.5 and not self._half:
            self._half, self._begin = time.perf_counter(), self._copies
        elif done >= 1:
            self._rates.append((self._copies - self._begin) / (time.perf_counter() - self._half))
            self._copies, self._half, self.on = 0, 0.0, not self.on
            if len(self._rates) == 2 * TURNS:
                pairs = zip(self._rates[::2], self._rates[1::2], strict=True)
                self.on, self.chunk = sum(without > with_ for without, with_ in pairs) < TURNS - 1, CHUNK


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
                    self._tasks.append(self._pool.submit(self._several, self._turns.chunk))
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
