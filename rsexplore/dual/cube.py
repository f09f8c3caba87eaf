"""The law of L for eq. (10), where z lies on the surface of a cube of half side a; and of every family if d = 1.

On the half of the faces that are turned away from the shift L is the value on the axis, at -a. With two classes the
median -l always lies below the greatest of these values, so that the level meets the axis twice there, at distances
u1 < u2 beyond the ends of the shift. u2 - u1 replaces the level: everything is smooth in it, while u1 and u2 are
not smooth in the level.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.geometry import clearance, excess, inner_point, pair_of_points
from rsexplore.dual.law import Tails
from rsexplore.dual.radial import Edges, Kernel, Radial, normal_score
from rsexplore.dual.value import bracket, root

STEPS = 14  # of Newton's method
NUDGE = 1e-6  # for its slopes
TINY = 1e-300
FURTHEST = 2.0  # step in a logarithm


class Cube(Radial):
    """Family (10) and a shift of r in every coordinate."""

    def __init__(self, dim: int, k: float) -> None:
        super().__init__(dim, k)
        self.relative = 4e-14 + 6e-16 * np.sqrt(self.shape)
        self.tail = 4e-16 if self.shape < 0.5 and dim > 1 else 0.0  # there the level set is q^(1 / dim) r wide

    def _tails(self, eta: NDArray, a: NDArray, r: NDArray) -> tuple[NDArray, NDArray]:
        """P(L > level) and P(L <= level) given a, on the faces turned to the shift, where L falls with eta.

        eta >= 2 min(r, a), where L is certain, is passed at the panels' ends alone; within it can only be rounding.
        """
        share = np.clip(eta, 0, 2 * np.minimum(r, a)) / (2 * a)
        log_above = (self.dim - 1) * np.log1p(-np.minimum(share, 1 - 1e-16))
        return np.exp(log_above), -np.expm1(log_above)

    def _given(self, level: NDArray, r: NDArray) -> Kernel:
        level, r = level[:, None], r[:, None]

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            # b = max(|a - r|, a + r - eta), where eta = a + (least coordinate)
            a, (y, square) = np.sqrt(2 * t), excess(t, level, self.k)
            return self._tails(r - a * y / (1 + np.sqrt(square)), a, r)

        return kernel

    def _away(self, u1: NDArray, u2: NDArray, gap: NDArray, r: NDArray) -> Kernel:
        """The kernels at the level -l that the axis meets at u1 and u2."""
        u1, u2, gap, r = (x[:, None] for x in (u1, u2, gap, r))

        def kernel(t: NDArray) -> tuple[NDArray, ...]:
            a = np.sqrt(2 * t)
            far = a > u2
            eta = clearance(a, np.where(far, u2, u1), np.where(far, gap, -gap), r, self.k)
            return self._tails(np.where((a - u1) * (a - u2) > 0, eta, 0.0), a, r)

        return kernel

    def _partial(self, edges: Edges, r: NDArray, budget: NDArray, kernel: Kernel, fine: bool = True) -> list[NDArray]:
        """Masses above and below the level in the panels."""
        if self.dim == 1:
            above = np.sum([self.mass(a, b) for a, b in edges], axis=0)
            return [above, np.zeros_like(above)]
        return self.integrate(edges, r, budget, kernel, fine)

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> Tails:
        edges, _, sure_high = self.regions(level, r)
        blank = np.full(level.shape, np.nan)
        return sure_high + self._partial(edges, r, budget, self._given(level, r))[0] / 2, blank, blank

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        edges, sure_low, sure_high = self.regions(level, r)
        # the face turned away: L lies above the level exactly where it does so on the axis
        return ((1 - sure_high) + sure_low + self._partial(edges, r, budget, self._given(level, r))[1]) / 2

    def shift(self, r: NDArray) -> NDArray:
        return r * self.dim / np.sqrt(max(self.dim - 1 - self.k, 1.0))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        """Radius and level of the Laplace noise to which L tends in many dimensions."""
        r = np.minimum(-(special.log_ndtr(-z) + np.log(2)) / self.shift(np.ones(1)), z)
        if self.shape < 0.5:
            tie = special.erf(z / np.sqrt(2)) / 2
            r = np.sqrt(np.maximum(8 * special.gammaincinv(self.shape, tie), 1e-305)) / self.dim
        return r, self.shift(r)

    def _pair(self, s: NDArray, g: NDArray, budget: NDArray, fine: bool = True) -> tuple[NDArray, NDArray]:
        """For a shift e^s and u2 - u1 = e^g: by how much F(-l) falls short of 1/2, as a log ratio; PhiInv(F(l))."""
        r, gap = np.exp(s), np.exp(g)
        u1, u2, level = pair_of_points(gap, r, self.k)
        high = inner_point(level, r, self.k) if self.k else r
        if self.dim == 1:
            over = inner_point(-level, r, self.k)  # r - high
            above = self.narrow(high**2 / 2, 2 * np.log1p((u1 + over) / high))
            above, rest = above + special.gammaincc(self.shape, (u2 + r) ** 2 / 2), np.zeros_like(r)
        else:
            edges = [(high**2 / 2, np.maximum(u1 + r, high) ** 2 / 2), ((u2 + r) ** 2 / 2, np.full(r.shape, np.inf))]
            above, rest = self._partial(edges, r, budget, self._given(level, r), fine)
        between = self.narrow((u1 + r) ** 2 / 2, 2 * np.log1p(gap / (u1 + r)))
        rest = rest + special.gammainc(self.shape, high**2 / 2) + between
        return self._short(r, gap, budget, fine), normal_score(above / 2, rest / 2)

    def _short(self, r: NDArray, gap: NDArray, budget: NDArray, fine: bool) -> NDArray:
        u1, u2, level = pair_of_points(gap, r, self.k)
        low = inner_point(-level, r, self.k) if self.k else np.zeros_like(r)
        away = special.gammainc(self.shape, u2**2 / 2)
        some = u1 > 1e-140
        away[some] = self.narrow(u1[some] ** 2 / 2, 2 * np.log1p(gap[some] / u1[some]))
        edges = [(low**2 / 2, np.maximum(u1, low) ** 2 / 2), (u2**2 / 2, np.full(r.shape, np.inf))]
        below = self._partial(edges, r, budget, self._away(u1, u2, gap, r), fine)[1]
        below = below + special.gammainc(self.shape, low**2 / 2)
        return np.log(np.maximum(away, TINY)) - np.log(np.maximum(below, TINY))

    def gap(self, s: NDArray, budget: NDArray, fine: bool = True) -> NDArray:
        """Logarithm of u2 - u1 at the median, for a shift e^s."""

        def short(g: NDArray, i: NDArray) -> NDArray:
            return self._short(np.exp(s[i]), np.exp(g), budget[i], fine)

        spread = 1 / np.sqrt(1 + self.shape)
        guess = np.log(np.sqrt(2 * special.gammaincinv(self.shape, 0.5)) if self.shape > 1 else 1.0)
        ends = bracket(short, np.full(s.shape, guess), np.full(s.shape, spread))
        return root(short, *ends, 4e-16 if fine else spread / 8)

    def scores(self, s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
        """PhiInv of F(-l), to first order around 1/2, and of F(l), for a shift e^s and u2 - u1 = e^g."""
        short, score = self._pair(s, g, budget)
        u2 = pair_of_points(np.exp(g), np.exp(s), self.k)[1]
        u1 = u2 - np.exp(g)
        away = special.gammainc(self.shape, u2**2 / 2) - special.gammainc(self.shape, np.maximum(u1, 0) ** 2 / 2)
        return -short * away / 2 * np.sqrt(2 * np.pi), score

    def direct(self, z: NDArray) -> NDArray:
        """Radius of two classes with p = Phi(z): Newton in log r and log(u2 - u1), else brackets around brackets."""
        s, budget = np.log(self.start(z)[0]), -special.log_ndtr(-z)
        g = self.gap(s, budget, False)
        out, live = np.full(z.shape, np.nan), np.arange(len(z))
        for _ in range(STEPS):
            n, zs, bs = len(live), z[live], budget[live]
            f, x = self._pair(
                np.concatenate([s, s + NUDGE, s]), np.concatenate([g, g, g + NUDGE]), np.concatenate([bs, bs, bs])
            )
            (f, fs, fg), (x, xs, xg) = (v.reshape(3, n) for v in (f, x))
            a, b, c, e = (v / NUDGE for v in (fs - f, fg - f, xs - x, xg - x))
            with np.errstate(all="ignore"):
                ds, dg = ((x - zs) * b - f * e) / (a * e - b * c), (f * c - (x - zs) * a) / (a * e - b * c)
                done = (np.abs(ds) <= 1e-7) & (np.abs(dg) <= 1e-5)
                out[live[done]] = np.exp(s + ds - 1e-5 * np.abs(ds))[done]
            good = ~done & np.isfinite(ds) & np.isfinite(dg)
            live = live[good]
            s, g = (v[good] + np.clip(dv[good], -FURTHEST, FURTHEST) for v, dv in ((s, ds), (g, dg)))
            if not len(live):
                break
        left = np.flatnonzero(np.isnan(out))
        out[left] = self._nested(z[left], budget[left])
        return out

    def _nested(self, z: NDArray, budget: NDArray) -> NDArray:
        def above(s: NDArray, i: NDArray) -> NDArray:
            return self._pair(s, self.gap(s, budget[i]), budget[i])[1] - z[i]

        ends = bracket(above, np.log(self.start(z)[0]), np.full(len(z), 0.05), least=-350.0)
        return np.exp(root(above, *ends))
