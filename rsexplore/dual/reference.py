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
from scipy import special

from rsexplore.dual.cube import Cube, pair_of_points
from rsexplore.dual.law import Law, median, normal_score, two_classes
from rsexplore.dual.radial import Radial, gamma_window, inner_point, outer_points

STEP = 1e-5  # in both logarithms, for slopes


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


def _meet(level: mpf, r: mpf, k: mpf) -> tuple[mpf, list[mpf]]:
    """Where the axis is on the level: x between the ends of the shift, and the distances beyond them, if any.

    Polished by Newton's method from the fast route's values.
    """
    if k == 0:
        return level / r + r / 2, []
    at_level, at_r = np.array([float(level)]), np.array([float(r)])
    x = float(inner_point(at_level, at_r, float(k))[0])
    v = mpmath.log(x / (r - x)) if 0 < x < r else level / k
    exists, *outer = outer_points(at_level, at_r, float(k))
    points = [mpmath.log(mpf(float(u[0]))) for u in outer] if exists[0] else []
    for _ in range(6):
        share = 1 / (1 + mpmath.exp(-v))
        v -= (k * v + r * r * (share - mpf(1) / 2) - level) / (k + r * r * share * (1 - share))
        lengths = [mpmath.exp(s) for s in points]
        points = [
            s - (k * mpmath.log1p(r / u) + r * u + r * r / 2 - abs(level)) / (r * u - k * r / (u + r))
            for s, u in zip(points, lengths, strict=True)
        ]
    return r / (1 + mpmath.exp(-v)), [mpmath.exp(s) for s in points]


def upper(level: mpf, r: mpf, dim: int, k: mpf, cube: bool, log_q: float, outer: list[mpf] | None = None) -> mpf:
    """S(level) for a shift r at scale 1; `outer` are the distances beyond the shift where the axis is on the level."""
    shape = (dim - k) / 2
    first, found = _meet(level, r, k)
    low, high = (float(x[0]) for x in gamma_window(float(shape), np.ones(1) * (2.4 * mpmath.mp.dps - log_q)))
    offset = r if level > 0 else mpf(0)
    outer = [u for u in (found if outer is None else outer) if u > 0 or k > 0]
    ends = [(u + offset) ** 2 / 2 for u in outer]
    inner = first**2 / 2
    between = mpmath.gammainc(shape, *ends, regularized=True) if len(ends) == 2 and level < 0 else mpf(0)
    sure = mpmath.gammainc(shape, 0, inner, regularized=True) if k == 0 and first < 0 else between
    panels = [(inner, ends[0]), (ends[1], mpf(high))] if len(ends) == 2 else [(inner, mpf(high))]
    least = mpf(10) ** (-2 * mpmath.mp.dps) * mpmath.exp(log_q)
    total = sum((_panel(max(a, low), min(b, high), level, r, dim, k, cube, least) for a, b in panels), mpf(0))
    return sure + (total / 2 if cube else total)


def _panel(a: mpf, b: mpf, level: mpf, r: mpf, dim: int, k: mpf, cube: bool, least: mpf) -> mpf:
    shape = (dim - k) / 2
    if not b > a:
        return mpf(0)
    spread = mpmath.sqrt(shape)
    cuts = [shape + j * spread for j in (-9, -5, -2, 1, 4, 8, 13)]
    if shape < 8:
        cuts = [*(x * r * r * dim for x in (0.02, 0.1, 0.5, 3, 30)), mpmath.sqrt(a * shape), shape]
    # in sqrt(t) what peaks is about 1/2 wide
    cuts += [(mpmath.sqrt(a) + 2 * j) ** 2 for j in range(1, int(mpmath.sqrt(b) - mpmath.sqrt(a)) // 2 + 1)]
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
            if density > least:
                total += density * _kernel(t, level, r, dim, k, cube)
    return total


def radius(pa: Any, pb: Any, law: Law, k: Any) -> mpf:
    """Two-class radius at scale 1 and mpmath's precision, to about half of its digits.

    Raises
    ------
    NotImplementedError
        For more than two classes, and for eq. (9) beyond one dimension.
    ArithmeticError
        Newton's steps do not settle.
    """
    q = 1 - mpf(pa)
    if abs(mpf(pb) - q) > mpf(10) ** (-mpmath.mp.dps // 2) * q:
        raise NotImplementedError("soap-dual: the reference covers two classes, p_b = 1 - p_a")
    if not isinstance(law, Radial):
        raise NotImplementedError("soap-dual: no reference for eq. (9)")
    if q == 0 or not q < 0.5:
        return mpf(0 if q else inf)
    z = normal_score(np.array([float(q)]), np.array([float(mpf(1) / 2 - q)]))
    with mpmath.workdps(22):
        r0 = two_classes(law, z)
        return _polish(law, r0, z, q, mpf(k)) if r0[0] > 0 else mpf(0)


def _polish(law: Radial, r0: Any, z: Any, q: mpf, k: mpf) -> mpf:
    """Newton's steps with exact residuals and the slopes of the fast route, in log r and a second logarithm.

    The second is of the level, or in eq. (10) and d = 1 of the distance between the two points beyond the shift.
    """
    budget, log_q = -special.log_ndtr(-z), float(mpmath.log(q))
    paired, cube = isinstance(law, Cube), isinstance(law, Cube) and law.dim > 1
    start = [np.log(r0), median(law, np.log(r0), law.start(z)[1], budget)]

    def fast(s: Any, g: Any) -> Any:  # S(-l) over 1/2 and S(l) over q
        level = pair_of_points(np.exp(g), np.exp(s), law.k)[2] if paired else np.exp(g)
        return [float(law.upper(y, np.exp(s), budget)[0]) / goal for y, goal in ((-level, 0.5), (level, float(q)))]

    def short(r: mpf, x: mpf) -> list[mpf]:  # how far both are below 1
        outer = _pair(x, r, k) if paired else None
        level = x if outer is None else k * mpmath.log1p(r / outer[1]) + r * outer[1] + r * r / 2
        goals = ((-level, mpf(1) / 2), (level, q))
        return [1 - upper(y, r, law.dim, k, cube, log_q, outer) / goal for y, goal in goals]

    ends = [[fast(*(x + sign * (i == j) for i, x in enumerate(start))) for sign in (STEP, -STEP)] for j in (0, 1)]
    slopes = mpmath.matrix([[(up[i] - down[i]) / (2 * STEP) for up, down in ends] for i in (0, 1)])
    r, x = (mpmath.exp(mpf(float(s[0]))) for s in start)
    for _ in range(12 if mpmath.det(slopes) else 0):
        step = mpmath.lu_solve(slopes, mpmath.matrix(short(r, x)))
        r, x = r * (1 + step[0]), x * (1 + step[1])
        if mpmath.norm(step, 1) < mpf(10) ** -12:
            return r
    where = f"q_a={mpmath.nstr(q)}, dim={law.dim}, k={mpmath.nstr(k)}"
    raise ArithmeticError(f"soap-dual: no reference at {where}: Newton's steps do not settle")


def _pair(gap: mpf, r: mpf, k: mpf) -> list[mpf]:
    """Distances u and u + gap beyond the shift at which the axis is on one level."""
    product = r * gap / mpmath.expm1(r * gap / k) if k else mpf(0)
    rest = product + gap * gap / 4 + r * gap / 2
    far = gap / 2 + rest / (r / 2 + mpmath.sqrt(r * r / 4 + rest))
    return [product / (far + r), far]
