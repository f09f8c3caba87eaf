"""Soap bubbles 2020: the exact radii of the power-Gaussian families, from the dual evaluated without sampling.

Theorems 2, 3, 5 and 6 prove which shift of a given length is worst for every lambda: any one of Euclidean length r for
eq. (8), a vertex of the cube for eqs. (9) and (10). For that shift the likelihood-ratio sets {L <= l_A} and {L >= l_B}
attain both sides at once (Neyman-Pearson), and are disjoint since p_A + p_B <= 1: that pair is the witness.
"""

from math import inf

from rsexplore.bound import tight
from rsexplore.dual import Dual, resolved
from rsexplore.noises import PowerGaussian
from rsexplore.papers import soap


def spherical(noise: PowerGaussian) -> bool:
    """Whether a noise is of the family of eq. (8)."""
    return noise.power_norm == 2


def cubical(noise: PowerGaussian) -> bool:
    """Whether a noise is of the family of eq. (9), with k not too near dim, or of eq. (10)."""
    return noise.power_norm == inf and resolved(noise.dim, noise.k, noise.power_norm, noise.tail_norm)


def mixed(noise: PowerGaussian) -> bool:
    """Whether a noise is of the family of eq. (9), whose quadrature's error is estimated, not bounded."""
    return noise.power_norm != noise.tail_norm and noise.dim != 1


l2 = tight(
    "soap-dual",
    "exact dual",
    PowerGaussian,
    2,
    soap.at("Theorems 1 and 2, Appendix D; evaluated by rsexplore"),
    Dual("2"),
    member=spherical,
    member_text="PowerGaussian with power_norm=2",
)
lp = tight(
    "soap-dual-lp",
    "exact dual, l_p",
    PowerGaussian,
    None,
    soap.at("Theorems 1 to 3, Appendix D; evaluated by rsexplore"),
    Dual("p"),
    restates="soap-dual",
    member=spherical,
    member_text="PowerGaussian with power_norm=2",
)
linf = tight(
    "soap-dual-linf",
    "exact dual",
    PowerGaussian,
    inf,
    soap.at("Theorems 1, 5 and 6, Appendix D; evaluated by rsexplore"),
    Dual("inf"),
    member=cubical,
    estimated=mixed,
    member_text="PowerGaussian with power_norm=inf (tail_norm=2: k <= dim - 0.5)",
)
