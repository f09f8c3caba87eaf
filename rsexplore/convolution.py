"""The law of a log-likelihood ratio that is a sum over independent coordinates, by FFT and between two bounds.

Every coordinate is shifted by the same w. Its log-likelihood ratio L = log f(z - w) / f(z) is put on a lattice twice:

* each value is moved to the nearest lattice point. A threshold on the sum of the moved values is a classifier, and its
  two probabilities are known, so by Neyman and Pearson the least probability after the shift is not above what it has;
* each value is split between its two neighbours so that both probabilities stay what they are. The pair of laws that
  arises tells the two centres apart at least as well, and so do d copies: the least probability is not below its value.

Both errors are of second order in the step. The reflection z -> w - z swaps the two centres and changes the sign of L,
so that the probability of {S <= l} after the shift is that of {S >= -l} before it: one law serves for both.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, log, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, optimize, special
from scipy.optimize import elementwise

from rsexplore.divergences.generalized_gaussian import STEP, curvature, half_line, interval, loss, unit
from rsexplore.noises import Noise

LARGEST = 100.0  # values of L beyond stand for certainty
MOST = 2**22  # lattice points on either side of 0
NEGLIGIBLE = 1e-18  # probability that is left out of a window
CELLS = 128  # lattice points to one standard deviation of L; the relative error is about 1 / (12 CELLS^2)
SMALLEST = 1e-12  # least 1 - p_A: below, the rounding of the FFT counts
ROUNDING = 1e-9  # share by which brackets are widened for the rounding of floats


class Bracket(NamedTuple):
    """Two numbers between which the exact one lies."""

    low: float
    high: float

    @property
    def value(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def error(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2

    @classmethod
    def around(cls, one: float, other: float, scale: float = 1.0) -> "Bracket":
        """Two numbers times `scale`, widened for the rounding of floats."""
        return cls(scale * min(one, other) * (1 - ROUNDING), scale * max(one, other) * (1 + ROUNDING))


def fisher_information(noise: Noise) -> float:
    """Fisher information of one coordinate for its location, E (log f)'^2, in 1 / units^2; see `unit` for the noises.

    It is twice the curvature of the divergence; 1 / sigma^2 for Gaussian noise.
    """
    scale, shape = unit("fisher_information", noise)
    return 2 * curvature(shape) / scale**2


def above(x: NDArray, shape: float) -> NDArray:
    """P(z > x) for one coordinate of scale 1."""
    tail = special.gammaincc(1 / shape, np.abs(x) ** shape) / 2
    return np.where(x < 0, 1 - tail, tail)


@dataclass(frozen=True)
class Coordinate:
    """Law of L = |z|^shape - |z - shift|^shape for one coordinate of scale 1; increasing in z for shape >= 1."""

    shape: float
    shift: float

    def ratio(self, z: Any) -> NDArray:
        """L at z >= shift / 2."""
        return loss(z, self.shift, self.shape)

    @property
    def reach(self) -> float:
        """Point beyond which the shifted coordinate has a probability below NEGLIGIBLE."""
        return self.shift + (-log(NEGLIGIBLE)) ** (1 / self.shape)

    @property
    def deviation(self) -> float:
        """Standard deviation of L under the normalised geometric mean of the two densities."""
        middle, s = self.shift / 2, self.shape
        y, above = half_line(log(120) / s + 0.6, STEP / (s + 1))
        share, _, below = interval(STEP / (s + 1))
        z, weights = np.r_[middle * (1 + share), self.shift + y], np.r_[middle * below, above]
        # in the middle of the two centres the geometric mean is largest
        weights = weights * np.exp(middle**s - (z**s + np.abs(z - self.shift) ** s) / 2)
        return sqrt(float(weights @ self.ratio(z) ** 2 / weights.sum()))

    def at(self, ratios: NDArray) -> NDArray:
        """Points z >= shift / 2 with the given values of L, which increase from 0."""
        middle = self.shift / 2
        if self.shape == 1:
            return middle + ratios / 2
        if self.shape == 2:
            return middle + ratios / (2 * self.shift)
        top = max(2 * self.shift, 1.5 * self.reach)
        wanted = np.minimum(ratios, self.ratio(top))
        find_root: Any = elementwise.find_root  # its stubs know no args
        return find_root(lambda z, ratio: self.ratio(z) - ratio, (middle, top), args=(wanted,)).x

    def tails(self, ratios: NDArray) -> tuple[NDArray, NDArray]:
        """P(L > ratio) before and after the shift."""
        z = self.at(ratios)
        return above(z, self.shape), above(z - self.shift, self.shape)


def lattice(one: Coordinate, cells: int, spread: bool) -> tuple[NDArray, float]:
    """Probabilities of L on the points -J h, ..., J h, and the step h.

    With `spread` each value is split between its neighbours (a pair of laws that is easier to tell apart; a mass that
    only one of the two has is left out), without it is moved to the nearest point.
    """
    largest = one.shift if one.shape == 1 else min(float(one.ratio(one.reach)), LARGEST)
    if one.shape == 1:  # the atoms at both ends lie on the lattice
        step, count = one.shift / cells, cells
    else:
        step = one.deviation / cells
        count = ceil(largest / step)
    if count > MOST:
        raise ValueError(
            f"lattice: shape={one.shape:g} at shift={one.shift:g} needs {count} lattice points, above {MOST}"
        )
    if not spread:
        before, after = one.tails((np.arange(count) + 0.5) * step)
        up, down = (np.append(-np.diff(x), x[-1]) for x in (before, after))
        return np.concatenate([down[::-1], [1 - before[0] - after[0]], up]), step
    edges = np.arange(count + 1) * step
    before, after = one.tails(np.minimum(edges, largest) if one.shape == 1 else edges)
    if one.shape == 1:  # tails() gives P(L > w) = 0 for no rounding: the atom belongs to the end
        before[-1], after[-1] = exp(-one.shift) / 2, 0.5
    mass, shifted = -np.diff(before), -np.diff(after)
    with np.errstate(over="ignore"):
        grow = np.exp(-edges[:-1])
    # mass that goes to the upper neighbour, so that after the shift the cell keeps its probability too
    upper = np.clip((shifted * grow - mass) / np.expm1(step), 0, mass)
    at = np.append(mass - upper, before[-1]) + np.append(0.0, upper)
    at[0] *= 2  # both sides of 0
    # P(-k) = exp(k h) P(k); written with the probabilities after the shift where exp overflows
    mirrored = np.exp(np.minimum(edges, 700)) * at
    return np.concatenate([mirrored[:0:-1], at]), step


@dataclass(frozen=True, eq=False)
class Sum:
    """Law of the sum S of `dim` independent values on a lattice."""

    values: NDArray  # shape (n,), increasing
    tilted: NDArray  # P(S = value) exp(value / 2) / size, which sums to 1
    log_size: float
    rounding: float  # error of an entry of `tilted`

    @classmethod
    def of(cls, weights: NDArray, step: float, dim: int) -> "Sum":
        """The `dim`-fold convolution of the law that `lattice` gives."""
        count = len(weights) // 2
        places = np.arange(-count, count + 1)
        tilt = np.where(weights > 0, np.log(np.maximum(weights, 1e-320)) + places * step / 2, -np.inf)
        size = float(special.logsumexp(tilt))
        tilt = np.exp(tilt - size)
        half = cls._window(tilt, places * step, step, dim)
        if half > MOST:
            raise ValueError(
                f"Sum: the window of dim={dim} needs {half} lattice points, above {MOST}: take fewer cells"
            )
        length = fft.next_fast_len(2 * half + 1, real=True)
        # places outside the window wrap around, with negligible probability
        start = np.bincount(places % length, weights=tilt, minlength=length)
        found = fft.irfft(fft.rfft(start) ** dim, length)
        middle = np.arange(-half, half + 1)
        # the relative error of a power of the transform, and that of the inverse transform
        error = 4 * np.finfo(float).eps * (dim + np.log2(length)) * float(found.max())
        return cls(middle * step, np.maximum(found[middle], 0), dim * size, error)

    @staticmethod
    def _window(tilt: NDArray, ratios: NDArray, step: float, dim: int) -> int:
        """Lattice points on each side of 0 beyond which S has negligible probability (Chernoff)."""
        deviation = sqrt(dim * float(tilt @ ratios**2))
        largest, least = dim * float(ratios[-1]), 10 * deviation
        for _ in range(60):
            if least >= largest:
                return ceil(largest / step)
            rates = np.minimum(np.array([0.25, 0.5, 1.0]) * least / deviation**2, 700 / ratios[-1])
            moments = [np.log(tilt @ np.exp(rate * sign * ratios)) for rate in rates for sign in (-1, 1)]
            bounds = dim * np.reshape(moments, (3, 2)).max(axis=1) - rates * least
            if bounds.min() < log(NEGLIGIBLE):
                return ceil(least / step)
            least *= 1.5
        raise ArithmeticError(f"no window found for dim={dim}, step={step}")

    def least(self, q: float, side: int) -> float:
        """Probability after the shift of {S <= l}, where it is 1 - q before; ties at l are split.

        From below for side -1, from above for 1: the rounding of the FFT is added to all tails, or taken off.
        """
        # E exp(S / 2) limits both errors of {S <= 0}, far below what rounding leaves
        most = exp(self.log_size) if side > 0 and log(q) >= self.log_size else 1.0
        with np.errstate(divide="ignore"):
            masses = np.exp(np.minimum(np.log(self.tilted) - self.values / 2 + self.log_size, 0))
        noise = self.rounding * np.exp(np.minimum(self.log_size - self.values / 2, 50))
        tails = np.cumsum((masses + side * noise)[::-1])[::-1]  # P(S >= value)
        reached = np.flatnonzero(tails >= q)
        if not len(reached):
            return 0.0 if side < 0 else most
        place = reached[-1]
        step = self.values[1] - self.values[0]
        mirror = int(np.searchsorted(self.values, -self.values[place] - step / 2))
        tails = np.append(tails, 0.0)
        share = (q - tails[place + 1]) / (tails[place] - tails[place + 1])
        return float(np.clip(tails[mirror + 1] + (1 - share) * (tails[mirror] - tails[mirror + 1]), 0, most))


def least_probability(noise: Noise, shift: float, dim: int, q_a: float, cells: int = CELLS) -> Bracket:
    """Least probability that a class of probability 1 - `q_a` can have after all `dim` coordinates move by `shift`.

    Exact for this one shift (Neyman-Pearson). `shift` is in units of the input, q_a in [1e-12, 1 - 1e-12].

    Raises
    ------
    ValueError
        q_a is out of its range.
    UnsupportedNoiseError
        See `unit`.
    """
    if not SMALLEST <= q_a <= 1 - SMALLEST:
        raise ValueError(f"least_probability: q_a must be in [{SMALLEST}, 1 - {SMALLEST}], got q_a={q_a}")
    scale, shape = unit("least_probability", noise)
    if shift == 0:
        return Bracket(1 - q_a, 1 - q_a)
    found = Bracket.around(
        *(_law(shape, abs(shift) / scale, dim, cells, side < 0).least(q_a, side) for side in (-1, 1))
    )
    return Bracket(found.low, min(found.high, 1.0))


@lru_cache(maxsize=2)
def _law(shape: float, shift: float, dim: int, cells: int, spread: bool) -> Sum:
    return Sum.of(*lattice(Coordinate(shape, shift), cells, spread), dim)


def radius(noise: Noise, dim: int, q_a: float, p_b: float, cells: int = CELLS) -> Bracket:
    """Shift of every coordinate up to which a class with p_A = 1 - q_a stays ahead of one with p_B, for any classes.

    The first falls to at least V(p_A), the second rises to at most 1 - V(1 - p_B); both limits are attained together.
    In units of the input; exact for this direction. 0 < p_b <= q_a < 1 with p_b < 1 - q_a, both at least 1e-12.

    Raises
    ------
    ValueError
        A probability is out of its range.
    UnsupportedNoiseError
        See `unit`.
    """
    if not (SMALLEST <= p_b <= q_a and p_b < 1 - q_a):
        raise ValueError(f"radius: needs {SMALLEST} <= p_b <= q_a and p_b < 1 - q_a, got p_b={p_b}, q_a={q_a}")
    scale, shape = unit("radius", noise)
    guess = (special.ndtri(1 - p_b) - special.ndtri(q_a)) / 2
    start = guess / sqrt(dim * 2 * curvature(shape))

    def excess(log_shift: float, spread: bool) -> float:
        law, side = _law(shape, exp(log_shift), dim, cells, spread), -1 if spread else 1
        left, taken = law.least(q_a, side), 0.5 if p_b == q_a else law.least(p_b, side)
        # on the scale of normal quantiles the excess is almost linear in the shift
        return float(special.ndtri(max(taken, 1e-300)) + special.ndtri(max(left, 1e-300)))

    def solve(spread: bool, near: float) -> float:
        low = high = near
        width = 0.05
        while excess(low, spread) < 0:
            low, width = low - width, 2 * width
        while excess(high, spread) > 0:
            high, width = high + width, 2 * width
        return low if low == high else optimize.brentq(excess, low, high, (spread,), xtol=1e-10, rtol=1e-12)

    inner = solve(True, log(start))
    outer = solve(False, inner)
    return Bracket.around(exp(inner), exp(outer), scale)
