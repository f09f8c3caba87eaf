"""The one curve of certificates from Renyi divergences, in its order, and its maximum.

Between Gaussian noise and its shift the Renyi divergence over its order is r^2 / (2 sigma^2) for every order. So each
order gives a radius sigma sqrt(2 G), G(order) being the least divergence of a class change over the order. Order 1/2 is
Hellinger and Bhattacharyya, 1 is Kullback-Leibler, 2 is chi-squared, 0 is reverse Kullback-Leibler. Below 0 the
directions change places: the value is that of D_(1 - order)(P, Q) over 1 - order.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.check import Probabilities, as_given, floats, read
from rsexplore.divergences.least import LeastRenyi, LeastReverseKL, log_cosh
from rsexplore.notation import LogRatio
from rsexplore.solve import maximum

FAR = 1e4  # log(p_A / p_B) / 2 beyond which p_B counts as 0: what is lost is exp(-2 FAR |1 - order|)
NEAR = 1e-4  # and below which the order is that of the tie


class BestOrder(NamedTuple):
    """The order whose certificate is the largest, and the least divergence over the order there."""

    order: Any  # float or ndarray
    value: Any


def least_over_order(
    order: ArrayLike, p_a: ArrayLike | None = None, *, q_a: ArrayLike | None = None, p_b: ArrayLike | None = None
) -> Any:
    """Least Renyi divergence of a class change, over its order.

    Parameters
    ----------
    order : array_like, shape (...)
        Any real numbers, or inf (where it is 0); broadcasts with the probabilities.
    p_a, q_a, p_b : array_like, shape (...)
        As for `Bound.radius`.

    Returns
    -------
    float or ndarray, shape (...)
        A float where every argument is a scalar.
        0 where p_a <= p_b, nan outside [0, 1] and at an order of nan. The l2 radius of Gaussian noise is
        sigma sqrt(2 value).
    """
    points = _points("least_over_order", p_a, q_a, p_b)
    orders = floats("least_over_order", "order", order)
    with np.errstate(all="ignore"):
        usual = np.where(np.isinf(orders) | (orders == 0), 1.0, orders)  # the formula has neither 0 nor inf
        found = LeastRenyi.floats(usual, *points.cut) / usual
        found = np.where(orders == 0, LeastReverseKL.floats(*points.cut), np.where(np.isinf(orders), 0.0, found))
    valid = points.valid & ~np.isnan(orders)
    return as_given(np.where(valid, np.where(points.tied, 0.0, found), np.nan), order, p_a, q_a, p_b)


def best_order(
    p_a: ArrayLike | None = None, *, q_a: ArrayLike | None = None, p_b: ArrayLike | None = None
) -> BestOrder:
    """Order at which `least_over_order` is largest, by bisection of its derivative, and the value there.

    It lies in (3/4, 3/2), for two classes in (1, 3/2); in a tie it is 3/4 (1 + p_A + p_B). Shapes are those of
    `least_over_order`; to some 1e-8.
    """
    points = _points("best_order", p_a, q_a, p_b)
    with np.errstate(all="ignore"):
        pa, qa, pb, qb = points.cut
        half = np.minimum(LogRatio.floats(pa, qa, pb, qb) / 2, FAR)
        low, high = np.full(half.shape, 0.5), np.full(half.shape, 2.0)
        for _ in range(60):
            middle = (low + high) / 2
            rises = _slope(middle, half, pa, qa, pb, qb) > 0
            low, high = np.where(rises, middle, low), np.where(rises, high, middle)
        order = np.where(half < NEAR, 0.75 * (1 + pa + pb), low)
        value = LeastRenyi.floats(order, pa, qa, pb, qb) / order
    valid = points.valid & ~points.tied
    order, value = np.where(valid, order, np.nan), np.where(valid, value, np.where(points.valid, 0.0, np.nan))
    return BestOrder(*(as_given(x, p_a, q_a, p_b) for x in (order, value)))


def least_mr(p_a: ArrayLike | None = None, *, q_a: ArrayLike | None = None, p_b: ArrayLike | None = None) -> Any:
    """Least D_MR of a class change: the largest Renyi divergence of an order above 1 over that order, for the best Q.

    For two classes, where Q is (1/2, 1/2), the maximum of `least_over_order`. With more, one Q has to serve all orders,
    so that it is never below the maximum over orders above 1; the best Q has q_1 = q_2 and the rest in proportion to p,
    for D of each order is quasi-convex. Shapes are those of `least_over_order`; to some 1e-9.
    """
    points = _points("least_mr", p_a, q_a, p_b)
    pa, qa, pb, _ = (x.ravel() for x in points.cut)
    rest = np.maximum(qa - pb, 0)
    with np.errstate(all="ignore"):
        low, high = np.minimum(pa, pb), np.where(rest > 0, np.maximum((pa + pb) / 2, pb), 0.5)
        low = np.where(rest > 0, low, 0.5)
        golden = (np.sqrt(5) - 1) / 2
        for _ in range(48):
            left, right = high - golden * (high - low), low + golden * (high - low)
            falls = _largest(left, pa, pb, rest) > _largest(right, pa, pb, rest)
            low, high = np.where(falls, left, low), np.where(falls, high, right)
        found = _largest((low + high) / 2, pa, pb, rest)
        found = np.where(pb > 0, found, -np.log(rest)).reshape(points.pa.shape)  # without a runner-up, q_1 = 0
    return as_given(np.where(points.valid, np.where(points.tied, 0.0, found), np.nan), p_a, q_a, p_b)


def _largest(tie: NDArray, pa: NDArray, pb: NDArray, rest: NDArray) -> NDArray:
    """Supremum over orders above 1 of D_order(Q, P) / order, for Q with q_1 = q_2 = `tie`."""
    votes = np.array([tie, tie, 1 - 2 * tie])
    logs = np.where(votes > 0, np.log(votes / np.array([pa, pb, rest])), 0.0)

    first = (votes * logs).sum(axis=0)  # Kullback-Leibler

    def value(above: NDArray) -> NDArray:  # at order - 1
        x = above[:, None] * logs
        bend = np.where(np.abs(x) > 1e-8, (np.expm1(x) - x) / x, x / 2)
        grown = above * (first + (votes * logs * bend).sum(axis=1))
        # exponentials overflow where the largest ratio decides
        large = (np.log(votes) + x).max(axis=1)
        return np.where(above == 0, first, np.where(large > 600, large, np.log1p(grown)) / (above * (1 + above)))

    # there may be two maxima, at order 1 and far above
    near = maximum(value, tie.shape)
    return np.maximum(near, maximum(lambda share: value(1000.0**share), tie.shape))


def _points(owner: str, p_a: Any, q_a: Any, p_b: Any) -> Probabilities:
    return Probabilities.of(*read(owner, p_a, q_a, p_b))


def _slope(order: NDArray, half: NDArray, pa: NDArray, qa: NDArray, pb: NDArray, qb: NDArray) -> NDArray:
    """Order^2 times the derivative of the curve: order h' - h, with h = -log(c + 2 M) and M the power mean."""
    x = (1 - order) * half
    size = np.maximum(np.abs(x), 1e-8)
    # log M has the derivative -half^2 (x tanh x - log cosh x) / x^2
    bend = np.where(np.abs(x) > 1e-8, (size * np.tanh(size) - log_cosh(size)) / size**2, 0.5)
    grown = np.where(np.abs(x) > 1e-8, log_cosh(size) * half / size * np.sign(x), half * x / 2)
    log_mean = np.where(qa < 0.5, np.log1p(-qa), np.log(pa)) - half + grown
    least = LeastRenyi.floats(order, pa, qa, pb, qb)
    return order * 2 * half**2 * bend * np.exp(log_mean + least) - least
