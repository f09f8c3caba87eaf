"""A unified framework for randomized smoothing (2020): D_MR and D_inf certificates.

D_MR certificates hold "with probability at least 1 - exp(-c^2 / 4)" over the noise (0.22 at c = 1, 0.89 at c = 3),
which bounds a likelihood ratio and not the class of the smoothed classifier: HEURISTIC.
"""

from math import inf

import sympy as sp

from rsexplore.bound import heuristic, sound
from rsexplore.divergences.least import RootEps
from rsexplore.noises import ExponentialLinf, Gaussian
from rsexplore.notation import LogRatio, c, d, lamda, p_A, p_B, sigma
from rsexplore.papers import unified

ERRATUM = (
    "The proof of Theorem 10 bounds the log-ratio by lambda + eps, the statement says lambda + sqrt(eps), which "
    "follows only for eps <= 1. sqrt(2 eps sigma) is printed for sqrt(2 eps) sigma. At c = 1 the printed radius is "
    "above the exact one for 1 - p_A < 2.42e-6 with two classes, and with more at ordinary votes: 1.12 times it at "
    "(p_A, p_B) = (0.6, 0.01). With lambda + eps it is above the exact one near a tie: for two classes and c = 1 below "
    "p_A = 0.573, 1.13 times it at 0.501. So neither form certifies."
)
ratio = LogRatio(p_A, p_B)
printed = sp.sqrt(2) * sigma * ratio / (2 * (1 + c))
corrected = sp.sqrt(2) * sigma * RootEps(c, p_A, p_B)

l2 = heuristic(
    "dmr-l2",
    "D_MR",
    Gaussian,
    2,
    unified.at("Corollary 11 with the proof's lambda + eps"),
    corrected,
    params={"c": 1.0},
    erratum=ERRATUM,
    instead="cohen-l2",
)
l2_printed = l2.printed(printed, title="Corollary 11, as printed", source=unified.at("Corollary 11"))
linf = heuristic(
    "dmr-linf",
    "D_MR",
    Gaussian,
    inf,
    unified.at("Theorem 18 with the proof's lambda + eps"),
    corrected / sp.sqrt(d),
    params={"c": 1.0},
    erratum=ERRATUM,
    instead="cohen-lp",
    restates="dmr-l2",
)
linf_printed = linf.printed(
    printed / sp.sqrt(d),
    title="Theorem 18, as printed",
    source=unified.at("Theorem 18 with Corollary 11"),
    restates="dmr-l2-printed",
)
dinf = sound("dinf-linf", "D_inf", ExponentialLinf, inf, unified.at("Theorem 13"), lamda / 2 * ratio)
