"""Cohen et al. 2019: the exact radius of Gaussian noise, in every l_p norm.

Witness: half-spaces {z_1 <= a} and {z_1 >= b}. For p >= 2 the l_p ball of radius r reaches Euclidean length
d^(1/2 - 1/p) r at a vertex, and half-spaces facing the vertex attain the bound; for p <= 2 it reaches r, on an axis.
"""

import sympy as sp

from rsexplore.bound import tight
from rsexplore.noises import Gaussian
from rsexplore.notation import PhiInvGap, d, p, p_A, p_B, sigma
from rsexplore.papers import cohen2019, lecture

l2 = tight("cohen-l2", "Cohen et al.", Gaussian, 2, cohen2019.at("Theorem 1"), sigma / 2 * PhiInvGap(p_A, p_B))
lp = tight(
    "cohen-lp",
    "Cohen et al., l_p",
    Gaussian,
    None,
    lecture.at("last slide (p >= 2); p < 2: the l2 radius"),
    sigma / (2 * d ** sp.Max(0, sp.S.Half - 1 / p)) * PhiInvGap(p_A, p_B),
    restates="cohen-l2",
)
