"""Divergences between a noise and its shift.

Noises are taken as what they are, e.g. GeneralizedGaussian of shape 2 as Gaussian (`Noise.canonical`).

Coordinates of the families coded here are independent, so Renyi divergences of every order, and with them KL,
chi-squared, Hellinger, Bhattacharyya, D_inf and D_MR, are sums over coordinates. Total variation and the hockey-stick
are not: for Gaussian noise they depend on the l2 length alone, for uniform noise on the overlap of two cubes; for the
others they are coded for one shifted coordinate, with density proportional to exp(-|x|^s), s >= 1. All these noises
are symmetric, so both directions are equal.
"""

from math import exp, gamma, inf, log, log1p, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.check import elementwise, floats
from rsexplore.divergences import generalized_gaussian as gg
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise, Uniform
from rsexplore.quadrature import half_line, interval
from rsexplore.solve import maximum

LEAST_STEP = 2e-5  # of the trapezoid rules


class Ball(NamedTuple):
    """All shifts of l_`norm` length `radius`; a divergence of a ball is that of its worst shift."""

    radius: float
    norm: float = 2.0


def renyi(noise: Noise, shift: ArrayLike | Ball, order: float) -> float:
    """Renyi divergence of a noise and its shift, in nats.

    Parameters
    ----------
    noise : Gaussian, Laplace, GeneralizedGaussian of shape >= 1, or Uniform; ExponentialLinf for order inf
        Smoothing noise.
    shift : array_like, shape (n,), or Ball
        Shifted coordinates in units of the input (those that are not shifted may be left out), or a ball: then the
        largest value over its shifts.
    order : float
        Any real number, or inf. 1 is Kullback-Leibler. Below 0 the literal value log(sum q^order p^(1 - order)) /
        (order - 1), which is that of 1 - order times order / (1 - order).

    Raises
    ------
    UnsupportedNoiseError
        The noise is none of these, or the worst shift of the ball is not known: it is for Gaussian noise, for
        uniform noise in l1 and l_inf, and for Laplace and generalized Gaussian noise at order 1 (norm <= min(shape, 2)
        or >= max(shape, 2)) and inf.
    MissingDimensionError
        The worst shift has as many coordinates as the noise, whose `dim` is not set.
    """
    noise, order = noise.canonical, float(floats("renyi", "order", order))
    if np.isnan(order):
        raise ValueError(f"renyi: order must be a number, got order={order}")
    if order < 0:
        return order / (1 - order) * renyi(noise, shift, 1 - order)
    sizes, counts = _lengths(noise, shift, order)
    if isinstance(noise, ExponentialLinf) and order == inf:
        return float(sizes.max(initial=0.0) / noise.scale)
    return float(sum(n * _renyi_of_one(noise, float(x), order) for x, n in zip(sizes, counts, strict=True)))


def kl(noise: Noise, shift: ArrayLike | Ball) -> float:
    """Kullback-Leibler divergence; arguments and errors as for `renyi`."""
    return renyi(noise, shift, 1.0)


def chi2(noise: Noise, shift: ArrayLike | Ball) -> float:
    """Neyman's chi-squared divergence, sum (q - p)^2 / p; arguments and errors as for `renyi`."""
    with np.errstate(over="ignore"):
        return float(np.expm1(renyi(noise, shift, 2.0)))


def bhattacharyya(noise: Noise, shift: ArrayLike | Ball) -> float:
    """Bhattacharyya distance -log(sum sqrt(p q)); arguments and errors as for `renyi`."""
    return renyi(noise, shift, 0.5) / 2


def hellinger(noise: Noise, shift: ArrayLike | Ball) -> float:
    """Squared Hellinger distance 1 - sum sqrt(p q), in [0, 1]; arguments and errors as for `renyi`."""
    return float(-np.expm1(-bhattacharyya(noise, shift)))


def infinite(noise: Noise, shift: ArrayLike | Ball) -> float:
    """D_inf, the largest log-ratio of the densities (pure privacy loss); arguments and errors as for `renyi`."""
    return renyi(noise, shift, inf)


def mr(noise: Noise, shift: ArrayLike | Ball) -> float:
    """D_MR, the supremum of the Renyi divergence of an order above 1 over that order.

    For Gaussian noise it is the same at every order. For shapes above 2 it is inf: there the divergence of a large
    order grows as order^(shape - 1). For shapes below 2 orders up to 64 are searched: from below, to some 1e-6.
    """
    noise = noise.canonical
    if isinstance(noise, Gaussian):
        return renyi(noise, shift, 1.0)
    if isinstance(shift, Ball):
        raise UnsupportedNoiseError(f"mr knows no worst shift of {noise!r}: give the shift itself")
    if not _lengths(noise, shift, 1.0)[0].size:
        return 0.0
    if isinstance(noise, GeneralizedGaussian) and noise.shape > 2:
        return inf
    return float(maximum(lambda shares: np.array([renyi(noise, shift, order) / order for order in 64.0**shares]), ()))


def tv(noise: Noise, shift: ArrayLike | Ball) -> float:
    """Total variation distance, in [0, 1]; arguments and errors as for `hockey_stick`."""
    return hockey_stick(noise, shift, 0.0)


def hockey_stick(noise: Noise, shift: ArrayLike | Ball, eps: float) -> float:
    """Hockey-stick divergence, the integral of (q - exp(eps) p)_+ for eps >= 0: the least privacy delta at eps.

    Parameters
    ----------
    noise : Gaussian, Uniform, or Laplace and GeneralizedGaussian of shape >= 1 with one shifted coordinate
        Smoothing noise.
    shift : array_like, shape (n,), or Ball
        As for `renyi`; a ball for Gaussian noise in every norm, for uniform noise in l1 and l_inf.
    eps : float >= 0
        Privacy loss in nats.

    Returns
    -------
    float
        In [0, 1]; its relative error is some 1e-13, however small it is.

    Raises
    ------
    UnsupportedNoiseError
        Another noise, more than one shifted coordinate where that is not coded, or a ball whose worst shift is not
        known.
    """
    noise, eps = noise.canonical, float(floats("hockey_stick", "eps", eps))
    if not eps >= 0:
        raise ValueError(f"hockey_stick: eps must be at least 0, got eps={eps}")
    if isinstance(shift, Ball) and not isinstance(noise, Gaussian | Uniform):
        raise UnsupportedNoiseError(f"hockey_stick is not coded for {noise!r} and {shift!r}")
    sizes, counts = _lengths(noise, shift, 1.0)
    if isinstance(noise, Gaussian):
        # squares of lengths in units of the largest do not underflow
        largest = sizes.max(initial=0.0)
        length = largest * sqrt(float((sizes / (largest or 1.0)) ** 2 @ counts)) / noise.sigma
        return float(gaussian_hockey_stick(length, eps))
    if isinstance(noise, Uniform):
        with np.errstate(divide="ignore"):
            return float(-np.expm1(np.log1p(-np.minimum(sizes / (2 * noise.scale), 1)) @ counts))
    scale, shape = gg.unit("hockey_stick", noise, ", or Uniform")
    if counts.sum() > 1:
        raise UnsupportedNoiseError(f"hockey_stick of {noise!r} is coded for one shifted coordinate, got {shift!r}")
    return float(_stick(sizes.max(initial=0.0) / scale, np.asarray(eps), shape))


def _lengths(noise: Noise, shift: Any, order: float) -> tuple[NDArray, NDArray]:
    """Distinct lengths of shifted coordinates, in units of the input, and how many coordinates have each.

    Of a ball those of the shift with the largest divergence.
    """
    if not isinstance(shift, Ball):
        sizes = np.abs(np.atleast_1d(floats("divergences", "a shift", shift)).ravel())
        if not np.isfinite(sizes).all():
            raise ValueError(f"a shift must be finite, got {shift!r}")
        return np.unique(sizes[sizes > 0], return_counts=True)
    radius, norm = shift
    if not (radius >= 0 and norm >= 1):
        raise ValueError(f"a ball needs radius >= 0 and norm >= 1, got {shift!r}")
    shape = 1.0 if isinstance(noise, Laplace) else getattr(noise, "shape", None)
    # norms up to the first have their worst shift on an axis, those from the second on in equal coordinates
    if isinstance(noise, Gaussian):
        low = high = 2.0
    elif isinstance(noise, ExponentialLinf):
        low = high = inf
    elif isinstance(noise, Uniform):
        low, high = 1.0, inf
    elif shape is not None and order == 1:
        low, high = min(shape, 2.0), max(shape, 2.0)
    elif shape is not None and order == inf:
        low = high = 1.0  # linear for shape 1, else inf whatever the shift
    else:
        raise UnsupportedNoiseError(f"the worst shift of {noise!r} at order {order:g} is not known: give the shift")
    if norm <= low:
        return np.array([radius]), np.array([1.0])
    if norm < high:
        raise UnsupportedNoiseError(f"the worst shift of {noise!r} in the l{norm:g} norm is not known: give the shift")
    if noise.dim is None:
        raise MissingDimensionError(f"the worst shift in the l{norm:g} norm needs the dimension: {noise!r}")
    spread = 1.0 if norm == inf else float(noise.dim) ** (1 / norm)
    return np.array([radius / spread]), np.array([float(noise.dim)])


def _renyi_of_one(noise: Noise, x: float, order: float) -> float:
    """Divergence of one coordinate shifted by x in units of the input, for order >= 0.

    With p and q around u/2 and -u/2 in scales, and D = log(p / q), the sum of q^a p^(1 - a) less 1 is the integral over
    x > 0 of 4 sqrt(p q) sinh(a D / 2) sinh((a - 1) D / 2): of one sign, so that nothing cancels.
    """
    if x == 0:
        return 0.0
    if isinstance(noise, Gaussian):
        return order * (x / noise.sigma) ** 2 / 2
    if isinstance(noise, Uniform):
        outside = x / (2 * noise.scale)
        return inf if order >= 1 or outside >= 1 else log1p(-outside) / (order - 1)
    scale, s = gg.unit(f"renyi of order {order:g}", noise, ", or Uniform")
    u = x / scale
    if order == 0:
        return 0.0
    if order == 1:
        return float(gg.kappa(u, s))
    if order == inf:
        return u if s == 1 else inf
    if order < 0.5:  # the laws are each other's mirror images
        return order / (1 - order) * _renyi_of_one(noise, x, 1 - order)
    found = _log_integral(u / 2, order, s)
    if order > 1:
        return float(np.logaddexp(0, found)) / (order - 1)
    # the rest, from the integral of p^(1 - a) q^a itself where little of it is left
    rest = np.log1p(-exp(found)) if found < log(0.5) else _log_integral(u / 2, order, s, whole=True)
    return -float(rest) / (1 - order)


def _log_integral(half: float, order: float, s: float, whole: bool = False) -> float:
    """Logarithm of the integral over x > 0, cut at the kink x = half, with finer steps until the value stays.

    Raises
    ------
    ArithmeticError
        It does not: the shift is too large, or the order.
    """
    # p^a q^(1 - a) is largest at x = half for a <= 1, above it further out, and falls as exp(-x^s)
    root = ((order - 1) / order) ** (1 / (s - 1)) if order > 1 and s > 1 else 0.0
    reach = 4 * (750 ** (1 / s) + 2 * half / (1 - root))
    width = half if whole else min(half, 750 ** (1 / s) * 2)
    before, step = -inf, 0.04
    while step > LEAST_STEP:
        y, above = half_line(log(reach) + 0.1, step)
        share, rest, below = interval(step)
        parts = [
            _log_terms(y, half + y, half, order, s, whole) + np.log(above),
            _log_terms(width * share, width * rest + (half - width), half, order, s, whole) + np.log(width * below),
        ]
        found = float(special.logsumexp(np.concatenate(parts)))
        if abs(found - before) < 3e-15 * (5 + s) * max(1, abs(found)):
            return found
        before, step = found, 0.47 * step  # other nodes: one term may be nearly all
    raise ArithmeticError(f"renyi: order {order:g} of a shift by {2 * half:g} scales at shape {s:g} did not settle")


def _log_terms(y: NDArray, x: NDArray, half: float, order: float, s: float, whole: bool) -> NDArray:
    """Logarithm of the integrand at x, y = |x - half|; `whole` is for p^a q^(1 - a) + p^(1 - a) q^a."""
    with np.errstate(all="ignore"):
        loss = gg.power_gap(x + half, 2 * np.minimum(x, half), s)
        log_p = log(s / 2) - special.gammaln(1 / s) - y**s
        if whole:
            return log_p + np.logaddexp(-order * loss, (order - 1) * loss)
        # sqrt(p q) = p exp(-D / 2), whose exponent meets those of the two sinh
        found = log_p + max(order - 1, 0) * loss
        found += np.log(-np.expm1(-order * loss)) + np.log(-np.expm1(-abs(order - 1) * loss))
    return np.where(np.isnan(found), -inf, found)


@elementwise
def gaussian_hockey_stick(length: Any, eps: Any) -> Any:
    """The same for Gaussian noise, `length` in deviations; arguments broadcast. Balle and Wang 2018, Theorem 8."""
    return _stick(length / sqrt(2), eps, 2.0)


def _stick(u: NDArray, eps: NDArray, s: float) -> NDArray:
    """The same for one coordinate shifted by `u` scales; the arrays broadcast.

    The likelihood ratio is monotone for s >= 1, so that it is the integral of q (1 - exp(eps - loss)), which is
    positive, from where loss is eps on; cut at the kink of q at u.
    """
    u, eps = (x.astype(float) for x in np.broadcast_arrays(u, eps))
    some = (u > 0) & (u < inf) & (np.abs(eps) < inf) & (eps != 0)
    y, above = half_line(log(760) + 0.1, gg.STEP / (s + 1))
    share, _, below = interval(gg.STEP / (s + 1))
    with np.errstate(all="ignore"):
        found = np.where(eps == 0, gg.inside(u / 2, s), np.where(np.isnan(u + eps), np.nan, u == inf))
        u, eps, least = u[some][:, None], np.abs(eps[some])[:, None], np.minimum(eps[some], 0)
        beyond = gg.edge(eps, u, s) - u
        reach, low = np.clip(-beyond, 0, 60 ** (1 / s)), np.maximum(beyond, 0)
        fall = np.maximum(1, s * low ** (s - 1))  # at which q falls there, at least
        total = np.zeros(len(u))
        for z, weight in ((low + y / fall, above / fall), (-reach * share, reach * below)):
            gain = -np.expm1(np.minimum(eps - gg.loss(u + z, u, s), 0))
            total += np.nansum(weight * np.exp(-(np.abs(z) ** s)) * gain, axis=1)
        # of -eps by the same of eps, both laws being each other's mirror images
        found[some] = np.exp(least) * total * s / (2 * gamma(1 / s)) - np.expm1(least)
    return np.minimum(found, 1)
