"""Li et al. 2019: certificates from the Renyi divergence.

The order that is best lies in (3/4, 3/2), so the search over (1, 2] finds the supremum over all orders above 1
wherever it is attained.
"""

import sympy as sp

from rsexplore import papers
from rsexplore.bound import Bound, Status
from rsexplore.divergences import LeastRenyi
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian, Laplace
from rsexplore.notation import LogComplementGap, lamda, order, p_A, p_B, sigma
from rsexplore.solve import Supremum

renyi = Bound(
    "li-renyi-l2",
    "Li et al., order > 1",
    Gaussian,
    norm=2,
    status=Status.SOUND,
    source=papers.li2019.at("Theorem 2; Hayes 2020, eq. (12)"),
    formula=Supremum(
        sigma * sp.sqrt(2 / order * LeastRenyi(order, p_A, p_B)),
        variable=order,
        lower=sp.Integer(1),
        upper=sp.Integer(2),
    ),
    erratum="The supremum may be taken over all orders above 0, which gains up to 8.3 % (renyi-l2).",
)
l1 = Bound(
    "li-l1",
    "Li et al.",
    Laplace,
    norm=1,
    status=Status.SOUND,
    source=papers.li2019.at("l1 certificate of Laplace noise, Renyi order infinity"),
    formula=Formula(-lamda * LogComplementGap(p_A, p_B)),
)
l1_printed = Bound(
    "li-l1-printed",
    "Li et al., as printed",
    Laplace,
    norm=1,
    status=Status.AS_PRINTED,
    source=papers.hayes.at("Section 3.1"),
    formula=Formula(lamda * LogComplementGap(p_A, p_B)),
    erratum="The minus sign is lost: the printed radius is never positive. 'Tight' holds for two classes only.",
    corrected_by="li-l1",
)
