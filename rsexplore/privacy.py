"""From one divergence to another, and to differential privacy: Theorems 8 to 10 of the unified framework.

All are about two laws P and Q (a noise and its shift). `pure` is the larger of D_inf(P, Q) and D_inf(Q, P); `rho` is
D_MR, the supremum over orders of the Renyi divergence over its order (rho-zCDP); `delta` is the least value for which
P(S) <= exp(eps) Q(S) + delta is implied for every set S. Arguments broadcast, and scalars give a scalar; privacy losses
are in nats.
"""

from typing import Any

import numpy as np
from scipy import special

from rsexplore.check import elementwise
from rsexplore.divergences.between import gaussian_hockey_stick
from rsexplore.divergences.least import log_cosh


@elementwise
def mr_of_pure(pure: Any) -> Any:
    """D_MR implied by D_inf: pure^2 / 2. Unified framework 2020, Theorem 8 (Bun and Steinke 2016, Proposition 3.3)."""
    return pure**2 / 2


@elementwise
def renyi_of_pure(pure: Any, order: Any) -> Any:
    """Largest Renyi divergence of an order of at least 1 that D_inf allows; attained by a coin of odds exp(pure).

    log((sinh(order e) - sinh((order - 1) e)) / sinh(e)) / (order - 1), which is at most both pure and order pure^2 / 2;
    at order 1 (Kullback-Leibler) its limit e tanh(e / 2), at order inf e itself. nan for orders below 1.
    Bun and Steinke 2016, proof of Proposition 3.3.
    """
    # sinh(a e) - sinh((a - 1) e) = 2 cosh((a - 1/2) e) sinh(e / 2), and sinh(e) = 2 sinh(e / 2) cosh(e / 2)
    far = (log_cosh((order - 0.5) * pure) - log_cosh(pure / 2)) / (order - 1)
    # log cosh(e / 2 + x) - log cosh(e / 2), without the difference
    x, tilt = (order - 1) * pure, np.tanh(pure / 2)
    near = np.log1p(2 * np.sinh(x / 2) ** 2 + tilt * np.sinh(x)) / (order - 1)
    finite = np.where(np.abs(x) < 1, near, far)
    found = np.where(order == 1, pure * tilt, np.where(np.isinf(order) | np.isinf(pure), pure, finite))
    return np.where(order >= 1, found, np.nan)


@elementwise
def delta_of_renyi(divergence: Any, order: Any, eps: Any) -> Any:
    """Delta at eps from a Renyi divergence of one order above 1. Canonne, Kamath and Steinke 2020, Proposition 7.

    1 at order 1, which implies nothing; at order inf 0 or 1, as the divergence is at most eps or not; nan for orders
    below 1.
    """
    log_delta = (order - 1) * (divergence - eps) + (order - 1) * np.log1p(-1 / order) - np.log(order)
    at_infinity = np.where(divergence <= eps, -np.inf, 0.0)
    log_delta = np.where(order == 1, 0.0, np.where(np.isinf(order), at_infinity, log_delta))
    unknown = np.isnan(divergence) | np.isnan(eps) | ~(order >= 1)
    return np.where(unknown, np.nan, np.exp(np.minimum(log_delta, 0)))


@elementwise
def eps_of_mr(rho: Any, delta: Any) -> Any:
    """Eps at delta from D_MR: rho + 2 sqrt(rho log(1 / delta)). Unified framework 2020, Lemma 25."""
    return np.where((rho == 0) & (delta >= 0), 0.0, rho + 2 * np.sqrt(rho * -np.log(delta)))


@elementwise
def delta_of_mr(rho: Any, eps: Any) -> Any:
    """Delta at eps from D_MR: exp(-(eps - rho)^2 / (4 rho)) for eps > rho, else 1; the inverse of `eps_of_mr`."""
    excess = np.maximum(eps - rho, 0)
    return np.where(excess == 0, 1.0, np.exp(-(excess**2) / (4 * rho)))


@elementwise
def delta_of_gaussian(rho: Any, eps: Any) -> Any:
    """Exact delta at eps of Gaussian noise and its shift, rho = r^2 / (2 sigma^2). Balle and Wang 2018, Theorem 8."""
    return gaussian_hockey_stick(np.sqrt(2 * rho), eps)


@elementwise
def loss_tail(rho: Any, threshold: Any) -> Any:
    """Exact P[Z > threshold] for the log-ratio Z of Gaussian noise and its shift, which is N(rho, 2 rho)."""
    return np.where((rho == 0) & (threshold == 0), 0.0, special.ndtr((rho - threshold) / np.sqrt(2 * rho)))


@elementwise
def loss_tail_bound(rho: Any, slack: Any) -> Any:
    """Bound exp(-slack^2 / (4 rho)) on P[Z > slack + rho]. Unified framework 2020, proof of Theorem 10, eq. (9)."""
    return np.where((rho == 0) & (slack == 0), 1.0, np.exp(-(slack**2) / (4 * rho)))


@elementwise
def loss_threshold(rho: Any, slack: Any) -> Any:
    """Log-ratio exceeded with probability at most `loss_tail_bound`: slack + rho, as the proof of Theorem 10 has it."""
    return slack + rho


@elementwise
def loss_threshold_printed(rho: Any, slack: Any) -> Any:
    """The same as eq. (5) prints it, slack + sqrt(rho); smaller than the proof's, and not implied, for rho > 1."""
    return slack + np.sqrt(rho)
