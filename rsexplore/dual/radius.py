"""The exact radius from the law of L: Newton in the shift and the level together, nested brackets where that fails."""

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import CHUNK, Law
from rsexplore.dual.value import bracket, quantile, root

LEAST = 1e-300  # radii below this, in units of the scale, count as 0
TABLE_FROM = 80  # as many points of two classes at once are read from a table
DEGREE = 48


def radius(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius in units of the scale for 0 < p_B <= q_A = 1 - p_A, p_B < p_A; arrays of shape (n,).

    Both are first enlarged by the law's numerical error, so that the radius lies below the exact one.
    """
    q_a, p_b = (np.minimum(x * (1 + law.relative) + law.absolute, 1.0) for x in (q_a, p_b))
    out = np.zeros(q_a.shape)
    two = np.abs(p_b - q_a) <= 1e-15 * q_a
    room = np.where(two, q_a < 0.5, q_a + p_b < 1) & np.where(two, True, p_b < 1 - q_a)
    some = np.flatnonzero(two & room)
    if len(some) > TABLE_FROM and law.differentiable:
        out[some] = tabulated(law, q_a[some])
    else:
        out[some] = two_classes(law, q_a[some])
    more = np.flatnonzero(~two & room)
    out[more] = nested(law, q_a[more], p_b[more])
    return out


def two_classes(law: Law, q: NDArray) -> NDArray:
    """Radius for p_B = 1 - p_A = q < 1/2."""
    out = np.full(q.shape, np.nan)
    if law.differentiable:
        size = max(CHUNK // 400, 1)
        for i in range(0, len(q), size):
            out[i : i + size] = _newton(law, q[i : i + size])
    left = np.flatnonzero(np.isnan(out))
    if len(left):
        out[left] = nested(law, q[left], q[left])
    return out


def _newton(law: Law, q: NDArray) -> NDArray:
    """Solution of S(-l) = 1/2, S(l) = q on the scale of normal quantiles; nan where it did not settle."""
    z = -special.ndtri(q)
    r = z / law.shift(np.ones(1))
    level, budget = z**2 / 2, -np.log(q)
    out, live = np.full(q.shape, np.nan), np.arange(len(q))
    with np.errstate(all="ignore"):
        for _ in range(14):
            n = len(live)
            two = (np.concatenate([x, y]) for x, y in ((-level, level), (r, r), (budget, budget)))
            value, by_level, by_r = law.upper(*two)
            quantiles = special.ndtri(value)
            scale = np.exp(quantiles**2 / 2) * np.sqrt(2 * np.pi)
            by_level, by_r = by_level * scale, by_r * scale
            f, g = quantiles[:n], quantiles[n:] + z
            a, b, c, e = -by_level[:n], by_r[:n], by_level[n:], by_r[n:]
            det = a * e - b * c
            d_level, d_r = (b * g - e * f) / det, (c * f - a * g) / det
            # one more step squares what is left
            done = (np.abs(d_r) <= 1e-9 * r) & (np.abs(d_level) <= 1e-9 * level)
            out[live[done]] = (r + d_r - 1e-6 * np.abs(d_r))[done]
            good = ~done & np.isfinite(d_r) & np.isfinite(d_level)
            live, z, budget = live[good], z[good], budget[good]
            r = np.clip((r + d_r)[good], r[good] / 3, 3 * r[good])
            level = np.clip((level + d_level)[good], level[good] / 5, 5 * level[good])
            if not len(live):
                break
    return out


def nested(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius for any p_B <= q_A, by brackets in log r around brackets in l."""
    if not len(q_a):
        return np.zeros(0)
    same = bool(np.all(q_a == p_b))
    za, zb = -special.ndtri(q_a), -special.ndtri(p_b)
    mean = np.maximum((za + zb) / 2, 1e-16)
    budget = 40.0 - np.log(p_b)

    def gap(s: NDArray, i: NDArray) -> NDArray:
        r = np.exp(s)
        with np.errstate(all="ignore"):
            at_a = quantile(law, r, q_a[i])
            left = law.value(-at_a, r, budget[i]) * (1 - law.relative) - law.absolute
            if same:
                return np.where(left > 0, 0 - special.ndtri(np.maximum(left, 0)), np.inf)
            at_b = quantile(law, r, p_b[i])
            gained = law.lower(-at_b, r, budget[i]) * (1 + law.relative) + law.absolute + law.lower_absolute
            both = special.ndtri(np.minimum(gained, 1)) - special.ndtri(np.maximum(left, 0))
            return np.where(np.isfinite(both), both, np.inf)

    guess = np.log(mean / law.shift(np.ones(1)))
    low, high = bracket(gap, guess, np.full(len(q_a), 0.02), least=np.log(LEAST))
    low = np.maximum(low, np.log(LEAST))
    found = np.exp(root(gap, low, np.maximum(high, low)))
    return np.where((found > LEAST * 2) & np.isfinite(found), found, 0.0)


def tabulated(law: Law, q: NDArray) -> NDArray:
    """Two-class radii at many points: r / z is smooth in z = PhiInv(p), so a polynomial through a few radii serves.

    Where the last coefficients show that it is not smooth enough, the points are solved one by one.
    """
    z = -special.ndtri(q)
    low, high = z.min(), z.max()
    nodes = low + (high - low) * (1 + chebyshev.chebpts1(DEGREE + 1)) / 2
    ratio = two_classes(law, special.ndtr(-nodes)) / nodes
    if not (high > low and np.isfinite(ratio).all()):
        return two_classes(law, q)
    coefficients = chebyshev.chebfit(2 * (nodes - low) / (high - low) - 1, ratio, DEGREE)
    error = 4 * np.abs(coefficients[-6:]).max() + 1e-15
    if error > 1e-10 * ratio.min():
        return two_classes(law, q)
    return z * (chebyshev.chebval(2 * (z - low) / (high - low) - 1, coefficients) - error)
