"""What eqs. (8) and (10) share, a quadrature over t = ||z||^2 / 2, which is Gamma((d - k) / 2); and the law of eq. (8).

Both families have density ~ N(z)^-k exp(-N(z)^2 / 2) for a norm N. With t = N(z)^2 / 2 and
1 + y = (N(z - delta) / N(z))^2, L(z) = log pi_delta / pi_0 = -((k/2) log(1 + y) + t y): given t, a level of L is a
level of y. On the axis through delta of length r, z = x delta / r, the level l is met in up to three points, where the
cosine (or the face) on the level set leaves [-1, 1].
"""

from collections.abc import Callable
from itertools import pairwise
from math import inf, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import Law, normal_score
from rsexplore.quadrature import interval
from rsexplore.solve import gauss

AT, WEIGHT = np.polynomial.legendre.leggauss(24)
TAIL = 40.0  # what lies beyond exp(-TAIL) of a probability is left out of its quadrature
DEEP = (60.0, 200.0)  # -log of the probabilities from which a quadrature takes twice the nodes
SMOOTH_FROM = 500  # the dimension from which the law of a cosine has no visible ends
TERMS = 18  # of the series of the cosine's law around 0

Edges = list[tuple[NDArray, NDArray]]
Kernel = Callable[[NDArray], tuple[NDArray, ...]]


def excess(t: NDArray, level: NDArray, k: float) -> tuple[NDArray, NDArray]:
    """Solution y > -1 of (k/2) log(1 + y) + t y + level = 0, and 1 + y, both to full relative precision."""
    if k == 0:
        return -level / t, 1 - level / t
    half = k / 2
    # the left side is concave and negative here, so Newton climbs to the root
    y = -level / (t + half)
    far = np.abs(y) > 0.1
    square = y
    if np.any(far):
        w = t / half
        square = special.wrightomega(np.log(w) + w - np.broadcast_to(level, y.shape) / half) / w
        y = np.where(far & (np.abs(y) > 0.1), square - 1, y)
    for _ in range(4):
        step = (half * np.log1p(y) + t * y + level) / (half / (1 + y) + t)
        y = np.where(np.abs(y) < 0.5, y - step, y)
        if np.all(np.abs(step) <= 1e-15 * np.abs(y) + 1e-300):
            break
    return y, np.where(y < -0.5, square, 1 + y)


def inner_point(level: NDArray, r: NDArray, k: float) -> NDArray:
    """Axis point x in (0, r) on the level: L rises there from -inf to inf. nan if k = 0 and there is none."""
    if k == 0:
        return level / r + r / 2
    low, high = (level - r**2 / 2) / k, (level + r**2 / 2) / k
    v = level / k
    for _ in range(70):  # Newton's method, halving the bracket where it leaves it
        share = special.expit(v)
        value = k * v + r**2 * (share - 0.5) - level
        low, high = np.where(value < 0, v, low), np.where(value > 0, v, high)
        step = value / (k + r**2 * share * (1 - share))
        following = v - step
        inside = (following >= low) & (following <= high)
        v = np.where(inside, following, (low + high) / 2)
        if np.all((np.abs(step) <= 4e-15 * (np.abs(v) + 1)) & inside | (high <= low)):
            break
    return r * special.expit(v)


def outer_points(level: NDArray, r: NDArray, k: float) -> tuple[NDArray, NDArray, NDArray]:
    """Whether |level| is passed outside [0, r], and the two distances u from the nearer end where it is met.

    k log(1 + r/u) + r u + r^2 / 2 = |level|: the points x = r + u for a positive level, x = -u for a negative one.
    """
    size = np.abs(level)
    turn = 2 * k / (r + np.sqrt(r**2 + 4 * k))

    def newton(s: NDArray) -> Any:  # for s = log u; the function is convex in s, and both starts lie outside
        u = np.exp(s)
        return s - (k * np.log1p(r / u) + r * u + r**2 / 2 - size) / (r * u - k * r / (u + r))

    with np.errstate(all="ignore"):
        exists = size > k * np.log1p(r / turn) + r * turn + r**2 / 2
        near, far = np.log(r / np.expm1(size / k)), np.log(size / r)
        near = np.where(np.isfinite(near), near, np.log(r) - size / k)
        for _ in range(60):
            near, far = newton(near), newton(far)
        near = np.where(size / k > 600, np.log(r) - (size - r**2 / 2) / k, near)
    blank = ~exists | ~np.isfinite(near) | ~np.isfinite(far)
    return exists & ~blank, np.where(blank, turn, np.exp(near)), np.where(blank, turn, np.exp(far))


def gamma_window(shape: float, budget: NDArray) -> tuple[NDArray, NDArray]:
    """Ends of the t outside which the Gamma law of that shape has no more than about exp(-budget) of its mass."""
    # v - log(1 + v) = ratio, for t = shape (1 + v): Lambert's function in both of its branches
    ratio = np.asarray(budget, dtype=float) / shape
    low, high = (np.abs(special.wrightomega(-1 - ratio + sign * 1j * np.pi).real) for sign in (-1, 1))
    return shape * np.minimum(low, high), shape * np.maximum(low, high)


def log_peak(shape: float) -> float:
    """Logarithm of the density of log t at t = shape, for the Gamma law of that shape."""
    if shape < 60:
        return float(shape * log(shape) - shape - special.gammaln(shape))
    series = -1 / (12 * shape) + 1 / (360 * shape**3) - 1 / (1260 * shape**5) + 1 / (1680 * shape**7)
    return 0.5 * log(shape / (2 * pi)) + series


def log_beta(a: float) -> float:
    """Logarithm of B(a, 1/2), without the large terms that cancel."""
    if a < 20:
        return float(special.betaln(a, 0.5))
    ratio = log(a) / 2 - 1 / (8 * a) + 1 / (192 * a**3) - 1 / (640 * a**5) + 17 / (14336 * a**7)
    return log(pi) / 2 - ratio


class Radial(Law):
    """Families (8) and (10), by panels between the points where the level set meets the axis."""

    central = True
    smooth = False  # whether the kernel has no visible ends

    def __init__(self, dim: int, k: float) -> None:
        self.dim, self.k = dim, k
        self.shape = (dim - k) / 2
        self.power = min(0.5, self.shape)  # quadrature over t^power, in which the density is bounded at 0
        self.log_peak = log_peak(self.shape)
        self.tail = 4e-16 if self.shape < 0.5 and dim > 1 else 0.0  # there the level set is q^(1 / dim) r wide

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

    def integrate(self, edges: Edges, r: NDArray, budget: NDArray, kernel: Kernel) -> list[NDArray]:
        """Integrals over the panels of what `kernel` gives for t of shape (n, nodes)."""
        low, high = gamma_window(self.shape, budget + TAIL)
        # for small probabilities what peaks in a panel is no wider, but the panel is
        deepest = budget.max(initial=0)
        share, _, weight = interval(0.03 / 2 ** (np.searchsorted(DEEP, deepest) + (self.shape < 0.5)))
        if self.dim < 20 or self.shape < 5:  # the level set may turn much closer to 0 than the bulk of the norm lies
            edges = self._refined(edges, r)
        elif self.smooth:
            share, weight = gauss(int(8 * np.sqrt(deepest + TAIL)))
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


class Spherical(Radial):
    """Family (8) and a shift of Euclidean length r, in two dimensions and more, or with k = 0.

    Given the norm, L rises with the cosine between the noise and the shift.
    """

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.relative = 4e-14 if k else 4e-15
        self.smooth = dim >= SMOOTH_FROM
        self.log_beta = log_beta(max(dim - 1, 1) / 2)
        n = np.arange(TERMS)  # of (1 - x^2)^((d - 3) / 2), integrated
        ratio = np.append(1.0, -((dim - 3) / 2 - n[:-1]) / (n[:-1] + 1.0))
        self.series = np.cumprod(ratio) / (2 * n + 1) * np.exp(-self.log_beta)

    def _kernel(self, level: NDArray, r: NDArray) -> Kernel:
        """P(L > level), P(L <= level) and half their difference, all given t."""
        level, r = level[:, None], r[:, None]

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            rho, (y, square) = np.sqrt(2 * t), excess(t, level, self.k)
            # not (rho^2 + r^2 - b^2) / (2 rho r), which cancels
            cosine = np.clip(r / (2 * rho) - rho * y / (2 * r), -1, 1)
            squared = (1 - cosine) * (1 + cosine)
            near = (cosine > 0.9) & (y < -0.5)
            if not self.smooth and np.any(near):  # with b^2 = rho^2 square
                rest = rho * (rho * square / (2 * r)) - (r - rho) * ((r - rho) / (2 * r))
                squared = np.where(near, np.maximum(rest / rho, 0) * (1 + cosine), squared)
            student = cosine * np.sqrt((self.dim - 1) / np.maximum(squared, 1e-300))
            above = special.stdtr(self.dim - 1.0, -student)
            small = (cosine**2 * self.dim < 1) & (cosine**2 < 0.1)
            centred = 0.5 - above
            centred[small] = np.polynomial.polynomial.polyval(cosine[small] ** 2, self.series) * cosine[small]
            above[small] = 0.5 - centred[small]  # stdtr(1, x) of scipy 1.17 is wrong by 4e-9 of itself near |x| = 5e-9
            return above, np.where(above < 0.75, 1 - above, special.stdtr(self.dim - 1.0, student)), centred

        return kernel

    def _sums(self, level: NDArray, r: NDArray, budget: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """S, F, and 1/2 - S with a small relative error."""
        if self.k == 0:
            x = level / r + r / 2
            return special.ndtr(-x), special.ndtr(x), special.erf(x / np.sqrt(2)) / 2
        edges, sure_low, sure_high = self.regions(level, r)
        above, below, centred = self.integrate(edges, r, budget, self._kernel(level, r))
        return sure_high + above, sure_low + below, (sure_low - sure_high) / 2 + centred

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._sums(level, r, budget)[0]

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        return self._sums(level, r, budget)[1]

    def scores(self, s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
        level, r = np.exp(g), np.tile(np.exp(s), 2)
        budget = np.concatenate([0 * budget, budget])  # a median needs no tails, and nodes there would be missed
        above, _, centred = self._sums(np.concatenate([-level, level]), r, budget)
        low, high = normal_score(above, centred).reshape(2, -1)
        return -low, high

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        if self.shape >= 0.5:
            return np.log(z / self.shift(np.ones(1))), np.log(z**2 / 2)
        # most of the noise lies at 0: half of p - 1/2 comes from norms far below r, half from those far above
        tie = special.erf(z / np.sqrt(2)) / 2
        inner, outer = special.gammaincinv(self.shape, tie), special.gammainccinv(self.shape, tie)
        s = np.log(np.maximum(8 * inner / self.dim, 1e-305)) / 2
        return s, s + np.log(self.k) - np.log(np.maximum(2 * self.dim * outer, 1e-305)) / 2
