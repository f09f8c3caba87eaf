"""Quantiles of L, and what they tell: worst-case probability, dual distance, radius.

With S(l) = 1 - p, the least probability after the shift is V(p, r) = S(-l) (Neyman-Pearson), and the radius is where
V(p_A, r) + V(1 - p_B, r) = 1; with two classes, where -l is the median of L. No search over lambda is left.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.dual.law import Law
from rsexplore.patience import breathe


def root(
    function: Callable[[NDArray, NDArray], NDArray], low: NDArray, high: NDArray, tolerance: float = 4e-16
) -> NDArray:
    """Root of increasing functions between `low` and `high`, the negative side of the last bracket.

    `function` takes points and their places; Chandrupatla's method, all places at once.
    """
    a, b = low.astype(float).copy(), high.astype(float).copy()
    place = np.arange(len(a))
    fa, fb = function(a, place), function(b, place)
    share = np.full(len(a), 0.5)
    c, fc = a.copy(), fa.copy()
    out = np.where(fa <= 0, a, b)
    live = place[(fa < 0) & (fb > 0)]
    out[fb <= 0] = b[fb <= 0]
    for _ in range(120):
        if not len(live):
            break
        breathe()
        x = a[live] + share[live] * (b[live] - a[live])
        fx = function(x, live)
        same = np.sign(fx) == np.sign(fa[live])
        c[live], fc[live] = np.where(same, a[live], b[live]), np.where(same, fa[live], fb[live])
        b[live], fb[live] = np.where(same, b[live], a[live]), np.where(same, fb[live], fa[live])
        a[live], fa[live] = x, fx
        width = np.abs(b[live] - a[live])
        closed = (width <= tolerance * np.abs(x) + 1e-305) | (fx == 0)
        negative = fa[live] <= 0
        out[live] = np.where(negative, a[live], b[live])
        share[live] = _next_share(a[live], b[live], c[live], fa[live], fb[live], fc[live], width)
        live = live[~closed]
    return out


def _next_share(a: Any, b: Any, c: Any, fa: Any, fb: Any, fc: Any, width: Any) -> NDArray:
    """Inverse quadratic interpolation where it is safe, else the middle."""
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        least = np.minimum((4e-16 * np.abs(a) + 1e-305) / width, 0.5)
    return np.where(safe & np.isfinite(step), np.clip(step, least, 1 - least), 0.5)


def bracket(
    function: Callable, guess: NDArray, width: NDArray, grow: float = 3.0, least: float = -np.inf
) -> tuple[NDArray, NDArray]:
    """Points below and above the root of increasing functions, found by growing steps from a guess.

    No further than `least` is gone down: where there is no root above it, both points are not above the root.
    """
    place = np.arange(len(guess))
    start = function(guess, place)
    up = start < 0
    near, far, step = guess.copy(), guess.copy(), width.copy()
    live = place
    for _ in range(700):
        breathe()
        near[live] = far[live]
        far[live] = guess[live] + np.where(up[live], step[live], -step[live])
        step[live] = np.minimum(step[live] * grow, 1e300)
        found = function(far[live], live)
        live = live[np.where(up[live], found < 0, found > 0) & np.isfinite(far[live]) & (far[live] > least)]
        if not len(live):
            break
    return np.minimum(near, far), np.maximum(near, far)


def quantile(law: Law, r: NDArray, q: NDArray) -> NDArray:
    """Level l with S(l) = q, for shifts r > 0; arrays of shape (n,)."""
    mu, z = law.shift(r), -special.ndtri(q)
    budget = -np.log(q)

    def gap(level: NDArray, i: NDArray) -> NDArray:
        with np.errstate(all="ignore"):
            return z[i] + special.ndtri(law.value(level, r[i], budget[i]))

    def falling(level: NDArray, i: NDArray) -> NDArray:
        return -gap(level, i)

    guess = np.where(mu < 30, z * mu - mu**2 / 2, 0.0)
    return root(falling, *bracket(falling, guess, 0.02 * mu + 1e-3 * np.abs(guess)))


def _arrays(law: Law, *values: ArrayLike) -> tuple[tuple[int, ...], list[NDArray]]:
    together = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values))
    return together[0].shape, [x.ravel() for x in together]


def worst_case(law: Law, q: ArrayLike, r: ArrayLike) -> NDArray:
    """V(p, r): least probability after a shift r > 0 of a class that has p = 1 - q, q in (0, 1); at scale 1."""
    shape, (q, r) = _arrays(law, q, r)
    level = quantile(law, r, q)
    return law.value(-level, r, 40 - np.log(q)).reshape(shape)


def distance(law: Law, lam: ArrayLike, r: ArrayLike) -> NDArray:
    """D(lambda), the integral of (lambda pi_0 - pi_delta)^+, for a shift r > 0: lambda F(l) - S(-l), l = log lambda."""
    shape, (lam, r) = _arrays(law, lam, r)
    level, budget = np.log(lam), np.full(lam.shape, 40.0)
    return (lam * law.lower(level, r, budget) - law.value(-level, r, budget)).reshape(shape)


def total_variation(law: Law, r: ArrayLike) -> NDArray:
    """Total variation distance between the noise and its shift, D(1)."""
    return distance(law, 1.0, r)
