"""Cohen et al. 2019: the exact radius of Gaussian noise, in every l_p norm.

Witness: half-spaces {z_1 <= a} and {z_1 >= b}. For p >= 2 the l_p ball of radius r reaches Euclidean length
d^(1/2 - 1/p) r at a vertex, and half-spaces facing the vertex attain the bound; for p <= 2 it reaches r, on an axis.
"""

import sympy as sp

from rsexplore import papers
from rsexplore.bound import Bound, Status
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian
from rsexplore.notation import PhiInvGap, d, p, p_A, p_B, sigma

l2 = Bound(
    "cohen-l2",
    "Cohen et al.",
    Gaussian,
    norm=2,
    status=Status.TIGHT,
    source=papers.cohen2019.at("Theorem 1"),
    formula=Formula(sigma / 2 * PhiInvGap(p_A, p_B)),
)
lp = Bound(
    "cohen-lp",
    "Cohen et al., l_p",
    Gaussian,
    norm=None,
    status=Status.TIGHT,
    source=papers.lecture.at("last slide (p >= 2); p < 2: the l2 radius"),
    formula=Formula(sigma / (2 * d ** sp.Max(0, sp.Rational(1, 2) - 1 / p)) * PhiInvGap(p_A, p_B)),
    restates="cohen-l2",
)
