"""The law of L for eq. (10), where z lies on the surface of a cube of half side a; and of every family if d = 1.

On the half of the faces that are turned away from the shift L is the value on the axis, at -a. With two classes the
median -l always lies below the greatest of these values, so that the level meets the axis twice there, at distances
u1 < u2 beyond the ends of the shift. u2 - u1 replaces the level: everything is smooth in it, while u1 and u2 are
not smooth in the level.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import normal_score
from rsexplore.dual.radial import Edges, Kernel, Radial, excess, inner_point

TINY = 1e-300


def pair_of_points(gap: NDArray, r: NDArray, k: float) -> tuple[NDArray, NDArray, NDArray]:
    """Distances u1 < u2 = u1 + gap at which one |level| is met outside [0, r], and that level.

    Equal values of k log(1 + r/u) + r u mean u1 (u2 + r) = k x / (e^x - 1), x = r gap / k.
    """
    product = r * gap / np.expm1(np.minimum(r * gap / k, 700)) if k else np.zeros_like(r)
    rest = product + gap**2 / 4 + r * gap / 2
    u2 = gap / 2 + rest / (r / 2 + np.sqrt(r**2 / 4 + rest))
    return product / (u2 + r), u2, k * np.log1p(r / u2) + r * u2 + r**2 / 2


def clearance(a: NDArray, u: NDArray, other: NDArray, r: NDArray, k: float) -> NDArray:
    """eta > 0 with b = a + r - eta on the level that the axis meets at distances u and u - other, a beyond u.

    k log(b / a) + (b^2 - a^2) / 2 is the level, and the left side at eta = 0 exceeds it by an amount that is written
    here without the large terms that cancel. `other` is the signed distance from the other point to u.
    """
    beyond = a - u
    part = r * beyond / (a * (u + r))
    with np.errstate(divide="ignore"):
        x = r * other / np.array(k)
    small = np.abs(x) < 0.1
    series = np.zeros_like(x)  # of (e^x - 1) / x - 1
    for n in range(10, 1, -1):
        series = np.where(small, x, 0) / n * (1 + series)
    bent = np.where(small, (u - other) * series, k / (u + r) - (u - other))
    more = -(part**2) * (0.5 + part * (1 / 3 + part * (1 / 4 + part * (1 / 5 + part / 6))))
    more = np.where(np.abs(part) < 1e-3, more, np.log1p(-part) + part)
    near = r * beyond * (beyond + other - bent) / a + k * more
    excess_level = np.maximum(np.where(np.abs(part) < 0.3, near, r * beyond + k * np.log1p(-part)), 0)
    # convex in eta: Newton falls to the root
    eta = np.minimum(excess_level / (a + r + k / (a + r)), r)
    for _ in range(60):
        gap = eta * (a + r - eta / 2) - k * np.log1p(-eta / (a + r)) - excess_level
        step = gap / (a + r - eta + k / (a + r - eta))
        eta = np.clip(eta - step, 0, r)
        if not np.any(np.abs(step) > 4e-15 * eta):
            break
    return eta


class Cube(Radial):
    """Family (10) and a shift of r in every coordinate."""

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.relative = 4e-14 + 6e-16 * np.sqrt(self.shape)

    def _tails(self, eta: NDArray, a: NDArray, r: NDArray) -> tuple[NDArray, NDArray]:
        """P(L > level) and P(L <= level) given a, on the faces turned to the shift, where L falls with eta.

        eta >= 2 min(r, a), where L is certain, is passed at the panels' ends alone; within it can only be rounding.
        """
        share = np.clip(eta, 0, 2 * np.minimum(r, a)) / (2 * a)
        log_above = (self.dim - 1) * np.log1p(-np.minimum(share, 1 - 1e-16))
        return np.exp(log_above), -np.expm1(log_above)

    def _partial(self, edges: Edges, r: NDArray, budget: NDArray, kernel: Kernel) -> list[NDArray]:
        """Masses above and below the level in the panels."""
        if self.dim == 1:
            above = np.sum([self.mass(a, b) for a, b in edges], axis=0)
            return [above, np.zeros_like(above)]
        return self.integrate(edges, r, budget, kernel)

    def _given(self, level: NDArray, r: NDArray) -> Kernel:
        level, r = level[:, None], r[:, None]

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            # b = max(|a - r|, a + r - eta), where eta = a + (least coordinate)
            a, (y, square) = np.sqrt(2 * t), excess(t, level, self.k)
            return self._tails(r - a * y / (1 + np.sqrt(square)), a, r)

        return kernel

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        edges, _, sure_high = self.regions(level, r)
        return sure_high + self._partial(edges, r, budget, self._given(level, r))[0] / 2

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        edges, sure_low, sure_high = self.regions(level, r)
        # the face turned away: L lies above the level exactly where it does so on the axis
        return ((1 - sure_high) + sure_low + self._partial(edges, r, budget, self._given(level, r))[1]) / 2

    def shift(self, r: NDArray) -> NDArray:
        return r * self.dim / np.sqrt(max(self.dim - 1 - self.k, 1.0))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        """Radius of the Laplace noise to which L tends in many dimensions, and the norm's middle."""
        r = np.minimum(-(special.log_ndtr(-z) + np.log(2)) / self.shift(np.ones(1)), z)
        if self.shape < 0.5:
            tie = special.erf(z / np.sqrt(2)) / 2
            r = np.sqrt(np.maximum(8 * special.gammaincinv(self.shape, tie), 1e-305)) / self.dim
        middle = np.sqrt(2 * special.gammaincinv(self.shape, 0.5)) if self.shape > 1 else 1.0
        return np.log(r), np.full(z.shape, np.log(middle))

    def scores(self, s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
        """For a shift e^s and u2 - u1 = e^g: by how much F(-l) falls short of 1/2, as a log ratio; PhiInv(F(l))."""
        r, gap = np.exp(s), np.exp(g)
        u1, u2, level = pair_of_points(gap, r, self.k)
        low, high = (inner_point(x, r, self.k) for x in (-level, level)) if self.k else (np.zeros_like(r), r)
        beyond = np.full(r.shape, np.inf)
        away = special.gammainc(self.shape, u2**2 / 2)
        some = u1 > 1e-140
        away[some] = self.narrow(u1[some] ** 2 / 2, 2 * np.log1p(gap[some] / u1[some]))
        edges = [(low**2 / 2, np.maximum(u1, low) ** 2 / 2), (u2**2 / 2, beyond)]
        below = self._partial(edges, r, 0 * budget, self._away(u1, u2, gap, r))[1]  # a median needs no tails
        below = below + special.gammainc(self.shape, low**2 / 2)
        short = np.log(np.maximum(away, TINY)) - np.log(np.maximum(below, TINY))
        if self.dim == 1:
            above = self.narrow(high**2 / 2, 2 * np.log1p((u1 + low) / high))  # r - high is low
            above, rest = above + special.gammaincc(self.shape, (u2 + r) ** 2 / 2), np.zeros_like(r)
        else:
            edges = [(high**2 / 2, np.maximum(u1 + r, high) ** 2 / 2), ((u2 + r) ** 2 / 2, beyond)]
            above, rest = self._partial(edges, r, budget, self._given(level, r))
        rest = rest + special.gammainc(self.shape, high**2 / 2)
        rest = rest + self.narrow((u1 + r) ** 2 / 2, 2 * np.log1p(gap / (u1 + r)))
        return short, normal_score(above / 2, rest / 2)

    def _away(self, u1: NDArray, u2: NDArray, gap: NDArray, r: NDArray) -> Kernel:
        """The kernels at the level -l that the axis meets at u1 and u2."""
        u1, u2, gap, r = (x[:, None] for x in (u1, u2, gap, r))

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            a = np.sqrt(2 * t)
            far = a > u2
            eta = clearance(a, np.where(far, u2, u1), np.where(far, gap, -gap), r, self.k)
            return self._tails(np.where((a - u1) * (a - u2) > 0, eta, 0.0), a, r)

        return kernel
