"""S(l) of family (9) in two and three dimensions by a route of its own: range and midrange of the coordinates.

With w the range and c the midrange, ||z||_inf = w/2 + |c| and ||z - r||_inf = w/2 + |c - r|: given c and the sum of
the coordinates, L passes a level at one w, in closed form. Elsewhere the sum's law comes from its transform on
the real axis, and all the rules are composite Gauss rules with many more nodes than needed.
"""

from itertools import pairwise
from math import inf

import mpmath
import numpy as np
from mpmath import mpf
from scipy import special


def cut(level, r, k, c, total):
    """Range of w on which L > level, for midrange c and sum of coordinates `total` = (sum - d r / 2)."""
    lead = (level - r * total) / k
    ratio = mpmath.exp(lead)
    edge = 2 * (ratio * abs(c - r) - abs(c))
    if lead == 0:
        return (mpf(0), mpf(inf)) if edge < 0 else (mpf(0), mpf(0))
    at = edge / (1 - ratio)
    return (max(at, mpf(0)), mpf(inf)) if ratio < 1 else (mpf(0), max(at, mpf(0)))


def _over_w(c, k, low, high):
    """Integral of (w/2 + |c|)^-k exp(-w^2/4) over w."""
    if not low < high:
        return mpf(0)

    def density(w):
        return (w / 2 + abs(c)) ** -k * mpmath.exp(-(w**2) / 4)

    marks = sorted({low, *(x for x in (abs(c), 10 * abs(c), mpf(1), mpf(4)) if low < x < high), min(high, mpf(26))})
    marks = [x for x in marks if x <= min(high, mpf(26))]
    return mpmath.quad(density, marks) if len(marks) > 1 else mpf(0)


def upper_2(level, r, k):
    """S(level) for dim = 2, k > 0, to about 15 digits."""
    with mpmath.workdps(18):
        level, r, k = mpf(level), mpf(r), mpf(k)

        def change(c):  # w = 0 on the level
            return k * mpmath.log(abs(c) / abs(c - r)) + 2 * r * (c - r / 2) - level

        grid = [-8 + mpf(j) / 40 for j in range(640)]
        grid = sorted({*grid, *(r + s * r * mpf(2) ** -j for j in range(40) for s in (-1, 1)),
                       *(s * r * mpf(2) ** -j for j in range(1, 40) for s in (-1, 1))} - {mpf(0), r})  # fmt: skip
        marks = {mpf(-8), mpf(0), r, (level / (2 * r)) + r / 2, mpf(8)}
        for a, b in pairwise(grid):
            if change(a) * change(b) < 0 and not a < 0 < b and not a < r < b:
                marks.add(mpmath.findroot(change, (a, b), solver="anderson", tol=1e-30))
        marks = sorted(x for x in marks if -8 <= x <= 8)

        def over_c(above):
            def inner(c):
                ends = cut(level, r, k, c, 2 * c - r) if above else (mpf(0), mpf(inf))
                return mpmath.exp(-(c**2)) * _over_w(c, k, *ends)

            return mpmath.quad(inner, marks)

        return over_c(True) / over_c(False)


def _transform(t, low, high):
    """Transform of a normal cut to [low, high], on the imaginary axis, by Faddeeva's function; high > 0."""

    def side(x):  # erfc((x - i t) / sqrt(2)) exp(-t^2 / 2) for x >= 0
        return np.exp(-(x**2) / 2 + 1j * x * t) * special.wofz((t + 1j * x) / np.sqrt(2))

    def below(x):
        return 2 * np.exp(-(t**2) / 2) - np.exp(-(x**2) / 2 + 1j * x * t) * special.wofz((-t - 1j * x) / np.sqrt(2))

    start = np.where(low >= 0, side(np.maximum(low, 0)), below(np.minimum(low, 0)))
    return (start - side(high)) / 2 / (special.ndtr(high) - special.ndtr(low))


def sum_above(count, low, high, x, lines):
    """P(sum of `count` normals cut to [low, high] > x), from the transform on the imaginary axis."""
    middle, half = count * (low + high) / 2, count * (high - low) / 2
    # the next copies of the law begin where this one ends
    step = np.pi / (1.02 * half)
    gap = np.clip(x - middle, -half, half)
    t = step[:, None] * (np.arange(lines) + 0.5)
    wave = _transform(t, low[:, None], high[:, None]) ** count * np.exp(-1j * t * middle[:, None])
    out = 0.5 + (wave * np.exp(-1j * t * gap[:, None]) / t).imag.sum(1) * step / np.pi
    return np.where(gap >= half, 0.0, np.where(gap <= -half, 1.0, out))


def _gauss(edges, count):
    x, weight = np.polynomial.legendre.leggauss(count)
    half = np.diff(edges) / 2
    return (edges[:-1, None] + half[:, None] * (1 + x)).ravel(), (half[:, None] * weight).ravel()


def upper(level, r, dim, k, low, high, *, panels=(20, 12), lines=60):
    """S(level) with a between exp(low) and exp(high), which holds all but a negligible share of it."""
    s, weight = _gauss(np.sort([*np.linspace(low, high, panels[0]), np.log(r)]), 8)
    a = np.exp(s)
    inside = special.erf(a / np.sqrt(2))
    shape = (1 - k) * s - a**2 / 2 + (dim - 1) * np.log(inside)
    weight = weight * np.exp(shape - shape.max())
    base = level / r + dim * r / 2
    value = sum_above(dim - 1, -a, a, base + k / r * np.log1p(r / a) + a, lines) / 2
    for i in range(len(a)):
        x = a[i]
        eta, w = _gauss(np.linspace(0, 2 * min(r, x), panels[1] + 1), 10)
        least = eta - x
        left = (special.ndtr(x) - special.ndtr(least)) / inside[i]
        density = (dim - 1) * np.exp(-(least**2) / 2) / np.sqrt(2 * np.pi) / inside[i] * left ** (dim - 2)
        threshold = base + k / r * np.log((x + r - eta) / x) - eta
        value[i] += (w * density) @ sum_above(dim - 2, least, np.full_like(eta, x), threshold, lines) / 2
        if x > r:
            at = np.array([2 * r - x]), np.array([x]), np.array([base + k / r * np.log((x - r) / x) - x])
            atom = ((special.ndtr(x) - special.ndtr(2 * r - x)) / inside[i]) ** (dim - 1)
            value[i] += atom * sum_above(dim - 1, *at, lines)[0] / 2
    return float(weight @ value / weight.sum())
