"""Bounds on the probabilities of the top class and the runner-up, with nothing lost in either tail."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore.check import floats, tail

TINY = float(np.finfo(float).tiny)  # below it floats lose digits


def exactly_one(p_a: Any, q_a: Any) -> None:
    """Raise unless one of the two is given."""
    if (p_a is None) == (q_a is None):
        raise TypeError(f"give exactly one of p_a and q_a, got p_a={p_a!r} and q_a={q_a!r}")


def read(owner: str, p_a: Any, q_a: Any, p_b: Any) -> list[NDArray | None]:
    """Return the arguments as float64 of one shape, each moved to where the radius only becomes smaller.

    A p_A in a wider type comes back as its q_A where that keeps more of it, that is from 1/2 on.

    Raises
    ------
    TypeError
        Both or neither of p_a and q_a are given, or one is no array of real numbers.
    """
    exactly_one(p_a, q_a)
    sides = (("p_a", p_a, "below"), ("q_a", q_a, "above"), ("p_b", p_b, "above"))
    given = [None if x is None else floats(owner, name, x, side) for name, x, side in sides]
    if p_a is not None and (rest := tail(owner, "p_a", p_a)) is not None:
        given[:2] = [None, rest]
    shape = np.broadcast_shapes(*(x.shape for x in given if x is not None))
    return [None if x is None else np.broadcast_to(x, shape) for x in given]


class Probabilities(NamedTuple):
    """p_A, 1 - p_A, p_B and 1 - p_B as floats, each exact where the caller's numbers are."""

    pa: NDArray
    qa: NDArray
    pb: NDArray
    qb: NDArray

    @classmethod
    def of(cls, p_a: NDArray | None, q_a: NDArray | None, p_b: NDArray | None) -> "Probabilities":
        """Return the four arrays, from arrays of one shape; p_B is 1 - p_A in the two-class case."""
        if q_a is None:
            assert p_a is not None
            pa, qa = p_a, 1 - p_a
        else:
            pa, qa = 1 - q_a, q_a
        return cls(pa, qa, qa, pa) if p_b is None else cls(pa, qa, p_b, 1 - p_b)

    @property
    def valid(self) -> NDArray:
        """Where all lie in [0, 1]."""
        return np.all([(x >= 0) & (x <= 1) for x in self], axis=0)

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
