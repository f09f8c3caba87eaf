"""Kullback-Leibler divergence between generalized Gaussian noise and its shift, one coordinate at a time.

For Z with density s exp(-|z|^s) / (2 Gamma(1 / s)) it is kappa(u) = E|Z + u|^s - E|Z|^s, the same in both directions
since the noise is symmetric. Coordinates are independent, so that a shift costs the sum of kappa(|shift_i| / scale).
Hayes 2020, eq. (14), prints a polynomial; it is kappa for even s, and above it by up to 1 / s for odd s.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import comb, exp, gamma, lgamma, log
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.check import as_given, floats

LARGEST = 1000.0  # shapes: beyond, binomial coefficients leave the floats
STEP = 0.15  # of the trapezoid rules, times s + 1; half of it changes nothing above 1e-13
QUADRATURE_BELOW = 64  # odd shapes: beyond, their Gauss-Legendre rule has too many nodes
CHUNK = 2**19  # numbers that a quadrature holds at once


def coefficient(k: float, s: float) -> float:
    """c_k = C(s, k) E|Z|^(s - k) where s - k is even, else 0; the factor of u^k in eq. (14). Hayes 2020, section 3.3.

    c_s = 1, so that "c_k > 1" in eqs. (29) and (31) should read "at least 1". For a fixed k it is about
    C(s + 1, k) / (s + 1) for large s: c_2 grows as s / 2.
    """
    whole("coefficient", s)
    if not (k == int(k) and 0 <= k <= s):
        raise ValueError(f"coefficient: k must be a whole number from 0 to s={s}, got k={k}")
    return coefficient_of(int(k), s) if (s - k) % 2 == 0 else 0.0


def coefficient_of(j: int, s: float) -> float:
    """C(s, j) E|Z|^(s - j)."""
    return comb(int(s), j) * moment(s - j, s)


def moment(power: float, s: float) -> float:
    """E|Z|^power = Gamma((power + 1) / s) / Gamma(1 / s)."""
    return gamma((power + 1) / s) / gamma(1 / s) if power <= s else exp(lgamma((power + 1) / s) - lgamma(1 / s))


def kappa(u: ArrayLike, s: float) -> Any:
    """Exact divergence of one coordinate that is shifted by `u` scales, for real s from 1 to 1000.

    Parameters
    ----------
    u : array_like, shape (...)
        Shift over scale; its sign does not matter.
    s : float
        Shape of the noise.

    Returns
    -------
    float or ndarray, shape (...)
        A float for a scalar.
        In nats; every term is positive, so that the relative error is some 1e-14 at every u. For even s the polynomial
        (14), for odd s its even powers and E(u - |Z|)_+^s, else half the symmetrised divergence, the integral of
        (p - q) log(p / q) / 2.
    """
    size, s = np.abs(floats("kappa", "u", u)), _shape("kappa", s)
    if s % 2 == 0:
        return as_given(_powers(size, s, range(2, int(s) + 1, 2)), u)
    flat = size.reshape(-1)
    found = np.empty(flat.shape)
    odd = s % 2 == 1 and s < QUADRATURE_BELOW
    one, nodes = (_odd, len(_gauss(int(s))[0])) if odd else (_symmetrised, len(_half_line(s)[0]))
    block = max(CHUNK // nodes, 1)
    with np.errstate(all="ignore"):
        for i in range(0, len(flat), block):
            found[i : i + block] = one(flat[i : i + block, None], s)
    return as_given(found.reshape(size.shape), u)


def kappa_polynomial(u: ArrayLike, s: float) -> Any:
    """Upper bound on kappa for whole s: u^s + sum of c_j u^j over even j < s, with c_j = C(s, j) E|Z|^(s - j).

    For even s it is kappa; for odd s it has the right order, u^2, near 0, where the printed one is linear.
    """
    return as_given(_powers(np.abs(floats("kappa_polynomial", "u", u)), s, polynomial_orders(s)), u)


def kappa_printed(u: ArrayLike, s: float) -> Any:
    """The polynomial of eq. (14), for whole s: kappa if s is even, an upper bound if s is odd."""
    return as_given(_powers(np.abs(floats("kappa_printed", "u", u)), s, printed_orders(s)), u)


def polynomial_orders(s: float) -> list[int]:
    """Powers of u in `kappa_polynomial`."""
    return [*range(2, whole("kappa_polynomial", s), 2), int(s)]


def printed_orders(s: float) -> list[int]:
    """Powers of u in `kappa_printed`."""
    return list(range(2 - whole("kappa_printed", s) % 2, int(s) + 1, 2))


def kappa_mp(u: Any, s: float) -> mpmath.mpf:
    """Kappa at mpmath's working precision, by other formulas: incomplete gamma functions, quadrature for other s."""
    _shape("kappa_mp", s)
    u = abs(mpmath.mpf(u))
    if u == 0:
        return mpmath.mpf(0)
    if s != int(s):
        lost = max(0, int(-2 * mpmath.log10(u)))  # digits, in differences of |z + u|^s and |z|^s
        with mpmath.extradps(lost + 10):
            pieces = [0, u / 4, u / 2, u, u + 1, u + 2, mpmath.inf]
            total = mpmath.quad(lambda t: _difference_mp(t, u, mpmath.mpf(s)), pieces)
        return +total
    s = int(s)
    with mpmath.extradps(s + 10):
        constant = mpmath.gamma(mpmath.mpf(1) / s)
        total = mpmath.mpf(0)
        for j in range(2, s + 1, 2):
            total += comb(s, j) * mpmath.gamma(mpmath.mpf(s - j + 1) / s) * u**j
        for k in range(s + 1) if s % 2 else ():  # E(u - |Z|)_+^s
            total += comb(s, k) * (-1) ** k * u ** (s - k) * mpmath.gammainc(mpmath.mpf(k + 1) / s, 0, u**s)
        total /= constant
    return +total


def least_polynomial_mp(u: Any, s: float) -> mpmath.mpf:
    """Lesser of `kappa_polynomial` and `kappa_printed` at mpmath's working precision."""
    return min(_powers_mp(u, s, polynomial_orders(s)), kappa_printed_mp(u, s))


def kappa_printed_mp(u: Any, s: float) -> mpmath.mpf:
    """`kappa_printed` at mpmath's working precision."""
    return _powers_mp(u, s, printed_orders(s))


def inverse_kappa(value: ArrayLike, s: float) -> Any:
    """Shift u in scales at which kappa(u) = value, to some 1e-14 of itself; shape of `value`, 0 at 0, inf at inf."""
    _shape("inverse_kappa", s)
    return _inverse(value, lambda u: kappa(u, s), {2: curvature(s), s: 1.0})


def inverse_polynomial(value: ArrayLike, s: float) -> Any:
    """Shift u at which the lesser of `kappa_polynomial` and `kappa_printed` is `value`; both are at least kappa."""
    found = np.asarray(inverse_printed(value, s))
    if s % 2:
        found = np.maximum(found, inverse_powers(value, terms_of(polynomial_orders(s), s)))
    return as_given(found, value)


def inverse_printed(value: ArrayLike, s: float) -> Any:
    """Shift u at which `kappa_printed` is `value`."""
    return inverse_powers(value, terms_of(printed_orders(s), s))


def terms_of(orders: list[int], s: float) -> dict[int, float]:
    """Powers of u with their factors c_j."""
    return {j: coefficient_of(j, s) for j in orders}


def inverse_powers(value: ArrayLike, terms: dict[int, float]) -> Any:
    """Argument u at which the sum of factor u^power over `terms` {power: factor} is `value`."""
    return _inverse(value, lambda u: sum(factor * u**power for power, factor in terms.items()), terms)


def curvature(s: float) -> float:
    """Limit of kappa(u) / u^2 at 0: half the Fisher information, s^2 Gamma(2 - 1 / s) / (2 Gamma(1 / s))."""
    return s * s * gamma(2 - 1 / s) / gamma(1 / s) / 2


def volume_ratio(p: float, dim: float) -> float:
    """Volume of the unit l_p ball over that of the l_inf ball: Gamma(1 + 1/p)^d / Gamma(1 + d/p). Section 3.3."""
    one, all_of_them = mpmath.mpf(1) / p, mpmath.mpf(dim) / p  # 1 + 1 / p loses half the digits of a float
    with mpmath.workdps(30):
        return float(mpmath.exp(dim * mpmath.loggamma(1 + one) - mpmath.loggamma(1 + all_of_them)))


def least_order(ratio: float, dim: float) -> float:
    """Least p at which `volume_ratio` is `ratio`; section 3.3 says p must be 9 d for 0.99, and 8.811 d is enough."""
    if not 0 < ratio < 1:
        raise ValueError(f"least_order: ratio must lie in (0, 1), got ratio={ratio}")
    low, high = 1.0, 2.0
    while volume_ratio(high, dim) < ratio:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if volume_ratio(middle, dim) >= ratio else (middle, high)
    return high


def _shape(owner: str, s: float) -> float:
    if not 1 <= s <= LARGEST:
        raise ValueError(f"{owner}: the shape must lie between 1 and {LARGEST:g}, got s={s}")
    return float(s)


def whole(owner: str, s: float) -> int:
    """Return the shape as an int; raise unless it is a whole number that is coded."""
    if _shape(owner, s) != int(s):
        raise ValueError(f"{owner}: the shape must be a whole number, got s={s}")
    return int(s)


def _powers(u: NDArray, s: float, orders: Any) -> NDArray:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(sum(coefficient_of(j, s) * u**j for j in orders), dtype=float)


def coefficient_mp(j: int, s: float) -> mpmath.mpf:
    """C(s, j) E|Z|^(s - j) at mpmath's working precision."""
    return comb(int(s), j) * mpmath.gamma(mpmath.mpf(s - j + 1) / s) / mpmath.gamma(mpmath.mpf(1) / s)


def _powers_mp(u: Any, s: float, orders: list[int]) -> mpmath.mpf:
    return mpmath.fsum(coefficient_mp(j, s) * abs(mpmath.mpf(u)) ** j for j in orders)


def _half_line(s: float) -> tuple[NDArray, NDArray]:
    """Nodes and weights for the integral over (0, inf) of a function that falls as exp(-y^s)."""
    step = STEP / (s + 1)
    t = np.arange(-3.7, np.log(120) / s + 0.6, step)
    y = np.exp(t - np.exp(-t))
    return y, step * y * (1 + np.exp(-t))


def _interval(s: float) -> tuple[NDArray, NDArray]:
    """Nodes in (0, 1) and weights that forgive a kink at either end."""
    t = np.arange(-3.3, 3.3, STEP / (s + 1))
    x = np.pi / 2 * np.sinh(t)
    return 1 / (1 + np.exp(-2 * x)), (t[1] - t[0]) * np.pi / 4 * np.cosh(t) / np.cosh(x) ** 2


@lru_cache(maxsize=64)
def _gauss(s: int) -> tuple[NDArray, NDArray]:
    """Gauss-Legendre nodes in (0, 1), and weights, for exp(-z^s) up to where it is exp(-45)."""
    nodes, weights = np.polynomial.legendre.leggauss(32 + 2 * s)
    return (nodes + 1) / 2, weights / 2


def _odd(u: NDArray, s: float) -> NDArray:
    """Divergence for odd s, `u` of shape (n, 1)."""
    nodes, weights = _gauss(int(s))
    top = np.minimum(u, 45 ** (1 / s))
    inside = top[:, 0] * (((u - top * nodes) ** s * np.exp(-((top * nodes) ** s))) @ weights)
    if s == 1:  # large shifts by the closed form, which cancels for small ones
        return np.where(u < 1, inside[:, None], u - 1 + np.exp(-u))[:, 0]
    return _powers(u[:, 0], s, range(2, int(s), 2)) + inside * s / gamma(1 / s)


def _symmetrised(u: NDArray, s: float) -> NDArray:
    """Integral over x > 0 of (p - q) log(p / q), p around u / 2 and q around -u / 2, split at p's kink."""
    half = u / 2
    y, weights = _half_line(s)
    total = _jeffreys(y, half + y, half, s) @ weights
    reach = np.minimum(half, 60 ** (1 / s))  # below x = half - reach, p is below exp(-60)
    share, weights = _interval(s)
    y = reach * share
    return total + reach[:, 0] * (_jeffreys(y, half - y, half, s) @ weights)


def _jeffreys(y: NDArray, x: NDArray, half: NDArray, s: float) -> NDArray:
    """(p - q) log(p / q) at x, y = |x - half|."""
    far = np.maximum(x + half, 1e-300)
    # far^s - y^s, where far - y is twice the smaller of x and half
    loss = -(far**s) * np.expm1(s * np.log1p(-2 * np.minimum(x, half) / far))
    loss = np.minimum(loss, 1e300)  # nothing times inf would be nan
    return s / (2 * gamma(1 / s)) * np.exp(-(y**s)) * -np.expm1(-loss) * loss


def _difference_mp(t: Any, u: Any, s: Any) -> Any:
    inside = (abs(t - u) ** s + (t + u) ** s) / 2 - t**s
    return s / mpmath.gamma(1 / s) * mpmath.exp(-(t**s)) * inside


def _inverse(value: ArrayLike, cost: Callable[[NDArray], Any], terms: Mapping[Any, float]) -> Any:
    """Argument at which an increasing function, about a sum of `terms` {power: factor}, has a value."""
    budget = floats("inverse", "value", value, "below")
    flat = budget.reshape(-1)
    found = np.where(flat > 0, np.inf, np.where(flat == 0, 0.0, np.nan))
    inside = np.flatnonzero((flat > 0) & (flat < np.inf))
    with np.errstate(all="ignore"):
        found[inside] = _solve(np.log(flat[inside]), cost, terms)
    return as_given(found.reshape(budget.shape), value)


def _solve(target: NDArray, cost: Callable[[NDArray], Any], terms: Mapping[Any, float]) -> NDArray:
    """Secant steps on log cost against log u, whose slope lies between the least and the largest power."""
    each = np.array([(target - log(factor)) / power for power, factor in terms.items()])
    low, high = min(terms), max(terms)
    # a cost above each of its terms has its root below theirs; kappa of a shape below 2 is below its terms
    x = each.max(axis=0) if next(iter(terms)) > low else each.min(axis=0)
    slope = np.full(x.shape, 2.0)
    error = np.log(cost(np.exp(x))) - target
    for _ in range(60):
        step = -error / slope
        new = np.log(cost(np.exp(x + step))) - target
        slope = np.where(np.abs(step) > 1e-6, np.clip((new - error) / step, low, high), slope)
        x, error = x + step, new
        if not (np.abs(step) > 1e-14 * (1 + np.abs(x))).any():
            break
    return np.exp(x)
