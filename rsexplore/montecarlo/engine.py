"""Votes of many images under noise, at the speed of the network: full batches across the borders of images.

Copies are written into one buffer, classes are counted where they are found, and an image's counts come back once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.ahead import Turns
from rsexplore.montecarlo.ballots import Ballots, Segment
from rsexplore.montecarlo.lane import Lane, Looks, Sampler, Votes, Work
from rsexplore.montecarlo.logits import Model, checked_logits

# The last batch of a run is filled up to a multiple of this with copies that are not counted: a network given two or
# three images takes other routes through its sums than in a full batch, and might round otherwise.
QUANTUM = 25


class Engine:
    """Counts votes with one model, one noise and one buffer.

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
        Whether another thread may draw noise while this one is at work; it does where that is seen to help.
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
        self._buffer: Tensor | None = None
        self._turns = Turns()
        self._ballots: Ballots  # of one run

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
            Is told how many copies were counted, batch by batch.

        Raises
        ------
        ModelOutputError
            The logits have another shape, or some copy has a nan, a +inf or no finite logit.
        """
        with ThreadPoolExecutor(1, "noise") if self.ahead else nullcontext() as pool:
            self._ballots = Ballots(self.num_classes, pool)
            lanes = (Lane(work, self.noise, self.num_classes, looks, pool, self._turns) for work in works)
            yield from self._run(lanes, looks, tick)

    def _run(
        self, source: Iterator[Lane], looks: Looks | None, tick: Callable[[int], Any]
    ) -> Iterator[tuple[Work, Votes]]:
        ready, waiting = deque[Lane](), list[Lane]()
        while True:
            try:
                with torch.inference_mode():
                    placed, halted = self._batch(ready, source)
            except Exception as error:
                if not memory.is_exhaustion(error) or self.batch_size == 1:
                    raise
                self._halve(ready)
                continue
            tick(placed)
            if self.ahead and self._buffer is not None:
                self._turns.tick(placed, self._buffer[0].numel())
            # a GPU works on the next batch while the counts of the last one are read
            lag = placed > 0 and bool(halted or waiting) and self._is_asynchronous()
            due, waiting = (waiting, halted) if lag else (waiting + halted, [])
            for lane in due:
                counts = lane.received()
                if lane.placed == lane.total or (looks and looks.enough(counts)):
                    yield lane.work, counts
                else:
                    lane.set_barrier()
                    ready.appendleft(lane)
            if not placed and not ready and not waiting:
                return

    def _batch(self, ready: deque[Lane], source: Iterator[Lane]) -> tuple[int, list[Lane]]:
        """Fill a batch and count it; return its size and the lanes that have reached their barrier."""
        segments, halted, filled = list[Segment](), list[Lane](), 0
        try:
            while filled < self.batch_size:
                if not ready:
                    fresh = next(source, None)
                    if fresh is None:
                        break
                    ready.append(fresh)
                lane = ready[0]
                buffer = self._rows(lane.work.image)
                size, sample = lane.place(buffer[filled:] if filled else buffer)
                segments.append((lane.counts, sample, size))
                filled += size
                if lane.placed == lane.barrier:
                    halted.append(ready.popleft())
            if filled:
                self._ballots.add(self._logits(filled), segments)
            if halted:
                self._ballots.count()
            for lane in halted:
                lane.send()
        except BaseException:
            ready.extendleft(reversed(halted))  # so that nothing is lost where a smaller batch is tried
            raise
        return filled, halted

    def _logits(self, filled: int) -> Tensor:
        """Logits of the batch; those of copies that fill it up come last."""
        assert self._buffer is not None
        step = self.batch_size if self.fixed_shape else min(QUANTUM, self.batch_size)
        size = min(-(-filled // step) * step, self.batch_size)
        batch = self._buffer if size == self.batch_size else self._buffer[:size]
        if size > filled:
            batch[filled:] = batch[0]
        return checked_logits(self.logits_of(batch), size, self.num_classes)

    def _rows(self, image: Tensor) -> Tensor:
        """Return the buffer that takes one batch of copies of such an image."""
        shape = (self.batch_size, *image.shape)
        if self._buffer is None or self._buffer.shape != shape:
            self._buffer = torch.empty(shape, dtype=image.dtype, device=image.device)
            if self.channels_last and image.ndim == 3:
                self._buffer = self._buffer.to(memory_format=torch.channels_last)
        return self._buffer

    def _halve(self, ready: deque[Lane]) -> None:
        # copies that were drawn into the failed batch are drawn anew: images in work start again, with the same noise
        self.batch_size //= 2
        device, self._buffer = ready[0].work.image.device, None
        self._ballots.clear()
        with torch.inference_mode():
            for lane in ready:
                lane.restart()
        memory.release(device)

    def _is_asynchronous(self) -> bool:
        return self._buffer is not None and self._buffer.device.type == "cuda"
