"""`Panels` for many dimensions: the sum's law has no visible knots, but a window that moves with eta."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.panels import TAIL, Panels, _roots
from rsexplore.dual.pieces import interval
from rsexplore.dual.sums import Sums

AT, WEIGHT = np.polynomial.legendre.leggauss(24)
PARTS = np.linspace(-1, 1, 7)  # of the window of the sum
FOLDS = np.array([6.0, 18.0, 36.0])  # by which the law of eta falls, between its panels


class Wide(Panels):
    """Family (9) for dim >= 20, any k < dim."""

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.relative = 2e-12

    def _sum(self, count: int, low: NDArray, high: NDArray, x: NDArray, side: str) -> tuple[NDArray, NDArray]:
        return Sums(np.full(low.shape, float(count)), low, high).tail(x, side)

    def _moments(self, low: NDArray, high: NDArray) -> tuple[NDArray, NDArray]:
        """Mean and deviation of one truncated normal."""
        half, middle = (high - low)[..., None] / 2, (high + low)[..., None] / 2
        share = WEIGHT * np.exp(-half * AT * (middle + half * AT / 2))
        share /= share.sum(-1, keepdims=True)
        mean = (share * AT).sum(-1)
        variance = (share * (AT - mean[..., None]) ** 2).sum(-1)
        return middle[..., 0] + half[..., 0] * mean, half[..., 0] * np.sqrt(variance)

    def _rise(self, a: NDArray, eta: NDArray, level: float, r: float, z: NDArray) -> NDArray:
        """L less the level at eta, with the sum z deviations above its mean."""
        n = self.dim - 2
        least = np.minimum(eta - a, a * (1 - 1e-9))
        mean, deviation = self._moments(least, a)
        free = np.clip(n * mean + z * np.sqrt(n) * deviation, n * least, n * a)
        with np.errstate(divide="ignore"):
            return -self.k * np.log1p(np.maximum((r - eta) / a, -1)) + r * (eta + free - self.dim * r / 2) - level

    def _crossings(self, level: float, r: float, low: float, high: float, budget: float) -> NDArray:
        z = np.sqrt(2 * (budget + TAIL)) * PARTS[:, None]
        near = np.arange(-34.0, 4.0, 0.5)

        def back(s: NDArray) -> NDArray:
            a = np.exp(s)
            return self._rise(a, np.zeros_like(a), level, r, z)

        def front(u: NDArray) -> NDArray:
            a = r * (1 + np.exp(u))
            free = self._rise(a, np.full_like(a, 2 * r), level, r, z)
            return free + self.k * (np.log1p(-r / a) - (np.log(r / a) + u))  # log(b / a) with all its digits

        top = max(high - np.log(r), -30.0)
        at_front = np.unique(np.concatenate([near, np.linspace(-4, top, 300)]))
        at_back = np.unique(np.concatenate([np.linspace(low, high, 300), np.log(r) + near]))
        u = _roots(front, at_front[at_front <= top], len(z))
        return np.concatenate([_roots(back, at_back, len(z)), np.log(r) + np.logaddexp(0, u)])

    def _passed(self, a: NDArray, level: float, r: float, end: NDArray, budget: float) -> NDArray:
        d = self.dim
        # no more than exp(-budget - TAIL) lies beyond
        folds = np.append(FOLDS, budget + TAIL)
        mass = -np.expm1(-folds / (d - 1))
        with np.errstate(divide="ignore"):
            quantile = special.ndtri(special.ndtr(-a)[:, None] + mass * interval(-a, a)[:, None]) + a[:, None]
        falls = np.where(a[:, None] < 0.01, 2 * a[:, None] * mass, quantile)
        end = np.minimum(end, falls[:, -1])
        z = -np.sqrt(2 * (budget + TAIL)) * PARTS
        low, high = np.zeros((len(a), len(z))), np.broadcast_to(end[:, None], (len(a), len(z))).copy()
        wide = np.broadcast_to(a[:, None], low.shape)
        at_start = self._rise(wide, low, level, r, z[::-1]) >= 0
        for _ in range(40):
            middle = (low + high) / 2
            over = self._rise(wide, middle, level, r, z[::-1]) > 0
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        found = np.sort(np.where(at_start, 0.0, high), axis=1)
        between = np.clip(falls[:, :-1], found[:, :1], found[:, -1:])
        return np.sort(np.concatenate([found, between], axis=1), axis=1)
