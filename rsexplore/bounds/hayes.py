"""Hayes 2020, Table 1: l2 certificates of Gaussian noise, one for each divergence; and how it prints Li et al.

Each says: the divergence between N(x, sigma^2) and N(x', sigma^2) is smaller than a change of class needs. KL,
chi-squared, Hellinger and Bhattacharyya are Renyi orders 1, 2, 1/2 and 1/2 of one curve.
"""

from typing import Any

import mpmath
import sympy as sp
from numpy.typing import NDArray

from rsexplore.bound import sound
from rsexplore.bounds import li2019
from rsexplore.divergences.least import LeastBhattacharyya, LeastChi2, LeastHellinger, LeastKL, LeastRenyi
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian
from rsexplore.notation import LogComplementGap, PhiInvShare, lamda, order, p_A, p_B, sigma
from rsexplore.papers import hayes
from rsexplore.solve import Supremum

KL, CHI2, H2, B = (least(p_A, p_B) for least in (LeastKL, LeastChi2, LeastHellinger, LeastBhattacharyya))
KL_ERRATUM = "The divergence of N(x, sigma^2) is r^2 / (2 sigma^2), not r^2 / sigma^2: the printed radius is too small."


class AnyOrder(Formula):
    """The radius of one order; the largest if none is given."""

    def _at(self, values: dict[str, Any]) -> Formula | Supremum:
        closed = values["order"] is not None
        return Formula(self.expr) if closed else Supremum(self.expr, order, sp.S.Half, sp.S(2))

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        return self._at(values).floats(probabilities, **values)

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        return self._at(values).exact(pa, pb, **values)


renyi = sound(
    "renyi-l2",
    "Rényi, best order",
    Gaussian,
    2,
    hayes.at("eqs. (9)-(10), any order above 0; the best one if none is given"),
    AnyOrder(sigma * sp.sqrt(2 / order * LeastRenyi(order, p_A, p_B))),
    params={"order": None},
)
kl = sound("kl-l2", "KL", Gaussian, 2, hayes.at("Table 1, row KL"), sigma * sp.sqrt(2 * KL), erratum=KL_ERRATUM)
kl_printed = kl.printed(sigma * sp.sqrt(KL), too_small=True)
chi2 = sound("chi2-l2", "χ²", Gaussian, 2, hayes.at("Table 1, row chi2"), sigma * sp.sqrt(CHI2))
hellinger = sound("hellinger-l2", "Hellinger", Gaussian, 2, hayes.at("Table 1, row H2"), sigma * sp.sqrt(8 * H2))
row_b = hayes.at("Table 1, row B")
bhattacharyya = sound("bhattacharyya-l2", "Bhattacharyya", Gaussian, 2, row_b, sigma * sp.sqrt(8 * B))
tv = sound(
    "tv-l2",
    "total variation",
    Gaussian,
    2,
    hayes.at("Table 1, row TV"),
    2 * sigma * PhiInvShare(sp.S.One / 4, p_A, p_B),
    erratum="(p_A - p_B)/4 + 1/2 is meant: the printed radius is up to twice the exact one. UNSOUND.",
)
tv_printed = tv.printed(2 * sigma * PhiInvShare(sp.S.Half, p_A, p_B))
li_printed = li2019.l1.printed(
    lamda * LogComplementGap(p_A, p_B),
    source=hayes.at("Section 3.1"),
    erratum="The minus sign is lost: the printed radius is never positive. 'Tight' holds for two classes only.",
)
