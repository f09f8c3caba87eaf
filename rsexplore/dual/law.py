"""The law of L = log pi_delta / pi_0 under pi_0, at the worst shift of a given length, by quadrature over the norm.

L is even in a strong sense: z -> delta - z swaps pi_0 and pi_delta and changes the sign of L, so that one pair of
functions F(l) = P(L <= l), S = 1 - F tells everything about the pair of noises. Each law offers both tails; a small
value has a small relative error.
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from math import inf, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.geometry import excess, gamma_window, inner_point, outer_points

SMOOTH_FROM = 200  # the dimension from which the law of a cosine has no visible ends
TAIL = 40.0  # what lies beyond exp(-TAIL) of a probability is left out of its quadrature
CHUNK = 400_000  # nodes held in memory at a time

Tails = tuple[NDArray, NDArray, NDArray]


class Law(ABC):
    """Law of L for one noise at scale 1; `relative` and `absolute` bound the errors of its probabilities."""

    dim: int
    k: float
    relative: float
    absolute: float = 0.0
    lower_absolute: float = 0.0  # of the lower tail alone, beside `absolute`
    differentiable: bool = False

    @abstractmethod
    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        """S(level), and its derivatives by level and by r (nan if not `differentiable`).

        All arrays have shape (n,); r > 0. `budget` is -log of the smallest probability that matters.
        """

    @abstractmethod
    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """F(level)."""

    def value(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        """S(level) alone."""
        return self.upper(level, r, budget)[0]

    def shift(self, r: NDArray) -> NDArray:
        """Length of the shift in units in which the noise is roughly N(0, 1) along it."""
        return r * np.sqrt(self.dim / max(self.dim - self.k, 1.0))


class Radial(Law):
    """Families (8) and (10), by panels between the points where the level set meets the axis."""

    def __init__(self, dim: int, k: float) -> None:
        self.dim, self.k = dim, k
        self.shape = (dim - k) / 2
        self.power = min(0.5, self.shape)  # quadrature over t^power, in which the density is bounded at 0
        self.relative = 2e-13 + 1e-15 * self.shape / 4
        self.log_peak = _log_peak(self.shape)

    @abstractmethod
    def kernel(self, t: NDArray, level: NDArray, r: NDArray, upper: bool) -> NDArray:
        """P(L > level) or P(L <= level) given t, where neither is certain."""

    def slopes(self, t: NDArray, level: NDArray, r: NDArray) -> tuple[NDArray, NDArray]:
        """Derivatives of the upper kernel by level and by r."""
        raise NotImplementedError

    def total(self, sure: NDArray, partial: NDArray, upper: bool) -> NDArray:
        """Combine what is certain and what is not."""
        return sure + partial

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        edges, _, sure_high = self._regions(level, r)
        if self.dim == 1:
            partial = np.sum([self._mass(a, b) for a, b in edges], axis=0) / 2
            return self.total(sure_high, partial, True), *(np.full(level.shape, np.nan),) * 2
        value, by_level, by_r = self._integrate(edges, level, r, budget, True)
        return self.total(sure_high, value, True), by_level, by_r

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        edges, sure_low, sure_high = self._regions(level, r)
        if self.dim == 1:
            partial = np.sum([self._mass(a, b) for a, b in edges], axis=0) / 2
        else:
            partial = self._integrate(edges, level, r, budget, False)[0]
        if isinstance(self, Cube):
            # the face turned away: L lies above the level exactly where it does so on the axis
            return ((1 - sure_high) + sure_low + partial) / 2
        return sure_low + partial

    def _regions(self, level: NDArray, r: NDArray) -> tuple[list[tuple[NDArray, NDArray]], NDArray, NDArray]:
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
        between = np.where(exists, self._mass(t2, t3), 0.0)
        sure_low = special.gammainc(self.shape, t1) + np.where(level > 0, between, 0.0)
        return [(t1, t2), (t3, np.full_like(t1, inf))], sure_low, np.where(level > 0, 0.0, between)

    def _mass(self, a: NDArray, b: NDArray) -> NDArray:
        above = special.gammaincc(self.shape, a) - special.gammaincc(self.shape, b)
        return np.where(a > self.shape, above, special.gammainc(self.shape, b) - special.gammainc(self.shape, a))

    def density(self, t: NDArray) -> NDArray:
        """Density of log t."""
        x = t / self.shape
        return np.exp(self.shape * (np.log(x) - (x - 1)) + self.log_peak)

    def _integrate(
        self, edges: list[tuple[NDArray, NDArray]], level: NDArray, r: NDArray, budget: NDArray, upper: bool
    ) -> Tails:
        low, high = gamma_window(self.shape, budget + TAIL)
        share, weight = _tanh_sinh()
        if self.dim < 20 or self.shape < 5:  # the level set may turn much closer to 0 than the bulk of the norm lies
            (a, b), *rest = edges
            turned = np.clip(r**2 * self.dim, a, b)
            middle = np.clip(np.sqrt(turned * max(self.shape, 0.5)), turned, b)
            edges = [(a, turned), (turned, middle), (middle, b), *rest]
        value, by_level, by_r = (np.zeros(level.shape) for _ in range(3))
        level, r = level[:, None], r[:, None]
        for a, b in edges:
            start, stop = np.clip(a, low, high) ** self.power, np.clip(b, low, high) ** self.power
            width = (stop - start)[:, None]
            v = np.maximum(start[:, None] + width * share, 1e-300)
            t = np.maximum(v ** (1 / self.power), 1e-305)
            mass = np.where(width > 0, self.density(t) * width * weight / (v * self.power), 0.0)
            with np.errstate(all="ignore"):
                value += (mass * self.kernel(t, level, r, upper)).sum(-1)
                if upper and self.differentiable:
                    one, two = self.slopes(t, level, r)
                    by_level += np.where(mass > 0, mass * one, 0.0).sum(-1)
                    by_r += np.where(mass > 0, mass * two, 0.0).sum(-1)
        return value, by_level, by_r


class Spherical(Radial):
    """Family (8) and a shift of Euclidean length r: given the norm, L rises with the cosine to the shift."""

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.differentiable = dim > 1
        self.smooth = dim >= SMOOTH_FROM
        if self.smooth:
            self.relative = 4e-14
            self.lower_absolute = 0.0 if self.shape >= 10 else 1e-14

    def _cosine(self, t: NDArray, level: NDArray, r: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        rho, y = np.sqrt(2 * t), excess(t, level, self.k)
        # not (rho^2 + r^2 - b^2) / (2 rho r), which cancels
        return np.clip(r / (2 * rho) - rho * y / (2 * r), -1, 1), rho, y

    def kernel(self, t: NDArray, level: NDArray, r: NDArray, upper: bool) -> NDArray:
        cosine = self._cosine(t, level, r)[0]
        student = cosine * np.sqrt((self.dim - 1) / np.maximum((1 - cosine) * (1 + cosine), 1e-300))
        return special.stdtr(self.dim - 1.0, -student if upper else student)

    def slopes(self, t: NDArray, level: NDArray, r: NDArray) -> tuple[NDArray, NDArray]:
        cosine, rho, y = self._cosine(t, level, r)
        squared = np.maximum((1 - cosine) * (1 + cosine), 1e-30)
        density = np.where(np.abs(cosine) < 1, np.exp((self.dim - 3) / 2 * np.log(squared) - self._log_beta), 0.0)
        return (
            -density * rho / (2 * r) / (self.k / (2 * (1 + y)) + t),
            -density * (1 / (2 * rho) + rho * y / (2 * r**2)),
        )

    @property
    def _log_beta(self) -> float:
        return float(special.betaln((self.dim - 1) / 2, 0.5))

    def _grid(self, level: NDArray, r: NDArray, budget: NDArray, cut: bool) -> tuple[NDArray, NDArray]:
        """Nodes t and weights of the trapezoidal rule in log t; its error falls faster than any power of the step."""
        low, high = gamma_window(self.shape, budget + TAIL)
        if cut:  # nothing lies above the level where the axis does not
            low = np.maximum(low, inner_point(level, r, self.k) ** 2 / 2 * (level > 0 if self.k == 0 else 1.0))
        low = np.maximum(low, 1e-300)
        start = np.log(low / self.shape)
        width = np.maximum(np.log(high / self.shape) - start, 1e-6)
        count = int(np.max(width) / min(0.55 / np.sqrt(self.shape), 0.25)) + 2
        step = (width / (count - 1))[:, None]
        u = start[:, None] + step * np.arange(count)
        weights = np.exp(-self.shape * (np.expm1(u) - u) + self.log_peak) * step
        return self.shape * np.exp(u), weights

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        if not self.smooth:
            return super().upper(level, r, budget)
        t, weights = self._grid(level, r, budget, self.shape < 10)
        level, r = level[:, None], r[:, None]
        cosine, rho, y = self._cosine(t, level, r)
        squared = np.maximum((1 - cosine) * (1 + cosine), 1e-300)
        value = special.stdtr(self.dim - 1.0, -cosine * np.sqrt((self.dim - 1) / squared))
        density = weights * np.exp((self.dim - 3) / 2 * np.log(squared) - self._log_beta)
        by_level = -density * rho / (2 * r) / (self.k / (2 * (1 + y)) + t)
        by_r = -density * (1 / (2 * rho) + rho * y / (2 * r**2))
        return (weights * value).sum(-1), by_level.sum(-1), by_r.sum(-1)

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        if not self.smooth:
            return super().lower(level, r, budget)
        if self.shape < 10:
            return 1 - self.upper(level, r, budget)[0]
        t, weights = self._grid(level, r, budget, False)
        return (weights * self.kernel(t, level[:, None], r[:, None], False)).sum(-1)


class Cube(Radial):
    """Family (10) and a shift of r in every coordinate; z lies on the surface of a cube of half side a."""

    def kernel(self, t: NDArray, level: NDArray, r: NDArray, upper: bool) -> NDArray:
        a, y = np.sqrt(2 * t), excess(t, level, self.k)
        # on a face turned to the shift b = max(|a - r|, a + r - eta), where eta = a + (least coordinate)
        eta = r - a * y / (1 + np.sqrt(1 + y))
        log_above = (self.dim - 1) * np.log1p(-np.clip(eta, 0, 2 * a) / (2 * a))
        beyond = eta >= 2 * np.minimum(r, a)
        if upper:
            return np.where(eta <= 0, 1.0, np.where(beyond, 0.0, np.exp(log_above)))
        return np.where(eta <= 0, 0.0, np.where(beyond, 1.0, -np.expm1(log_above)))

    def total(self, sure: NDArray, partial: NDArray, upper: bool) -> NDArray:
        return sure + partial / 2

    def shift(self, r: NDArray) -> NDArray:
        return r * self.dim / np.sqrt(max(self.dim - 1 - self.k, 1.0))


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
def _tanh_sinh(count: int = 120, reach: float = 3.6) -> tuple[NDArray, NDArray]:
    """Nodes in (0, 1) and weights; ends with power singularities do no harm."""
    s = np.linspace(-reach, reach, 2 * count + 1)
    inside = np.pi * np.sinh(s)
    return special.expit(inside), (s[1] - s[0]) * np.pi * np.cosh(s) * special.expit(inside) * special.expit(-inside)


def chunks(function: Any, arrays: tuple[NDArray, ...], nodes: int) -> Any:
    """Apply a function of arrays of shape (n,) piece by piece."""
    size = max(CHUNK // nodes, 1)
    parts = [function(*(a[i : i + size] for a in arrays)) for i in range(0, max(len(arrays[0]), 1), size)]
    return np.concatenate(parts, axis=-1)


@lru_cache(maxsize=64)
def law_of(dim: int, k: float, power_norm: float, tail_norm: float) -> Law:
    """Return the law of L for a member of `PowerGaussian`; the shift is Euclidean for (8), l_inf for (9) and (10)."""
    if dim == 1 or (power_norm == 2 and tail_norm == 2):
        return Spherical(dim, k)
    if tail_norm == inf:
        return Cube(dim, k)
    from rsexplore.dual.mixed import Mixed

    return Mixed(dim, k)
