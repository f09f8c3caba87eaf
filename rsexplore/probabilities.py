"""Bounds on the probabilities of the top class and the runner-up, with nothing lost in either tail."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TINY = float(np.finfo(float).tiny)  # below it floats lose digits


@dataclass(frozen=True)
class Probabilities:
    """p_A, p_B and their complements as floats, each exact where the caller's numbers are."""

    pa: NDArray
    qa: NDArray
    pb: NDArray
    qb: NDArray

    @classmethod
    def of(cls, p_a: ArrayLike | None, q_a: ArrayLike | None, p_b: ArrayLike | None) -> "Probabilities":
        """Return the four arrays, broadcast; p_B is at most 1 - p_A, its value in the two-class case."""
        if (p_a is None) == (q_a is None):
            raise TypeError(f"give exactly one of p_a and q_a, got p_a={p_a!r} and q_a={q_a!r}")
        given = np.asarray(p_a if q_a is None else q_a, dtype=float)
        pa, qa = (given, 1 - given) if q_a is None else (1 - given, given)
        if p_b is None:
            pb, qb = qa, pa
        else:
            pb = np.asarray(p_b, dtype=float)
            qb = 1 - pb
        pa, qa, pb, qb = np.broadcast_arrays(pa, qa, pb, qb)
        return cls(pa, qa, pb, qb)

    @property
    def valid(self) -> NDArray:
        """Where both probabilities lie in [0, 1]."""
        return (self.pa >= 0) & (self.qa >= 0) & (self.qa <= 1) & (self.pa <= 1) & (self.pb >= 0) & (self.pb <= 1)

    @property
    def tied(self) -> NDArray:
        """Where there is no radius: p_A is not above p_B, or too small for a float with all its digits."""
        return (self.pa <= self.pb) | (self.pa < TINY)

    @property
    def cut(self) -> tuple[NDArray, ...]:
        """The four arrays with p_B no larger than 1 - p_A, which it never exceeds.

        Tails below the smallest float with all its digits (2.2e-308) are moved up to it, which only lowers a radius.
        """
        qa, pb = (np.where((tail > 0) & (tail < TINY), TINY, tail) for tail in (self.qa, self.pb))
        over = pb > qa
        return self.pa, qa, np.where(over, qa, pb), np.where(over, self.pa, self.qb)
