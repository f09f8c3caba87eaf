"""The law of L for family (9), whose radius is that of a Gaussian pulled in by a power of its largest coordinate.

With a = ||z||_inf, the other coordinates are independent normals cut off at -a and a, L depends on their sum and on
b = ||z - delta||_inf alone, and b on the least coordinate alone. Given a and the least, the sum is one of independent
truncated normals, whose tails follow from their transform on a line through its saddle point (small tails keep their
relative precision). What remains is a quadrature over a and over eta = a + (least coordinate).
"""

from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import Law, Tails
from rsexplore.noises.largest_coordinate import log_shape, support

LEAST_DIM = 20  # below, the transform of the sum falls off too slowly
SERIES_FROM = 200  # from here on few cumulants give the transform
ORDERS = (18, 12)  # cumulants for 200 and for 1000 coordinates and more
STEP, LINES = 0.35, 26  # of the rule along the line; it reaches to 9.1 deviations
EDGE = 2.0  # thresholds nearer to the mean use the imaginary axis itself
STEEPEST = 14.0
AT, WEIGHT = np.polynomial.legendre.leggauss(40)


class Mixed(Law):
    """Family (9) and a shift of r in every coordinate; 20 <= dim, and k not near dim."""

    differentiable = True

    def __init__(self, dim: int, k: float, nodes: int = 12, checked: bool = True) -> None:
        if dim < LEAST_DIM:
            raise NotImplementedError(
                f"soap-dual-linf: eq. (9) is evaluated for dim = 1 and dim >= {LEAST_DIM}, got {dim}"
            )
        self.dim, self.k, self.nodes = dim, k, nodes
        self.relative, self.absolute = 1e-12, 2e-15
        self.a, self.a_weight = self._rule(nodes)
        if checked:
            self._check()

    def _rule(self, count: int) -> tuple[NDArray, NDArray]:
        """Gauss rule for the law of a, by Lanczos from a fine one in log a."""
        low, high = support(self.dim, self.k, 80.0)
        at, weight = np.polynomial.legendre.leggauss(400)
        s = (low + high) / 2 + (high - low) / 2 * at
        logs = log_shape(s, self.dim, self.k)
        mass = weight * np.exp(logs - logs.max())
        basis = [np.sqrt(mass / mass.sum())]
        diagonal, off = [], []
        for _ in range(count):
            v = s * basis[-1]
            diagonal.append(basis[-1] @ v)
            for _ in range(2):
                for u in basis:
                    v = v - (u @ v) * u
            off.append(np.linalg.norm(v))
            basis.append(v / off[-1])
        tri = np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1)
        nodes, vectors = np.linalg.eigh(tri)
        return np.exp(nodes), vectors[0] ** 2

    def _check(self) -> None:
        """Take the difference from a rule of twice the nodes for the error."""
        fine = Mixed(self.dim, self.k, 2 * self.nodes, checked=False)
        mean = float(self.a @ self.a_weight)
        unit = 1 / (self.k / mean + np.sqrt(self.dim))
        r = np.repeat(np.array([0.3, 1.0, 3.0, 6.0]) * unit, 5)
        level = np.tile(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]), 4) * (r / unit) ** 1.5
        budget = np.full(r.shape, 30.0)
        ours, better = self.value(level, r, budget), fine.value(level, r, budget)
        error = np.abs(ours - better)
        self.absolute += 2 * float(np.max(np.minimum(error, 1e-9 * better + error * (better > 0.01))))
        self.relative += 2 * float(np.max(error / np.maximum(better, 1e-3)))
        if self.relative > 1e-6:
            raise NotImplementedError(
                f"soap-dual-linf: eq. (9) is not resolved at dim = {self.dim}, k = {self.k:g}; it needs k below 0.7 dim"
            )

    def shift(self, r: NDArray) -> NDArray:
        return r * (np.sqrt(self.dim) + self.k / float(self.a @ self.a_weight))

    @cached_property
    def _mass(self) -> NDArray:
        return 1 - 2 * special.ndtr(-self.a)

    def _cells(self, r: float) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
        """For every cell: weight, number of free coordinates, their least value, their greatest, and (log(b/a), rest).

        `rest` is what the sum of all coordinates has beside the free ones.
        """
        a, wa, dim = self.a, self.a_weight, self.dim
        reach = np.minimum(r, a)
        folds = 2 * r * (dim - 1) * np.exp(-(float(a @ wa) ** 2) / 2) / np.sqrt(2 * np.pi)
        sweep = self.k / np.sqrt(dim) / r * float(np.log((a + reach) / np.maximum(a - reach, 0.1 * a)) @ wa)
        at, weight = np.polynomial.legendre.leggauss(self.nodes + ceil(max(2.0, min(folds, 60.0) - 4, 2.2 * sweep - 6)))
        eta = reach[:, None] * (1 + at)
        least = eta - a[:, None]
        beyond = (special.ndtr(-least) - special.ndtr(-a)[:, None]) / self._mass[:, None]
        density = (dim - 1) * np.exp(-(least**2) / 2 + (dim - 2) * np.log(beyond)) / np.sqrt(2 * np.pi)
        cut = density * reach[:, None] * weight / self._mass[:, None]
        last = np.maximum(2 * r - a, -a)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (special.ndtr(-last) - special.ndtr(-a)) / self._mass
            atom = np.where(r < a, np.exp((dim - 1) * np.log(np.maximum(share, 1e-300))), 0.0)
        wide = np.ones_like(eta)
        weights = [wa / 2, wa * atom / 2, (wa[:, None] * cut / 2).ravel()]
        count = [np.full(a.shape, dim - 1.0), np.full(a.shape, dim - 1.0), (dim - 2) * wide.ravel()]
        lower = [-a, np.minimum(last, a * 0.99), least.ravel()]
        upper = [a, a, (a[:, None] * wide).ravel()]
        log_b = [
            np.log1p(r / a),
            np.log(np.maximum(np.abs(a - r) / a, 1e-12)),
            np.log1p((r - eta) / a[:, None]).ravel(),
        ]
        rest = [-a, a, (a[:, None] + least).ravel()]
        return (
            np.concatenate(weights),
            np.concatenate(count),
            np.concatenate(lower),
            np.concatenate(upper),
            np.stack([np.concatenate(log_b), np.concatenate(rest)]),
        )

    def _point(self, levels: NDArray, r: float, side: str) -> list[NDArray]:
        """Tail probabilities at several levels of one shift, and their slopes by the level."""
        weight, count, low, high, (log_b, rest) = self._cells(r)
        kept = weight > 1e-19 * weight.max()
        weight, count, low, high, log_b, rest = (x[kept] for x in (weight, count, low, high, log_b, rest))
        sums = Sums(count, low, high)
        # L <= l where the sum is at most l / r + dim r / 2 + (k / r) log(b / a)
        base = self.dim * r / 2 + self.k / r * log_b - rest
        out = []
        for level in levels:
            value, density = sums.tail(level / r + base, side)
            out.append(np.array([weight @ value, -(weight @ density) / r]))
        return out

    def _each(self, level: NDArray, r: NDArray, side: str) -> NDArray:
        found = np.empty((2, len(level)))
        for length in np.unique(r):
            here = np.flatnonzero(r == length)
            found[:, here] = np.stack(self._point(level[here], float(length), side), axis=1)
        return found

    def value(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, "upper")[0]

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        value, by_level = self._each(level, r, "upper")
        return value, by_level, (self._each(level, r * (1 + 1e-6), "upper")[0] - value) / (1e-6 * r)

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, "lower")[0]


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
        self.series = bool(count.min() >= SERIES_FROM)
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
        if self.series:
            total = np.zeros_like(s)
            for coefficient in reversed(self.coefficients):
                total = (total + coefficient[:, None]) * s
            return s * s * (0.5 + total)
        out = np.empty_like(s)
        for i in range(0, len(s), 200):
            j = slice(i, i + 200)
            raw = s[j] / self.deviation[j, None]
            with np.errstate(divide="ignore"):
                terms = np.einsum("ij,iyj->iy", self.share[j], np.exp(raw[:, :, None] * self.x[j, None, :]))
                out[j] = self.count[j, None] * np.log(terms)
        return out

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
