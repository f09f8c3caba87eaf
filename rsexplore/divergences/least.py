"""The least divergence that a change of class needs, for each divergence, as named pieces of formulas.

A classifier votes p_A for its top class and at most p_B for any other. For the top class to change, the distribution of
votes must move to one whose first two classes tie; of all those, one is nearest in each divergence. Every minimum here
is attained or an infimum (checked by direct minimisation over the simplex), so a certificate is lost only in comparing
noises by a divergence at all.

Every order of the Renyi divergence gives one value, of which Kullback-Leibler (1), Hellinger and Bhattacharyya (1/2)
and chi-squared (2) are special cases. Divergences are of the new law from the old, d(Q, P), unless said to be reverse.
"""

from typing import Any

import numpy as np
import sympy as sp
from scipy import special

from rsexplore.notation import Gap, LogComplementGap, LogRatio, Piece, either, log_rest, piece


class LeastRenyi(Piece):
    """Least Renyi divergence; arguments order, p_A, p_B. Li et al. 2019, Lemma 1; Hayes 2020, eq. (10)."""

    def plain(self) -> sp.Expr:
        order, a, b = self.args
        if order == 1:
            return LeastKL(a, b).plain()
        mean = ((a ** (1 - order) + b ** (1 - order)) / 2) ** (1 / (1 - order))
        return -sp.log(1 - a - b + 2 * mean)

    @staticmethod
    def floats(order: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
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
    """Least D_inf(Q, P), the largest log of a ratio of probabilities; arguments p_A, p_B. Li et al. 2019."""
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
    """p_A - exp(2 beta) p_B: what (beta, delta)-privacy has to cover; arguments beta, p_A, p_B. Lecuyer et al. 2019."""
    return -pa * np.expm1(np.minimum(2 * loss - LogRatio.floats(pa, qa, pb, qb), 0.0))


@piece(lambda slack, a, b: (sp.sqrt(slack**2 + 2 * sp.log(a / b)) - slack) / 2)
def RootEps(slack: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """sqrt(eps) with 2 (eps + c sqrt(eps)) = log(p_A / p_B); arguments c, p_A, p_B. Unified framework 2020, eq. (9)."""
    ratio = LogRatio.floats(pa, qa, pb, qb)
    found = ratio / (slack + np.sqrt(slack**2 + 2 * ratio))
    return either(ratio < np.inf, lambda: found, lambda: np.where(np.isnan(ratio), ratio, np.inf))
