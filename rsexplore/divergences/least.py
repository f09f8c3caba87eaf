"""The least divergence that a change of class needs, for each divergence, as named pieces of formulas.

A classifier votes p_A for its top class and at most p_B for any other. For the top class to change, the distribution of
votes must move to one whose first two classes tie; of all those, one is nearest in each divergence. Every minimum here
is attained or an infimum (docs/divergences.md, "The least value"; tests minimise over the simplex), so what is lost
is lost by comparing noises by a divergence at all.

Every order of the Renyi divergence gives one value, of which Kullback-Leibler (1), Hellinger and Bhattacharyya (1/2)
and chi-squared (2) are special cases. Divergences are of the new law from the old, d(Q, P), unless said to be reverse.

Between Gaussian noise and its shift the Renyi divergence over its order is r^2 / (2 sigma^2) for every order. So each
order gives a radius sigma sqrt(2 G), G(order) being the least divergence of a class change over the order. At order 0
that is reverse Kullback-Leibler. Below 0 the directions change places: the value is that of D_(1 - order)(P, Q) over
1 - order.
"""

from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.check import Probabilities, as_given, floats, read
from rsexplore.notation import Gap, LogComplementGap, LogRatio, either, log_rest, piece
from rsexplore.solve import maximum

FAR = 1e4  # log(p_A / p_B) / 2 beyond which p_B counts as 0: what is lost is exp(-2 FAR |1 - order|)
NEAR = 1e-4  # and below which the order is that of the tie


def _renyi(order: sp.Expr, a: sp.Expr, b: sp.Expr) -> sp.Expr:
    if order == 1:
        return LeastKL(a, b).plain()
    mean = ((a ** (1 - order) + b ** (1 - order)) / 2) ** (1 / (1 - order))
    return -sp.log(1 - a - b + 2 * mean)


@piece(_renyi)
def LeastRenyi(order: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least Renyi divergence; arguments order, p_A, p_B. Li et al. 2019, Lemma 1; Hayes 2020, eq. (10)."""
    # power mean of exponent e = 1 - order: M = sqrt(p_A p_B) cosh(e t)^(1/e) with t = log(p_A / p_B) / 2
    exponent = 1 - np.asarray(order, dtype=float)
    half = LogRatio.floats(pa, qa, pb, qb) / 2
    tied = np.where(np.abs(exponent) < 1e-12, exponent * half**2 / 2, log_cosh(exponent * half) / exponent)
    # without a runner-up M is p_A 2^(-1/e), or 0 for e <= 0
    alone = np.where(exponent > 0, -np.log(2) / np.maximum(exponent, 1e-300), -np.inf)
    log_top = either(qa < 0.5, lambda: np.log1p(-qa), lambda: np.log(pa))
    log_mean = either(pb > 0, lambda: (log_top + np.log(pb)) / 2 + tied, lambda: log_top + alone)
    near = either(
        pb > 0,
        lambda: -(pa + pb) * np.expm1(tied - log_cosh(half)),
        lambda: -pa * np.expm1(np.log(2) + alone),
    )
    far = np.logaddexp(np.log(np.maximum(qa - pb, 0)), np.log(2) + log_mean)
    return -either(near < 0.5, lambda: np.log1p(-near), lambda: far)


def log_cosh(x: Any) -> Any:
    """log cosh x, for x near 0 and large."""
    size = np.abs(x)
    return either(
        size < 1,
        lambda: np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2),
        lambda: size - np.log(2) + np.log1p(np.exp(-2 * size)),
    )


@piece(lambda a, b: -sp.log(2 * sp.sqrt(a * b) + 1 - a - b))
def LeastKL(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least Kullback-Leibler divergence; arguments p_A, p_B. Hayes, eq. (15)."""
    root_a, root_b = np.sqrt(pa), np.sqrt(pb)
    near = (Gap.floats(pa, qa, pb, qb) / (root_a + root_b)) ** 2
    return -log_rest(near, (qa - pb) + 2 * root_a * root_b)


@piece(lambda a, b: -sp.log(sp.sqrt(1 - (sp.sqrt(a) - sp.sqrt(b)) ** 2 / 2)))
def LeastHellinger(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """-log(1 - H2) at the least squared Hellinger distance H2; arguments p_A, p_B. Hayes, Table 1."""
    root_gap = Gap.floats(pa, qa, pb, qb) / (np.sqrt(pa) + np.sqrt(pb))
    return -np.log1p(-(root_gap**2) / 2) / 2


def _bhattacharyya(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    above = (sp.sqrt(a) + sp.sqrt(b)) ** 2 + 2 * (1 - a - b)
    return -sp.log(above / sp.sqrt(2 * (2 * sp.sqrt(a * b) + 2 - a - b)))


@piece(_bhattacharyya)
def LeastBhattacharyya(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least Bhattacharyya distance; arguments p_A, p_B. Hayes, Table 1; identical to -log(1 - H2)."""
    return LeastHellinger.floats(pa, qa, pb, qb)


@piece(lambda a, b: sp.log((a + b) / ((a + b) - (a - b) ** 2)))
def LeastChi2(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """log(1 + chi2) at the least Neyman chi-squared divergence; arguments p_A, p_B. Hayes, Table 1."""
    both = pa + pb
    near = Gap.floats(pa, qa, pb, qb) ** 2 / both
    # (p_A + p_B) - (p_A - p_B)^2 without the cancellation at p_A -> 1
    return -log_rest(near, (pa * qa + pb * qb + 2 * pa * pb) / both)


@piece(lambda a, b: (a - b) / 2)
def LeastTV(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least total variation distance; arguments p_A, p_B. Hayes, Table 1."""
    return Gap.floats(pa, qa, pb, qb) / 2


@piece(lambda a, b: a * sp.log(2 * a / (a + b)) + b * sp.log(2 * b / (a + b)))
def LeastReverseKL(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least Kullback-Leibler divergence KL(P, Q) of the old law from the new; arguments p_A, p_B (ours).

    It is the limit of least Renyi divergence over order as the order goes to 0.
    """
    both = pa + pb
    share = Gap.floats(pa, qa, pb, qb) / both
    return either(
        share < 0.5,
        lambda: both * (share * np.arctanh(np.minimum(share, 0.5)) + np.log1p(-(share**2)) / 2),
        lambda: pa * np.log1p(share) + special.xlogy(pb, 2 * (pb / both)),
    )


@piece(lambda a, b: -sp.log(1 - a + b))
def LeastInfinite(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least D_inf(Q, P), the largest log of a ratio of probabilities; arguments p_A, p_B. Hayes, Section 3.1."""
    return -LogComplementGap.floats(pa, qa, pb, qb)


@piece(lambda a, b: sp.log(1 + a - b))
def LeastReverseInfinite(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least D_inf(P, Q); arguments p_A, p_B (ours)."""
    return np.log1p(Gap.floats(pa, qa, pb, qb))


@piece(lambda a, b: sp.Max(sp.log(a / b) / 2, -sp.log(1 - a + b)))
def LeastPure(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least D_inf in the worse direction (pure differential privacy); arguments p_A, p_B. Teng et al. 2020, Theorem 1.

    At eps, q_1 >= exp(-eps) p_1 meets q_2 <= exp(eps) p_2 at half the log-ratio, and the masses can add up to 1 from
    D_inf(Q, P) on, which is never below D_inf(P, Q).
    """
    return np.maximum(LogRatio.floats(pa, qa, pb, qb) / 2, -LogComplementGap.floats(pa, qa, pb, qb))


@piece(lambda eps, a, b: sp.Max(0, (1 - sp.exp(eps) * (1 - a + b)) / 2))
def LeastHockeyStick(eps: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least value of sum (q - exp(eps) p)_+ ; arguments eps >= 0, p_A, p_B (ours). Total variation at eps = 0.

    0 from eps = D_inf on. For two classes the best eps gives the exact radius of Gaussian noise.
    """
    return -np.expm1(np.minimum(eps + LogComplementGap.floats(pa, qa, pb, qb), 0)) / 2


@piece(lambda eps, a, b: sp.Max(0, (1 + a - b - sp.exp(eps)) / 2))
def LeastReverseHockeyStick(eps: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Least value of sum (p - exp(eps) q)_+ ; arguments eps >= 0, p_A, p_B (ours)."""
    return np.maximum(Gap.floats(pa, qa, pb, qb) - np.expm1(eps), 0) / 2


@piece(lambda loss, a, b: a - sp.exp(2 * loss) * b)
def PrivacyDelta(loss: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """p_A - exp(2 beta) p_B: what (beta, delta)-privacy has to cover; arguments beta, p_A, p_B. Lecuyer et al. 2019,
    Proposition 1."""
    return -pa * np.expm1(np.minimum(2 * loss - LogRatio.floats(pa, qa, pb, qb), 0.0))


@piece(lambda slack, a, b: (sp.sqrt(slack**2 + 2 * sp.log(a / b)) - slack) / 2)
def RootEps(slack: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """sqrt(eps) with 2 (eps + c sqrt(eps)) = log(p_A / p_B); arguments c, p_A, p_B. Unified framework 2020, eq. (9)."""
    ratio = LogRatio.floats(pa, qa, pb, qb)
    found = ratio / (slack + np.sqrt(slack**2 + 2 * ratio))
    return either(ratio < np.inf, lambda: found, lambda: np.where(np.isnan(ratio), ratio, np.inf))


# ---- the curve in the order ----


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
