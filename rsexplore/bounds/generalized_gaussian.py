"""Hayes 2020, eqs. (16)-(21): l_p certificates of generalized Gaussian noise from the Kullback-Leibler divergence.

The paper states them for noise of shape s in the l_s norm; the divergence gives one in every norm. For odd s its
polynomial is above the divergence by up to 1 / s a coordinate, and linear near 0 where a divergence is quadratic: the
radius falls as d^-(1 - 1/s) instead of d^-(1/2 - 1/s).
"""

from rsexplore.bound import sound
from rsexplore.divergences.generalized_gaussian import LARGEST, KLRadius
from rsexplore.noises import GeneralizedGaussian
from rsexplore.papers import hayes, ours


def coded(noise: GeneralizedGaussian) -> bool:
    """Whether the divergence is coded for the shape."""
    return 1 <= noise.shape <= LARGEST


def whole(noise: GeneralizedGaussian) -> bool:
    """Whether the shape is a whole number."""
    return coded(noise) and noise.shape == int(noise.shape)


def odd(noise: GeneralizedGaussian) -> bool:
    """Whether eq. (21) is not the divergence's own radius: at odd shapes above 1."""
    return coded(noise) and noise.shape % 2 == 1 and noise.shape > 1


exact = sound(
    "gg-kl-exact-lp",
    "KL, exact divergence",
    GeneralizedGaussian,
    None,
    ours.at("bounds/generalized_gaussian.py; sharpens Hayes 2020, eqs. (20)-(21)"),
    KLRadius("exact"),
    member=coded,
    member_text=f"GeneralizedGaussian of shape 1 to {LARGEST:g}",
)
polynomial = sound(
    "gg-kl-lp",
    "KL",
    GeneralizedGaussian,
    None,
    hayes.at("eqs. (20)-(21), with a second polynomial for odd shapes"),
    KLRadius("polynomial"),
    erratum="For odd s > 1 eq. (14) and Table 2 are upper bounds of the divergence, too large by up to 1/s a "
    "coordinate: the printed radius is sound, and 40 times too small at s = 3, d = 3072, p_A = 0.99.",
    member=whole,
    member_text=f"GeneralizedGaussian of whole shape, 1 to {LARGEST:g},",
)
printed = polynomial.printed(
    KLRadius("printed"),
    source=hayes.at("eq. (21)"),
    too_small=True,
    member=odd,
    member_text=f"GeneralizedGaussian of odd shape, 3 to {LARGEST - 1:g},",
)
