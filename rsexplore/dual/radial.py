"""What the laws of eqs. (8) and (10) share: a quadrature over t = ||z||^2 / 2, which is Gamma((d - k) / 2)."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import inf, log, pi

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.geometry import gamma_window, inner_point, outer_points
from rsexplore.dual.law import Law, Tails

AT, WEIGHT = np.polynomial.legendre.leggauss(24)
TAIL = 40.0  # what lies beyond exp(-TAIL) of a probability is left out of its quadrature

Edges = list[tuple[NDArray, NDArray]]
Kernel = Callable[[NDArray], tuple[NDArray, ...]]


class Radial(Law):
    """Families (8) and (10), by panels between the points where the level set meets the axis."""

    central = True

    def __init__(self, dim: int, k: float) -> None:
        self.dim, self.k = dim, k
        self.shape = (dim - k) / 2
        self.power = min(0.5, self.shape)  # quadrature over t^power, in which the density is bounded at 0
        self.log_peak = _log_peak(self.shape)

    def regions(self, level: NDArray, r: NDArray) -> tuple[Edges, NDArray, NDArray]:
        """Panels in t where the level cuts the sphere, and the masses where L is surely below, surely above."""
        first = inner_point(level, r, self.k)
        t1 = first**2 / 2
        if self.k == 0:
            mass = special.gammainc(self.shape, t1)
            sure_low, sure_high = np.where(first > 0, mass, 0.0), np.where(first > 0, 0.0, mass)
            return [(t1, np.full_like(t1, inf))], sure_low, sure_high
        exists, near, far = outer_points(level, r, self.k)
        offset = np.where(level > 0, r, 0.0)
        t2 = np.where(exists, np.maximum((near + offset) ** 2 / 2, t1), inf)
        t3 = np.where(exists, np.maximum((far + offset) ** 2 / 2, t2), inf)
        between = np.where(exists, self.mass(t2, t3), 0.0)
        sure_low = special.gammainc(self.shape, t1) + np.where(level > 0, between, 0.0)
        return [(t1, t2), (t3, np.full_like(t1, inf))], sure_low, np.where(level > 0, 0.0, between)

    def mass(self, a: NDArray, b: NDArray) -> NDArray:
        """P(a < t < b)."""
        above = special.gammaincc(self.shape, a) - special.gammaincc(self.shape, b)
        return np.where(a > self.shape, above, special.gammainc(self.shape, b) - special.gammainc(self.shape, a))

    def narrow(self, a: NDArray, width: NDArray) -> NDArray:
        """P(a < t < b) for a given width log(b / a), to full relative precision however narrow."""
        with np.errstate(all="ignore"):
            wide = self.mass(a, a * np.exp(width))
        short = np.flatnonzero(width * max(1.0, np.sqrt(self.shape)) < 4)
        u = np.log(a[short])[:, None] + width[short][:, None] * (1 + AT) / 2
        wide[short] = width[short] * (self.density(np.exp(u)) @ WEIGHT) / 2
        return wide

    def density(self, t: NDArray) -> NDArray:
        """Density of log t."""
        x = t / self.shape
        return np.exp(self.shape * (np.log(x) - (x - 1)) + self.log_peak)

    def integrate(self, edges: Edges, r: NDArray, budget: NDArray, kernel: Kernel, fine: bool = True) -> list[NDArray]:
        """Integrals over the panels of what `kernel` gives for t of shape (n, nodes)."""
        low, high = gamma_window(self.shape, budget + TAIL)
        share, weight = tanh_sinh() if fine else tanh_sinh(30, 2.8)
        if self.dim < 20 or self.shape < 5:  # the level set may turn much closer to 0 than the bulk of the norm lies
            edges = self._refined(edges, r)
        sums: list[NDArray] = []
        for a, b in edges:
            start, stop = np.clip(a, low, high) ** self.power, np.clip(b, low, high) ** self.power
            width = (stop - start)[:, None]
            if not np.any(width > 0) and sums:
                continue
            v = np.maximum(start[:, None] + width * share, 1e-300)
            t = np.maximum(v ** (1 / self.power), 1e-305)
            mass = np.where(width > 0, self.density(t) * width * weight / (v * self.power), 0.0)
            with np.errstate(all="ignore"):
                parts = [np.where(mass > 0, mass * part, 0.0).sum(-1) for part in kernel(t)]
            sums = [x + y for x, y in zip(sums, parts, strict=True)] if sums else parts
        return sums

    def _refined(self, edges: Edges, r: NDArray) -> Edges:
        """Panels cut where the kernel bends; in t^power, power < 1/2, what happens within some e-folds is short."""
        (a, b), *rest = edges
        turned = r**2 * self.dim
        cuts = [a, turned, np.sqrt(np.clip(turned, a, b) * max(self.shape, 0.5)), b]
        if self.shape < 0.5:
            cuts += [turned * np.exp(12.0), b * np.exp(-12.0)]
            rest = [
                p for c, d in rest for p in ((c, np.minimum(c * np.exp(12.0), d)), (np.minimum(c * np.exp(12.0), d), d))
            ]
        points = np.sort([np.clip(x, a, b) for x in cuts], axis=0)
        return [*pairwise(points), *rest]


def normal_score(above: NDArray, centred: NDArray) -> NDArray:
    """PhiInv(1 - above), from 1/2 - above where that is small."""
    with np.errstate(all="ignore"):
        return np.where(
            np.abs(centred) < 0.25,
            np.sqrt(2) * special.erfinv(2 * np.clip(centred, -0.25, 0.25)),
            -special.ndtri(above),
        )


def on_normal_scale(above: NDArray, centred: NDArray, by_level: NDArray, by_r: NDArray) -> Tails:
    """Normal score of F = 1 - above and its derivatives, from those of `above`."""
    x = normal_score(above, centred)
    scale = -np.exp(x**2 / 2) * np.sqrt(2 * np.pi)
    return x, by_level * scale, by_r * scale


def _log_peak(shape: float) -> float:
    """Logarithm of the density of log t at t = shape."""
    if shape < 60:
        return float(shape * log(shape) - shape - special.gammaln(shape))
    return (
        0.5 * log(shape / (2 * pi))
        - 1 / (12 * shape)
        + 1 / (360 * shape**3)
        - 1 / (1260 * shape**5)
        + 1 / (1680 * shape**7)
    )


@lru_cache
def tanh_sinh(count: int = 120, reach: float = 3.6) -> tuple[NDArray, NDArray]:
    """Nodes in (0, 1) and weights; ends with power singularities do no harm."""
    s = np.linspace(-reach, reach, 2 * count + 1)
    inside = np.pi * np.sinh(s)
    return special.expit(inside), (s[1] - s[0]) * np.pi * np.cosh(s) * special.expit(inside) * special.expit(-inside)
