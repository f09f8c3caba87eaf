"""Robustness in several l_p norms at once under generalized Gaussian noise (Hayes 2020, Section 3.2), by the KL budget.

A shift is safe while the Kullback-Leibler divergence d_KL(shift) = sum of kappa(|shift_i| / scale) is at most the least
one that a change of class needs, B = -log(2 sqrt(p_A p_B) + 1 - p_A - p_B). What is certified is a set of shifts:

* `balls`: for each norm the largest ball in that set. Every shift in any one of the balls is safe (their union);
* `frontier`: pairs (eps_a, eps_b) such that the *intersection* of the two balls is in that set. Neither ball is: a pair
  with eps_3 = eps_1 = 0.86 says nothing of shifts of l3 length 0.86 whose l1 length is larger.

Over the intersection the divergence is largest for m equal coordinates w, m w^a = eps_a^a and m w^b = eps_b^b, if
kappa(u) / u^a is concave in u^(b - a). That holds for a = 1 and shape >= 3, for a = 2 and shape >= 4, and for a <= 2
and even shape, always with b >= shape (docs/tradeoffs.md has the proof). The frontier is explicit in m from 1 to d.
"""

from collections.abc import Mapping, Sequence
from math import exp, inf, isinf, isnan, log

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds, papers
from rsexplore.bound import Status, UnsupportedNoiseError
from rsexplore.divergences.generalized_gaussian import coefficient, inverse_kappa, kappa
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.tradeoff.base import KEPT, Balls, Frontier, budget, root, unpack


def _split(shape: float, norm: float, dim: int, most: float) -> float:
    """Radius of the l_norm ball, 2 < norm < shape, in units of the scale, for an even shape; d_KL is below `most`.

    kappa(t^(1/norm)) is first concave, then convex in t: one coordinate is large at most, the others are equal.
    """

    def excess(x: float, tolerance: float = 1e-5) -> float:
        return log(_most_of_two(exp(x), shape, norm, dim, tolerance)) - log(most)

    x = root(excess, log(most) / 2)
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
    if dim == 1:
        return float(kappa(size, shape))
    orders = np.arange(2, int(shape) + 1, 2)[:, None]
    power = orders / norm
    with np.errstate(all="ignore"):
        factor = np.array([[coefficient(int(k), shape)] for k in orders[:, 0]]) * size ** orders.astype(float)
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
        if 2 < norm < shape and shape % 2 == 0 and 0 < most < inf:
            radii[norm] = max(radii[norm], _split(shape, norm, dim, most) * scale)
    return Balls(noise, dim, radii)


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
    counts = np.geomspace(1, dim, points)
    if 0 < most < inf:
        sizes = inverse_kappa(most / counts, shape) * scale * KEPT
    else:
        sizes = np.full(points, most)
    first, second = counts ** (1 / low) * sizes, counts ** (0 if isinf(high) else 1 / high) * sizes

    def partner(radius: float) -> float:
        if isnan(radius) or isnan(most):
            return np.nan
        if not 0 < most < inf:
            return most
        if radius <= second[-1]:
            return inf
        if radius >= second[0]:
            return float(first[0])
        # second falls as the count grows
        count = exp(root(lambda x: log(radius / (size(exp(x)) * exp(x / high))), log(dim) / 2))
        return size(count) * count ** (1 / low)

    def size(count: float) -> float:
        return float(inverse_kappa(most / count, shape)) * scale * KEPT

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
    logs = {float(norm): log(size / scale) for norm, size in radii.items()}
    norms = sorted(logs)
    if len(logs) == 2 and exact_pair(shape, norms):
        return _pair(shape, norms, [logs[norm] for norm in norms], log(dim))
    if shape % 2 or isinf(norms[-1]):
        raise UnsupportedNoiseError(f"largest_divergence knows no worst shift for shape {shape:g} and norms {norms}")
    return _powers(shape, logs, log(dim))


def _pair(shape: float, norms: list[float], logs: list[float], log_dim: float) -> float:
    (a, b), (first, second) = norms, logs
    # a ball that contains the other says nothing
    second = min(second, first)
    first = min(first, second + log_dim * (1 / a - 1 / b))
    size = second if isinf(b) else (b * second - a * first) / (b - a)
    return exp(a * (first - size)) * float(kappa(exp(size), shape))


def _powers(shape: float, logs: Mapping[float, float], log_dim: float) -> float:
    knots = {k: min(k * logs[i] for i in logs if i <= k) for k in logs} | {0.0: log_dim}
    total = 0.0
    for k in range(2, int(shape) + 1, 2):
        limits = [k / i * knots[i] for i in knots if 0 < i <= k]
        pairs = ((i, j) for i in knots for j in knots if i < k < j)
        limits += [knots[i] + (k - i) / (j - i) * (knots[j] - knots[i]) for i, j in pairs]
        total += coefficient(k, shape) * exp(min(limits))
    return total
