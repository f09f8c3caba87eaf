"""Lecuyer et al. 2019 (PixelDP): certificates from (eps, delta)-differential privacy."""

import sympy as sp

from rsexplore import papers
from rsexplore.bound import Bound, Status
from rsexplore.divergences import PrivacyDelta
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian, Laplace
from rsexplore.notation import LogRatio, beta, lamda, p_A, p_B, sigma
from rsexplore.solve import Supremum

l2 = Bound(
    "lecuyer-l2",
    "Lecuyer et al.",
    Gaussian,
    norm=2,
    status=Status.SOUND,
    source=papers.lecuyer2019.at("Proposition 1 with the Gaussian mechanism, best privacy loss in (0, 1]"),
    formula=Supremum(
        sigma * beta / sp.sqrt(2 * sp.log(sp.Rational(5, 4) * (1 + sp.exp(beta)) / PrivacyDelta(beta, p_A, p_B))),
        variable=beta,
        lower=sp.Integer(0),
        upper=sp.Min(1, LogRatio(p_A, p_B) / 2),
    ),
)
l1 = Bound(
    "lecuyer-l1",
    "Lecuyer et al.",
    Laplace,
    norm=1,
    status=Status.SOUND,
    source=papers.lecuyer2019.at("Proposition 1 with the Laplace mechanism"),
    formula=Formula(lamda / 2 * LogRatio(p_A, p_B)),
)
