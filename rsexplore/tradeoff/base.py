"""What the regions of several norms are made of: what they certify, the budget, the frontier."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from rsexplore.bound import MissingDimensionError, Status
from rsexplore.check import Probabilities, as_given, floats, read
from rsexplore.convolution import unit
from rsexplore.divergences import LeastKL
from rsexplore.noises import Noise
from rsexplore.papers import Source

KEPT = 1 - 1e-11  # solved radii are moved towards 0 by the solver's tolerance


class Certifies(Enum):
    """Which shifts a set of radii, one for each norm, is about."""

    INTERSECTION = "every shift that lies in all of the balls at once; no ball on its own"
    EACH_BALL = "every shift that lies in any one of the balls"


@dataclass(frozen=True)
class Balls:
    """The largest certified ball in each norm."""

    noise: Noise
    dim: int
    radii: dict[float, float]  # norm -> radius, in units of the input
    certifies: Certifies = Certifies.EACH_BALL


@dataclass(frozen=True, eq=False)
class Frontier:
    """Pairs of radii of which neither can grow unless the other shrinks."""

    noise: Noise
    dim: int
    norms: tuple[float, float]
    first: NDArray  # radii in norms[0], increasing, in units of the input; shape (n,)
    second: NDArray  # radii in norms[1], decreasing; shape (n,)
    status: Status
    source: Source
    partner: Callable[[float], float]  # radius in norms[0] for one in norms[1]
    certifies: Certifies = Certifies.INTERSECTION

    def at(self, second: ArrayLike) -> Any:
        """Radius in `norms[0]` for radii in `norms[1]`, of their shape; a float for a scalar.

        Below the end of the frontier the second ball alone is certified: inf. Above its start the first ball lies
        inside the second, and its own radius is given.
        """
        radii = floats("Frontier.at", "second", second, "above")
        first = np.array([self.partner(float(radius)) for radius in radii.ravel()]).reshape(radii.shape)
        return as_given(first, second)


def budget(p_a: float | None = None, *, q_a: float | None = None, p_b: float | None = None) -> float:
    """Least divergence d_KL that a change of class needs (eq. (15)); scalar arguments as for `Bound.radius`.

    0 where p_A <= p_B, inf for certainty, nan outside [0, 1].
    """
    points = Probabilities.of(*read("budget", p_a, q_a, p_b))
    if not points.valid:
        return np.nan
    if points.tied:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(LeastKL.floats(*points.cut))


def root(function: Callable[[float], float], near: float) -> float:
    """Logarithm of the positive root of an increasing function of log x, not above it by more than 1e-12."""
    low = high = near
    width = 0.1
    while function(low) > 0:
        low, width = low - width, 2 * width
    while function(high) < 0:
        high, width = high + width, 2 * width
    return low if low == high else float(optimize.brentq(function, low, high, xtol=1e-12, rtol=1e-15))


def unpack(noise: Noise, dim: int | None) -> tuple[float, float, int]:
    """Scale, shape and dimension."""
    scale, shape = unit(noise)
    dim = noise.dim if dim is None else dim
    if dim is None:
        raise MissingDimensionError(f"tradeoff needs the dimension: {noise!r} has dim=None")
    return scale, shape, int(dim)
