"""The radius of families (8) and (10) at any precision, by a route of its own: Lambert's W, incomplete beta, mpmath.

Only the ends of the panels and the first guess come from the fast route; both may be off without harm.
"""

from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from rsexplore.dual.geometry import gamma_window, inner_point, outer_points
from rsexplore.dual.law import law_of
from rsexplore.dual.radius import nested
from rsexplore.dual.value import quantile


@lru_cache
def _nodes(dps: int) -> list[tuple[mpf, mpf]]:
    """Tanh-sinh nodes in (0, 1) and weights."""
    with mpmath.workdps(dps):
        step, out = mpf(1) / 28, []
        for i in range(-112, 113):
            s = i * step
            share = 1 / (1 + mpmath.exp(-mpmath.pi * mpmath.sinh(s)))
            out.append((share, step * mpmath.pi * mpmath.cosh(s) * share * (1 - share)))
        return out


def _cosine_tail(dim: int, c: mpf) -> mpf:
    """P(cosine > c) for a direction uniform on the sphere."""
    if abs(c) >= 1:
        return mpf(c < 0)
    if dim == 1:
        return mpf(1) / 2
    if c * c * dim < 4:
        inner = mpmath.betainc(mpf(1) / 2, mpf(dim - 1) / 2, 0, c * c, regularized=True) / 2
        return mpf(1) / 2 - (inner if c > 0 else -inner)
    half = mpmath.betainc(mpf(dim - 1) / 2, mpf(1) / 2, 0, (1 - c) * (1 + c), regularized=True) / 2
    return half if c >= 0 else 1 - half


def _kernel(t: mpf, level: mpf, r: mpf, dim: int, k: mpf, cube: bool) -> mpf:
    # the square differs from 1 by no more than level / (t + k / 2)
    with mpmath.workdps(mpmath.mp.dps + max(0, int(-mpmath.log10(abs(level) / (t + k))))):
        w = 2 * t / k if k else k
        square = mpmath.lambertw(w * mpmath.exp(w - 2 * level / k)).real / w if k else 1 - level / t
        fall = 1 - square
    a = mpmath.sqrt(2 * t)
    if not cube:
        return _cosine_tail(dim, (2 * t * fall + r * r) / (2 * a * r))
    eta = r + a * fall / (1 + mpmath.sqrt(square)) if square > 0 else 2 * a
    if eta <= 0:
        return mpf(1)
    return mpf(0) if eta >= 2 * min(r, a) else (1 - eta / (2 * a)) ** (dim - 1)


def upper(level: mpf, r: mpf, dim: int, k: mpf, cube: bool, log_q: float) -> mpf:
    """S(level) for a shift r at scale 1."""
    shape = (dim - k) / 2
    one, l1, r1 = np.ones(1), np.array([float(level)]), np.array([float(r)])
    first = float(inner_point(l1, r1, float(k))[0])
    exists, near, far = outer_points(l1, r1, float(k)) if k else (one == 0, one, one)
    low, high = (float(x[0]) for x in gamma_window(float(shape), one * (2.4 * mpmath.mp.dps - log_q)))
    offset = float(r) if level > 0 else 0.0
    ends = [mpf(first) ** 2 / 2]
    if exists[0]:
        ends += [(mpf(x) + offset) ** 2 / 2 for x in (float(near[0]), float(far[0]))]
    between = mpmath.gammainc(shape, ends[1], ends[2], regularized=True) if exists[0] and level < 0 else mpf(0)
    sure = mpmath.gammainc(shape, 0, ends[0], regularized=True) if k == 0 and first < 0 else between
    panels = [(ends[0], ends[1] if exists[0] else mpf(high)), *([(ends[2], mpf(high))] if exists[0] else [])]
    total = sum((_panel(max(a, low), min(b, high), level, r, dim, k, cube) for a, b in panels), mpf(0))
    return sure + (total / 2 if cube else total)


def _panel(a: mpf, b: mpf, level: mpf, r: mpf, dim: int, k: mpf, cube: bool) -> mpf:
    shape = (dim - k) / 2
    if not b > a:
        return mpf(0)
    spread = mpmath.sqrt(shape)
    cuts = [shape + j * spread for j in (-9, -5, -2, 1, 4, 8, 13)]
    if shape < 8:
        cuts = [*(x * r * r * dim for x in (0.02, 0.1, 0.5, 3, 30)), mpmath.sqrt(a * shape), shape]
    edges = sorted({a, b, *(x for x in cuts if a < x < b)})
    power = min(mpf(1) / 2, shape)
    constant = mpmath.loggamma(shape)
    total = mpf(0)
    for start, stop in pairwise(edges):
        v0, v1 = start**power, stop**power
        for share, weight in _nodes(mpmath.mp.dps):
            v = v0 + (v1 - v0) * share
            t = v ** (1 / power)
            density = mpmath.exp(shape * mpmath.log(t) - t - constant) * (v1 - v0) * weight / (v * power)
            if density > mpf(10) ** (-2 * mpmath.mp.dps):
                total += density * _kernel(t, level, r, dim, k, cube)
    return total


def radius(pa: Any, pb: Any, dim: int, k: float, power_norm: float, tail_norm: float) -> mpf:
    """Two-class radius at scale 1 and mpmath's precision, to about half of its digits.

    Raises
    ------
    NotImplementedError
        For more than two classes, and for eq. (9) beyond one dimension.
    """
    q = 1 - mpf(pa)
    if abs(mpf(pb) - q) > mpf(10) ** (-mpmath.mp.dps // 2) * q:
        raise NotImplementedError("soap-dual: the reference covers two classes, p_b = 1 - p_a")
    if dim > 1 and power_norm != tail_norm:
        raise NotImplementedError("soap-dual: no reference for eq. (9)")
    law = law_of(int(dim), float(k), power_norm, tail_norm)
    if q == 0 or not q < 0.5:
        return mpf(0 if q else inf)
    q1 = np.array([float(q)])
    with mpmath.workdps(22):
        r0 = nested(law, q1, q1)
        return _polish(law, r0, q, int(dim), mpf(k), tail_norm == inf and dim > 1) if r0[0] > 0 else mpf(0)


def _polish(law: Any, r0: Any, q: mpf, dim: int, k: mpf, cube: bool) -> mpf:
    """Newton's steps with exact residuals and slopes of the fast route, which converge by a factor of 1e-5 each."""
    half, log_q = np.array([0.5]), float(mpmath.log(q))
    level0 = -quantile(law, r0, half)
    budget = np.array([-log_q])

    def fast(level: Any, r: Any, sign: int) -> float:
        return float(law.upper(sign * level, r, budget)[0][0])

    slopes = np.zeros((2, 2))
    for row, sign in enumerate((-1, 1)):
        for column, (dl, dr) in enumerate(((1e-5, 0), (0, 1e-5))):
            up = fast(level0 * (1 + dl), r0 * (1 + dr), sign) - fast(level0 * (1 - dl), r0 * (1 - dr), sign)
            slopes[row, column] = up / 2e-5  # by the logarithms of level and r
    level, r = mpf(float(level0[0])), mpf(float(r0[0]))
    for _ in range(3):
        gaps = [mpf(1) / 2 - upper(-level, r, dim, k, cube, log_q), q - upper(level, r, dim, k, cube, log_q)]
        (a, b), (c, e) = slopes.tolist()
        det = mpf(a) * e - mpf(b) * c
        if det == 0:
            raise ArithmeticError(f"soap-dual: no reference at q_a={mpmath.nstr(q)}, dim={dim}, k={mpmath.nstr(k)}")
        d_level, d_r = (e * gaps[0] - b * gaps[1]) / det, (a * gaps[1] - c * gaps[0]) / det
        level, r = level * (1 + d_level), r * (1 + d_r)
        if abs(d_r) + abs(d_level) < mpf(10) ** -10:
            break
    return r
