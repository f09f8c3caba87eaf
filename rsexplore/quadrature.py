"""Double exponential rules: nodes crowd towards 0, or both ends, where an integrand may have a power or a kink."""

from math import ceil

import numpy as np
from numpy.typing import NDArray


def half_line(end: float, step: float) -> tuple[NDArray, NDArray]:
    """Nodes and weights for the integral over (0, inf) of a function that is negligible beyond exp(end)."""
    t = -3.7 + step * np.arange(ceil((3.7 + end) / step))  # the steps of a range of floats would be rounded
    y = np.exp(t - np.exp(-t))
    return y, step * y * (1 + np.exp(-t))


def interval(step: float) -> tuple[NDArray, NDArray, NDArray]:
    """Nodes in (0, 1), their distances from 1, and weights (tanh-sinh)."""
    t = -3.6 + step * np.arange(ceil(7.2 / step))
    share, rest = (1 / (1 + np.exp(sign * np.pi * np.sinh(t))) for sign in (-1, 1))
    return share, rest, step * np.pi * np.cosh(t) * share * rest
