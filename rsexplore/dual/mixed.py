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

from rsexplore.dual.law import LEAST_DIM, Law, Tails
from rsexplore.dual.panels import Panels
from rsexplore.dual.pieces import log_beyond
from rsexplore.dual.sums import Sums
from rsexplore.dual.wide import Wide
from rsexplore.noises.largest_coordinate import log_shape, support
from rsexplore.patience import breathe

RULES = (12, 20)  # nodes over a that are tried


def Mixed(dim: int, k: float) -> Law:
    """Law of L for family (9), by the fastest way that resolves it; 2 <= dim, 0 <= k, where `resolved`."""
    if dim < LEAST_DIM:
        return Panels(dim, k)
    if k < 0.8 * dim:
        for nodes in RULES:
            law = Smooth(dim, k, nodes)
            error = law.error()
            if error < 1e-12:
                law.relative = max(law.relative, 3 * error)
                return law
    return Wide(dim, k)


class Smooth(Law):
    """Family (9) and a shift of r in every coordinate; 20 <= dim, and k not near dim."""

    differentiable = True

    def __init__(self, dim: int, k: float, nodes: int = 12) -> None:
        self.dim, self.k, self.nodes = dim, k, nodes
        self.relative = 1e-12
        self.a, self.a_weight = self._rule(nodes)

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

    def error(self) -> float:
        """Relative difference from a rule of more nodes, over the levels that radii ask for."""
        fine = Smooth(self.dim, self.k, self.nodes + 8)
        z = np.array([0.1, 1.0, 3.0, 5.0, 7.0])
        r = np.repeat(z / self.shift(np.ones(1)), 4)
        level = np.tile(np.array([-0.6, 0.5, 0.8, 1.2]), len(z)) * np.repeat(z, 4) ** 2
        budget = np.full(r.shape, 30.0)
        better = fine.value(level, r, budget)
        error = np.abs(self.value(level, r, budget) - better) / np.maximum(better, 1e-14)
        return float(np.max(error[better > 1e-14]))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        # about a Gaussian mechanism of distance r sqrt(dim) after a Laplace one of r k / a
        pull = self.k / float(self.a @ self.a_weight)
        r = 1 / (np.sqrt(self.dim) / z + pull / -np.log(2 * special.ndtr(-z)))
        return r, self.dim * r**2 / 2 + pull * r

    def shift(self, r: NDArray) -> NDArray:
        return r * (np.sqrt(self.dim) + self.k / float(self.a @ self.a_weight))

    @cached_property
    def _mass(self) -> NDArray:
        return 1 - 2 * special.ndtr(-self.a)

    def _cells(self, r: float) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
        """For every cell: weight, free coordinates, their ends, and log(b/a), rest, turn.

        `rest` is what the sum of all coordinates has beside the free ones, `turn` is (db / dr) / b.
        """
        a, wa, dim = self.a, self.a_weight, self.dim
        reach = np.minimum(r, a)
        folds = 2 * r * (dim - 1) * np.exp(-(float(a @ wa) ** 2) / 2) / np.sqrt(2 * np.pi)
        sweep = self.k / np.sqrt(dim) / r * float(np.log((a + reach) / np.maximum(a - reach, 0.1 * a)) @ wa)
        at, weight = np.polynomial.legendre.leggauss(self.nodes + ceil(max(2.0, min(folds, 60.0) - 4, 2.2 * sweep - 6)))
        eta = reach[:, None] * (1 + at)
        least = eta - a[:, None]
        wide_a, mass = (np.broadcast_to(x[:, None], eta.shape).ravel() for x in (a, self._mass))
        beyond = log_beyond(wide_a, eta.ravel(), mass).reshape(eta.shape)
        density = (dim - 1) * np.exp(-(least**2) / 2 + (dim - 2) * beyond) / np.sqrt(2 * np.pi)
        cut = density * reach[:, None] * weight / self._mass[:, None]
        last = np.maximum(2 * r - a, -a)
        atom = np.where(r < a, np.exp((dim - 1) * log_beyond(a, 2 * reach, self._mass)), 0.0)
        wide = np.ones_like(eta)
        weights = [wa / 2, wa * atom / 2, (wa[:, None] * cut / 2).ravel()]
        count = [np.full(a.shape, dim - 1.0), np.full(a.shape, dim - 1.0), (dim - 2) * wide.ravel()]
        lower = [-a, np.minimum(last, a * 0.99), least.ravel()]
        upper = [a, a, (a[:, None] * wide).ravel()]
        log_b = [
            np.log1p(r / a),
            np.where(r < a / 2, np.log1p(-np.minimum(r / a, 0.5)), np.log(np.maximum(np.abs(a - r) / a, 1e-12))),
            np.log1p((r - eta) / a[:, None]).ravel(),
        ]
        rest = [-a, a, (a[:, None] + least).ravel()]
        apart = a - r
        apart = np.where(np.abs(apart) < 1e-12 * a, 1e-12 * a, apart)
        turn = [1 / (a + r), -1 / apart, 1 / (a[:, None] + r - eta).ravel()]
        return (
            np.concatenate(weights),
            np.concatenate(count),
            np.concatenate(lower),
            np.concatenate(upper),
            np.stack([np.concatenate(x) for x in (log_b, rest, turn)]),
        )

    def _point(self, levels: NDArray, r: float, side: str) -> list[NDArray]:
        """Tail probabilities at several levels of one shift, and their slopes by the level and by r."""
        weight, count, low, high, (log_b, rest, turn) = self._cells(r)
        kept = weight > 1e-40
        weight, count, low, high, log_b, rest, turn = (x[kept] for x in (weight, count, low, high, log_b, rest, turn))
        sums = Sums(count, low, high)
        # L <= l where the sum is at most l / r + dim r / 2 + (k / r) log(b / a)
        total = self.dim * r / 2 + self.k / r * log_b
        out = []
        for level in levels:
            value, density = sums.tail(level / r + total - rest, side)
            mass = weight * density / r
            drift = mass @ (level / r + total - self.dim * r - self.k * turn)
            sign = 1 if side == "upper" else -1
            out.append(np.array([weight @ value, -sign * mass.sum(), sign * drift]))
        return out

    def _each(self, level: NDArray, r: NDArray, side: str) -> NDArray:
        found = np.empty((3, len(level)))
        for length in np.unique(r):
            breathe()
            here = np.flatnonzero(r == length)
            found[:, here] = np.stack(self._point(level[here], float(length), side), axis=1)
        return found

    def value(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, "upper")[0]

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        value, by_level, by_r = self._each(level, r, "upper")
        return value, by_level, by_r

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, "lower")[0]
