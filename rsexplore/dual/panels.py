"""The law of L for family (9) where no smooth rule over the largest coordinate serves: few dimensions, k near dim.

Given a = ||z||_inf, one coordinate is a or -a. In the second case L rises with the sum of the others; in the first it
rises with eta = a + (least coordinate) as well, so that every knot of the sum's law is passed at one eta. Between those
eta all is smooth. Over log a the rule halves its panels until they agree; it starts from the points where a knot passes
an end of the range of eta.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual import pieces
from rsexplore.dual.adaptive import integrate
from rsexplore.dual.geometry import inner_point
from rsexplore.dual.law import Law, Tails
from rsexplore.dual.pieces import interval, log_beyond, narrow
from rsexplore.noises.largest_coordinate import log_shape, support

TAIL = 40.0  # what lies beyond exp(-TAIL) of a probability is left out
NODES = 12  # over eta, between two knots
KNOTS = 6  # as many parts of the sum's range are told apart
TOLERANCE = 2e-14
STEP = 1e-4  # share of the level or of r over which a slope is taken where it is not integrated


class Panels(Law):
    """Family (9) and a shift of r in every coordinate; 2 <= dim < 20, 0 <= k < dim."""

    differentiable = True
    least = 1e-40  # further out digits are lost, and halving panels for their sake takes minutes and gigabytes

    def __init__(self, dim: int, k: float) -> None:
        self.dim, self.k = dim, k
        self.relative = 1e-12
        grid = np.linspace(*support(dim, k, 60.0), 2001)
        self.mode = float(grid[np.argmax(log_shape(grid, dim, k))])
        self.top = float(log_shape(self.mode, dim, k))
        # as many knots as make the rest smooth, the ends among them
        self.knots = np.unique(np.linspace(0, dim - 2, min(dim - 1, KNOTS + 1)).round())

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return support(self.dim, self.k, 60.0)

    @cached_property
    def _total(self) -> float:
        low, high = self._ends
        inside = integrate(lambda s: self._shape(s)[None], np.linspace(low, high, 12), TOLERANCE)[0]
        return float(inside + self._shape(np.array([low]))[0] / (self.dim - self.k))

    def _shape(self, s: NDArray) -> NDArray:
        return np.exp(log_shape(s, self.dim, self.k) - self.top)

    def _below(self, s: float) -> float:
        """P(log a <= s)."""
        low = min(s, self._ends[0])
        out = self._shape(np.array([low]))[0] / (self.dim - self.k)
        if s > low:
            out += integrate(lambda u: self._shape(u)[None], np.linspace(low, s, 12), TOLERANCE)[0]
        return float(out / self._total)

    def shift(self, r: NDArray) -> NDArray:
        return r * (np.sqrt(self.dim) + self.k / np.exp(self.mode))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        # the shift counts k r / a or, where that is more, as 1; beside it the Gaussian's r sqrt(dim)
        s = np.linspace(self._ends[0], self._ends[1], 300)
        share = self._shape(s) * (s[1] - s[0]) / self._total
        tail = self._below(s[0])
        low, high = np.full(z.shape, -720.0), np.full(z.shape, 6.0)
        for _ in range(50):
            middle = (low + high) / 2
            r = np.exp(middle)[:, None]
            near = (share * -np.expm1(-self.k * r / np.exp(s))).sum(1)
            power = self.dim - self.k
            near += tail * np.where(middle < s[0], np.exp(power * np.minimum(middle - s[0], 0)), 1.0)
            guess = np.exp(middle) * np.sqrt(self.dim) + special.ndtri(np.minimum(0.5 + near / 2, 1 - 1e-9))
            low, high = np.where(guess < z, middle, low), np.where(guess < z, high, middle)
        r = np.exp(low)
        return r, self.dim * r**2 / 2 + self.k * np.log1p(r / np.exp(self.mode)) + 1e-3 * np.minimum(z, 1) ** 2

    def value(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, budget, "upper")[0]

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        value, by_level, by_r = self._each(level, r, budget, "upper")
        # where a may be tiny the sum has no part in L: steps, whose slopes the rule cannot see
        steep = np.flatnonzero((self.dim - self.k < 1) | (r < 1e-5))
        if len(steep):
            level, r, budget = level[steep], r[steep], budget[steep]
            for slope, at, dl, dr in ((by_level, level, STEP, 0.0), (by_r, r, 0.0, STEP)):
                up = self.value(level * (1 + dl), r * (1 + dr), budget)
                down = self.value(level * (1 - dl), r * (1 - dr), budget)
                slope[steep] = (up - down) / (2 * STEP * at)
        return value, by_level, by_r

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._each(level, r, budget, "lower")[0]

    def _each(self, level: NDArray, r: NDArray, budget: NDArray, side: str) -> NDArray:
        found = [self._point(float(x), float(y), float(b), side) for x, y, b in zip(level, r, budget, strict=True)]
        return np.array(found).reshape(-1, 3).T

    def _point(self, level: float, r: float, budget: float, side: str) -> tuple[float, ...]:
        """Tail probability at one level and shift, and its slopes by the level and by r."""
        edges = self._starts(level, r, budget)

        def mass(s: NDArray) -> NDArray:
            return self._shape(s) * self._given(np.exp(s), level, r, budget, side)

        value, density, drift = integrate(mass, edges, TOLERANCE) / self._total
        if side == "lower":  # whatever lies further in lies below the level, unless k = 0 puts it above
            inner = inner_point(np.array([level]), np.array([r * np.sqrt(self.dim)]), self.k)[0]
            value += self._below(edges[0]) if inner > 0 else 0.0
        elif edges[0] <= self._ends[0] and self.k == 0 and level < -self.dim * r * r / 2:
            value += self._below(edges[0])
        sign = -1 if side == "upper" else 1
        return float(value), float(sign * density), float(-sign * drift)

    def _starts(self, level: float, r: float, budget: float) -> NDArray:
        """First panels over log a."""
        low, high = support(self.dim, self.k, budget + TAIL)
        drop = self.top - float(log_shape(low, self.dim, self.k))
        low -= max(0.0, budget + TAIL - drop) / (self.dim - self.k)
        inner = float(inner_point(np.array([level]), np.array([r * np.sqrt(self.dim)]), self.k)[0])
        if inner > 0:
            low = max(low, np.log(inner) - np.log(self.dim) / 2)
        high = max(high, low + 1e-9)
        marks = [np.log(r), self.mode, *self._crossings(level, r, low, high, budget)]
        even = np.linspace(low, high, int(np.ceil(high - low)) + 3)
        edges = np.unique([*even, *(x for x in marks if low < x < high)])
        return edges[np.concatenate([[True], np.diff(edges) > 1e-14 * (1 + np.abs(edges[1:]))])]

    def _crossings(self, level: float, r: float, low: float, high: float, budget: float) -> NDArray:
        """The log a at which a knot of the sum passes the level at an end of the range of eta."""
        d, j = self.dim, np.concatenate([self.knots, [self.dim - 1.0]])[:, None]
        near = np.arange(-34.0, 4.0, 0.5)

        def back(s: NDArray) -> NDArray:
            a = np.exp(s)
            return -self.k * np.log1p(r / a) + r * (a * (2 * j - d) - d * r / 2) - level

        def front(u: NDArray) -> NDArray:
            a = r * (1 + np.exp(u))
            rest = a * (2 * j - d + 2) + 2 * r * (d - 1 - j) - d * r / 2
            return self.k * np.logaddexp(0, -u) + r * rest - level

        at_back = np.unique(np.concatenate([np.linspace(low, high, 300), np.log(r) + near]))
        top = max(high - np.log(r), -30.0)
        at_front = np.unique(np.concatenate([near, np.linspace(-4, top, 300)]))
        u = _roots(front, at_front[at_front <= top], len(j))
        return np.concatenate([_roots(back, at_back, len(j)), np.log(r) + np.logaddexp(0, u)])

    def _given(self, a: NDArray, level: float, r: float, budget: float, side: str) -> NDArray:
        """Tail probability given a, the density of L there, and that times dL / dr; shape (3, len(a))."""
        d = self.dim
        whole = interval(-a, a)
        out = self._cell(d - 1, (-a, a), (r, a, -a, 1.0), level, r, side)
        far = a > r
        if np.any(far):
            x, least = a[far], 2 * r - a[far]
            share = np.exp((d - 1) * log_beyond(x, np.full_like(x, 2 * r), whole[far]))
            out[:, far] += share * self._cell(d - 1, (least, x), (-r, x, x, -1.0), level, r, side)
        return (out + self._over_eta(a, level, r, budget, side, whole)) / 2

    def _cell(
        self,
        count: int,
        ends: tuple[NDArray, NDArray],
        place: tuple[NDArray | float, NDArray, NDArray, float],
        level: float,
        r: float,
        side: str,
    ) -> NDArray:
        """The same given a and the coordinates beside `count` free ones, which lie between `ends`.

        `place` has b - a, a, the sum of the coordinates that are not free, and db / dr.
        """
        gain, a, rest, turn = place
        b = a + gain  # which is rounded, and k log(b / a) must not be
        total = np.full_like(a, level / r + self.dim * r / 2)
        if self.k:
            with np.errstate(divide="ignore"):
                log_b = np.where(b < a / 2, np.log(b / a), np.log1p(np.maximum(gain / a, -1.0)))
            total += self.k / r * log_b
        value, density = self._sum(count, ends[0], ends[1], total - rest, side)
        density = density / r
        with np.errstate(divide="ignore", invalid="ignore"):
            drift = np.where(density > 0, density * (total - self.dim * r - self.k * turn / b), 0.0)
        return np.stack([value, density, drift])

    def _sum(self, count: int, low: NDArray, high: NDArray, x: NDArray, side: str) -> tuple[NDArray, NDArray]:
        if count == 0:
            return np.where((x < 0) == (side == "upper"), 1.0, 0.0), np.zeros_like(x)
        return pieces.tail(count, low, high, x, side)

    def _over_eta(self, a: NDArray, level: float, r: float, budget: float, side: str, whole: NDArray) -> NDArray:
        """Part of the faces turned to the shift on which the least coordinate decides; eta < 2 min(r, a)."""
        d = self.dim
        end = 2 * np.minimum(r, a)
        eta = self._passed(a, level, r, end, budget)
        out = np.zeros((3, len(a)))
        if side == "upper":
            above = (d - 1) * log_beyond(a, eta[:, -1], whole)
            beyond = np.where(a > r, (d - 1) * log_beyond(a, end, whole), -np.inf)
            with np.errstate(invalid="ignore"):
                out[0] = -np.where(above > -np.inf, np.exp(above) * np.expm1(beyond - above), 0.0)
        else:
            with np.errstate(divide="ignore"):
                out[0] = -np.expm1((d - 1) * np.log1p(-np.minimum(narrow(a, eta[:, 0]) / whole, 1.0)))
        if d == 2:
            return out + self._step(a, eta[:, -1], level, r, end, whole)
        at, weight = np.polynomial.legendre.leggauss(NODES)
        width = np.diff(eta, axis=1)[:, :, None] / 2
        x, weights = ((v).reshape(len(a), -1) for v in (eta[:, :-1, None] + width * (1 + at), width * weight))
        rows, columns = np.nonzero(weights > 0)
        x, w, a, whole = x[rows, columns], weights[rows, columns], a[rows], whole[rows]
        least = np.minimum(x - a, a)
        log_weight = -(least**2) / 2 + (d - 2) * np.maximum(log_beyond(a, x, whole), -700.0)
        w = w * (d - 1) * np.exp(log_weight) / np.sqrt(2 * np.pi) / whole
        for row, part in zip(out, self._cell(d - 2, (least, a), (r - x, a, x, 1.0), level, r, side), strict=True):
            row += np.bincount(rows, w * part, out.shape[1])
        return out

    def _step(self, a: NDArray, eta: NDArray, level: float, r: float, end: NDArray, whole: NDArray) -> NDArray:
        """In two dimensions eta alone decides: density of L, and that times dL / dr."""
        b = np.maximum(a + r - eta, 1e-300)
        inside = (eta > 0) & (eta < end)
        density = np.exp(-((eta - a) ** 2) / 2) / np.sqrt(2 * np.pi) / whole / (self.k / b + r)
        density = np.where(inside, density, 0.0)
        return np.stack([np.zeros_like(a), density, density * (eta - 2 * r - self.k / b)])

    def _passed(self, a: NDArray, level: float, r: float, end: NDArray, budget: float) -> NDArray:
        """The eta at which each knot of the sum passes the level, increasing; shape (len(a), knots)."""
        n, k = self.dim - 2, self.k
        j, a, end = self.knots[::-1], a[:, None], end[:, None]
        rest = level / r + self.dim * r / 2 - a * (2 * j - n)
        times = n + 1 - j
        if k == 0:
            return np.clip(rest / times, 0, end)
        # b = a + r - eta solves k log(b / a) + r times b = a constant
        inside = (r * (times * (a + r) - rest)) / k + np.log(times * r / k) + np.log(a)
        eta = a + r - k / (r * times) * special.wrightomega(inside)
        eta = np.clip(eta, 0, end)
        for _ in range(3):
            b = np.maximum(a + r - eta, 1e-300)
            gap = -k * np.log1p(np.maximum((r - eta) / a, -1 + 1e-16)) + r * (times * eta - rest)
            eta = np.clip(eta - gap / (k / b + r * times), 0, end)
        return np.maximum.accumulate(eta, axis=1)


def _roots(function, at: NDArray, rows: int) -> NDArray:  # type: ignore[no-untyped-def]
    """Where each row of a function of shape (rows, len(at)) changes its sign on a grid."""
    if len(at) < 2:
        return np.zeros(0)
    with np.errstate(all="ignore"):
        sign = function(at) > 0
        row, column = np.nonzero(sign[:, 1:] != sign[:, :-1])
        if not len(row):
            return np.zeros(0)
        low, high, up = at[column], at[column + 1], sign[row, column + 1]
        for _ in range(55):
            middle = (low + high) / 2
            right = (function(middle)[row, np.arange(len(row))] > 0) == up
            low, high = np.where(right, low, middle), np.where(right, middle, high)
    return high
