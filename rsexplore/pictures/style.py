"""Colours and words that mean the same in every picture, and round ends of axes.

The dash of a line tells the status of a bound and colour its method, so that a reader learns it once; methods that
share a colour differ by their mark, and a formula as printed has the colour of the one that corrects it. Colours are
those of Okabe and Ito, which colour-blind readers can tell apart; words at the lines say the same.
"""

from math import ceil, floor, inf, log10
from typing import Any
from zlib import crc32

from rsexplore.bound import Bound, Status
from rsexplore.pictures.picture import INK, Axis, Dash, Mark

ORANGE, SKY, GREEN, BLUE, RED, PINK, GREY = (
    "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#666666",
)  # fmt: skip
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)
NOTEBOOK: dict[str, Any] = {  # for Matplotlib's `rcParams`: figures that a cell draws by itself
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.prop_cycle": f"cycler('color', {list(CYCLE)})",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": 100,
}
DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")  # of lines, where the colours do not suffice
EXACT = 3.0  # width of the line of the exact radius, among bounds
FORBIDDEN, BEYOND = RED, "#A6522A"  # where no certificate can be, as a region; words about it
NOISES = {  # families in words
    "Gaussian": "Gaussian", "Laplace": "Laplace", "Uniform": "uniform", "GeneralizedGaussian": "generalized Gaussian",
    "ExponentialLinf": "exponential in ℓ∞", "PowerGaussian": "soap bubble (power Gaussian)",
}  # fmt: skip
FAMILY = {
    "Gaussian": BLUE, "Laplace": ORANGE, "Uniform": GREEN, "GeneralizedGaussian": PINK, "ExponentialLinf": RED,
}  # fmt: skip
DASH: dict[Status, Dash] = {Status.HEURISTIC: "dash", Status.AS_PRINTED: "dashdot"}
WORDS = {
    Status.TIGHT: "proved, and some classifier attains it: there is no larger certificate",
    Status.SOUND: "proved: a certificate, though perhaps not the largest",
    Status.HEURISTIC: "approximate, or not proved as a certificate: do not certify with it",
    Status.AS_PRINTED: "what a paper prints, kept to show where it differs from what is right: do not certify with it",
}
METHODS: dict[str, tuple[str, Mark]] = {  # key of a bound, without "-printed": colour, mark
    "cohen-l2": (INK, ""),
    "cohen-lp": (INK, ""),
    "laplace-l1": (INK, ""),
    "uniform-l1": (INK, ""),
    "renyi-l2": (BLUE, ""),
    "li-renyi-l2": (BLUE, "triangle"),
    "li-l1": (BLUE, ""),
    "kl-l2": (SKY, ""),
    "chi2-l2": (SKY, "square"),
    "hellinger-l2": (GREEN, ""),
    "bhattacharyya-l2": (GREEN, "diamond"),
    "tv-l2": (PINK, ""),
    "dmr-l2": (ORANGE, ""),
    "dmr-linf": (ORANGE, ""),
    "lecuyer-l2": (RED, ""),
    "lecuyer-l1": (RED, ""),
    "lipschitz-l2": (GREY, ""),
    "lipschitz-dimension-l2": (GREY, "circle"),
    "teng-l1": (GREEN, ""),
    "teng-l1-binary": (SKY, "diamond"),
    "dinf-linf": (ORANGE, ""),
    "pure-dp-linf": (BLUE, ""),
    "gg-kl-exact-lp": (SKY, "down"),
    "gg-kl-lp": (ORANGE, ""),
}


def look(bound: Bound, status: Status | None = None, exact: bool = False) -> dict[str, Any]:
    """Look of a bound, the same in every picture, as fields of a `Line`; `exact` is for the one that is exact there.

    The status is the bound's own if absent; it differs from it where a radius is carried over to another norm.
    """
    key = bound.key.removesuffix("-printed")
    # a new bound gets a colour from its name, so that it keeps it whatever else is drawn
    color, mark = METHODS.get(key, (CYCLE[crc32(key.encode()) % len(CYCLE)], "plus"))
    return {
        "color": color,
        "dash": DASH.get(status or bound.status, "solid"),
        "width": EXACT if exact else 1.6,
        "mark": mark,
    }


def norm_label(norm: float) -> str:
    """Name of the l_p norm."""
    return "ℓ_∞" if norm == inf else f"ℓ_{norm:g}"


def length_axis(label: str, most: float, least: float = 0.0, name: str = "") -> Axis:
    """Axis of lengths, which grow with the noise, to a round end; logarithmic where the least is above 0."""
    if least:
        return Axis(domain=(below(least), above(most)), label=label, name=name, scale="log", lengths=(least, most))
    return Axis(domain=(0.0, round_above(most) if most else 1.0), label=label, name=name, lengths=(0.0, most))


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
