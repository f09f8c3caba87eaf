"""Votes of many images under noise, at the speed of the network: full batches across the borders of images.

Classes are counted where they are found, and an image's counts come back once.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.ahead import Batch, Feeder, Turns
from rsexplore.montecarlo.ballots import Ballots
from rsexplore.montecarlo.lane import Lane, Looks, Sampler, Votes, Work
from rsexplore.montecarlo.logits import Model, checked_logits

# The last batch of a run is filled up to a multiple of this with copies that are not counted: a network given two or
# three images takes other routes through its sums than in a full batch, and might round otherwise.
QUANTUM = 25
TOGETHER = 0.05  # seconds of the network between two looks at where the run is, if the images are small


class Engine:
    """Counts votes with one model and one noise.

    Parameters
    ----------
    logits_of : callable
        Maps a batch (b, ...) to logits (b, num_classes); may spoil what it is given.
    noise : Sampler
        Law of the additive noise.
    num_classes : int
        Number of classes.
    batch_size : int
        Copies that pass through the model at once; halved for good where memory does not suffice.
    fixed_shape : bool
        Whether every batch is filled up to `batch_size`, as a compiled model wants it.
    channels_last : bool
        Memory format of image batches.
    ahead : bool
        Whether another thread may make batches while this one is at work; it does where that is seen to help.
    """

    def __init__(
        self,
        logits_of: Model,
        noise: Sampler,
        num_classes: int,
        batch_size: int,
        *,
        fixed_shape: bool = False,
        channels_last: bool = False,
        ahead: bool = False,
    ) -> None:
        self.logits_of, self.noise, self.num_classes, self.batch_size = logits_of, noise, num_classes, batch_size
        self.fixed_shape, self.channels_last, self.ahead = fixed_shape, channels_last, ahead
        self._turns, self._inference = Turns(), torch.inference_mode()

    def run(
        self, works: Iterable[Work], looks: Looks | None = None, tick: Callable[[int], Any] = lambda copies: None
    ) -> Iterator[tuple[Work, Votes]]:
        """Yield every image and its counts (samples, classes), as they are done.

        Parameters
        ----------
        works : iterable of Work
            Taken up as there is room in a batch. All images of one shape.
        looks : Looks, optional
            When an image may end early.
        tick : callable
            Is told how many copies were counted, batch by batch; small batches that are fast are put together.

        Raises
        ------
        ModelOutputError
            The logits have another shape, or some copy has a nan, a +inf or no finite logit.
        """
        with ThreadPoolExecutor(1, "noise") if self.ahead else nullcontext() as pool:
            lanes = (Lane(work, self.noise, self.num_classes, looks) for work in works)
            feeder = Feeder(lanes, self.batch_size, self.channels_last, pool, self._turns)
            yield from self._run(feeder, Ballots(self.num_classes, pool), looks, tick)

    def _run(
        self, feeder: Feeder, ballots: Ballots, looks: Looks | None, tick: Callable[[int], Any]
    ) -> Iterator[tuple[Work, Votes]]:
        waiting, done = list[Lane](), 0
        while True:
            batch, start = Batch(), time.perf_counter()
            try:
                batch = feeder.next()
                self._vote(batch, ballots)
            except Exception as error:
                if not memory.is_exhaustion(error) or self.batch_size == 1:
                    raise
                self.batch_size //= 2
                ballots.clear()
                feeder.restart(self.batch_size, batch)
                continue
            if batch.rows is not None:
                seconds = time.perf_counter() - start
                feeder.passes = int(TOGETHER * batch.size / (seconds * self.batch_size))
                if self.ahead:
                    self._turns.take(batch.size, batch.rows[0].numel(), seconds)
                tick(batch.size)
                feeder.recycle(batch)
            # a GPU works on the next batch while the counts of the last one are read
            lag = bool(batch.halted or waiting) and batch.rows is not None and batch.rows.device.type == "cuda"
            due, waiting = (waiting, batch.halted) if lag else (waiting + batch.halted, [])
            for lane in due:
                counts = lane.received()
                if lane.placed == lane.total or (looks and looks.enough(counts)):
                    done += 1
                    yield lane.work, counts
                else:
                    lane.set_barrier()
                    feeder.go_on(lane)
            if not batch.size and feeder.exhausted and done == feeder.taken:
                return

    def _vote(self, batch: Batch, ballots: Ballots) -> None:
        """Pass a batch through the model, and send the counts of its lanes that are to be looked at."""
        with self._inference:
            if batch.rows is not None:
                segments = [(lane.counts, sample, size) for lane, sample, size in batch.segments]
                ballots.hand_over()
                ballots.add(self._logits(batch.rows, batch.size), segments)
            if batch.halted:
                ballots.count()
            for lane in batch.halted:
                lane.send()

    def _logits(self, rows: Tensor, copies: int) -> list[Tensor]:
        """Logits of each pass, copied, for a model may return the same tensor each time; what fills up has none."""
        step = self.batch_size if self.fixed_shape else min(QUANTUM, self.batch_size)
        full, rest = divmod(copies, self.batch_size)
        size = full * self.batch_size + min(-(-rest // step) * step, self.batch_size)
        rows[copies:size] = rows[0]
        passes = rows[:size].split(self.batch_size)
        found = [checked_logits(self.logits_of(batch), len(batch), self.num_classes).clone() for batch in passes]
        if rest:
            found[-1] = found[-1][:rest]
        return found
