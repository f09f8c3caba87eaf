"""Colours and words that mean the same in every picture, and round ends of axes.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart.
"""

from math import ceil, floor, inf, log10

ORANGE, SKY, GREEN, BLUE, RED, PINK, GREY = (
    "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#777777",
)  # fmt: skip
FAMILY = {
    "Gaussian": BLUE, "Laplace": ORANGE, "Uniform": GREEN, "GeneralizedGaussian": PINK, "ExponentialLinf": RED,
}  # fmt: skip


def norm_label(norm: float) -> str:
    """Name of the l_p norm."""
    return "ℓ_∞" if norm == inf else f"ℓ_{norm:g}"


def below(value: float) -> float:
    """Half decade at or below a positive number: so axes change seldom while a slider moves."""
    return float(10 ** (floor(2 * log10(value) + 1e-9) / 2))


def above(value: float) -> float:
    """Half decade at or above a positive number."""
    return float(10 ** (ceil(2 * log10(value) - 1e-9) / 2))


def round_above(value: float) -> float:
    """Return a round number that is not below a positive one: so axes change seldom while a slider moves."""
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1, 2, 4, 7, 10) if step * unit >= value * (1 - 1e-12))
