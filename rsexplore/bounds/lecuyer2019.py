"""Lecuyer et al. 2019 (PixelDP): certificates from (eps, delta)-differential privacy."""

import sympy as sp

from rsexplore.bound import sound
from rsexplore.divergences.least import PrivacyDelta
from rsexplore.noises import Gaussian, Laplace
from rsexplore.notation import LogRatio, beta, lamda, p_A, p_B, sigma
from rsexplore.papers import lecuyer2019
from rsexplore.solve import Supremum

at_loss = sigma * beta / sp.sqrt(2 * sp.log(sp.S(5) / 4 * (1 + sp.exp(beta)) / PrivacyDelta(beta, p_A, p_B)))
half_ratio = LogRatio(p_A, p_B) / 2
l2 = sound(
    "lecuyer-l2",
    "Lecuyer et al.",
    Gaussian,
    2,
    lecuyer2019.at("Proposition 1 with the Gaussian mechanism, best privacy loss in (0, 1]"),
    Supremum(at_loss, beta, sp.S.Zero, sp.Min(1, half_ratio)),
)
source = lecuyer2019.at("Proposition 1 with the Laplace mechanism")
l1 = sound("lecuyer-l1", "Lecuyer et al.", Laplace, 1, source, lamda * half_ratio)
