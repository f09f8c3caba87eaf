"""The first certificates, of 2019: Lecuyer et al. (PixelDP) from privacy, Li et al. from the Renyi divergence.

The order that is best lies in (3/4, 3/2), so Li's search over (1, 2] finds the supremum over all orders above 1
wherever it is attained.
"""

import sympy as sp

from rsexplore.bound import sound
from rsexplore.divergences.least import LeastRenyi, PrivacyDelta
from rsexplore.noises import Gaussian, Laplace
from rsexplore.notation import LogComplementGap, LogRatio, beta, lamda, order, p_A, p_B, sigma
from rsexplore.papers import lecuyer2019, li2019
from rsexplore.solve import Supremum

at_loss = sigma * beta / sp.sqrt(2 * sp.log(sp.S(5) / 4 * (1 + sp.exp(beta)) / PrivacyDelta(beta, p_A, p_B)))
half_ratio = LogRatio(p_A, p_B) / 2
lecuyer_l2 = sound(
    "lecuyer-l2",
    "Lecuyer et al.",
    Gaussian,
    2,
    lecuyer2019.at("Proposition 1 with the Gaussian mechanism, best privacy loss in (0, 1]"),
    Supremum(at_loss, beta, sp.S.Zero, sp.Min(1, half_ratio)),
)
source = lecuyer2019.at("Proposition 1 with the Laplace mechanism")
lecuyer_l1 = sound("lecuyer-l1", "Lecuyer et al.", Laplace, 1, source, lamda * half_ratio)

li_renyi = sound(
    "li-renyi-l2",
    "Li et al., order > 1",
    Gaussian,
    2,
    li2019.at("Theorem 2; Hayes 2020, eq. (12)"),
    Supremum(sigma * sp.sqrt(2 / order * LeastRenyi(order, p_A, p_B)), order, sp.S.One, sp.S(2)),
    erratum="The supremum may be taken over all orders above 0, which gains up to 8.3 % (renyi-l2).",
)
source = li2019.at("l1 certificate of Laplace noise, Renyi order infinity")
li_l1 = sound("li-l1", "Li et al.", Laplace, 1, source, -lamda * LogComplementGap(p_A, p_B))
