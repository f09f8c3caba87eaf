"""The law of L for eq. (8): given the norm, L rises with the cosine between the noise and the shift."""

from math import log, pi

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.geometry import excess, gamma_window, inner_point
from rsexplore.dual.law import Tails
from rsexplore.dual.radial import TAIL, Kernel, Radial, on_normal_scale

SMOOTH_FROM = 200  # the dimension from which the law of a cosine has no visible ends
TERMS = 18  # of the series of the cosine's law around 0


class Spherical(Radial):
    """Family (8) and a shift of Euclidean length r, in two dimensions and more, or with k = 0."""

    differentiable = True

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.high = dim >= SMOOTH_FROM
        self.relative = 4e-14
        self.tail = 4e-16 if self.shape < 0.5 and dim > 1 else 0.0  # there the level set is q^(1 / dim) r wide
        self.lower_absolute = 1e-14 if self.high and self.shape < 10 else 0.0
        if k == 0:
            self.relative = 4e-15
        self._log_beta = _log_beta(max(dim - 1, 1) / 2)
        n = np.arange(TERMS)  # of (1 - x^2)^((d - 3) / 2), integrated
        ratio = np.append(1.0, -((dim - 3) / 2 - n[:-1]) / (n[:-1] + 1.0))
        self._series = np.cumprod(ratio) / (2 * n + 1) * np.exp(-self._log_beta)

    def _tails(self, cosine: NDArray, squared: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """P(C > cosine), P(C <= cosine) and P(0 < C <= cosine), with squared = 1 - cosine^2."""
        student = cosine * np.sqrt((self.dim - 1) / np.maximum(squared, 1e-300))
        above = special.stdtr(self.dim - 1.0, -student)
        square = cosine**2
        small = (square * self.dim < 1) & (square < 0.1)
        centred = 0.5 - above
        near = square[small]
        total = np.full(near.shape, self._series[-1])
        for coefficient in self._series[-2::-1]:
            total = total * near + coefficient
        centred[small] = total * cosine[small]
        above[small] = 0.5 - centred[small]  # stdtr(1, x) of scipy 1.17 is wrong by 4e-9 of itself near |x| = 5e-9
        return above, np.where(above < 0.75, 1 - above, special.stdtr(self.dim - 1.0, student)), centred

    def _given(self, level: NDArray, r: NDArray) -> Kernel:
        """P(L > level), P(L <= level), half their difference, and the slopes of the first, all given t."""
        level, r = level[:, None], r[:, None]

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            rho, (y, square) = np.sqrt(2 * t), excess(t, level, self.k)
            # not (rho^2 + r^2 - b^2) / (2 rho r), which cancels
            cosine = np.clip(r / (2 * rho) - rho * y / (2 * r), -1, 1)
            squared = (1 - cosine) * (1 + cosine)
            near = (cosine > 0.9) & (y < -0.5)
            if self.dim < SMOOTH_FROM and np.any(near):  # with b^2 = rho^2 square
                rest = rho * (rho * square / (2 * r)) - (r - rho) * ((r - rho) / (2 * r))
                squared = np.where(near, np.maximum(rest / rho, 0) * (1 + cosine), squared)
            squared = np.maximum(squared, 1e-30)
            density = np.exp((self.dim - 3) / 2 * np.log(squared) - self._log_beta)
            density = np.where(np.abs(cosine) < 1, density, 0.0)
            by_level = -density * rho / (2 * r) / (self.k / (2 * square) + t)
            by_r = -density * (1 / (2 * rho) + rho * y / (2 * r**2))
            return *self._tails(cosine, squared), by_level, by_r

        return kernel

    def _grid(self, level: NDArray, r: NDArray, budget: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Nodes t and weights of the trapezoidal rule in log t, and the rate of a falling part of the centred kernel.

        The error falls faster than any power of the step. Where the norm reaches far down (small shape) the kernel
        is 1/2 there: exp(-rate t) / 2 is taken out, whose integral is known, and the nodes end soon after.
        """
        low, high = gamma_window(self.shape, budget + TAIL)
        rate = np.zeros(level.shape)
        if self.shape < 10:
            rate = 8 / (r**2 * self.dim)
            # nothing lies above the level where the axis does not
            low = np.maximum(low, np.minimum(inner_point(level, r, self.k) ** 2 / 2, np.exp(-42.0) / rate))
        start = np.log(np.maximum(low, 1e-300) / self.shape)
        width = np.maximum(np.log(high / self.shape) - start, 1e-6)
        count = int(np.max(width) / min(0.55 / np.sqrt(self.shape), 0.25)) + 2
        step = (width / (count - 1))[:, None]
        u = start[:, None] + step * np.arange(count)
        return self.shape * np.exp(u), np.exp(-self.shape * (np.expm1(u) - u) + self.log_peak) * step, rate

    def _sums(self, level: NDArray, r: NDArray, budget: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """S, 1/2 - S with a small relative error, and the derivatives of S."""
        if not self.high:
            edges, sure_low, sure_high = self.regions(level, r)
            above, _, centred, by_level, by_r = self.integrate(edges, r, budget, self._given(level, r))
            return sure_high + above, (sure_low - sure_high) / 2 + centred, by_level, by_r
        t, weights, rate = self._grid(level, r, budget)
        above, _, centred, by_level, by_r = self._given(level, r)(t)
        out = np.zeros(len(t))
        if self.shape < 10:
            gone = rate[:, None] * t
            centred = np.where(gone < 1, -np.expm1(-gone) / 2 - above, centred - np.exp(-gone) / 2)
            out = np.exp(-self.shape * np.log1p(rate)) / 2
        total = out + (weights * centred).sum(-1)
        return (weights * above).sum(-1), total, (weights * by_level).sum(-1), (weights * by_r).sum(-1)

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        if self.k == 0:
            above = special.ndtr(-(level / r + r / 2))
            density = np.exp(-((level / r + r / 2) ** 2) / 2) / np.sqrt(2 * np.pi)
            return above, -density / r, density * (level / r**2 - 0.5)
        above, _, by_level, by_r = self._sums(level, r, budget)
        return above, by_level, by_r

    def normal(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        if self.k == 0:
            return level / r + r / 2, 1 / r, 0.5 - level / r**2
        return on_normal_scale(*self._sums(level, r, budget))

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        if self.k == 0:
            return special.ndtr(level / r + r / 2)
        if not self.high:
            edges, sure_low, _ = self.regions(level, r)
            return sure_low + self.integrate(edges, r, budget, self._given(level, r))[1]
        if self.shape < 10:
            return 1 - self._sums(level, r, budget)[0]
        t, weights, _ = self._grid(level, r, budget)
        return (weights * self._given(level, r)(t)[1]).sum(-1)

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        if self.shape >= 0.5:
            return super().start(z)
        # most of the noise lies at 0: half of p - 1/2 comes from norms far below r, half from those far above
        tie = special.erf(z / np.sqrt(2)) / 2
        inner, outer = special.gammaincinv(self.shape, tie), special.gammainccinv(self.shape, tie)
        r = np.sqrt(np.maximum(8 * inner / self.dim, 1e-305))
        return r, r * self.k / np.sqrt(np.maximum(2 * self.dim * outer, 1e-305))


def _log_beta(a: float) -> float:
    """Logarithm of B(a, 1/2), without the large terms that cancel."""
    if a < 20:
        return float(special.betaln(a, 0.5))
    ratio = log(a) / 2 - 1 / (8 * a) + 1 / (192 * a**3) - 1 / (640 * a**5) + 17 / (14336 * a**7)
    return log(pi) / 2 - ratio
