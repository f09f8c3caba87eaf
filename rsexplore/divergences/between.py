"""Divergences between a noise and its shift.

Noises are taken as what they are, e.g. GeneralizedGaussian of shape 2 as Gaussian (`Noise.canonical`).

Coordinates of the families coded here are independent, so Renyi divergences of every order, and with them KL,
chi-squared, Hellinger, Bhattacharyya, D_inf and D_MR, are sums over coordinates. Total variation and the hockey-stick
are not: for Gaussian noise they depend on the l2 length alone, for uniform noise on the overlap of two cubes; for the
others they are coded for one shifted coordinate. All these noises are symmetric, so both directions are equal.
"""

from collections.abc import Callable
from math import inf, log1p, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.check import floats
from rsexplore.divergences import coordinate
from rsexplore.divergences.coordinate import shape_of
from rsexplore.divergences.generalized_gaussian import LARGEST
from rsexplore.noises import ExponentialLinf, Gaussian, Noise, Uniform


class Ball(NamedTuple):
    """All shifts of l_`norm` length `radius`; a divergence of a ball is that of its worst shift."""

    radius: float
    norm: float = 2.0


class Shift(NamedTuple):
    """Distinct lengths of shifted coordinates, in units of the input, and how many coordinates have each."""

    sizes: NDArray
    counts: NDArray


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
        The noise is none of these, or the worst shift of the ball is not known: it is for Gaussian noise, and
        for Laplace and generalized Gaussian noise at order 1 (norm <= min(shape, 2) or >= max(shape, 2)) and inf.
    MissingDimensionError
        The worst shift has as many coordinates as the noise, whose `dim` is not set.
    """
    noise, order = noise.canonical, float(floats("renyi", "order", order))
    if np.isnan(order):
        raise ValueError(f"renyi: order must be a number, got order={order}")
    if order < 0:
        return order / (1 - order) * renyi(noise, shift, 1 - order)
    if isinstance(noise, ExponentialLinf) and order == inf:
        found = _worst(noise, shift, order) if isinstance(shift, Ball) else _listed(shift)
        return float(found.sizes.max(initial=0.0) / noise.scale)
    one = _renyi_of_one(noise, order)
    sizes, counts = _worst(noise, shift, order) if isinstance(shift, Ball) else _listed(shift)
    return float(sum(n * one(float(x)) for x, n in zip(sizes, counts, strict=True)))


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
    shape = shape_of(noise)
    if not _listed(shift).sizes.size:
        return 0.0
    if shape is not None and shape > 2:
        return inf
    orders = 1 + np.concatenate([[0.0], np.geomspace(1e-3, 63, 61)])
    values = np.array([renyi(noise, shift, order) / order for order in orders])
    top = int(np.argmax(values))
    low, high = orders[max(top - 1, 0)], orders[min(top + 1, len(orders) - 1)]
    return float(max(values.max(), *(renyi(noise, shift, order) / order for order in np.linspace(low, high, 41))))


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
        As for `renyi`; a ball for Gaussian noise in every norm, for uniform noise in l1.
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
    ball = isinstance(shift, Ball)
    if isinstance(noise, Gaussian):
        sizes, counts = _worst(noise, shift, 1.0) if isinstance(shift, Ball) else _listed(shift)
        # squares of lengths in units of the largest do not underflow
        largest = sizes.max(initial=0.0)
        length = largest * sqrt(float((sizes / (largest or 1.0)) ** 2 @ counts)) / noise.sigma
        return float(coordinate.gaussian_hockey_stick(length, eps))
    if isinstance(noise, Uniform) and (not ball or shift.norm == 1):  # type: ignore[union-attr]
        sizes, counts = _axis(shift.radius) if isinstance(shift, Ball) else _listed(shift)
        with np.errstate(divide="ignore"):
            kept = np.log1p(-np.minimum(sizes / (2 * noise.scale), 1)) @ counts
        return float(-np.expm1(kept))
    shape = shape_of(noise)
    if shape is None or ball:
        raise UnsupportedNoiseError(f"hockey_stick is not coded for {noise!r} and {shift!r}")
    found = _listed(shift)
    if found.counts.sum() > 1:
        raise UnsupportedNoiseError(f"hockey_stick of {noise!r} is coded for one shifted coordinate, got {shift!r}")
    size = found.sizes.max(initial=0.0) / noise.scale  # type: ignore[attr-defined]
    return coordinate.hockey_stick(float(size), float(eps), shape)


def _renyi_of_one(noise: Noise, order: float) -> Callable[[float], float]:
    """Divergence of one coordinate as a function of its shift in units of the input."""
    if isinstance(noise, Gaussian):
        sigma = noise.sigma
        return lambda x: 0.0 if x == 0 else order * (x / sigma) ** 2 / 2
    if isinstance(noise, Uniform):
        scale = noise.scale
        return lambda x: _uniform(x / scale, order)
    shape = shape_of(noise)
    if shape is None:
        needed = f"Gaussian, Uniform, Laplace or GeneralizedGaussian (shape 1 to {LARGEST:g}) noise"
        raise UnsupportedNoiseError(f"renyi of order {order:g} needs {needed}, got {noise!r}")
    scale = noise.scale  # type: ignore[attr-defined]
    return lambda x: coordinate.renyi(x / scale, order, shape)


def _uniform(u: float, order: float) -> float:
    if u == 0:
        return 0.0
    if order >= 1 or u >= 2:
        return inf
    return log1p(-u / 2) / (order - 1)


def _listed(shift: Any) -> Shift:
    sizes = np.abs(np.atleast_1d(floats("divergences", "a shift", shift)).ravel())
    if not np.isfinite(sizes).all():
        raise ValueError(f"a shift must be finite, got {shift!r}")
    return Shift(*np.unique(sizes[sizes > 0], return_counts=True))


def _axis(radius: float) -> Shift:
    return Shift(np.array([radius]), np.array([1.0]))


def _worst(noise: Noise, ball: Ball, order: float) -> Shift:
    """Shift of the ball with the largest divergence."""
    radius, norm = ball
    if not (radius >= 0 and norm >= 1):
        raise ValueError(f"a ball needs radius >= 0 and norm >= 1, got {ball!r}")
    shape = shape_of(noise)
    if isinstance(noise, Gaussian):
        low = high = 2.0
    elif isinstance(noise, ExponentialLinf):
        return _axis(radius)
    elif shape is not None and order == 1:
        low, high = min(shape, 2.0), max(shape, 2.0)
    elif shape is not None and order == inf:
        low = high = 1.0  # linear for shape 1, else inf whatever the shift
    else:
        raise UnsupportedNoiseError(f"the worst shift of {noise!r} at order {order:g} is not known: give the shift")
    if norm <= low:
        return _axis(radius)
    if norm < high:
        raise UnsupportedNoiseError(f"the worst shift of {noise!r} in the l{norm:g} norm is not known: give the shift")
    if noise.dim is None:
        raise MissingDimensionError(f"the worst shift in the l{norm:g} norm needs the dimension: {noise!r}")
    spread = 1.0 if norm == inf else float(noise.dim) ** (1 / norm)
    return Shift(np.array([radius / spread]), np.array([float(noise.dim)]))
