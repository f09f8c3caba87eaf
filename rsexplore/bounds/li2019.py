"""Li et al. 2019: certificates from the Renyi divergence.

The order that is best lies in (3/4, 3/2), so the search over (1, 2] finds the supremum over all orders above 1
wherever it is attained. The l1 certificate: D_inf of Laplace noise and its shift is r / scale, and a change of class
needs -log(1 - p_A + p_B) (docs/divergences.md, "The least value", row D_inf).
"""

import sympy as sp

from rsexplore.bound import sound
from rsexplore.divergences.least import LeastRenyi
from rsexplore.noises import Gaussian, Laplace
from rsexplore.notation import LogComplementGap, lamda, order, p_A, p_B, sigma
from rsexplore.papers import li2019
from rsexplore.solve import Supremum

renyi = sound(
    "li-renyi-l2",
    "Li et al., order > 1",
    Gaussian,
    2,
    li2019.at("Theorem 2; Hayes 2020, eq. (12)"),
    Supremum(sigma * sp.sqrt(2 / order * LeastRenyi(order, p_A, p_B)), order, sp.S.One, sp.S(2)),
    erratum="The supremum may be taken over all orders above 0, which gains up to 8.3 % (renyi-l2).",
)
source = li2019.at("l1 certificate of Laplace noise, Renyi order infinity")
l1 = sound("li-l1", "Li et al.", Laplace, 1, source, -lamda * LogComplementGap(p_A, p_B))
