"""Expected norms of a vector of independent coordinates, by quadrature that loses no digits in high dimension."""

from collections.abc import Callable
from itertools import pairwise
from math import inf, lgamma, log, pi, sqrt
from typing import Any

import numpy as np
from scipy import special


def mean_maximum(tail: Callable[[float], float], dim: float, reach: float) -> float:
    """E max |x_i| = integral of 1 - (1 - tail)^dim over [0, reach], for coordinates with P(|x_i| > t) = tail(t).

    `reach` is where dim * tail is negligible. Written with log1p and expm1: 1 - (1 - 1e-20)^dim is not 0.
    """
    from scipy import integrate  # a fifth of a second, which a radius should not wait for

    def above(t: float) -> float:
        small = tail(t)
        return 1.0 if small >= 1 else float(-np.expm1(dim * np.log1p(-small)))

    low, high = 0.0, reach
    for _ in range(60):  # the integrand falls from 1 to 0 around the point where dim * tail = 1
        middle = (low + high) / 2
        low, high = (middle, high) if dim * tail(middle) > 1 else (low, middle)
    edges = np.unique(np.clip([0, low / 2, 0.8 * low, low, 1.25 * low, 2 * low, reach], 0, reach))
    return sum(integrate.quad(above, a, b, epsabs=0, epsrel=1e-13, limit=400)[0] for a, b in pairwise(edges))


def mean_length(one_minus_transform: Callable[[Any], Any], dim: float, second_moment: float) -> float:
    """E ||x||_2 if squares have the Laplace transform M(s): the integral of (1 - M^dim) s^(-3/2) / (2 sqrt(pi)).

    In y = log s the integrand is analytic and falls exponentially on both sides, so that the trapezoid rule is exact to
    rounding. `one_minus_transform` gives 1 - M without cancellation.
    """
    step = 0.2
    y = -log(dim * second_moment) + np.arange(-70, 70, step)
    s = np.exp(y)
    with np.errstate(divide="ignore"):
        total = -np.expm1(dim * np.log1p(-np.minimum(one_minus_transform(s), 1)))
    # beyond the ends the integrand is that of its limits, 1 - M^dim -> dim E x^2 s and -> 1
    return float((total / np.sqrt(s)).sum() * step / (2 * sqrt(pi)))


def gamma_power_length(shape: float, dim: float) -> float:
    """E ||x||_2 for density proportional to exp(-|x|^shape)."""
    step = min(0.05, 0.25 / shape)
    u = np.arange(-24, log(60) / min(shape, 1) + 1, step)
    with np.errstate(over="ignore", under="ignore"):
        weights = step * shape * np.exp(u - np.exp(shape * u) - lgamma(1 / shape))
    second = np.exp(lgamma(3 / shape) - lgamma(1 / shape))
    keep = weights > 0
    squares, weights = np.exp(2 * u[keep]), weights[keep]

    def one_minus_transform(s: Any) -> Any:
        return np.array([weights @ -np.expm1(-one * squares) for one in s])

    return mean_length(one_minus_transform, dim, float(second))


def chi_mean(gamma: float) -> float:
    """E sqrt(2 G) for G of the law Gamma(gamma): at gamma = dim / 2, E ||x||_2 of a standard normal vector."""
    return sqrt(2) * float(special.poch(gamma, 0.5))


def cube_length(dim: float) -> float:
    """E ||x||_2 for x uniform on [-1, 1]^dim."""

    def one_minus_transform(s: Any) -> Any:
        root = np.sqrt(s)
        series = sum((-1) ** (k + 1) * s**k / (special.factorial(k) * (2 * k + 1)) for k in range(1, 15))
        return np.where(s < 0.5, series, 1 - sqrt(pi) * special.erf(root) / (2 * root))

    with np.errstate(over="ignore", invalid="ignore"):
        return mean_length(one_minus_transform, dim, 1 / 3)


def checked(owner: str, norm: float, dim: int | None) -> float:
    """Return `dim` as a float, or raise where a mean norm is not offered."""
    if norm not in (2, inf):
        raise ValueError(f"{owner}: mean_norm needs norm 2 or inf, got norm={norm}")
    if dim is None:
        raise ValueError(f"{owner}: mean_norm needs the dimension, got dim=None")
    return float(dim)
