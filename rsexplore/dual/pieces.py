"""Sums of a few independent normals cut off to one interval: their density has a polynomial-like piece per knot.

With the interval [c - w/2, c + w/2], the density of the sum is exp(-c v) times that of c = 0 at the same distance v
from its middle, up to a constant: only w has to be tabulated. The pieces of c = 0 follow by convolution, piece by
piece as for B-splines; between tabulated widths they are interpolated. All terms are positive: no tail cancels.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

WIDEST = 16.0  # wider intervals are cut to what the condition on the sum leaves likely
DEGREE = 24  # of the interpolation between widths, less one
GROUPS = ((2.0, 11), (4.0, 15), (6.5, 22), (9.0, 30), (np.inf, 52))  # nodes a piece for widths up to the first
SHORT, SHORT_WEIGHT = np.polynomial.legendre.leggauss(20)
SIZE = 4_000_000


def interval(low: NDArray, high: NDArray) -> NDArray:
    """P(low < N(0, 1) < high) to full relative precision, for -low <= high."""
    root = np.sqrt(0.5)
    wide = np.where(
        low > 0, special.ndtr(-low) - special.ndtr(-high), (special.erf(high * root) + special.erf(-low * root)) / 2
    )
    half, middle = (high - low) / 2, (high + low) / 2
    narrow = (low > 0) & (half < 1)
    if np.any(narrow):
        h, m = half[narrow][:, None], middle[narrow][:, None]
        wide[narrow] = h[:, 0] * (np.exp(-((m + h * SHORT) ** 2) / 2) @ SHORT_WEIGHT) / np.sqrt(2 * np.pi)
    return wide


def narrow(a: NDArray, eta: NDArray) -> NDArray:
    """P(-a < N(0, 1) < -a + eta) for 0 <= eta <= 2 a, also for eta much smaller than a."""
    out = interval(np.minimum(a - eta, a), a)
    large = eta > a
    out[large] = interval(-a[large], eta[large] - a[large])
    small = eta < np.minimum(0.1 * a, 0.5)
    step = eta[small, None] / 2
    x = a[small, None] - step * (1 + SHORT)
    out[small] = ((step * SHORT_WEIGHT) * np.exp(-(x**2) / 2)).sum(1) / np.sqrt(2 * np.pi)
    return out


def log_beyond(a: NDArray, eta: NDArray, whole: NDArray) -> NDArray:
    """Logarithm of P(-a + eta < X) for a normal X cut off at +-a, `whole` the share that is left; 0 <= eta <= 2 a."""
    near = np.log1p(-np.minimum(narrow(a, eta) / whole, 0.9))
    with np.errstate(divide="ignore"):
        return np.where(eta < a, near, np.log(interval(np.minimum(eta - a, a), a) / whole))


def tail(count: int, low: NDArray, high: NDArray, threshold: NDArray, side: str) -> tuple[NDArray, NDArray]:
    """P(sum > threshold) or P(sum <= threshold) of `count` >= 1 normals cut to [low, high], and the density there."""
    inside = (threshold > count * low) & (threshold < count * high)
    value = np.where((threshold <= count * low) == (side == "upper"), 1.0, 0.0)
    density = np.zeros_like(value)
    at = np.flatnonzero(inside)
    size = max(SIZE // (count * 60), 1)
    for i in range(0, len(at), size):
        j = at[i : i + size]
        value[j], density[j] = _tail(count, low[j], high[j], threshold[j], side)
    return value, density


def _tail(count: int, low: NDArray, high: NDArray, threshold: NDArray, side: str) -> tuple[NDArray, NDArray]:
    log_mass = count * np.log(interval(low, high))
    each = threshold / count
    likely = np.maximum(each, 0) if side == "upper" else np.minimum(each, 0)
    wide = high - low > WIDEST
    start = np.where(wide, np.maximum(low, likely - WIDEST / 2), low)
    stop = np.where(wide, np.minimum(high, likely + WIDEST / 2), high)
    w, c = stop - start, (stop + start) / 2
    y = np.clip((threshold - count * start) / w, 0, count)
    value, density = np.empty_like(w), np.empty_like(w)
    place = _panel_of(w, count)
    for panel in np.unique(place):
        i = np.flatnonzero(place == panel)
        value[i], density[i] = _at_panel(count, int(panel), w[i], c[i], y[i], side)
    # relative to the density of the free normals at the threshold
    scale = np.exp(count * (np.log(special.erf(w / np.sqrt(8))) - c**2 / 2) - c * w * (y - count / 2) - log_mass)
    return np.minimum(value * scale, 1.0), density * scale / w


@cache
def _edges(count: int) -> NDArray:
    # from one edge to the next the ends of the sum change by a factor of about exp(8)
    step = 64.0 / max(count, 2)
    return np.sqrt(np.arange(0, WIDEST**2 + 2 * step, step))


def _panel_of(w: NDArray, count: int) -> NDArray:
    edges = _edges(count)
    return np.clip(np.searchsorted(edges, w, side="right") - 1, 0, len(edges) - 2)


def _order(edge: float, count: int) -> int:
    return next(nodes for up_to, nodes in GROUPS if edge <= up_to) + count // 2


@cache
def _rule(nodes: int) -> tuple[NDArray, NDArray, NDArray]:
    """Gauss nodes in (0, 1), weights, and barycentric weights."""
    x, weight = np.polynomial.legendre.leggauss(nodes)
    return (1 + x) / 2, weight / 2, (-1.0) ** np.arange(nodes) * np.sqrt((1 - x**2) * weight)


def _lagrange(nodes: int, at: NDArray) -> NDArray:
    """Values of the basis polynomials of the rule's nodes; shape at.shape + (nodes,)."""
    x, _, bary = _rule(nodes)
    gap = at[..., None] - x
    gap = np.where(np.abs(gap) < 1e-300, 1e-300, gap)
    terms = bary / gap
    return terms / terms.sum(-1, keepdims=True)


@cache
def _steps(nodes: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """For the convolution: points u below and above each node, and the basis there times the weights."""
    x, weight, _ = _rule(nodes)
    below, above = x[:, None] * x, x[:, None] + (1 - x[:, None]) * x
    first = _lagrange(nodes, x[:, None] - below) * (x[:, None] * weight)[..., None]
    second = _lagrange(nodes, 1 + x[:, None] - above) * ((1 - x[:, None]) * weight)[..., None]
    return below, above, first, second


def _pieces(count: int, nodes: int, w: NDArray) -> NDArray:
    """Density of the sum of `count` at c = 0, in units of w; shape (len(w), count, nodes)."""
    x, _, _ = _rule(nodes)
    below, above, first, second = _steps(nodes)
    mass = np.sqrt(2 * np.pi) * special.erf(w / np.sqrt(8)) / w

    def one(u: NDArray) -> NDArray:
        beta = (w**2).reshape((-1,) + (1,) * u.ndim)
        return np.exp(-beta * (u - 0.5) ** 2 / 2) / mass.reshape(beta.shape)

    left = np.einsum("wil,ilk->wik", one(below), first)
    right = np.einsum("wil,ilk->wik", one(above), second)
    out = one(x)[:, None, :]
    for _ in range(1, count):
        grown = np.zeros((len(w), out.shape[1] + 1, nodes))
        grown[:, :-1] += out @ left.transpose(0, 2, 1)
        grown[:, 1:] += out @ right.transpose(0, 2, 1)
        out = grown
    return out


@cache
def _table(count: int, panel: int) -> tuple[int, NDArray]:
    """Nodes a piece, and Chebyshev coefficients in w of the pieces; shape (DEGREE, count * nodes)."""
    low, high = _edges(count)[panel : panel + 2]
    nodes = _order(high, count)
    angle = np.pi * (np.arange(DEGREE) + 0.5) / DEGREE
    values = _pieces(count, nodes, np.maximum((low + high) / 2 + (high - low) / 2 * np.cos(angle), 1e-8))
    transform = 2 / DEGREE * np.cos(np.arange(DEGREE)[:, None] * angle)
    transform[0] /= 2
    return nodes, transform @ values.reshape(DEGREE, -1)


def _at_panel(count: int, panel: int, w: NDArray, c: NDArray, y: NDArray, side: str) -> tuple[NDArray, NDArray]:
    """Tail and density in units of w, divided by exp(-c w (y - count / 2)) of the threshold."""
    nodes, coefficients = _table(count, panel)
    low, high = _edges(count)[panel : panel + 2]
    angle = np.arccos(np.clip((2 * w - low - high) / (high - low), -1, 1))
    pieces = (np.cos(angle[:, None] * np.arange(DEGREE)) @ coefficients).reshape(-1, count, nodes)
    x, weight, _ = _rule(nodes)
    rate = c * w
    here = np.minimum(y.astype(int), count - 1)
    number = np.arange(count)
    tilt = np.exp(-np.clip(rate[:, None] * (number + x[:, None]).T.reshape(1, -1) - (rate * y)[:, None], -690, 690))
    whole = np.einsum("cjx,cjx,x->cj", tilt.reshape(pieces.shape), pieces, weight)
    beyond = number > here[:, None] if side == "upper" else number < here[:, None]
    total = np.where(beyond, whole, 0.0).sum(1)
    own = pieces[np.arange(len(y)), here]
    start = y - here
    length = 1 - start if side == "upper" else -start
    few, few_weight, _ = _rule(nodes // 2 + 4)
    at = start[:, None] + length[:, None] * few
    basis = _lagrange(nodes, np.concatenate([at, start[:, None]], axis=1))
    values = (basis @ own[:, :, None])[:, :, 0]
    part = (np.exp(-rate[:, None] * length[:, None] * few) * values[:, :-1]) @ few_weight * np.abs(length)
    return total + np.maximum(part, 0), np.maximum(values[:, -1], 0)
