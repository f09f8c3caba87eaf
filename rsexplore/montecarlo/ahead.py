"""Batches of noisy copies; on a CPU with a core to spare, made while the network is at work on those before."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.lane import Lane

# Coordinates that are made at a time, or a pass of the network: few in the turns, which are short, and many after them,
# for waking a thread costs more than a small batch does.
FIRST_CHUNK = 2**17
CHUNK = 2**19
CHUNKS = 1  # batches waiting, or in the making, while one is used up
WON, LOST = 2, 4  # pairs of turns that keep the thread, or end it, whichever comes first: a busy machine disturbs some
TURN = 8  # first chunks of one turn; half of them are left to what was made in the turn before


def may_help(device: torch.device) -> bool:
    """Whether a thread that draws noise may help a network: where that leaves cores idle. A GPU needs no thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type == "cpu" and torch.get_num_threads() == 1 and cores > 1


class Turns:
    """Whether the other thread makes batches: both ways in pairs of turns, until one stays.

    Nothing is lost by it, for every vote counts. A busy machine makes it slower, an idle core faster.
    """

    def __init__(self) -> None:
        self.on, self.chunk = False, FIRST_CHUNK
        self._rate, self._done, self._copies, self._seconds = 0.0, 0, 0, 0.0
        self._won = [0, 0]  # pairs of turns, without the thread and with it

    def take(self, copies: int, coordinates: int, seconds: float) -> None:
        """Take note of a batch of so many copies of so many coordinates, and of the time that the run spent on it."""
        if self.chunk == CHUNK:
            return
        if 2 * self._done * coordinates >= TURN * FIRST_CHUNK:
            self._copies, self._seconds = self._copies + copies, self._seconds + seconds
        self._done += copies
        if self._done * coordinates >= TURN * FIRST_CHUNK and self._copies:
            self._end_turn(self._copies / self._seconds)

    def _end_turn(self, rate: float) -> None:
        if self.on:
            self._won[rate >= self._rate] += 1
        self._rate, self._done, self._copies, self._seconds, self.on = rate, 0, 0, 0.0, not self.on
        without, with_ = self._won
        if without == LOST or with_ == WON:
            self.on, self.chunk = with_ == WON, CHUNK


@dataclass(eq=False)
class Batch:
    """Noisy copies that wait for the network, which gets them in one pass or several."""

    rows: Tensor | None = None  # (passes times copies of a pass, ...); None where there was nothing to do
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
        Copies of one pass through the network; a batch holds some passes of small images.
    channels_last : bool
        Memory format of image batches.
    pool : Executor, optional
        One thread that makes batches ahead, as long as the turns say so.
    turns : Turns
        Whether it does just now, and how much at a time.
    """

    def __init__(
        self, source: Iterator[Lane], batch_size: int, channels_last: bool, pool: Executor | None, turns: Turns
    ) -> None:
        self.batch_size, self._channels_last, self._pool, self._turns = batch_size, channels_last, pool, turns
        self._source, self._ready = source, deque[Lane]()  # of the thread that makes batches
        self._back, self._free = deque[Lane](), deque[Tensor]()  # handed over by the other one
        self._tasks = deque[Future[Batch | None]]()
        self.passes = 1  # at most
        self.taken, self.exhausted = 0, False
        self._error: Exception | None = None
        self._reading = False  # stays true where the source raised: it has ended then, whatever was left in it

    def next(self) -> Batch:
        """Return the next batch; an empty one where all lanes wait to be looked at, or are done."""
        if self._pool is not None and self._turns.on:
            while len(self._tasks) <= CHUNKS:
                self._tasks.append(self._pool.submit(self._try))
        batch = self._tasks.popleft().result() if self._tasks else self._try()
        if batch is None:
            assert self._error is not None
            raise self._error
        return batch

    def go_on(self, lane: Lane) -> None:
        """Take a lane that was looked at up again."""
        self._back.append(lane)

    def recycle(self, batch: Batch) -> None:
        """Have the memory of a batch filled again."""
        assert batch.rows is not None
        self._free.append(batch.rows)

    def restart(self, batch_size: int, failed: Batch) -> None:
        """Make smaller batches. Copies that were not counted are drawn anew: their images start again, all the same."""
        lost = [failed, *(batch for task in self._tasks if not task.cancel() and (batch := task.result()))]
        if self._error is not None and (self._reading or not memory.is_exhaustion(self._error)):
            raise self._error
        lanes = [lane for batch in lost for lane, *_ in batch.segments]
        self._ready = deque(dict.fromkeys([*lanes, *self._ready]))
        self.batch_size, self._error = batch_size, None
        self._tasks.clear()
        self._free.clear()
        for batch in lost:
            batch.rows = None  # only what nobody holds can be given back
        with torch.inference_mode():
            for lane in self._ready:
                lane.restart()
        memory.release(self._ready[0].counts.device)

    def _try(self) -> Batch | None:
        """Make a batch; None after an error, which `next` tells in its turn."""
        try:
            return self._fill() if self._error is None else None
        except Exception as error:
            self._error = error
            return None

    def _fill(self) -> Batch:
        batch, room = Batch(), self.batch_size
        try:
            with torch.inference_mode():  # a setting of each thread
                while batch.size < room and (lane := self._first()):
                    if batch.rows is None:
                        batch.rows = self._rows(lane.work.image)
                        room = len(batch.rows)
                    size, sample = lane.place(batch.rows[batch.size : room])
                    batch.segments.append((lane, sample, size))
                    batch.size += size
                    if lane.placed == lane.barrier:
                        batch.halted.append(self._ready.popleft())
                        room = -(-batch.size // self.batch_size) * self.batch_size  # it does not wait for more passes
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
        passes = min(self.passes, self._turns.chunk // max(1, self.batch_size * image.numel()))
        shape = (max(1, passes) * self.batch_size, *image.shape)
        while self._free:
            rows = self._free.popleft()
            if rows.shape == shape:
                return rows
        rows = torch.empty(shape, dtype=image.dtype, device=image.device)
        return rows.to(memory_format=torch.channels_last) if self._channels_last and image.ndim == 3 else rows
