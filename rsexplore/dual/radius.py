"""The exact radius from the law of L: Newton in the shift and the level together, nested brackets where that fails."""

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import CHUNK, Law
from rsexplore.dual.radial import normal_score
from rsexplore.dual.value import bracket, quantile, root
from rsexplore.patience import breathe

LEAST = 1e-140  # radii below this, in units of the scale, count as 0: the square of one is needed
TABLE_FROM = 80  # as many points of two classes at once are read from a table
DEGREE = 48
STEPS = 25  # of Newton's method


def radius(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius in units of the scale for 0 < p_B <= q_A = 1 - p_A, p_B < p_A; arrays of shape (n,).

    Both are first enlarged by the law's numerical error, so that the radius lies below the exact one. With two
    classes near a tie that error is a share of 1/2 - q_A, if the law is `central`.
    """
    out = np.zeros(q_a.shape)
    two = np.abs(p_b - q_a) <= 1e-15 * q_a
    z = _reduced_score(law, q_a)
    some = np.flatnonzero(two & (z > 0))
    if len(some) > TABLE_FROM and law.smooth:
        out[some] = tabulated(law, z[some])
    else:
        out[some] = two_classes(law, z[some])
    q_a, p_b = (np.minimum(x * (1 + law.relative) + law.absolute, 1.0) for x in (q_a, p_b))
    more = np.flatnonzero(~two & (q_a + p_b < 1) & (p_b < 1 - q_a))
    out[more] = nested(law, q_a[more], p_b[more])
    # the runner-up is no likelier than all other classes together; near a tie this loses less
    less = np.flatnonzero(~two & (z > 0))
    out[less] = np.maximum(out[less], two_classes(law, z[less]))
    return out


def _reduced_score(law: Law, q: NDArray) -> NDArray:
    """PhiInv(1 - q), less the law's error."""
    tie = 0.5 - q
    share = np.minimum(q, 8 * np.maximum(tie, 0)) if law.central else q
    error = (law.relative + law.tail * q ** (-1 / law.dim)) * share + law.absolute
    return normal_score(np.minimum(q + error, 1.0), tie - error)


def two_classes(law: Law, z: NDArray) -> NDArray:
    """Radius for p_A = 1 - p_B = Phi(z), z > 0."""
    out = law.direct(z)
    left = np.flatnonzero(np.isnan(out))
    # first from the law's guess, then from one that rough brackets give
    for rough in (False, True):
        size = max(CHUNK // 400, 1)
        for i in range(0, len(left) if law.differentiable else 0, size):
            at = left[i : i + size]
            out[at] = _newton(law, z[at], *(by_median(law, z[at], 1e-3) if rough else law.start(z[at])))
        left = left[np.isnan(out[left])]
    if len(left):
        out[left] = by_median(law, z[left])[0]
    return np.where(out > 2 * LEAST, out, 0.0)


def _newton(law: Law, z: NDArray, r: NDArray, level: NDArray) -> NDArray:
    """Solution of F(-l) = 1/2, F(l) = Phi(z) on the scale of normal quantiles; nan where it did not settle."""
    budget = -special.log_ndtr(-z)
    furthest = 1.1 + 0.6 / max(law.dim - law.k, 0.005)
    out, live = np.full(z.shape, np.nan), np.arange(len(z))
    last = np.full(z.shape, 1.0)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            breathe()
            n = len(live)
            two = (np.concatenate([x, y]) for x, y in ((-level, level), (r, r), (budget, budget)))
            value, by_level, by_r = law.normal(*two)
            f, g = value[:n], value[n:] - z
            a, b, c, e = -by_level[:n], by_r[:n], by_level[n:], by_r[n:]
            det = a * e - b * c
            d_level, d_r = (b * g - e * f) / det, (c * f - a * g) / det
            done = (np.abs(d_r) <= 1e-9 * r) & (np.abs(d_level) <= 1e-6 * level)
            # what is left is to this step as this step to the one before
            out[live[done]] = (r + d_r - np.abs(d_r) * np.minimum(4 * np.abs(d_r) / (r * last), 1))[done]
            if law.tail and done.any():
                solved = _solves(law, z[done], (r + d_r)[done], (level + d_level)[done], budget[done])
                out[live[done][~solved]] = np.nan
            good = ~done & np.isfinite(d_r) & np.isfinite(d_level)
            live, z, budget, last = live[good], z[good], budget[good], (np.abs(d_r) / r)[good]
            r, level = (_moved(x[good], d[good], furthest) for x, d in ((r, d_r), (level, d_level)))
            if not len(live):
                break
    return out


def _solves(law: Law, z: NDArray, r: NDArray, level: NDArray, budget: NDArray) -> NDArray[np.bool_]:
    """Whether both equations hold within the law's error: where slopes are noise, a step may be small by accident."""
    two = (np.concatenate([x, y]) for x, y in ((-level, level), (r, r), (budget, budget)))
    f, g = law.normal(*two)[0].reshape(2, -1)
    error = law.relative + law.tail * special.ndtr(-z) ** (-1 / law.dim)
    return np.asarray(np.maximum(np.abs(f), np.abs(g - z)) * np.maximum(z, 1) <= error)


def _moved(x: NDArray, step: NDArray, furthest: float) -> NDArray:
    """Positive x after a step, by no more than a factor exp(furthest)."""
    return x * np.exp(np.clip(np.log1p(np.maximum(step / x, -1 + 1e-9)), -furthest, furthest))


def median(law: Law, r: NDArray, guess: NDArray, budget: NDArray, tolerance: float = 4e-16) -> NDArray:
    """Level l > 0 with F(-l) = 1/2."""

    def gap(s: NDArray, i: NDArray) -> NDArray:
        with np.errstate(all="ignore"):
            return -law.normal(-np.exp(s), r[i], budget[i])[0]

    return np.exp(root(gap, *bracket(gap, np.log(guess), np.full(len(r), 0.1)), tolerance))


def by_median(law: Law, z: NDArray, tolerance: float = 4e-16) -> tuple[NDArray, NDArray]:
    """Radius of two classes, by brackets in log r around brackets for the median -l, and l."""
    budget = -special.log_ndtr(-z)
    r0, level0 = law.start(z)

    def at(r: NDArray, i: NDArray) -> NDArray:
        return median(law, r, np.minimum(level0[i] * (r / r0[i]) ** 2, 100 + level0[i]), budget[i], tolerance)

    def gap(s: NDArray, i: NDArray) -> NDArray:
        r = np.exp(s)
        with np.errstate(all="ignore"):
            return law.normal(at(r, i), r, budget[i])[0] - z[i]

    low, high = bracket(gap, np.log(r0), np.full(len(z), 0.02), least=np.log(LEAST))
    low = np.maximum(low, np.log(LEAST))
    r = np.exp(root(gap, low, np.maximum(high, low), tolerance))
    return r, at(r, np.arange(len(z)))


def nested(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius for any p_B <= q_A, by brackets in log r around brackets in l."""
    if not len(q_a):
        return np.zeros(0)
    za, zb = -special.ndtri(q_a), -special.ndtri(p_b)
    mean = np.maximum((za + zb) / 2, 1e-16)
    budget = 40.0 - np.log(p_b)

    def gap(s: NDArray, i: NDArray) -> NDArray:
        r = np.exp(s)
        with np.errstate(all="ignore"):
            at_a = quantile(law, r, q_a[i])
            left = law.value(-at_a, r, budget[i]) * (1 - law.relative) - law.absolute
            at_b = quantile(law, r, p_b[i])
            gained = law.lower(-at_b, r, budget[i]) * (1 + law.relative) + law.absolute + law.lower_absolute
            both = special.ndtri(np.minimum(gained, 1)) - special.ndtri(np.maximum(left, 0))
            return np.where(np.isfinite(both), both, np.inf)

    guess = np.log(mean / law.shift(np.ones(1)))
    low, high = bracket(gap, guess, np.full(len(q_a), 0.02), least=np.log(LEAST))
    low = np.maximum(low, np.log(LEAST))
    found = np.exp(root(gap, low, np.maximum(high, low)))
    return np.where((found > LEAST * 2) & np.isfinite(found), found, 0.0)


def tabulated(law: Law, z: NDArray) -> NDArray:
    """Two-class radii at many points: r / z is smooth in z = PhiInv(p), so a polynomial through a few radii serves.

    Where the last coefficients show that it is not smooth enough, the points are solved one by one.
    """
    low, high = z.min(), z.max()
    nodes = low + (high - low) * (1 + chebyshev.chebpts1(DEGREE + 1)) / 2
    ratio = two_classes(law, nodes) / nodes
    if not (high > low and np.isfinite(ratio).all()):
        return two_classes(law, z)
    coefficients = chebyshev.chebfit(2 * (nodes - low) / (high - low) - 1, ratio, DEGREE)
    error = 4 * np.abs(coefficients[-6:]).max() + 1e-15
    if error > 1e-10 * ratio.min():
        return two_classes(law, z)
    return z * (chebyshev.chebval(2 * (z - low) / (high - low) - 1, coefficients) - error)
