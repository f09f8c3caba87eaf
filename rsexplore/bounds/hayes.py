"""Hayes 2020, Table 1: l2 certificates of Gaussian noise, one for each divergence.

Each says: the divergence between N(x, sigma^2) and N(x', sigma^2) is smaller than a change of class needs. KL,
chi-squared, Hellinger and Bhattacharyya are Renyi orders 1, 2, 1/2 and 1/2 of one curve.
"""

from typing import Any

import sympy as sp

from rsexplore import papers
from rsexplore.bound import Bound, Status
from rsexplore.divergences import LeastBhattacharyya, LeastChi2, LeastHellinger, LeastKL, LeastRenyi
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian
from rsexplore.notation import PhiInvShare, order, p_A, p_B, sigma
from rsexplore.solve import Supremum


def _row(key: str, title: str, row: str, expr: sp.Expr, status: Status = Status.SOUND, **fields: Any) -> Bound:
    source = papers.hayes.at(f"Table 1, row {row}")
    return Bound(key, title, Gaussian, norm=2, status=status, source=source, formula=Formula(expr), **fields)


KL_ERRATUM = "The divergence of N(x, sigma^2) is r^2 / (2 sigma^2), not r^2 / sigma^2: the printed radius is too small."
TV_ERRATUM = "(p_A - p_B)/4 + 1/2 is meant: the printed radius is up to twice the exact one. UNSOUND."

kl = _row("kl-l2", "KL", "KL", sigma * sp.sqrt(2 * LeastKL(p_A, p_B)), erratum=KL_ERRATUM)
kl_printed = _row(
    "kl-l2-printed",
    "KL, as printed",
    "KL",
    sigma * sp.sqrt(LeastKL(p_A, p_B)),
    Status.AS_PRINTED,
    erratum=KL_ERRATUM,
    corrected_by="kl-l2",
    too_small=True,
)
hellinger = _row("hellinger-l2", "Hellinger", "H2", sigma * sp.sqrt(8 * LeastHellinger(p_A, p_B)))
chi2 = _row("chi2-l2", "χ²", "chi2", sigma * sp.sqrt(LeastChi2(p_A, p_B)))
bhattacharyya = _row("bhattacharyya-l2", "Bhattacharyya", "B", sigma * sp.sqrt(8 * LeastBhattacharyya(p_A, p_B)))
tv = _row("tv-l2", "total variation", "TV", 2 * sigma * PhiInvShare(sp.Rational(1, 4), p_A, p_B), erratum=TV_ERRATUM)
tv_printed = _row(
    "tv-l2-printed",
    "total variation, as printed",
    "TV",
    2 * sigma * PhiInvShare(sp.Rational(1, 2), p_A, p_B),
    Status.AS_PRINTED,
    erratum=TV_ERRATUM,
    corrected_by="tv-l2",
)

_renyi = sigma * sp.sqrt(2 / order * LeastRenyi(order, p_A, p_B))
renyi = Bound(
    "renyi-l2",
    "Rényi, best order",
    Gaussian,
    norm=2,
    status=Status.SOUND,
    source=papers.hayes.at("eqs. (9)-(10), any order above 0; the best one if none is given"),
    formula=Formula(_renyi),
    params={"order": None},
    best=Supremum(_renyi, variable=order, lower=sp.Rational(1, 2), upper=sp.Integer(2)),
)
