"""Robustness in several l_p norms at once under generalized Gaussian noise (Hayes 2020, Section 3.2), by the KL budget.

A shift is safe while the Kullback-Leibler divergence d_KL(shift) = sum of kappa(|shift_i| / scale) is at most the least
one that a change of class needs, B = -log(2 sqrt(p_A p_B) + 1 - p_A - p_B). What is certified is a set of shifts:

* `balls`: for each norm the largest ball in that set. Every shift in any one of the balls is safe (their union);
* `frontier`: pairs (eps_a, eps_b) such that the *intersection* of the two balls is in that set. Neither ball is: a pair
  with eps_3 = eps_1 = 0.86 says nothing of shifts of l3 length 0.86 whose l1 length is larger.

Over the intersection the divergence is largest for m equal coordinates w, m w^a = eps_a^a and m w^b = eps_b^b, if
kappa(u) / u^a is concave in u^(b - a). That holds for a = 1 and shape >= 3, for a = 2 and shape >= 4, and for a <= 2
and even shape, always with b >= shape (docs/tradeoffs.md has the proof). The frontier is explicit in m from 1 to d.
`printed_frontier` has eqs. (26) and (27), which the paper reads as radii of balls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp, inf, isinf, isnan, log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from rsexplore import bounds, papers
from rsexplore.bound import MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.check import Probabilities, as_given, floats, read
from rsexplore.divergences.generalized_gaussian import inverse, inverse_kappa, kappa, terms, unit
from rsexplore.divergences.least import LeastKL
from rsexplore.noises import GeneralizedGaussian, Noise
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
    with np.errstate(all="ignore"):
        least = np.where(points.tied, 0.0, LeastKL.floats(*points.cut))
    return float(np.where(points.valid, least, np.nan))


def unpack(noise: Noise, dim: int | None) -> tuple[float, float, int]:
    """Scale, shape and dimension."""
    scale, shape = unit("tradeoff", noise)
    dim = noise.dim if dim is None else dim
    if dim is None:
        raise MissingDimensionError(f"tradeoff needs the dimension: {noise!r} has dim=None")
    return scale, shape, int(dim)


def balls(
    noise: Noise,
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    norms: Sequence[float] = (1, 3),
    dim: int | None = None,
) -> Balls:
    """Largest certified ball in each norm, every one on its own.

    That of `gg-kl-exact-lp`: exact within the KL budget for norm <= min(shape, 2), where the worst shift has one
    coordinate, and for norm >= max(shape, 2), where it is spread evenly. Between them exact for even shapes alone.

    Parameters
    ----------
    noise : GeneralizedGaussian of shape >= 1, Gaussian or Laplace
        Smoothing noise.
    p_a, q_a, p_b : float
        As for `Bound.radius`.
    norms : sequence of float >= 1
        Orders of the norms.
    dim : int, optional
        Dimension; that of the noise if absent.

    Raises
    ------
    UnsupportedNoiseError
        Another noise.
    MissingDimensionError
        Neither `dim` nor the noise's dimension is given.
    """
    scale, shape, dim = unpack(noise, dim)
    general = GeneralizedGaussian(scale, shape, dim)
    most = budget(p_a, q_a=q_a, p_b=p_b)
    radii = {}
    for norm in norms:
        radii[norm] = float(bounds.get("gg-kl-exact-lp").radius(general, p_a, q_a=q_a, p_b=p_b, norm=norm))
        if 2 < norm < shape and shape % 2 == 0 and 0 < most < inf and dim > 1:
            radii[norm] = max(radii[norm], _split(shape, norm, dim, most, radii[norm] / scale) * scale)
    return Balls(noise, dim, radii)


def _split(shape: float, norm: float, dim: int, most: float, inside: float) -> float:
    """Radius of the l_norm ball, 2 < norm < shape, in units of the scale, for an even shape; d_KL is below `most`.

    kappa(t^(1/norm)) is first concave, then convex in t: one coordinate is large at most, the others are equal.
    """

    def excess(x: float, tolerance: float = 1e-5) -> float:
        return log(_most_of_two(exp(x), shape, norm, dim, tolerance)) - log(most)

    # a ball that is smaller, and the l2 ball around it
    x = optimize.brentq(excess, log(0.99 * inside), log(1.01 * inverse_kappa(most, shape)), xtol=1e-12, rtol=1e-15)
    slope = (excess(x) - excess(x - 1e-3)) / 1e-3
    for _ in range(2):
        x -= excess(x, 1e-12) / slope
    # d_KL has no power below the square, so that half of what is too much is enough
    return exp(x - max(excess(x, 1e-12), 0) / 2) * KEPT


def _most_of_two(size: float, shape: float, norm: float, dim: int, tolerance: float) -> float:
    """Upper bound on d_KL of one large coordinate and dim - 1 equal ones of l_norm length `size`.

    In the share w that the others have of the length's norm-th power, d_KL is a sum of c_k size^k by (1 - w)^(k/norm)
    and (dim - 1)^(1 - k/norm) w^(k/norm): concave for k < norm, else convex. On an interval the first lie below their
    tangent, the others below their chord. Intervals on which this allows more than has been seen, by over `tolerance`,
    are halved.
    """
    orders, factors = (np.array(column, dtype=float)[:, None] for column in zip(*terms(shape).items(), strict=True))
    power = orders / norm
    with np.errstate(all="ignore"):
        factor = factors * size**orders
        many = (dim - 1.0) ** (1 - power)
        bends = power[:, 0] < 1
        (f, m, e), (fc, mc, ec) = ([x[rows] for x in (factor, many, power)] for rows in (bends, ~bends))

        def convex(w: NDArray) -> NDArray:
            return np.asarray((fc * ((1 - w) ** ec + mc * w**ec)).sum(0))

        ends = np.concatenate([[0.0], np.geomspace(1e-30, 1 - 1 / dim, 120)])
        low, high, seen, most = ends[:-1], ends[1:], 0.0, 0.0
        for _ in range(200):
            middle = (low + high) / 2
            concave = (f * ((1 - middle) ** e + m * middle**e)).sum(0)
            slope = (f * e * (m * middle ** (e - 1) - (1 - middle) ** (e - 1))).sum(0)
            seen = max(seen, float((concave + convex(middle)).max()))
            upper = concave + np.maximum(*(slope * (end - middle) + convex(end) for end in (low, high)))
            open_ = ~(upper <= seen * (1 + tolerance)) & (low < middle) & (middle < high)
            most = max(most, float(upper[~open_].max(initial=0.0)))
            if not open_.any() or not np.isfinite(seen):
                break
            low, high = np.concatenate([low[open_], middle[open_]]), np.concatenate([middle[open_], high[open_]])
    return most if np.isfinite(seen) else inf


def frontier(
    noise: Noise,
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    norms: tuple[float, float] = (1, 3),
    dim: int | None = None,
    points: int = 65,
) -> Frontier:
    """Pareto curve of pairs of radii whose balls' intersection is certified; exact within the KL budget.

    Parameters
    ----------
    noise : GeneralizedGaussian of shape >= 2, or Gaussian
        Smoothing noise.
    p_a, q_a, p_b : float
        As for `Bound.radius`.
    norms : tuple of two floats, the smaller first
        a = 1 with shape >= 3, a = 2 with shape >= 4, or a <= 2 with an even shape; b at least the shape.
    dim : int, optional
        Dimension; that of the noise if absent.
    points : int
        Pairs on the curve, from the one whose first ball lies inside the second to the reverse.

    Returns
    -------
    Frontier
        Radii are nan for probabilities outside [0, 1], 0 where p_A <= p_B, inf for certainty.

    Raises
    ------
    UnsupportedNoiseError
        Another noise, or norms for which m equal coordinates are not the worst shift, such as (3, 5).
    MissingDimensionError
        Neither `dim` nor the noise's dimension is given.
    """
    scale, shape, dim = unpack(noise, dim)
    low, high = (float(x) for x in norms)
    if not exact_pair(shape, (low, high)):
        raise UnsupportedNoiseError(
            f"frontier needs norms (a, b) with b >= shape and a = 1 (shape >= 3), a = 2 (shape >= 4) or a <= 2 (even "
            f"shape), got norms=({low:g}, {high:g}) with shape {shape:g}: equal coordinates may not be the worst shift"
        )
    most = budget(p_a, q_a=q_a, p_b=p_b)

    def pair(count: Any) -> tuple[Any, Any]:
        size = inverse_kappa(most / count, shape) * scale * KEPT
        return count ** (1 / low) * size, count ** (1 / high) * size

    def partner(radius: float) -> float:
        if isnan(radius) or isnan(most):
            return np.nan
        if not 0 < most < inf:
            return most
        if radius <= second[-1]:
            return inf
        if radius >= second[0]:
            return float(first[0])
        # the second radius falls as the count grows
        ends = -1e-9, log(dim) + 1e-9
        count = exp(optimize.brentq(lambda x: log(radius / pair(exp(x))[1]), *ends, xtol=1e-12, rtol=1e-15))
        return float(pair(count)[0])

    first, second = pair(np.geomspace(1, dim, points))
    source = papers.ours.at("docs/tradeoffs.md; sharpens Hayes 2020, eqs. (22)-(27)")
    return Frontier(noise, dim, (low, high), first, second, Status.SOUND, source, partner)


def exact_pair(shape: float, norms: Sequence[float]) -> bool:
    """Whether equal coordinates are the worst shift in the intersection of the balls of two norms."""
    low, high = norms
    small = (low == 1 and shape >= 3) or (low == 2 and shape >= 4) or (1 <= low <= 2 and shape % 2 == 0)
    return small and high >= shape and low < high


def largest_divergence(noise: Noise, radii: Mapping[float, float], dim: int | None = None) -> float:
    """Largest d_KL over the intersection of the balls {norm: radius}; the set is certified if it is at most `budget`.

    Exact for two norms as `frontier` takes them (the number of equal coordinates need not be whole, which may only make
    it larger). For any finite norms and an even shape an upper bound: d_KL is a sum of powers of norms of even order,
    limited by ||x||_k <= ||x||_i for i <= k and by the log-convexity of k -> ||x||_k^k, which is at most d at k = 0.

    Raises
    ------
    UnsupportedNoiseError
        The noise or the norms are of neither kind.
    MissingDimensionError
        Neither `dim` nor the noise's dimension is given.
    """
    scale, shape, dim = unpack(noise, dim)
    if any(not size >= 0 for size in radii.values()):
        return np.nan
    if min(radii.values()) == 0:
        return 0.0
    knots = {float(norm): log(size / scale) for norm, size in sorted(radii.items())}
    if len(knots) == 2 and exact_pair(shape, list(knots)):
        (a, first), (b, second) = knots.items()
        # a ball that contains the other says nothing
        second = min(second, first)
        first = min(first, second + log(dim) * (1 / a - 1 / b))
        size = second if isinf(b) else (b * second - a * first) / (b - a)
        return exp(a * (first - size)) * float(kappa(exp(size), shape))
    if shape % 2 or isinf(max(knots)):
        raise UnsupportedNoiseError(f"largest_divergence knows no worst shift for shape {shape:g} and norms {[*knots]}")
    knots = {0.0: log(dim)} | {k: min(k * knots[i] for i in knots if i <= k) for k in knots}
    total = 0.0
    for k, factor in terms(shape).items():
        limits = [k / i * knots[i] for i in knots if 0 < i <= k]
        between = ((i, j) for i in knots for j in knots if i < k < j)
        limits += [knots[i] + (k - i) / (j - i) * (knots[j] - knots[i]) for i, j in between]
        total += factor * exp(min(limits))
    return total


def printed_frontier(
    noise: Noise,
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    dim: int | None = None,
    points: int = 65,
) -> Frontier:
    """Pairs of eq. (26) (shape 3) and eq. (27) (shape 4), from eps_a = eps_b to the end of the chain of eq. (24).

    `at(0)` is what the paper rounds to 1.44 for shape 3; eq. (24) never lets the second radius be 0. The pairs hold
    for the intersection of the two balls, as those of `frontier`, below which they lie for odd shapes.
    """
    scale, shape, dim = unpack(noise, dim)
    if shape not in (3, 4):
        raise UnsupportedNoiseError(f"eqs. (26) and (27) are about shapes 3 and 4, got shape {shape:g}")
    (low, factor), (high, _) = terms(shape).items()
    most = budget(p_a, q_a=q_a, p_b=p_b)

    def partner(radius: float) -> float:
        if not 0 < most < inf:
            return most
        return float(scale * max((most - (radius / scale) ** high) / factor, 0.0) ** (1 / low))

    second = np.full(points, most)
    if 0 < most < inf:
        # eps_a = eps_b, and eps_a = d^(1/a - 1/b) eps_b
        start, end = (inverse(most, {low: factor * room, high: 1.0}) for room in (1.0, dim ** (1 - low / high)))
        second = scale * np.geomspace(start, end, points)
    first = np.array([partner(radius) for radius in second])
    source = papers.hayes.at("eq. (26)" if shape == 3 else "eq. (27)")
    return Frontier(noise, dim, (float(low), float(high)), first, second, Status.AS_PRINTED, source, partner)
