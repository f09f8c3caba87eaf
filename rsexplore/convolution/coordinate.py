"""The log-likelihood ratio of one coordinate under a shift, and its law on a lattice."""

from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.bound import UnsupportedNoiseError
from rsexplore.divergences.generalized_gaussian import curvature
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Noise

LARGEST = 100.0  # values of L beyond stand for certainty
MOST = 2**22  # lattice points on either side of 0
NEGLIGIBLE = 1e-18  # probability that is left out of a window
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def unit(noise: Noise) -> tuple[float, float]:
    """Scale and shape with which a noise is generalized Gaussian: density exp(-|x / scale|^shape) up to a constant.

    Raises
    ------
    UnsupportedNoiseError
        The noise is of another family, or its shape is below 1 (the log-likelihood ratio is then not monotone).
    """
    if isinstance(noise, Gaussian):
        return sqrt(2) * noise.sigma, 2.0
    if isinstance(noise, Laplace):
        return noise.scale, 1.0
    if isinstance(noise, GeneralizedGaussian) and noise.shape >= 1:
        return noise.scale, noise.shape
    if isinstance(noise, Noise) and noise.canonical is not noise:
        return unit(noise.canonical)
    needed = "Gaussian, Laplace or GeneralizedGaussian noise of shape >= 1"
    raise UnsupportedNoiseError(f"convolution needs {needed}, got {noise!r}")


def fisher_information(noise: Noise) -> float:
    """Fisher information of one coordinate for its location, E (log f)'^2, in 1 / units^2; see `unit` for the noises.

    It is twice the curvature of the divergence; 1 / sigma^2 for Gaussian noise.
    """
    scale, shape = unit(noise)
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
        s, w = self.shape, self.shift
        far = np.maximum(z, w)
        with np.errstate(divide="ignore"):
            outside = -(far**s) * np.expm1(s * np.log1p(-w / far))
        return np.where(z >= w, outside, z**s - np.abs(w - z) ** s)

    def slope(self, z: NDArray) -> NDArray:
        """Derivative of `ratio`."""
        s, back = self.shape, z - self.shift
        return s * (z ** (s - 1) - np.sign(back) * np.abs(back) ** (s - 1))

    @property
    def reach(self) -> float:
        """Point beyond which the shifted coordinate has a probability below NEGLIGIBLE."""
        return self.shift + (-log(NEGLIGIBLE)) ** (1 / self.shape)

    @property
    def deviation(self) -> float:
        """Standard deviation of L under the normalised geometric mean of the two densities."""
        middle = self.shift / 2
        edges = np.unique([middle, self.shift, *np.linspace(middle, self.reach, 12)])
        half = np.diff(edges)[:, None] / 2
        z = edges[:-1, None] + half * (1 + NODES)
        # in the middle of the two centres the geometric mean is largest
        mean = -(z**self.shape + np.abs(z - self.shift) ** self.shape) / 2 + middle**self.shape
        weights = half * WEIGHTS * np.exp(mean)
        return sqrt(float((weights * self.ratio(z) ** 2).sum() / weights.sum()))

    def at(self, ratios: NDArray) -> NDArray:
        """Points z >= shift / 2 with the given values of L, which increase from 0."""
        middle = self.shift / 2
        if self.shape == 1:
            return middle + ratios / 2
        if self.shape == 2:
            return middle + ratios / (2 * self.shift)
        grid = np.unique(np.r_[np.linspace(middle, 2 * self.shift, 400), np.linspace(middle, 1.5 * self.reach, 4000)])
        values = np.maximum.accumulate(self.ratio(grid))
        place = np.clip(np.searchsorted(values, ratios), 1, len(grid) - 1)
        low, high = grid[place - 1], grid[place]
        z = np.clip(np.interp(ratios, values, grid), low, high)
        for _ in range(60):
            miss = self.ratio(z) - ratios
            low, high = np.where(miss <= 0, z, low), np.where(miss > 0, z, high)
            with np.errstate(all="ignore"):
                step = z - miss / self.slope(z)
            new = np.where((step >= low) & (step <= high), step, (low + high) / 2)
            if np.all(np.abs(new - z) <= 4e-16 * z):
                break
            z = new
        return z

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
