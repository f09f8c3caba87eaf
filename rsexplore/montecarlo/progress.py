"""How far a run is: on a bar, or to whoever asks."""

import time
from collections.abc import Callable, Iterable
from math import nan
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rsexplore.log import Row


class Progress(NamedTuple):
    """How far a run is."""

    images: int  # finished, with those that the log held
    of: int
    votes: int  # counted since the call
    total: int  # to be counted since the call; less where images end early
    seconds: float  # since counting began
    clean: float  # share of the clean images looked at that are put into their class; nan while they are looked at
    noisy: float  # share of votes for the true class, of finished images; nan before the first
    doing: str = ""  # what is done before the first vote, in words; empty from then on

    @property
    def rate(self) -> float:
        """Votes a second."""
        return self.votes / self.seconds if self.seconds > 0 else nan

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first vote."""
        return (self.total - self.votes) / self.rate if self.votes else nan


class Reporter:
    """Counts votes and images, and shows or tells them, and what is done before the first vote.

    Parameters
    ----------
    wish : bool or callable
        Whether there is a bar, or what gets a `Progress` after each batch, or some small ones.
    total : int
        Votes to be counted.
    images : int
        Images of the run.
    """

    def __init__(self, wish: bool | Callable[[Progress], Any], total: int, images: int) -> None:
        self._tell = wish if callable(wish) else None
        self._total, self._of, self._clean, self._doing, self._head = total, images, nan, "", ""
        self._images = self._right = self._counted = self._votes = 0
        self._bar = tqdm(total=total, unit=" votes", unit_scale=True, disable=callable(wish) or not wish, leave=False)
        self._start = time.perf_counter()

    def doing(self, what: str) -> None:
        """Something is done that counts no votes."""
        self._doing = what
        self._bar.set_description(what, refresh=False)
        self._bar.update(0)
        self._report()

    def begin(self, total: int, clean: NDArray[np.bool_], rows: Iterable[Row]) -> None:
        """Counting begins: so many votes, of the clean images these put into their class, of the log these rows."""
        self._total, self._clean = total, float(np.mean(clean))
        for row in rows:
            self._count(row)
        self._head = f"clean {self._clean:.1%}" + ("" if len(clean) == self._of else f" of {len(clean)}")
        self._bar.leave = True
        self._bar.reset(total)
        self._bar.set_postfix_str(self._text(), refresh=False)
        self._bar.set_description(self._head)
        self._doing, self._start = "", time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.close()

    def tick(self, copies: int) -> None:
        """So many more votes are counted."""
        if self._doing:
            self._doing = ""
            self._bar.set_description(self._head, refresh=False)
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
            self._tell(Progress(*done, seconds, self._clean, noisy, self._doing))

    def _text(self) -> str:
        share = f", under noise {self._right / self._counted:.1%}" if self._counted else ""
        return f"{self._images}/{self._of} images{share}"
