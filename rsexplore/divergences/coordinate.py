"""Divergences of one shifted coordinate with density proportional to exp(-|x|^s), s >= 1; shifts in scales."""

from math import exp, expm1, gamma, inf, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.check import as_given, floats
from rsexplore.divergences.generalized_gaussian import LARGEST, kappa
from rsexplore.noises import GeneralizedGaussian, Laplace, Noise

MOST_NODES = 2**18


def shape_of(noise: Noise) -> float | None:
    """Shape of Laplace or generalized Gaussian noise for which divergences are coded; None for any other."""
    if isinstance(noise, Laplace):
        return 1.0
    if isinstance(noise, GeneralizedGaussian) and 1 <= noise.shape <= LARGEST:
        return noise.shape
    return None


def renyi(u: float, order: float, s: float) -> float:
    """Renyi divergence of one coordinate shifted by u, for order >= 0 and s in [1, 1000].

    With p and q around u/2 and -u/2, and D = log(p / q), the sum of q^a p^(1 - a) less 1 is the integral over x > 0 of
    4 sqrt(p q) sinh(a D / 2) sinh((a - 1) D / 2): of one sign, so that nothing cancels.
    """
    if u == 0 or order == 0:
        return 0.0
    if order == 1:
        return float(kappa(u, s))
    if order == inf:
        return u if s == 1 else inf
    if order < 0.5:  # the laws are each other's mirror images
        return order / (1 - order) * renyi(u, 1 - order, s)
    log_integral = _settled(u / 2, order, s)
    if order > 1:
        return float(np.logaddexp(0, log_integral)) / (order - 1)
    return -log_of_rest(log_integral, u, order, s) / (1 - order)


def log_of_rest(log_integral: float, u: float, order: float, s: float) -> float:
    """log(1 - I) for orders below 1: from I while that is small, else from the integral of p^(1 - a) q^a itself."""
    if log_integral < log(0.5):
        return float(np.log1p(-exp(log_integral)))
    return _settled(u / 2, order, s, whole=True)


def _settled(half: float, order: float, s: float, whole: bool = False) -> float:
    """Logarithm of the integral, with nodes doubled until the value stays.

    Raises
    ------
    ArithmeticError
        It does not: the shift is too large, or the order.
    """
    before = -inf
    nodes = 256
    while nodes <= MOST_NODES:
        found = sum_log(_pieces(half, order, s, nodes, whole))
        if abs(found - before) < 3e-15 * (5 + s) * max(1, abs(found)):
            return found
        before, nodes = found, 2 * nodes
    raise ArithmeticError(f"renyi: order {order:g} of a shift by {2 * half:g} scales at shape {s:g} did not settle")


def _pieces(half: float, order: float, s: float, nodes: int, whole: bool) -> NDArray:
    """Logarithms of the terms of both sides of the kink at x = half."""
    # p^a q^(1 - a) is largest at x = half for a <= 1, above it further out, and falls as exp(-x^s)
    root = ((order - 1) / order) ** (1 / (s - 1)) if order > 1 and s > 1 else 0.0
    reach = 4 * (750 ** (1 / s) + 2 * half / (1 - root))
    t = np.linspace(-3.7, log(reach) + 0.1, nodes)
    y, weight = np.exp(t - np.exp(-t)), (t[1] - t[0]) * (1 + np.exp(-t))
    above = _log_terms(y, half + y, half, order, s, whole) + np.log(y * weight)
    t = np.linspace(-3.3, 3.3, nodes)
    z = np.pi / 2 * np.sinh(t)
    width = min(half, 750 ** (1 / s) * 2) if not whole else half
    y = width / (1 + np.exp(-2 * z))
    log_weight = np.log(width * (t[1] - t[0]) * np.pi / 4 * np.cosh(t)) - 2 * np.log(np.cosh(z))
    below = _log_terms(y, width / (1 + np.exp(2 * z)) + (half - width), half, order, s, whole) + log_weight
    return np.concatenate([above, below])


def _log_terms(y: NDArray, x: NDArray, half: float, order: float, s: float, whole: bool) -> NDArray:
    """Logarithm of the integrand at x, y = |x - half|; `whole` is for p^a q^(1 - a) + p^(1 - a) q^a."""
    with np.errstate(all="ignore"):
        far = x + half
        loss = -(far**s) * np.expm1(s * np.log1p(-2 * np.minimum(x, half) / far))
        log_p = log(s / 2) - special.gammaln(1 / s) - y**s
        if whole:
            return log_p + np.logaddexp(-order * loss, (order - 1) * loss)
        # sqrt(p q) = p exp(-D / 2), whose exponent meets those of the two sinh
        found = log_p + max(order - 1, 0) * loss
        found += np.log(-np.expm1(-order * loss)) + np.log(-np.expm1(-abs(order - 1) * loss))
    return np.where(np.isnan(found), -inf, found)


def sum_log(terms: NDArray) -> float:
    """Logarithm of the sum of the exponentials, which are added from the largest."""
    top = terms.max()
    return float(top + np.log(np.sum(np.exp(terms - top)))) if np.isfinite(top) else float(top)


def hockey_stick(u: float, eps: float, s: float) -> float:
    """Integral of (q - exp(eps) p)_+ for one coordinate; the likelihood ratio is monotone for s >= 1."""
    if u == 0:
        return 0.0
    if s == 1:
        return max(0.0, -expm1((eps - u) / 2))
    if eps == 0:
        return _inside(u / 2, s)

    def excess(x: float) -> float:
        return float(_loss(np.float64(x), u, s)) - eps

    from scipy import optimize  # a tenth of a second, which a radius should not wait for

    high = max(u, 1.0)
    while excess(high) < 0:
        high *= 2
    edge = optimize.brentq(excess, u / 2, high, xtol=1e-300, rtol=1e-15)
    above, below = _upper(edge - u, s), exp(eps + log(max(_upper(edge, s), 1e-320)))
    # where the two are alike, q (1 - exp(eps - loss)) is summed, which is positive
    return above - below if below < above / 2 else _positive_part(u, eps, s, edge)


def _loss(x: Any, u: float, s: float) -> NDArray:
    """|x|^s - |x - u|^s for x >= u / 2, without cancellation."""
    with np.errstate(all="ignore"):
        return np.where(x > u, -(x**s) * np.expm1(s * np.log1p(-u / x)), x**s - np.abs(u - x) ** s)


def _positive_part(u: float, eps: float, s: float, edge: float) -> float:
    """Integral of q (1 - exp(eps - loss)) from `edge` on, cut at the kink of q at u."""
    step = 0.15 / (s + 1)
    low = max(edge, u)
    fall = max(1.0, s * (low - u) ** (s - 1))  # at which q falls there, at least
    t = np.arange(-3.7, log(760) + 0.1, step)
    y, weight = np.exp(t - np.exp(-t)) / fall, step * (1 + np.exp(-t))
    parts = [(low + y, y * weight)]
    if edge < u:
        z = np.pi / 2 * np.sinh(np.arange(-3.3, 3.3, step))
        inside = step * np.pi / 2 * np.cosh(np.arcsinh(2 * z / np.pi)) / (2 * np.cosh(z) ** 2)
        parts.append((edge + (u - edge) / (1 + np.exp(-2 * z)), (u - edge) * inside))
    with np.errstate(all="ignore"):
        log_q = log(s / 2) - float(special.gammaln(1 / s))
        kept = (
            w * np.exp(log_q - np.abs(x - u) ** s) * -np.expm1(np.minimum(eps - _loss(x, u, s), 0)) for x, w in parts
        )
        return float(sum(np.nansum(part) for part in kept))


def _upper(x: float, s: float) -> float:
    """P(X > x)."""
    if x < 0:
        return (1 + _inside(-x, s)) / 2
    return float(special.gammaincc(1 / s, x**s) / 2) if x**s > 1e-17 else (1 - _inside(x, s)) / 2


def _inside(x: float, s: float) -> float:
    """P(|X| < x)."""
    # the density is flat where x^s is nothing, which may underflow
    return float(special.gammainc(1 / s, x**s)) if x**s > 1e-17 else x / gamma(1 + 1 / s)


def gaussian_hockey_stick(length: ArrayLike, eps: ArrayLike) -> Any:
    """The same for Gaussian noise, `length` in deviations; arguments broadcast. Balle and Wang 2018, Theorem 8.

    It is Phi(-a) - exp(eps) Phi(-b) with a = eps / length - length / 2, b = a + length. exp(eps) being phi(a) / phi(b),
    the second is phi(a) R(b) with Mills' ratio R; and R(a) - R(b), where the two are alike, is the integral of
    exp(-t^2 / 2 - a t) (1 - exp(-length t)) over t > 0, which is positive.
    """
    size, loss = floats("gaussian_hockey_stick", "length", length), floats("gaussian_hockey_stick", "eps", eps)
    with np.errstate(all="ignore"):  # at length 0
        a = loss / size - size / 2
        b = a + size
        density = np.exp(-(a**2) / 2) / sqrt(2 * pi)
        second = density * _mills(b)
        found = special.ndtr(-a) - second
        alike = 2 * second > special.ndtr(-a)
        if np.any(alike):
            a, m = (np.broadcast_to(x, found.shape)[alike] for x in (a, size))
            found = np.array(found)
            found[alike] = density[alike] * _mills_gap(a, m)
    found = np.where(size == 0, 0.0, np.where(loss == 0, special.erf(size / sqrt(8)), found))
    return as_given(np.where(np.isnan(size) | np.isnan(loss), np.nan, found), length, eps)


def _mills(x: NDArray) -> NDArray:
    """(1 - Phi(x)) / phi(x)."""
    return sqrt(pi / 2) * special.erfcx(x / sqrt(2))


def _mills_gap(a: NDArray, m: NDArray) -> NDArray:
    """Mills' ratio at a less that at a + m, for m > 0; arrays of shape (n,)."""
    t = np.linspace(-3.7, log(760.0), 160)
    y, weight = np.exp(t - np.exp(-t)), (t[1] - t[0]) * (1 + np.exp(-t))
    a, m = a[:, None], m[:, None]
    y = y / np.maximum(a, 1.0)
    return np.exp(-(y**2) / 2 - a * y) * -np.expm1(-m * y) * y @ weight
