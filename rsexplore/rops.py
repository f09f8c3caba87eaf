"""Rectified optional parameter space: how much noise a classifier of the line bears (Teng et al. 2020, Appendix D).

The base classifier says A where |x| <= 1. Smoothed at x by noise of deviation sigma it still says A, with a certified
radius r, for the sigma of a set; ROPS is the largest of them. Deviations are per coordinate, so that sigma of Laplace
noise is sqrt(2) lambda, and families compare fairly. The set is found, not assumed to be an interval.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from rsexplore.comparison import exact_radius
from rsexplore.noises import Gaussian, Laplace, Noise

SCAN = np.geomspace(1e-3, 1e3, 1201)  # deviations between which sign changes are looked for


class Feasible(NamedTuple):
    """Intervals [low, high] of feasible deviations in [1e-3, 1e3]; `low` is 1e-3 where it starts at 0."""

    intervals: tuple[tuple[float, float], ...]

    @property
    def is_interval_from_zero(self) -> bool:
        """Whether the set is one interval that starts at 0."""
        return len(self.intervals) == 1 and self.intervals[0][0] == SCAN[0]

    @property
    def largest(self) -> float:
        """ROPS: the largest feasible deviation, 0 if there is none."""
        return self.intervals[-1][1] if self.intervals else 0.0


def probability_against(family: type[Noise], x: ArrayLike, sigma: ArrayLike) -> NDArray:
    """P(|x + noise| > 1), 1 minus the vote for A, for Gaussian or Laplace noise on the line of deviation `sigma`."""
    at, deviation = np.abs(np.asarray(x, dtype=float)), np.asarray(sigma, dtype=float)
    if family is Gaussian:
        return special.ndtr(-(1 - at) / deviation) + special.ndtr(-(1 + at) / deviation)
    if family is not Laplace:
        raise ValueError(f"probability_against knows Gaussian and Laplace noise, got {family.__name__}")
    near, far = (1 - at) * np.sqrt(2) / deviation, (1 + at) * np.sqrt(2) / deviation
    inside = np.where(near >= 0, np.exp(-np.abs(near)) / 2, 1 - np.exp(-np.abs(near)) / 2)
    return inside + np.exp(-far) / 2


def _against_own(family: type[Noise], x: ArrayLike, sigma: ArrayLike) -> NDArray:
    """1 minus the vote for the class that the base classifier says at x: A where |x| <= 1, else B."""
    against = np.minimum(probability_against(family, x, sigma), 1.0)
    return np.where(np.abs(x) <= 1, against, 1 - against)


def certified(family: type[Noise], x: ArrayLike, sigma: ArrayLike) -> NDArray:
    """Exact radius at x where the smoothed classifier says what the base classifier says, else 0; shapes broadcast."""
    against = _against_own(family, x, sigma)
    # in the far tail one boundary decides alone, and the radius is the distance to it
    against = np.where(against < 1e-300, 0.0, against)
    # in the family's own norm, as all norms agree on the line
    found = np.asarray(sigma) * exact_radius(family.from_sigma(1.0, 1), q_a=against)
    # never beyond the decision boundary, where the radius would be inf
    return np.minimum(found, np.abs(1 - np.abs(x)))


def feasible(family: type[Noise], x: float = 0.0, radius: float = 0.0) -> Feasible:
    """Deviations at which x keeps its class with a certified radius of at least `radius` (0: it is merely kept).

    Outside [-1, 1] the class is B, which every deviation keeps; at the ends it is A, which none does.
    """
    if abs(x) == 1 or (radius > 0 and radius >= abs(1 - abs(x))):
        return Feasible(())

    def margin(log_sigma: Any) -> Any:
        sigma = np.exp(log_sigma)
        return certified(family, x, sigma) - radius if radius > 0 else 0.5 - _against_own(family, x, sigma)

    logs = np.log(SCAN)
    inside = margin(logs) >= 0
    edges = [float(SCAN[0])] if inside[0] else []
    for i in np.flatnonzero(np.diff(inside)):
        edges.append(float(np.exp(optimize.brentq(margin, logs[i], logs[i + 1], xtol=1e-14, rtol=1e-14))))
    edges += [float(SCAN[-1])] if inside[-1] else []
    return Feasible(tuple(zip(edges[::2], edges[1::2], strict=True)))


def against_x(family: type[Noise], x: ArrayLike) -> NDArray:
    """ROPS for each x (Figure 10)."""
    return np.array([feasible(family, float(one)).largest for one in np.atleast_1d(x)])


def against_radius(family: type[Noise], radius: ArrayLike, x: float = 0.3) -> NDArray:
    """ROPS for each wanted certified radius at one x (Figure 11 has x = 0.3)."""
    return np.array([feasible(family, x, float(one)).largest for one in np.atleast_1d(radius)])


def crossing(x: float | None = None) -> float:
    """Wanted radius at x up to which Laplace noise has the larger ROPS; without x, the x up to which it has it at 0."""

    def excess(at: float) -> float:
        case = (at, 0.0) if x is None else (x, at)
        laplace, gaussian = (feasible(family, *case).largest for family in (Laplace, Gaussian))
        return laplace - gaussian

    # both ends are inside: near the boundary of the ball the Gaussian bears more
    return float(optimize.brentq(excess, 0.0, 0.995 * (1 - abs(x or 0.0)), xtol=1e-12))
