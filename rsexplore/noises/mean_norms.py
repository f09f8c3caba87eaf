"""Expected norms of a vector of independent coordinates, by quadrature that loses no digits in high dimension."""

from math import inf, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.quadrature import half_line, interval


def power_norm(shape: float, norm: float, dim: float) -> float:
    """E ||x||, norm 2 or inf, for density proportional to exp(-|x|^shape)."""
    if norm == inf:  # -dim log P(|x_i| below the maximum) is exponential
        w, weights = half_line(log(45), 0.045)
        x = special.gammainccinv(1 / shape, -np.expm1(-w / dim)) ** (1 / shape)
        flat = np.exp(-w / dim) * special.gamma(1 + 1 / shape)  # where the power of x underflows, else below x
        return float(weights @ (np.exp(-w) * np.maximum(x, flat)))
    x, weights = half_line(log(120) / shape + 0.6, 0.15 / (shape + 1))
    return _mean_length(x, weights * np.exp(-(x**shape)) / special.gamma(1 + 1 / shape), dim)


def chi_mean(gamma: float) -> float:
    """E sqrt(2 G) for G of the law Gamma(gamma): at gamma = dim / 2, E ||x||_2 of a standard normal vector."""
    return sqrt(2) * float(special.poch(gamma, 0.5))


def cube_length(dim: float) -> float:
    """E ||x||_2 for x uniform on [-1, 1]^dim."""
    x, _, weights = interval(0.05)
    return _mean_length(x, weights, dim)


def _mean_length(x: NDArray, weights: NDArray, dim: float) -> float:
    """E ||x||_2 by the Laplace transform M of a square, the integral of (1 - M(s)^dim) s^(-3/2) / (2 sqrt(pi)).

    In y = log s the integrand is analytic and falls exponentially on both sides, so that the trapezoid rule is exact to
    rounding.
    """
    step = 0.2
    s = np.exp(np.arange(-70, 70, step)) / (dim * (weights @ x**2))
    rest = np.array([weights @ -np.expm1(-one * x**2) for one in s])  # 1 - M
    with np.errstate(divide="ignore"):
        total = -np.expm1(dim * np.log1p(-np.minimum(rest, 1)))
    return float((total / np.sqrt(s)).sum() * step / (2 * sqrt(pi)))
