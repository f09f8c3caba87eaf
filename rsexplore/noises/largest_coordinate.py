"""The law of ||z||_inf for density ~ ||z||_inf^-k exp(-||z||_2^2 / 2), and draws of z from it.

Given a = ||z||_inf, one coordinate is a or -a and the others are independent normals truncated to [-a, a]; a has
density proportional to a^-k phi(a) (2 Phi(a) - 1)^(dim - 1). Both need the normal quantile, for which no arithmetic of
the other samplers suffices: special functions are used here, and nowhere else in a sampler.
"""

from functools import lru_cache
from math import log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

PANELS = 600
LOWEST = -25.0  # below this log a the density is exp((dim - k) s), to within dim exp(-50) of itself


def log_shape(s: Any, dim: int, k: float) -> Any:
    """Logarithm of the density of s = log a, up to a constant."""
    a = np.exp(s)
    near = np.log(special.erf(np.minimum(a, 1.0) / np.sqrt(2)))
    inside = np.where(a < 1, near, np.log1p(-2 * special.ndtr(-np.maximum(a, 1.0))))
    return (1 - k) * s - a**2 / 2 - 0.5 * log(2 * pi) + (dim - 1) * inside


def support(dim: int, k: float, drop: float) -> tuple[float, float]:
    """Ends in s = log a between which the density is above exp(-drop) of its maximum, cut off at `LOWEST`."""
    grid = np.concatenate([np.linspace(LOWEST, -3, 400), np.linspace(-3, 3.5, 4001)])
    values = log_shape(grid, dim, k)
    above = grid[values > values.max() - drop]
    return float(max(above[0] - 0.2, LOWEST)), float(above[-1] + 0.02)


def _ends_of_table(dim: int, k: float) -> tuple[float, float]:
    """Ends in s between which the law is tabulated: those of `support`, moved inwards where the density there is 0.

    The density's logarithm is concave in s, so a step beyond where it has fallen by 45 is far enough: less than the
    least share that is drawn lies there, and a margin of .2, whose share is exp(-.2 (dim - k)), may be 0 in floats.
    """
    low, high = support(dim, k, 45.0)
    while True:
        grid = np.linspace(low, high, 4001)
        values = log_shape(grid, dim, k)
        values -= values.max()
        if np.exp(min(values[0], values[-1])) / (dim - k) > 0:
            return low, high
        above = np.flatnonzero(values > -45.0)
        low, high = float(grid[max(above[0] - 1, 0)]), float(grid[min(above[-1] + 1, len(grid) - 1)])


class LargestCoordinate:
    """Distribution function of a, tabulated with its inverse, at scale 1; `log_constant` is of the density of z."""

    def __init__(self, dim: int, k: float) -> None:
        low, high = _ends_of_table(dim, k)
        edges = np.linspace(low, high, PANELS + 1)
        nodes, weights = np.polynomial.legendre.leggauss(16)
        half = (edges[1] - edges[0]) / 2
        at = edges[:-1, None] + half * (nodes + 1)
        from scipy import interpolate  # a quarter of a second, which a radius should not wait for

        logs = log_shape(at, dim, k)
        top = logs.max()
        mass = half * (np.exp(logs - top) @ weights)
        # what lies left of the table
        start = np.exp(log_shape(edges[0], dim, k) - top) / (dim - k)
        below = start + np.concatenate([[0.0], np.cumsum(mass)])
        above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])
        total = below[-1]
        inner = slice(0, -1)
        odds = np.log(below[inner]) - np.log(above[inner])
        density = np.exp(log_shape(edges[inner], dim, k) - top)
        slope = below[inner] * above[inner] / (total * density)
        self.dim, self.left = dim, (float(odds[0]), low, float(dim - k))
        self.inverse = interpolate.CubicHermiteSpline(odds, edges[inner], slope, extrapolate=False)
        self.log_constant = float(top + log(total) + log(2 * dim) + dim / 2 * log(2 * pi))

    def quantile(self, u: NDArray) -> NDArray:
        """Value of a below which a share u in (0, 1) lies."""
        odds = special.logit(np.asarray(u, dtype=float))
        first, low, power = self.left
        inside = self.inverse(np.clip(odds, first, self.inverse.x[-1]))
        # left of the table the share itself is a power of a
        left = low + (special.log_expit(odds) - special.log_expit(first)) / power
        return np.exp(np.where(odds < first, left, inside))

    def draw(self, rng: Any, count: int) -> Any:
        """Independent draws of z, shape (count, dim); of a tensor's only one number a draw leaves its device."""
        ours = rng.random((count, self.dim + 2))
        here = isinstance(ours, np.ndarray)
        share = ours[:, :1] if here else ours[:, :1].cpu().numpy()
        a = self.quantile(np.maximum(share.astype(float), 2.0**-54))
        inside = special.erf(a / sqrt(2))
        if not here:
            a, inside = ours.new_tensor(a), ours.new_tensor(inside)
        middle = (2 * ours[:, 2:] - 1) * inside
        z = sqrt(2) * (special.erfinv(middle) if here else middle.erfinv_())
        z = z.clip(-a, a)
        place = (2 * self.dim * ours[:, 1]).clip(0, 2 * self.dim - 1)  # a product in float32 may round up to 2 dim
        column = place.astype(int) if here else place.long()
        z[np.arange(count), column // 2] = a[:, 0] * (2 * (column % 2) - 1)
        return z


largest_coordinate = lru_cache(maxsize=32)(LargestCoordinate)
