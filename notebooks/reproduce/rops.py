"""Rectified optional parameter space: how much noise a classifier of the line bears (Teng et al. 2020, Appendix D).

The base classifier says A where |x| <= 1, else B. Smoothed at x by noise of deviation sigma it still says the same,
with a certified radius r, for the sigma of a set; ROPS is the largest of them. Where it says B, every sigma is in that
set if no radius is asked for: less than half of the noise falls beyond the nearer end. Deviations are per coordinate,
so that sigma of Laplace noise is sqrt(2) lambda, and families compare fairly. The set is found, not assumed to be an
interval.
"""

from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from rsexplore.comparison import exact_radius
from rsexplore.noises import Gaussian, Laplace, Noise

SCAN = np.geomspace(1e-3, 1e3, 1201)  # deviations between which sign changes are looked for


class Feasible(NamedTuple):
    """Intervals [low, high] of feasible deviations in [1e-3, 1e3]; the ends stand for 0 and infinity."""

    intervals: tuple[tuple[float, float], ...]

    @property
    def is_interval_from_zero(self) -> bool:
        """Whether the set is one interval that starts at 0."""
        return len(self.intervals) == 1 and self.intervals[0][0] == SCAN[0]

    @property
    def largest(self) -> float:
        """ROPS: the largest feasible deviation, 0 if there is none, inf if there is no largest."""
        ends = [0.0, *(high for _, high in self.intervals)]
        return inf if ends[-1] == SCAN[-1] else ends[-1]


def probability_against(family: type[Noise], x: ArrayLike, sigma: ArrayLike) -> NDArray:
    """1 minus the vote for the class of x, for Gaussian or Laplace noise on the line of deviation `sigma`.

    That is P(|x + noise| > 1) where |x| <= 1, else P(|x + noise| <= 1).
    """
    tails: Any = {Gaussian: lambda u: special.ndtr(-u), Laplace: lambda u: np.exp(-np.sqrt(2) * u) / 2}
    if family not in tails:
        raise ValueError(f"probability_against knows Gaussian and Laplace noise, got {family.__name__}")
    at = np.abs(np.asarray(x, dtype=float))
    nearer, farther = (tails[family](end / np.asarray(sigma, dtype=float)) for end in (np.abs(1 - at), 1 + at))
    return np.where(at <= 1, nearer + farther, nearer - farther)


def certified(family: type[Noise], x: ArrayLike, sigma: ArrayLike) -> NDArray:
    """Exact radius that the smoothed classifier certifies at x, 0 where it does not say the class of x; broadcasts."""
    against = np.minimum(probability_against(family, x, sigma), 1.0)
    # in the far tail one boundary decides alone, and the radius is the distance to it
    against = np.where(against < 1e-300, 0.0, against)
    # in the family's own norm, as all norms agree on the line
    found = np.asarray(sigma) * exact_radius(family.from_sigma(1.0, 1), q_a=against)
    # never beyond the decision boundary, where the radius would be inf; noise can move that of B inwards
    return np.where((np.abs(x) <= 1) | (against == 0), np.minimum(found, np.abs(1 - np.abs(x))), found)


def feasible(family: type[Noise], x: float = 0.0, radius: float = 0.0) -> Feasible:
    """Deviations at which the class of x is said with a certified radius of at least `radius` (0: is merely said)."""
    if abs(x) <= 1 and radius >= 1 - abs(x):
        return Feasible(())

    def margin(log_sigma: Any) -> Any:
        sigma = np.exp(log_sigma)
        return certified(family, x, sigma) - radius if radius > 0 else 0.5 - probability_against(family, x, sigma)

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
