"""Teng et al. 2020: l1 certificates of Laplace noise.

Witness of the two-class bound: a half-line along an axis (Theorem 3).
"""

import sympy as sp

from rsexplore.bound import sound, tight
from rsexplore.noises import Laplace
from rsexplore.notation import LogComplementGap, LogRatio, LogTwiceComplement, lamda, p_A, p_B
from rsexplore.papers import laplace

radius = -lamda * LogTwiceComplement(p_A)
binary = tight("teng-l1-binary", "Teng et al., Theorem 2", Laplace, 1, laplace.at("Theorems 2 and 3"), radius)
multi_class = sound(
    "teng-l1",
    "Teng et al., Theorem 1",
    Laplace,
    1,
    laplace.at("Theorem 1"),
    sp.Max(lamda / 2 * LogRatio(p_A, p_B), -lamda * LogComplementGap(p_A, p_B)),
)
