"""Votes counted where they are found, for several small batches at a time."""

import torch
from torch import Tensor

from rsexplore.montecarlo.logits import classes_of

ROOM = 2**13  # votes that are kept until they are counted; small batches would feel the calls that counting takes

Segment = tuple[Tensor, int, int]  # counts (samples, num_classes + 1), the sample, and how many copies of it


class Ballots:
    """Votes of the last batches, and whose they are. They are in the counts after `count`, not before.

    Parameters
    ----------
    num_classes : int
        Number of classes; counts have one column more, for copies that left no class.
    """

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes
        self._largest = self._places = self._ones = torch.empty(0)
        self.clear()

    def clear(self) -> None:
        """Forget what was not counted."""
        self._segments, self._filled = list[Segment](), 0

    def add(self, logits: Tensor, segments: list[Segment]) -> None:
        """Take a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, num_classes)
            Those of copies that belong to no segment come last.
        segments : list of Segment
            In the order of the copies.
        """
        start, size = self._filled, len(logits)
        kept = self._largest
        if start + size > len(kept) or kept.dtype != logits.dtype or kept.device != logits.device:
            self.count()
            self._make_room(logits)
            start = 0
        out = self._largest[start : start + size], self._places[start : start + size]
        torch.max(logits, 1, out=out)
        self._segments += segments
        self._filled = start + sum(copies for *_, copies in segments)

    def count(self) -> None:
        """Count all that was taken."""
        if not self._filled:
            return
        filled, start = self._filled, 0
        classes = classes_of(self._largest[:filled], self._places[:filled], self._num_classes)
        for counts, sample, copies in _joined(self._segments):
            counts[sample].scatter_add_(0, classes[start : start + copies], self._ones[:copies])
            start += copies
        self.clear()

    def _make_room(self, logits: Tensor) -> None:
        room = max(ROOM, len(logits))
        if len(self._largest) < room or self._largest.dtype != logits.dtype or self._largest.device != logits.device:
            self._largest = logits.new_empty(room)
            self._places = logits.new_empty(room, dtype=torch.int64)
            self._ones = torch.ones_like(self._places)


def _joined(segments: list[Segment]) -> list[Segment]:
    """The same with neighbours of one sample made one."""
    found = list[Segment]()
    for counts, sample, copies in segments:
        if found and found[-1][0] is counts and found[-1][1] == sample:
            copies += found.pop()[2]
        found.append((counts, sample, copies))
    return found
