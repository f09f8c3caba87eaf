"""Tails of sums of many independent normals truncated to one interval, from the transform on a line in the plane.

The line passes near the saddle point, so that a small tail keeps its relative precision.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

SERIES_FROM = 200  # from here on few cumulants give the transform
ORDERS = (18, 12)  # cumulants for 200 and for 1000 coordinates and more
STEP, LINES = 0.35, 26  # of the rule along the line; it reaches to 9.1 deviations
EDGE = 2.0  # thresholds nearer to the mean use the imaginary axis itself
STEEPEST = 14.0
AT, WEIGHT = np.polynomial.legendre.leggauss(40)


class Sums:
    """Sums of `count` independent normals truncated to [low, high], cell by cell."""

    def __init__(self, count: NDArray, low: NDArray, high: NDArray) -> None:
        half = ((high - low) / 2)[:, None]
        x = low[:, None] + half * (1 + AT)
        # normalised by the rule itself
        self.share = WEIGHT * np.exp(-(x**2) / 2 + np.min(x**2, axis=1, keepdims=True) / 2)
        self.share /= self.share.sum(1, keepdims=True)
        middle = (self.share * x).sum(1)
        self.x, self.count = x - middle[:, None], count
        self.mean = count * middle
        variance = (self.share * self.x**2).sum(1)
        self.deviation = np.sqrt(count * variance)
        self.series = len(count) > 0 and bool(count.min() >= SERIES_FROM)
        if self.series:
            self.coefficients = self._cumulants(np.sqrt(variance))

    def _cumulants(self, scale: NDArray) -> list[NDArray]:
        """Taylor coefficients of the log transform of the standardised sum, from order 3."""
        scaled, powers = self.x / scale[:, None], self.share.copy()
        moments, order = [], ORDERS[int(self.count.min() >= 1000)]
        for j in range(1, order + 1):
            powers = powers * scaled
            moments.append(powers.sum(1) / special.factorial(j))
        c: list[NDArray] = []  # of log(1 + sum of m_j s^j)
        for j in range(1, order + 1):
            c.append(moments[j - 1] - sum((i * c[i - 1] * moments[j - i - 1] for i in range(1, j)), np.zeros(1)) / j)
        return [self.count ** (1 - j / 2) * c[j - 1] for j in range(3, order + 1)]

    def _log_transform(self, s: NDArray) -> NDArray:
        """Logarithm of the transform of the standardised sum at s = c + i STEP (j + 1/2), shape (cells, LINES)."""
        if self.series:
            total = np.zeros_like(s)
            for coefficient in reversed(self.coefficients):
                total = (total + coefficient[:, None]) * s
            return s * s * (0.5 + total)
        out = np.empty_like(s)
        size = 400
        for i in range(0, len(s), size):
            j = slice(i, i + size)
            x = self.x[j] / self.deviation[j, None]
            wave, turn = self.share[j] * np.exp(s[j, :1] * x), np.exp(1j * STEP * x)
            for line in range(s.shape[1]):
                out[j, line] = wave.sum(1)
                wave *= turn
        with np.errstate(divide="ignore"):
            return self.count[:, None] * np.log(out)

    def tail(self, threshold: NDArray, side: str) -> tuple[NDArray, NDArray]:
        """P(sum > threshold) or P(sum <= threshold), and the density there."""
        z = (threshold - self.mean) / self.deviation
        value = np.where((z < 0) == (side == "upper"), 1.0, 0.0)
        density = np.zeros_like(z)
        near = np.flatnonzero(np.abs(z) < STEEPEST + 8)
        if not len(near):
            return value, density
        part = self._part(near)
        z = z[near]
        c = np.where(np.abs(z) < EDGE, 0.0, np.clip(z, -STEEPEST, STEEPEST))
        s = c[:, None] + 1j * STEP * (np.arange(LINES) + 0.5)
        wave = np.exp(part._log_transform(s) - s * z[:, None])
        above = STEP / np.pi * (wave / s).real.sum(1)
        crossed = np.where(c == 0, 0.5, np.where(c < 0, 1.0, 0.0))
        value[near] = np.maximum(above + crossed if side == "upper" else (1 - crossed) - above, 0.0)
        density[near] = STEP / np.pi * wave.real.sum(1) / self.deviation[near]
        return value, density

    def _part(self, places: NDArray) -> "Sums":
        if len(places) == len(self.count):
            return self
        part = object.__new__(Sums)
        for name in ("share", "x", "count", "mean", "deviation"):
            setattr(part, name, getattr(self, name)[places])
        part.series = self.series
        if self.series:
            part.coefficients = [c[places] for c in self.coefficients]
        return part
