"""The law of L = log pi_delta / pi_0 under pi_0, at the worst shift of a given length, by quadrature over the norm.

L is even in a strong sense: z -> delta - z swaps pi_0 and pi_delta and changes the sign of L, so that one pair of
functions F(l) = P(L <= l), S = 1 - F tells everything about the pair of noises. Each law offers both tails; a small
value has a small relative error.
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import special

CHUNK = 400_000  # nodes held in memory at a time
LEAST_DIM = 20  # of family (9): below, the transform of a sum of cut-off normals falls off too slowly

Tails = tuple[NDArray, NDArray, NDArray]


class Law(ABC):
    """Law of L for one noise at scale 1; `relative` and `absolute` bound the errors of its probabilities."""

    dim: int
    k: float
    relative: float
    absolute: float = 0.0
    lower_absolute: float = 0.0  # of the lower tail alone, beside `absolute`
    least: float = 0.0  # probabilities below are counted as this much: a smaller radius
    tail: float = 0.0  # relative error of a small probability q, times q^(1 / dim)
    differentiable: bool = False
    central: bool = False  # whether `normal` keeps its relative error near 0
    smooth: bool = True  # whether the radius of two classes is smooth in PhiInv(p)

    @abstractmethod
    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        """S(level), and its derivatives by level and by r (nan if not `differentiable`).

        All arrays have shape (n,); r > 0. `budget` is -log of the smallest probability that matters.
        """

    @abstractmethod
    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """F(level)."""

    def value(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """S(level) alone."""
        return self.upper(level, r, budget)[0]

    def normal(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        """PhiInv(F(level)), and its derivatives by level and by r."""
        value, by_level, by_r = self.upper(level, r, budget)
        x = -special.ndtri(value)
        scale = -np.exp(x**2 / 2) * np.sqrt(2 * np.pi)
        return x, by_level * scale, by_r * scale

    def shift(self, r: NDArray) -> NDArray:
        """Length of the shift in units in which the noise is roughly N(0, 1) along it."""
        return r * np.sqrt(self.dim / max(self.dim - self.k, 1.0))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        """Guess of the radius of two classes with p = Phi(z), and of the level there."""
        return z / self.shift(np.ones(1)), z**2 / 2

    def direct(self, z: NDArray) -> NDArray:
        """Radius of two classes with p = Phi(z) by a way of the law's own; nan where it has none."""
        return np.full(z.shape, np.nan)


def resolved(dim: int, k: float, power_norm: float, tail_norm: float) -> bool:
    """Whether double precision tells the levels of L apart: not for family (9) with k next to dim.

    There ||z||_inf is spread over too many decades.
    """
    return dim == 1 or power_norm == tail_norm or dim - k >= 0.5


@lru_cache(maxsize=64)
def law_of(dim: int, k: float, power_norm: float, tail_norm: float) -> Law:
    """Return the law of L for a member of `PowerGaussian`; the shift is Euclidean for (8), l_inf for (9) and (10).

    Raises
    ------
    NotImplementedError
        The member is not `resolved`.
    """
    if not resolved(dim, k, power_norm, tail_norm):
        raise NotImplementedError(f"soap-dual-linf: eq. (9) is not resolved for k this near dim, got k={k}, dim={dim}")
    if (dim == 1 and k > 0) or (dim > 1 and tail_norm == power_norm == inf):
        from rsexplore.dual.cube import Cube

        return Cube(dim, k)
    if dim == 1 or power_norm == tail_norm:
        from rsexplore.dual.spherical import Spherical

        return Spherical(dim, k)
    from rsexplore.dual.mixed import Mixed

    return Mixed(dim, k)
