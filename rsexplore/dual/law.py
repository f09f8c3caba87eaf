"""The law of L = log pi_delta / pi_0 under pi_0, at the worst shift of a given length, and what it tells.

z -> delta - z swaps pi_0 and pi_delta and changes the sign of L, so that one pair of functions F(l) = P(L <= l),
S = 1 - F tells everything about the pair of noises. With S(l) = 1 - p, the least probability after the shift is
V(p, r) = S(-l) (Neyman-Pearson), and the radius is where V(p_A, r) + V(1 - p_B, r) = 1; with two classes, where -l is
the median of L. No search over lambda is left.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.patience import breathe
from rsexplore.solve import Function, root

LEAST = 1e-140  # radii below this, in units of the scale, count as 0: the square of one is needed
DEGREES = (8, 16, 32)  # of a polynomial through radii, where more points of two classes are asked for
STEPS = 60  # of the search for both unknowns together
NUDGE, NUDGED = 1e-6, 1e-4  # for its first slopes; for those of a rough law
NEAR, BESIDE = 1e-6, 3e-5  # scores below are too near a tie for a rough law; how far it may be off in s, over 1 + z
AT_ONCE = 500  # points of two classes that are solved for together
FURTHEST = 0.4  # step in a logarithm


class Law(ABC):
    """Law of L for one noise at scale 1. All arrays have shape (n,), and r > 0.

    `budget` is -log of the smallest probability that matters. The radius of two classes is sought in two logarithms:
    s of the shift, and g of the level, or of what a law puts in its place.
    """

    dim: int
    k: float
    relative: float  # error of a probability, however small, but for
    absolute: float = 0.0  # that of V and of the runner-up's gain, which tails away from the median bring in
    tail: float = 0.0  # relative error of a small probability q, times q^(1 / dim)
    central: bool = False  # whether `scores` keep their relative error near 0
    rough: "Law | None" = None  # the same with fewer nodes, where an evaluation takes long; it has `needed`

    @abstractmethod
    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """S(level)."""

    @abstractmethod
    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """F(level)."""

    @abstractmethod
    def scores(self, s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
        """By how much F(-l) falls short of 1/2, on any scale, rising with g; and PhiInv(F(l))."""

    def needed(self, s: NDArray, g: NDArray) -> NDArray:
        """PhiInv(p_A) that a shift needs with two classes, from above at any level, and to second order in it.

        V(1/2, r) is the largest S(-l) + e^l (1/2 - F(l)) over l.
        """
        raise NotImplementedError

    @abstractmethod
    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        """Guess of s and g for two classes with p = Phi(z)."""

    def shift(self, r: NDArray) -> NDArray:
        """Length of the shift in units in which the noise is roughly N(0, 1) along it."""
        return r * np.sqrt(self.dim / max(self.dim - self.k, 1.0))


def bracket(function: Function, guess: NDArray, width: NDArray, least: float = -np.inf) -> tuple[NDArray, NDArray]:
    """Points below and above the root of increasing functions, found by growing steps from a guess.

    No further than `least` is gone down: where there is no root above it, both points are not above the root.
    """
    if not len(live := np.arange(len(guess))):
        return guess, guess
    up = function(guess, live) < 0
    near, far, step = guess.copy(), guess.copy(), width.copy()
    for _ in range(700):
        breathe()
        near[live] = far[live]
        far[live] = guess[live] + np.where(up[live], step[live], -step[live])
        step[live] = np.minimum(step[live] * 3, 1e300)
        found = function(far[live], live)
        live = live[np.where(up[live], found < 0, found > 0) & np.isfinite(far[live]) & (far[live] > least)]
        if not len(live):
            break
    low = np.maximum(np.minimum(near, far), least)
    return low, np.maximum(np.maximum(near, far), low)


def quantile(law: Law, r: NDArray, q: NDArray, low: bool = False) -> NDArray:
    """Level l with S(l) = q, or F(l) = q if `low`, from below, for shifts r > 0; arrays of shape (n,)."""
    side, sign = (law.lower, -1.0) if low else (law.upper, 1.0)
    mu, z, budget = law.shift(r), -sign * special.ndtri(q), -np.log(q)

    def falling(level: NDArray, i: NDArray) -> NDArray:
        with np.errstate(all="ignore"):
            return -z[i] - sign * special.ndtri(np.minimum(side(level, r[i], budget[i]), 1))

    guess = np.where(mu < 30, z * mu - mu**2 / 2, 0.0)
    return root(falling, *bracket(falling, guess, 0.02 * mu + 1e-3 * np.abs(guess)))


def kept(law: Law, p: NDArray, q: NDArray, r: NDArray) -> NDArray:
    """V(p, r) from below and 1 - V from above, p and q = 1 - p in (0, 1), for shifts r > 0; shape (2, n)."""
    out = np.array([np.zeros(len(r)), np.ones(len(r))])
    for low, tail in enumerate((q, p)):
        i = np.flatnonzero((p < q) == low)
        x, shift = tail[i], r[i]
        error = np.minimum(law.relative + law.tail * x ** (-1 / law.dim), 1)
        x = x * (1 - error if low else 1 + error)
        level = quantile(law.rough or law, shift, x, bool(low))
        budget = 40 - special.log_ndtr(special.ndtri(x) - law.shift(shift))
        with np.errstate(all="ignore"):
            found = np.array([law.upper(-level, shift, budget), law.lower(-level, shift, budget)])
            if law.rough:  # V is the largest S(-l) + e^l (p - F(l)) over l
                beside = x - law.lower(level, shift, budget) if low else law.upper(level, shift, budget) - x
                found += np.array([[1], [-1]]) * np.exp(level) * beside
        found[0] = np.maximum(found[0] * (1 - error) - law.absolute, 0)
        found[1] = np.minimum(found[1] * (1 + error) + law.absolute, 1)
        out[:, i] = np.where(np.isfinite(level) & np.isfinite(found).all(0), found, out[:, i])
    return out


def worst_case(law: Law, q: ArrayLike, r: ArrayLike) -> NDArray:
    """V(p, r) from below, p = 1 - q: least probability after a shift r > 0 of a class that had p; at scale 1."""
    q, r = np.broadcast_arrays(np.asarray(q, dtype=float), np.asarray(r, dtype=float))
    return kept(law, 1 - q.ravel(), q.ravel(), r.ravel())[0].reshape(q.shape)


def distance(law: Law, lam: ArrayLike, r: ArrayLike) -> NDArray:
    """D(lambda), the integral of (lambda pi_0 - pi_delta)^+, for a shift r > 0: lambda F(l) - S(-l), l = log lambda."""
    lam, r = np.broadcast_arrays(np.asarray(lam, dtype=float), np.asarray(r, dtype=float))
    level, budget = np.log(lam.ravel()), np.full(lam.size, 40.0)
    below, above = law.lower(level, r.ravel(), budget), law.upper(-level, r.ravel(), budget)
    return (lam.ravel() * below - above).reshape(lam.shape)


def total_variation(law: Law, r: ArrayLike) -> NDArray:
    """Total variation distance between the noise and its shift, D(1)."""
    return distance(law, 1.0, r)


def normal_score(above: NDArray, centred: NDArray) -> NDArray:
    """PhiInv(1 - above), from 1/2 - above where that is small."""
    with np.errstate(all="ignore"):
        near = np.sqrt(2) * special.erfinv(2 * np.clip(centred, -0.25, 0.25))
        # rounding may carry a sum beyond 1
        return np.where(np.abs(centred) < 0.25, near, -special.ndtri(np.minimum(above, 1)))


def radius(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius in units of the scale for 0 < p_B <= q_A = 1 - p_A, p_B < p_A; arrays of shape (n,).

    Both are first enlarged by the law's numerical error, so that the radius lies below the exact one. With two
    classes near a tie that error is a share of 1/2 - q_A, if the law is `central`.
    """
    out, tie = np.zeros(q_a.shape), 0.5 - q_a
    two = np.abs(p_b - q_a) <= 1e-15 * q_a
    share = np.minimum(q_a, 8 * np.maximum(tie, 0)) if law.central else q_a
    error = (law.relative + law.tail * q_a ** (-1 / law.dim)) * share
    z = normal_score(np.minimum(q_a + error, 1.0), tie - error)
    some = np.flatnonzero(two & (z > 0))
    out[some] = tabulated(law, z[some])
    q_a, p_b = (np.minimum(x * (1 + law.relative), 1.0) for x in (q_a, p_b))
    more = np.flatnonzero(~two & (q_a + p_b < 1) & (p_b < 1 - q_a))
    out[more] = more_classes(law, q_a[more], p_b[more])
    # the runner-up is no likelier than all other classes together; near a tie this loses less
    less = np.flatnonzero(~two & (z > 0))
    out[less] = np.maximum(out[less], two_classes(law, z[less]))
    return out


def two_classes(law: Law, z: NDArray, guess: NDArray | None = None) -> NDArray:
    """Radius for p_A = 1 - p_B = Phi(z), z > 0; 0 where it is not found. A guess is of s and g."""
    if not len(z):
        return z
    out = np.exp(solved(law, z, *(law.start(z) if guess is None else guess))[0])
    return np.where(out > 2 * LEAST, out, 0.0)


def solved(law: Law, z: NDArray, s: NDArray, g: NDArray) -> NDArray:
    """s, from below, and g of two classes, from a guess; shape (2, n)."""
    out, budget = np.full((2, len(z)), np.nan), -special.log_ndtr(-z)
    with np.errstate(all="ignore"):
        if law.rough:
            out = _refined(law, law.rough, z, *solved(law.rough, z, s, g))
        if not law.tail:  # else slopes are noise, and a step may be small by accident
            left = np.flatnonzero(np.isnan(out[0]))
            out[:, left] = _together(law, *(v[left] for v in (z, s, g, budget)))
    left = np.flatnonzero(np.isnan(out[0]))
    z, s, g, budget = (v[left] for v in (z, s, g, budget))

    def gap(at: NDArray, i: NDArray) -> NDArray:
        with np.errstate(all="ignore"):
            return law.scores(at, median(law, at, g[i], budget[i]), budget[i])[1] - z[i]

    found = root(gap, *bracket(gap, s, np.full(len(left), 0.05), np.log(LEAST)))
    if len(left):
        with np.errstate(all="ignore"):
            g = median(law, found, g, budget)
            short, score = law.scores(found, g, budget)
        # a rule that breaks off has roots where it jumps: what leaves a residual there claims nothing
        right = law.central | ((np.abs(short) < 1e-7) & (np.abs(score - z) < 1e-7))
        found = np.where(right, found, -np.inf)
    out[:, left] = found, g
    return out


def _together(law: Law, z: NDArray, s: NDArray, g: NDArray, budget: NDArray) -> NDArray:
    """`solved` by Broyden's method in s and g, the last step taken short; nan where it does not settle."""

    def gaps(s: NDArray, g: NDArray, i: NDArray) -> NDArray:
        short, score = law.scores(s, g, budget[i])
        return np.stack([short, score - z[i]])

    live, out = np.arange(len(z)), np.full((2, len(z)), np.nan)
    f = gaps(s, g, live)
    slopes = np.stack([gaps(s + NUDGE, g, live) - f, gaps(s, g + NUDGE, live) - f], axis=1) / NUDGE
    for _ in range(STEPS):
        breathe()
        (a, b), (c, e) = slopes
        step = np.stack([b * f[1] - e * f[0], c * f[0] - a * f[1]]) / (a * e - b * c)
        # near a tie no more is told than a share of the error for which q was enlarged
        close = 1e-11 if law.central else 1e-11 + 0.01 * law.relative / z[live]
        done = (np.abs(step[0]) <= close) & (np.abs(step[1]) <= 1000 * close)
        out[:, live[done]] = (s + step[0] - np.abs(step[0]))[done], g[done]
        good = ~done & np.isfinite(step).all(0)
        if not good.any():
            break
        live, s, g, f, slopes = live[good], s[good], g[good], f[:, good], slopes[:, :, good]
        step = np.clip(step[:, good], -FURTHEST, FURTHEST)
        s, g = s + step[0], g + step[1]
        new = gaps(s, g, live)
        missed = new - f - (slopes * step).sum(1)
        f, slopes = new, slopes + missed[:, None] * step / (step**2).sum(0)
    return out


def _refined(law: Law, rough: Law, z: NDArray, s: NDArray, g: NDArray) -> NDArray:
    """`solved` by Newton's steps in s alone, from the rough law's solution and with its slopes.

    nan where they do not settle beside that solution: further off another level is better by a share of 1e-9.
    """
    live, out = np.flatnonzero(z > NEAR), np.full((2, len(z)), np.nan)
    z, s, g = z[live], s[live], g[live]
    nudge, begun = NUDGED / (1 + z**2), s  # far out the best level is soon another
    slope = (rough.needed(s + nudge, g) - rough.needed(s, g)) / nudge
    for _ in range(STEPS):
        step = (z - law.needed(s, g)) / slope
        beside = np.abs(s + step - begun) <= BESIDE / (1 + z)
        done = beside & (np.abs(step) <= 3e-7)
        out[:, live[done]] = (s + step - 1e-3 * np.abs(step))[done], g[done]  # slopes are right to .1 %
        good = beside & ~done
        if not good.any():
            break
        live, z, s, g, slope, begun = (v[good] for v in (live, z, s + step, g, slope, begun))
    return out


def median(law: Law, s: NDArray, guess: NDArray, budget: NDArray) -> NDArray:
    """The g at which F(-l) = 1/2."""

    def short(g: NDArray, i: NDArray) -> NDArray:
        with np.errstate(all="ignore"):
            return law.scores(s[i], g, budget[i])[0]

    return root(short, *bracket(short, guess, np.full(len(s), 0.1)))


def more_classes(law: Law, q_a: NDArray, p_b: NDArray) -> NDArray:
    """Radius for any p_B <= q_A, by brackets in log r around brackets in l."""
    mean = np.maximum(-(special.ndtri(q_a) + special.ndtri(p_b)) / 2, 1e-16)

    def gap(s: NDArray, i: NDArray) -> NDArray:
        left, gained = kept(law, 1 - q_a[i], q_a[i], np.exp(s))[0], kept(law, 1 - p_b[i], p_b[i], np.exp(s))[1]
        with np.errstate(all="ignore"):
            return special.ndtri(gained) - special.ndtri(left)

    guess = np.log(mean / law.shift(np.ones(1)))
    found = np.exp(root(gap, *bracket(gap, guess, np.full(len(q_a), 0.02), np.log(LEAST))))
    return np.where((found > LEAST * 2) & np.isfinite(found), found, 0.0)


def tabulated(law: Law, z: NDArray) -> NDArray:
    """Two-class radii: r / z is smooth in log z, z = PhiInv(p), so a polynomial through a few serves for many.

    Where its last coefficients show that it is not smooth enough, it is but a guess and the points are solved for.
    """
    x, fit = np.log(z), None
    low, high = x.min(initial=np.inf), x.max(initial=-np.inf)
    for degree in DEGREES:
        if len(z) < 1.6 * degree or not high > low:
            break
        at = chebyshev.chebpts2(degree + 1)
        nodes, place = np.exp(low + (high - low) * (1 + at) / 2), 2 * (x - low) / (high - low) - 1
        if fit is None:
            found, new = np.array(law.start(nodes)), slice(None)
        else:  # every other node is one of before, and the others are guessed from these
            known, new = found, slice(1, None, 2)
            found = chebyshev.chebval(at, fit)
            found[:, ::2] = known
        found[:, new] = solved(law, nodes[new], *found[:, new])
        if not np.isfinite(found).all():
            fit = None
            break
        fit = chebyshev.chebfit(at, found.T, degree)
        ratio = np.exp(found[0]) / nodes
        coefficients = chebyshev.chebfit(at, ratio, degree)
        error = 4 * np.abs(coefficients[-4:]).max() + 1e-15
        allowed = 3e-9 if law.rough else 2e-10 if law.central else 8e-10
        if error <= allowed * ratio.min() and found[0].min() > np.log(2 * LEAST):
            return z * (chebyshev.chebval(place, coefficients) - error)
    guess = None if fit is None else chebyshev.chebval(place, fit)
    parts = np.array_split(np.arange(len(z)), len(z) // AT_ONCE + 1)
    return np.concatenate([two_classes(law, z[i], None if guess is None else guess[:, i]) for i in parts])
