"""From one divergence to another, and to differential privacy: Theorems 8 to 10 of the unified framework.

All are about two laws P and Q (a noise and its shift). `pure` is the larger of D_inf(P, Q) and D_inf(Q, P); `rho` is
D_MR, the supremum over orders of the Renyi divergence over its order (rho-zCDP); `delta` is the least value for which
P(S) <= exp(eps) Q(S) + delta is implied for every set S. Arguments broadcast, and scalars give a scalar; privacy losses
are in nats.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rsexplore.check import as_given, floats
from rsexplore.divergences import gaussian_hockey_stick, log_cosh


def mr_of_pure(pure: ArrayLike) -> Any:
    """D_MR implied by D_inf: pure^2 / 2. Unified framework 2020, Theorem 8 (Bun and Steinke 2016, Proposition 3.3)."""
    return as_given(floats("mr_of_pure", "pure", pure) ** 2 / 2, pure)


def renyi_of_pure(pure: ArrayLike, order: ArrayLike) -> Any:
    """Largest Renyi divergence of an order of at least 1 that D_inf allows; attained by a coin of odds exp(pure).

    log((sinh(order e) - sinh((order - 1) e)) / sinh(e)) / (order - 1), which is at most both pure and order pure^2 / 2;
    at order 1 (Kullback-Leibler) its limit e tanh(e / 2), at order inf e itself. nan for orders below 1.
    Bun and Steinke 2016, proof of Proposition 3.3.
    """
    e, a = floats("renyi_of_pure", "pure", pure), floats("renyi_of_pure", "order", order)
    with np.errstate(all="ignore"):
        # sinh(a e) - sinh((a - 1) e) = 2 cosh((a - 1/2) e) sinh(e / 2), and sinh(e) = 2 sinh(e / 2) cosh(e / 2)
        far = (log_cosh((a - 0.5) * e) - log_cosh(e / 2)) / (a - 1)
        # log cosh(e / 2 + x) - log cosh(e / 2), without the difference
        x, tilt = (a - 1) * e, np.tanh(e / 2)
        near = np.log1p(2 * np.sinh(x / 2) ** 2 + tilt * np.sinh(x)) / (a - 1)
        found = np.where(a == 1, e * tilt, np.where(np.isinf(a) | np.isinf(e), e, np.where(np.abs(x) < 1, near, far)))
    return as_given(np.where(a >= 1, found, np.nan), pure, order)


def delta_of_renyi(divergence: ArrayLike, order: ArrayLike, eps: ArrayLike) -> Any:
    """Delta at eps from a Renyi divergence of one order above 1. Canonne, Kamath and Steinke 2020, Proposition 7.

    1 at order 1, which implies nothing; at order inf 0 or 1, as the divergence is at most eps or not; nan for orders
    below 1.
    """
    given = {"divergence": divergence, "order": order, "eps": eps}
    d, a, eps = (floats("delta_of_renyi", name, value) for name, value in given.items())
    with np.errstate(all="ignore"):
        log_delta = (a - 1) * (d - eps) + (a - 1) * np.log1p(-1 / a) - np.log(a)
        log_delta = np.where(a == 1, 0.0, np.where(np.isinf(a), np.where(d <= eps, -np.inf, 0.0), log_delta))
        found = np.exp(np.minimum(log_delta, 0))
    return as_given(np.where(np.isnan(d) | np.isnan(eps) | ~(a >= 1), np.nan, found), *given.values())


def eps_of_mr(rho: ArrayLike, delta: ArrayLike) -> Any:
    """Eps at delta from D_MR: rho + 2 sqrt(rho log(1 / delta)). Unified framework 2020, Lemma 25."""
    r, d = floats("eps_of_mr", "rho", rho), floats("eps_of_mr", "delta", delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = r + 2 * np.sqrt(r * -np.log(d))
    return as_given(np.where((r == 0) & (d >= 0), 0.0, found), rho, delta)


def delta_of_mr(rho: ArrayLike, eps: ArrayLike) -> Any:
    """Delta at eps from D_MR: exp(-(eps - rho)^2 / (4 rho)) for eps > rho, else 1; the inverse of `eps_of_mr`."""
    r, loss = floats("delta_of_mr", "rho", rho), floats("delta_of_mr", "eps", eps)
    excess = np.maximum(loss - r, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.exp(-(excess**2) / (4 * r))
    return as_given(np.where(excess == 0, 1.0, found), rho, eps)


def delta_of_gaussian(rho: ArrayLike, eps: ArrayLike) -> Any:
    """Exact delta at eps of Gaussian noise and its shift, rho = r^2 / (2 sigma^2). Balle and Wang 2018, Theorem 8."""
    length = np.sqrt(2 * floats("delta_of_gaussian", "rho", rho))
    return as_given(np.asarray(gaussian_hockey_stick(length, eps)), rho, eps)


def loss_tail(rho: ArrayLike, threshold: ArrayLike) -> Any:
    """Exact P[Z > threshold] for the log-ratio Z of Gaussian noise and its shift, which is N(rho, 2 rho)."""
    r, limit = floats("loss_tail", "rho", rho), floats("loss_tail", "threshold", threshold)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = special.ndtr((r - limit) / np.sqrt(2 * r))
    return as_given(np.where((r == 0) & (limit == 0), 0.0, found), rho, threshold)


def loss_tail_bound(rho: ArrayLike, slack: ArrayLike) -> Any:
    """Bound exp(-slack^2 / (4 rho)) on P[Z > slack + rho]. Unified framework 2020, proof of Theorem 10, eq. (9)."""
    r, more = floats("loss_tail_bound", "rho", rho), floats("loss_tail_bound", "slack", slack)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.exp(-(more**2) / (4 * r))
    return as_given(np.where((r == 0) & (more == 0), 1.0, found), rho, slack)


def loss_threshold(rho: ArrayLike, slack: ArrayLike) -> Any:
    """Log-ratio exceeded with probability at most `loss_tail_bound`: slack + rho, as the proof of Theorem 10 has it."""
    more, r = floats("loss_threshold", "slack", slack), floats("loss_threshold", "rho", rho)
    return as_given(np.asarray(more + r), rho, slack)


def loss_threshold_printed(rho: ArrayLike, slack: ArrayLike) -> Any:
    """The same as eq. (5) prints it, slack + sqrt(rho); smaller than the proof's, and not implied, for rho > 1."""
    more, r = floats("loss_threshold_printed", "slack", slack), floats("loss_threshold_printed", "rho", rho)
    return as_given(np.asarray(more + np.sqrt(r)), rho, slack)
