"""Teng et al. 2020: l1 certificates of Laplace noise.

Witness of the two-class bound: a half-line along an axis (Theorem 3).
"""

import sympy as sp

from rsexplore import papers
from rsexplore.bound import Bound, Status
from rsexplore.formula import Formula
from rsexplore.noises import Laplace
from rsexplore.notation import LogComplementGap, LogRatio, LogTwiceComplement, lamda, p_A, p_B

multi_class = Bound(
    "teng-l1",
    "Teng et al., Theorem 1",
    Laplace,
    norm=1,
    status=Status.SOUND,
    source=papers.laplace.at("Theorem 1"),
    formula=Formula(sp.Max(lamda / 2 * LogRatio(p_A, p_B), -lamda * LogComplementGap(p_A, p_B))),
)
binary = Bound(
    "teng-l1-binary",
    "Teng et al., Theorem 2",
    Laplace,
    norm=1,
    status=Status.TIGHT,
    source=papers.laplace.at("Theorems 2 and 3"),
    formula=Formula(-lamda * LogTwiceComplement(p_A)),
    two_class=True,
)
