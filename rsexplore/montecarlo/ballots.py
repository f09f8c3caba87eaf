"""Votes counted where they are found, for several small batches at a time."""

from collections import deque
from concurrent.futures import Executor, Future, wait

import torch
from torch import Tensor

from rsexplore.montecarlo.logits import read_classes

ROOM = 2**16  # logits that are kept until classes are read; small batches would feel the calls that reading takes
BUFFERS = 2  # one is filled while another is read

Segment = tuple[Tensor, int, int]  # counts (samples, num_classes + 1), the sample, and how many copies of it


class Ballots:
    """Logits of the last batches, and whose they are. Their votes are in the counts after `count`, not before.

    Parameters
    ----------
    num_classes : int
        Number of classes; counts have one column more, for copies that left no class.
    pool : Executor, optional
        One thread that reads classes while the next batch is at work.
    """

    def __init__(self, num_classes: int, pool: Executor | None = None) -> None:
        self._num_classes, self._pool = num_classes, pool
        self._buffers = deque([torch.empty(0, num_classes)] * BUFFERS)
        self._read = deque[Future[None]]()
        self._segments, self._filled = list[Segment](), 0

    def add(self, logits: Tensor, segments: list[Segment]) -> None:
        """Take a batch. Its logits are copied, for a model may return the same tensor each time.

        Parameters
        ----------
        logits : Tensor, shape (b, num_classes)
            Those of copies that belong to no segment come last.
        segments : list of Segment
            In the order of the copies.
        """
        size, kept = sum(copies for *_, copies in segments), self._buffers[0]
        if self._filled + size > len(kept) or kept.dtype != logits.dtype or kept.device != logits.device:
            self._hand_over()
            kept = self._with_room(logits)
        kept[self._filled : self._filled + size] = logits[:size]
        self._segments += segments
        self._filled += size

    def count(self) -> None:
        """Count all that was taken."""
        while self._read:
            self._read.popleft().result()
        if self._filled:
            _count(*self._taken())

    def clear(self) -> None:
        """Forget what was not counted."""
        wait(self._read)
        self._read.clear()
        self._segments, self._filled = [], 0

    def _taken(self) -> tuple[Tensor, list[Segment], int]:
        """What was taken since the last time."""
        taken = (self._buffers[0][: self._filled], self._segments, self._num_classes)
        self._segments, self._filled = [], 0
        return taken

    def _hand_over(self) -> None:
        if self._pool is None:
            self.count()
        elif self._filled:
            self._read.append(self._pool.submit(_count, *self._taken()))
            self._buffers.rotate()
            while len(self._read) >= BUFFERS:
                self._read.popleft().result()

    def _with_room(self, logits: Tensor) -> Tensor:
        kept, room = self._buffers[0], max(ROOM // self._num_classes, len(logits))
        if len(kept) < room or kept.dtype != logits.dtype or kept.device != logits.device:
            kept = self._buffers[0] = logits.new_empty(room, self._num_classes)
        return kept


def _count(logits: Tensor, segments: list[Segment], num_classes: int) -> None:
    with torch.inference_mode():  # a setting of each thread
        classes, start = read_classes(logits, num_classes), 0
        ones = torch.ones_like(classes)
        for counts, sample, copies in _joined(segments):
            stop = start + copies
            counts[sample].scatter_add_(0, classes[start:stop], ones[start:stop])
            start = stop


def _joined(segments: list[Segment]) -> list[Segment]:
    """The same with neighbours of one sample made one."""
    found = list[Segment]()
    for counts, sample, copies in segments:
        if found and found[-1][0] is counts and found[-1][1] == sample:
            copies += found.pop()[2]
        found.append((counts, sample, copies))
    return found
