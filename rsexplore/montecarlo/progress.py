"""How far a run is: on a bar, or to whoever asks."""

import time
from collections.abc import Callable, Iterable
from math import nan
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rsexplore.row import Row


class Progress(NamedTuple):
    """How far a run is."""

    images: int  # finished, with those that the log held
    of: int
    votes: int  # counted since the call
    total: int  # to be counted since the call; less where images end early
    seconds: float  # since the first vote
    clean: float  # share of the clean images looked at that are put into their class
    noisy: float  # share of votes for the true class, of finished images; nan before the first

    @property
    def rate(self) -> float:
        """Votes a second."""
        return self.votes / self.seconds if self.seconds > 0 else nan

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first vote."""
        return (self.total - self.votes) / self.rate if self.votes else nan


class Reporter:
    """Counts votes and images, and shows or tells them.

    Parameters
    ----------
    wish : bool or callable
        Whether there is a bar, or what gets a `Progress` after each batch, or some small ones.
    total : int
        Votes to be counted.
    images : int
        Images of the run.
    clean : ndarray of bool
        Which clean images are put into their class, of those looked at.
    rows : iterable of Row
        Images that the log held.
    """

    def __init__(
        self,
        wish: bool | Callable[[Progress], Any],
        total: int,
        images: int,
        clean: NDArray[np.bool_],
        rows: Iterable[Row],
    ) -> None:
        self._tell = wish if callable(wish) else None
        self._total, self._of, self._clean = total, images, float(np.mean(clean))
        self._images = self._right = self._counted = self._votes = 0
        for row in rows:
            self._count(row)
        of = "" if len(clean) == images else f" of {len(clean)}"
        self._bar = tqdm(
            total=total,
            desc=f"clean {self._clean:.1%}{of}",
            unit=" votes",
            unit_scale=True,
            disable=callable(wish) or not wish,
            postfix=self._text(),
        )
        self._start = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.close()

    def tick(self, copies: int) -> None:
        """So many more votes are counted."""
        self._votes += copies
        self._bar.update(copies)
        self._report()

    def add(self, row: Row, saved: int = 0) -> None:
        """Count an image as finished, with so many votes fewer than planned."""
        self._count(row)
        self._total -= saved
        self._bar.total -= saved
        self._bar.set_postfix_str(self._text(), refresh=False)
        self._report()

    def _count(self, row: Row) -> None:
        self._images += 1
        self._right += row.counts.get(row.label, 0)
        self._counted += row.draws

    def _report(self) -> None:
        if self._tell is not None:
            seconds, noisy = time.perf_counter() - self._start, self._right / self._counted if self._counted else nan
            done = (self._images, self._of, self._votes, self._total)
            self._tell(Progress(*done, seconds, self._clean, noisy))

    def _text(self) -> str:
        share = f", under noise {self._right / self._counted:.1%}" if self._counted else ""
        return f"{self._images}/{self._of} images{share}"
