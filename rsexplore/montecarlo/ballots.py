"""Votes counted where they are found, for several small batches at a time."""

from concurrent.futures import Executor, Future, wait

import torch
from torch import Tensor

from rsexplore.montecarlo.logits import read_classes

ROOM = 2**18  # numbers that are kept until classes are read; small batches would feel the calls that reading takes
READING = 8  # numbers that reading a class takes beside its logits

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
        self._kept, self._segments, self._copies = list[Tensor](), list[Segment](), 0
        self._read: Future[None] | None = None

    def add(self, logits: list[Tensor], segments: list[Segment]) -> None:
        """Take a batch.

        Parameters
        ----------
        logits : list of Tensor, each of shape (copies, num_classes)
            Of each pass; to be left as they are.
        segments : list of Segment
            In the order of the copies.
        """
        self._kept += logits
        self._segments += segments
        self._copies += sum(copies for *_, copies in segments)

    def hand_over(self) -> None:
        """Have the other thread count if much was taken. To be called when this one is about to be long at work."""
        if self._copies * (self._num_classes + READING) >= ROOM:
            if self._pool is None:
                self.count()
            else:
                self._wait()
                self._read = self._pool.submit(_count, *self._taken())

    def count(self) -> None:
        """Count all that was taken."""
        self._wait()
        if self._kept:
            _count(*self._taken())

    def clear(self) -> None:
        """Forget what was not counted."""
        if self._read is not None:
            wait([self._read])
        self._read = None
        self._taken()

    def _wait(self) -> None:
        if self._read is not None:
            self._read.result()
            self._read = None

    def _taken(self) -> tuple[list[Tensor], list[Segment], int]:
        """What was taken since the last time."""
        taken = (self._kept, self._segments, self._num_classes)
        self._kept, self._segments, self._copies = [], [], 0
        return taken


def _count(kept: list[Tensor], segments: list[Segment], num_classes: int) -> None:
    with torch.inference_mode():  # a setting of each thread
        classes, start = read_classes(torch.cat(kept), num_classes), 0
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
