"""From one divergence to another, and to differential privacy: Theorems 8 to 10 of the unified framework.

All are about two laws P and Q (a noise and its shift). `pure` is the larger of D_inf(P, Q) and D_inf(Q, P); `rho` is
D_MR, the supremum over orders of the Renyi divergence over its order (rho-zCDP); `delta` is the least value for which
P(S) <= exp(eps) Q(S) + delta is implied for every set S. Arguments broadcast; privacy losses are in nats.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.divergences import gaussian_hockey_stick, log_cosh


def mr_of_pure(pure: ArrayLike) -> NDArray:
    """D_MR implied by D_inf: pure^2 / 2. Unified framework 2020, Theorem 8 (Bun and Steinke 2016, Proposition 3.3)."""
    return np.asarray(pure, dtype=float) ** 2 / 2


def renyi_of_pure(pure: ArrayLike, order: ArrayLike) -> NDArray:
    """Largest Renyi divergence of a finite order above 1 that D_inf allows; attained by a coin of odds exp(pure).

    log((sinh(order e) - sinh((order - 1) e)) / sinh(e)) / (order - 1), which is at most both pure and order pure^2 / 2.
    Bun and Steinke 2016, proof of Proposition 3.3.
    """
    e, a = np.asarray(pure, dtype=float), np.asarray(order, dtype=float)
    # sinh(a e) - sinh((a - 1) e) = 2 cosh((a - 1/2) e) sinh(e / 2), and sinh(e) = 2 sinh(e / 2) cosh(e / 2)
    return (log_cosh((a - 0.5) * e) - log_cosh(e / 2)) / (a - 1)


def delta_of_renyi(divergence: ArrayLike, order: ArrayLike, eps: ArrayLike) -> NDArray:
    """Delta at eps from a Renyi divergence of one order above 1. Canonne, Kamath and Steinke 2020, Proposition 7."""
    a, eps = np.asarray(order, dtype=float), np.asarray(eps, dtype=float)
    log_delta = (a - 1) * (np.asarray(divergence, dtype=float) - eps) + (a - 1) * np.log1p(-1 / a) - np.log(a)
    return np.minimum(np.exp(np.minimum(log_delta, 0)), 1)


def eps_of_mr(rho: ArrayLike, delta: ArrayLike) -> NDArray:
    """Eps at delta from D_MR: rho + 2 sqrt(rho log(1 / delta)). Unified framework 2020, Lemma 25."""
    rho = np.asarray(rho, dtype=float)
    return rho + 2 * np.sqrt(rho * -np.log(np.asarray(delta, dtype=float)))


def delta_of_mr(rho: ArrayLike, eps: ArrayLike) -> NDArray:
    """Delta at eps from D_MR: exp(-(eps - rho)^2 / (4 rho)) for eps > rho, else 1; the inverse of `eps_of_mr`."""
    rho = np.asarray(rho, dtype=float)
    excess = np.maximum(np.asarray(eps, dtype=float) - rho, 0)
    return np.exp(-(excess**2) / (4 * rho))


def delta_of_gaussian(rho: ArrayLike, eps: ArrayLike) -> NDArray:
    """Exact delta at eps of Gaussian noise and its shift, rho = r^2 / (2 sigma^2). Balle and Wang 2018, Theorem 8."""
    return gaussian_hockey_stick(np.sqrt(2 * np.asarray(rho, dtype=float)), eps)


def loss_tail(rho: ArrayLike, threshold: ArrayLike) -> NDArray:
    """Exact P[Z > threshold] for the log-ratio Z of Gaussian noise and its shift, which is N(rho, 2 rho)."""
    rho = np.asarray(rho, dtype=float)
    return special.ndtr((rho - np.asarray(threshold, dtype=float)) / np.sqrt(2 * rho))


def loss_tail_bound(rho: ArrayLike, slack: ArrayLike) -> NDArray:
    """Bound exp(-slack^2 / (4 rho)) on P[Z > slack + rho]. Unified framework 2020, proof of Theorem 10, eq. (9)."""
    return np.exp(-(np.asarray(slack, dtype=float) ** 2) / (4 * np.asarray(rho, dtype=float)))


def loss_threshold(rho: ArrayLike, slack: ArrayLike) -> NDArray:
    """Log-ratio exceeded with probability at most `loss_tail_bound`: slack + rho, as the proof of Theorem 10 has it."""
    return np.asarray(slack, dtype=float) + np.asarray(rho, dtype=float)


def loss_threshold_printed(rho: ArrayLike, slack: ArrayLike) -> NDArray:
    """The same as eq. (5) prints it, slack + sqrt(rho); smaller than the proof's, and not implied, for rho > 1."""
    return np.asarray(slack, dtype=float) + np.sqrt(np.asarray(rho, dtype=float))
