"""The law of L for eq. (9), whose radius is that of a Gaussian pulled in by a power of its largest coordinate.

Given a = ||z||_inf, one coordinate is a or -a, and the others are independent normals cut off at +-a. L depends on
their sum and on b = ||z - delta||_inf, and b on the least coordinate eta - a alone: three kinds of cells, on which
L = k log(a / b) + r (sum of all - dim r / 2) passes a level where the sum of the free coordinates passes a threshold.
The least is -a itself (b = a + r), or at least 2 r - a (b = a - r), or between (b = a + r - eta).

S(l) = P_delta(L <= -l) by symmetry, the mean of e^L over the set where L <= -l: so each number follows from cells
that have a share of pi_0, however small it is itself, and no level above 0 is ever asked for. The panels over log a and
over eta end where the sum passes its level at one of its knots (few coordinates), or 8.5 deviations from its mean
(many): between them all is smooth.
"""

from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import special

from rsexplore.dual.law import Law, solved
from rsexplore.noises.largest_coordinate import log_shape, support
from rsexplore.patience import breathe
from rsexplore.solve import gauss

LEAST_DIM = 20  # below, the transform of a sum falls off too slowly
LEFT_OUT = 38.0  # what lies beyond exp(-LEFT_OUT) of the noise is left out
LARGEST = float(np.log(8.6))  # of log a
LOST = 1e-300  # what is counted of probabilities that are lost in rounding
FAR = 8.5  # deviations from its mean, beyond which nothing is left of a sum
DEEP = -50.0  # levels below have their share of many coordinates in narrow ranges of log a
KNOTS = 7  # as many points of the range of a sum of few are told apart
AT, WEIGHT = np.polynomial.legendre.leggauss(24)  # over one coordinate
NODES = {"fine": ((20, 10), (20, 20)), "rough": ((8, 6), (8, 8))}  # a panel over log a and over eta: few, many
STEP, LINES = 0.35, 26  # of the rule for the transform of a standardised sum; it reaches to 9.1
PERIOD = 2 * np.pi / STEP
DEGREE = 24  # of the interpolation between widths, less one
GROUPS = ((2.0, 10), (4.0, 14), (6.5, 20), (9.0, 26), (np.inf, 36))  # nodes a piece for widths up to the first


def _shares(low: NDArray, high: NDArray) -> tuple[NDArray, NDArray]:
    """Nodes between the ends and the normal law's share of each."""
    half = ((high - low) / 2)[..., None]
    x = (high + low)[..., None] / 2 + half * AT
    return x, WEIGHT * np.exp(-(x**2) / 2) * half / np.sqrt(2 * np.pi)


def _mass(low: NDArray, high: NDArray) -> NDArray:
    return _shares(low, high)[1].sum(-1)


class Mixed(Law):
    """Family (9) and a shift of r in every coordinate; 2 <= dim, 0 <= k <= dim - 1/2."""

    relative = 1e-12
    absolute = 1e-13

    def __init__(self, dim: int, k: float, nodes: str = "fine") -> None:
        self.dim, self.k, self.few = dim, k, dim < LEAST_DIM
        self.rough = Mixed(dim, k, "rough") if nodes == "fine" else None
        self.outer, self.inner = (gauss(count) for count in NODES[nodes][dim >= LEAST_DIM])
        grid = np.linspace(*support(dim, k, LEFT_OUT), 4001)
        logs = log_shape(grid, dim, k)
        self.top, self.mode = logs.max(), grid[logs.argmax()]
        inside = np.flatnonzero(logs > self.top - LEFT_OUT)
        low, self.high = grid[max(inside[0] - 1, 0)], min(grid[min(inside[-1] + 1, 4000)], LARGEST)
        # below the grid's end the law of log a is exp((dim - k) s)
        self.low = low - max(0.0, LEFT_OUT - (self.top - log_shape(low, dim, k))) / (dim - k)
        n = dim - 2.0
        self.ends = np.arange(-1, n + 2) if self.few else np.array([-FAR, 0.0, FAR])
        self.knots = np.unique(np.linspace(0, n, min(dim - 1, KNOTS)).round()) if self.few else self.ends
        self.total = 1.0
        self.total = float(self._outer(np.zeros(0))[1].sum())

    def upper(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        below, above = self._pairs(-np.abs(level), r)
        return np.where(level > 0, above * np.exp(-np.abs(level)), 1 - below)

    def lower(self, level: NDArray, r: NDArray, budget: NDArray) -> NDArray:
        below, above = self._pairs(-np.abs(level), r)
        return np.where(level > 0, 1 - above * np.exp(-np.abs(level)), below)

    def scores(self, s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
        below, above = self._pairs(-np.exp(g), np.exp(s))
        return -special.ndtri(below), -special.ndtri_exp(np.log(above) - np.exp(g))

    def needed(self, s: NDArray, g: NDArray) -> NDArray:
        below, above = self._pairs(-np.exp(g), np.exp(s))
        with np.errstate(all="ignore"):
            return -special.ndtri_exp(np.log(np.maximum(above + (0.5 - below), 0)) - np.exp(g))

    def shift(self, r: NDArray) -> NDArray:
        return r * (np.sqrt(self.dim) + self.k / np.exp(self.mode))

    def start(self, z: NDArray) -> tuple[NDArray, NDArray]:
        # two points from the largest coordinate and a Gaussian from the sum: near a tie L is far from normal
        a = np.exp(self.mode)
        x, share = _shares(-a, a)
        sum_, pull = np.sqrt(self.dim * (share @ x**2) / share.sum()), self.k / a

        def scores(s: NDArray, g: NDArray, budget: NDArray) -> tuple[NDArray, NDArray]:
            deviation, jump = sum_ * np.exp(s), pull * np.exp(s)

            def score(level: NDArray, side: int) -> NDArray:
                at = side * (np.array([level + jump, level - jump]) / deviation + deviation / 2)
                share = (special.expit([jump, -jump]) * special.ndtr(at)).sum(0)
                return -special.ndtri(np.clip(share, LOST, 1))

            return score(-np.exp(g), 1), score(np.exp(g), -1)

        r = 1 / (sum_ / z + pull / -np.log(2 * special.ndtr(-z)))
        model: Any = SimpleNamespace(scores=scores, tail=1.0, central=True, rough=None)
        s, g = solved(model, z, np.log(r), np.log((sum_ * r) ** 2 / 2 + pull * r * np.minimum(z, 1)))
        return s, g

    def _pairs(self, level: NDArray, r: NDArray) -> tuple[NDArray, NDArray]:
        """F(l) and exp(-l) S(-l) for levels l <= 0."""
        found = np.array([_pair(self, *at) for at in zip(level.tolist(), r.tolist(), strict=True)]).reshape(-1, 2).T
        with np.errstate(all="ignore"):
            below, above = np.maximum(found, LOST)  # rounding may carry them below 0
            return np.minimum(below, 1), np.minimum(above, np.exp(-level))

    def _outer(self, marks: NDArray, level: float = 0.0) -> tuple[NDArray, NDArray]:
        """Values of a and the share of each, by panels in log a that end at the marks."""
        fine = 6 if level < DEEP and not self.few else 1
        even = np.linspace(self.low, self.high, int(fine * (self.high - self.low)) + 4)
        edges = np.unique([*even, self.mode, *marks[(marks > self.low) & (marks < self.high)]])
        width, (at, share) = np.diff(edges)[:, None], self.outer
        s, weight = (edges[:-1, None] + width * at).ravel(), (width * share).ravel()
        weight *= np.exp(log_shape(s, self.dim, self.k) - self.top) / self.total
        kept = weight > 1e-17
        return np.exp(s[kept]), weight[kept]

    def _above(self, a: NDArray, eta: NDArray, place: NDArray, level: float, r: float) -> NDArray:
        """L less the level, with the sum of the free at one of its knots, or so many deviations from its mean."""
        n, low = self.dim - 2, np.minimum(eta - a, a * (1 - 1e-12))
        if self.few:
            free = (n - place) * low + place * a
        else:
            x, share = _shares(low, a)
            share = share / share.sum(-1, keepdims=True)
            mean = (share * x).sum(-1)
            free = n * mean + place * np.sqrt(n * (share * (x - mean[..., None]) ** 2).sum(-1))
        with np.errstate(divide="ignore"):
            pull = self.k * np.log1p(np.maximum((r - eta) / a, -1))
        return r * (eta + free - self.dim * r / 2) - pull - level

    def _marks(self, level: float, r: float) -> NDArray:
        """The log a at which a knot of the sum passes the level at an end of the range of eta."""
        found, s = [np.array([np.log(r)])], np.linspace(self.low, self.high, 200)
        for end in (0.0, 2 * r):

            def above(s: NDArray, place: NDArray, end: float = end) -> NDArray:
                a = np.exp(s)
                return self._above(a, np.minimum(end, 2 * a), place, level, r) > 0

            sign = above(s, self.ends[:, None])
            row, column = np.nonzero(sign[:, 1:] != sign[:, :-1])
            low, high = s[column], s[column + 1]
            for _ in range(45):
                middle = (low + high) / 2
                right = above(middle, self.ends[row]) == sign[row, column + 1]
                low, high = np.where(right, low, middle), np.where(right, middle, high)
            found.append(high)
        return np.concatenate(found)

    def _passed(self, a: NDArray, end: NDArray, level: float, r: float) -> NDArray:
        """Ends of panels of eta, at which a knot of the sum passes the level; shape (len(a), panels + 1)."""
        place, a = np.broadcast_arrays(self.knots[::-1], a[:, None])
        low, high = np.zeros(place.shape), np.broadcast_to(end[:, None], place.shape)
        for _ in range(45 if self.few else 20):
            middle = (low + high) / 2
            over = self._above(a, middle, place, level, r) > 0  # it rises with eta
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        # beyond the last, L is above the level
        return np.concatenate([np.zeros((len(a), 1)), np.sort(high, axis=1)], axis=1)

    def cells(self, level: float, r: float) -> tuple[NDArray, ...]:
        """Of each cell weight, number of free coordinates, their two ends, and the threshold of their sum."""
        n, (a, weight) = self.dim - 1, self._outer(self._marks(level, r), level)
        whole, left_out = _mass(-a, a), -np.expm1(-LEFT_OUT / n)
        end = special.ndtri(np.minimum(special.ndtr(-a) + left_out * whole, 1)) + a
        end = np.minimum(np.where(a < 0.01, 2 * a * left_out, end), 2 * np.minimum(r, a))
        cuts = self._passed(a, end, level, r)
        width, (at, share) = np.diff(cuts, axis=1)[:, :, None], self.inner
        eta, size = cuts[:, :-1, None] + width * at, width * share
        row, eta, size = np.nonzero(size > 0)[0], eta[size > 0], size[size > 0]
        b, low = a[row], np.minimum(eta - a[row], a[row])
        with np.errstate(divide="ignore"):
            left = (n - 1) * np.log(_mass(low, b) / whole[row])
        density = n * np.exp(left - low**2 / 2) / np.sqrt(2 * np.pi) / whole[row]
        beyond = a > r
        c = a[beyond]
        atom = weight[beyond] * np.exp(n * np.log(_mass(2 * r - c, c) / whole[beyond]))
        kinds = [
            (weight, n, -a, a, -a, np.log1p(r / a)),
            (atom, n, 2 * r - c, c, c, np.log1p(-r / c)),
            (weight[row] * size * density, n - 1, low, b, eta, np.log1p((r - eta) / b)),
        ]
        shares, counts, lows, highs, fixed, logs = zip(*kinds, strict=True)
        share, low, high = (np.concatenate(v) for v in (shares, lows, highs))
        count = np.repeat(counts, [len(v) for v in shares])
        threshold = (level + self.k * np.concatenate(logs)) / r + self.dim * r / 2 - np.concatenate(fixed)
        kept = share > 1e-17
        return share[kept] / 2, count[kept], low[kept], high[kept], threshold[kept]


@lru_cache(maxsize=4096)  # of one level both tails are asked for
def _pair(law: Mixed, level: float, r: float) -> NDArray:
    breathe()
    weight, count, low, high, threshold = law.cells(level, r)
    return (few if law.few else many)(count, low, high, threshold, r) @ weight


def many(n: NDArray, low: NDArray, high: NDArray, threshold: NDArray, r: float) -> NDArray:
    """P(X <= t) and E[exp(r (X - t)); X <= t] for the sum X of n normals cut to [low, high]; shape (2, cells).

    By the transform of X on the imaginary axis. A rule of step h sees X in periods of 2 pi / h, with signs that
    alternate: of the second what lies above t is seen too, as a share that is known.
    """
    x, share = _shares(low, high)
    share = share / share.sum(1, keepdims=True)
    middle = (share * x).sum(1)
    x = x - middle[:, None]
    deviation = np.sqrt(n * (share * x**2).sum(1))
    z, rate = (threshold - n * middle) / deviation, r * deviation
    with np.errstate(all="ignore"):
        tilted = np.exp(n * np.log1p((share * np.expm1(r * x)).sum(1)) - rate * z)
    out = np.where(z > 0, [np.ones_like(z), np.where(rate < z, tilted, 0.0)], 0.0)
    near = np.flatnonzero(np.abs(z) < FAR)
    x, share, z, rate, tilted = x[near], share[near], z[near], rate[near], tilted[near]
    angle = STEP / 2 / deviation[near, None] * x
    # exp(i tau x) - 1, line by line, without the 1 that hides its digits
    wave, turn = (2 * np.sin(v) * (-np.sin(v) + 1j * np.cos(v)) for v in (angle / 2, angle))
    below, shifted = np.full(len(near), 0.5), np.zeros(len(near))
    for line in range(LINES):
        tau = (line + 0.5) * STEP
        term = STEP / np.pi * np.exp(n[near] * np.log1p((share * wave).sum(1)) - 1j * tau * z)
        below -= term.imag / tau
        shifted += (term / (rate - 1j * tau)).real
        wave += wave * turn + turn
    seen = np.exp(-PERIOD * rate)
    shifted += np.where(rate < FAR, seen / (1 + seen) * tilted, 0.0)
    out[:, near] = below, shifted
    return out


def few(n: NDArray, low: NDArray, high: NDArray, threshold: NDArray, r: float) -> NDArray:
    """The same for few, from the density of X, which has a polynomial-like piece per knot.

    With the interval [c - w/2, c + w/2] the density is exp(-c v) times that of c = 0 at the same distance v from the
    middle, up to a constant: only w has to be tabulated.
    """
    inside = threshold > n * low
    out = np.where(inside, [np.ones(len(low)), np.exp(-r * np.maximum(threshold - n * high, 0))], 0.0)
    for count in np.unique(n[inside & (n > 0)]):
        edges = _edges(count)
        panels = np.clip(np.searchsorted(edges, high - low, side="right") - 1, 0, len(edges) - 2)
        own = inside & (n == count)
        for panel in np.unique(panels[own]):
            i = np.flatnonzero(own & (panels == panel))
            out[:, i] *= _integrals(int(count), int(panel), low[i], high[i], threshold[i], r)
    return out


def _integrals(n: int, panel: int, low: NDArray, high: NDArray, threshold: NDArray, r: float) -> NDArray:
    nodes, table, fit = _table(n, panel)
    start, stop = _edges(n)[panel : panel + 2]
    w, c = high - low, (high + low) / 2
    y = np.minimum((threshold - n * low) / w, n)
    pieces = chebyshev.chebvander((2 * w - start - stop) / (stop - start), DEGREE - 1) @ table
    pieces = pieces.reshape(-1, n, nodes)
    x, weight = gauss(nodes)
    here = np.minimum(y.astype(int), n - 1)
    part = y - here
    few_at, few_weight = gauss(nodes // 2 + 4)
    own = pieces[np.arange(len(y)), here] @ fit.T
    values = chebyshev.chebval(2 * few_at[:, None] * part - 1, own.T[:, None], tensor=False).T * few_weight
    out = np.zeros((2, len(y)))
    for row, rate in zip(out, (c * w, (c - r) * w), strict=True):
        row += part * (np.exp((rate * part)[:, None] * (1 - few_at)) * values).sum(1)
        for piece in range(here.max()):  # those that lie below the threshold as a whole
            i = np.flatnonzero(here > piece)
            rise = np.clip(rate[i, None] * (y[i, None] - piece - x), -690, 690)
            row[i] += (np.exp(rise) * pieces[i, piece]) @ weight
    # relative to the density of the free normals at the threshold
    scale = n * (np.log(special.erf(w / np.sqrt(8))) - c**2 / 2 - np.log(_mass(low, high))) - c * w * (y - n / 2)
    return out * np.exp(scale)


@cache
def _edges(n: int) -> NDArray:
    """Panels of widths; from one edge to the next the ends of a sum change by a factor of about exp(8)."""
    step = 64.0 / max(n, 2)
    return np.sqrt(np.arange(0, 4 * np.exp(2 * LARGEST) + 2 * step, step))


@cache
def _table(n: int, panel: int) -> tuple[int, NDArray, NDArray]:
    """Nodes a piece, Chebyshev coefficients in w of the density there at c = 0, in units of w; and those in a piece.

    The pieces follow by convolution, one coordinate at a time, as for B-splines: all terms are positive.
    """
    start, stop = _edges(n)[panel : panel + 2]
    nodes = next(count for up_to, count in GROUPS if stop <= up_to) + n // 2
    x, weight = gauss(nodes)
    fit = np.linalg.inv(chebyshev.chebvander(2 * x - 1, nodes - 1))
    w = np.maximum((start + stop + (stop - start) * chebyshev.chebpts1(DEGREE)) / 2, 1e-8)

    def one(u: NDArray) -> NDArray:
        whole = np.sqrt(2 * np.pi) * special.erf(w / np.sqrt(8)) / w
        return (np.exp(-((w * (u[..., None] - 0.5)) ** 2) / 2) / whole).T

    def grown(u: NDArray, rest: NDArray, length: NDArray) -> NDArray:
        """From the values of a piece to what it adds to another, as one more coordinate lies at u."""
        basis = chebyshev.chebvander(2 * rest - 1, nodes - 1) @ fit
        return np.einsum("wli,ilk->wki", one(u), basis * (length[:, None] * weight)[..., None])

    lower, upper = x[:, None] * x, (1 - x)[:, None] * x
    left, right = grown(lower, x[:, None] - lower, x), grown(x[:, None] + upper, 1 - upper, 1 - x)
    out = one(x)[:, None]
    for _ in range(1, n):
        out = np.pad(out @ left, ((0, 0), (0, 1), (0, 0))) + np.pad(out @ right, ((0, 0), (1, 0), (0, 0)))
    at = chebyshev.chebvander(chebyshev.chebpts1(DEGREE), DEGREE - 1)
    return nodes, np.linalg.solve(at, out.reshape(DEGREE, -1)), fit
