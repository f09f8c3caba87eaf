"""Sadeghzadeh 2023 (lecture slides): certificates from Lipschitz constants of the smoothed score.

Smoothing a score in [0, 1] with N(0, sigma^2 I) makes it Lipschitz. The first constant, sqrt(d) / sigma, comes from
Jensen's inequality and is useless in high dimension; the local constant exp(-PhiInv(p)^2 / 2) / (sigma sqrt(2 pi)),
used everywhere, gives Theorem 1. Between the two stands a step of ours, 1 / (sigma sqrt(2 pi)): the largest value of
the local constant, which the slides do not print.
"""

import sympy as sp

from rsexplore.bound import sound
from rsexplore.noises import Gaussian
from rsexplore.notation import Gap, d, p_A, p_B, sigma
from rsexplore.papers import lecture, ours

dimension = sound(
    "lipschitz-dimension-l2",
    "Lipschitz, √d/σ",
    Gaussian,
    2,
    lecture.at("Theorem 0 with slides 14-15 (L = sqrt(d)/sigma)"),
    sigma / (2 * sp.sqrt(d)) * Gap(p_A, p_B),
    erratum="The slide's step |E[f z/sigma]| <= |E[z/sigma]| is wrong (the right side is 0): E|z|/sigma is meant.",
)
universal = sound(
    "lipschitz-l2",
    "Lipschitz, global",
    Gaussian,
    2,
    ours.at("bounds/lecture.py; L = 1/(sigma sqrt(2 pi)), from slides 16-18 of Sadeghzadeh 2023"),
    sigma * sp.sqrt(sp.pi / 2) * Gap(p_A, p_B),
)
