"""The look of every figure: one dict, and a fixed look for each claim.

Line style tells the status of a bound and colour its method, in every figure, so that a reader learns it once; methods
that share a colour differ by their mark, and a formula as printed has the colour of the one that corrects it. Colours
are those of Okabe and Ito, which colour-blind readers can tell apart; labels at the lines say the same in words.
"""

from typing import Any, NamedTuple
from zlib import crc32

from rsexplore.bound import Bound, Status

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#666666",
)  # fmt: skip
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)
FORBIDDEN = "#F4E3D7"  # where no certificate can be
BEYOND = "#A6522A"  # text about it

PAPER: dict[Any, Any] = {
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

LINE: dict[Status, Any] = {
    Status.TIGHT: "-",
    Status.SOUND: "-",
    Status.HEURISTIC: (0, (5, 2)),
    Status.AS_PRINTED: (0, (6, 2, 1.2, 2)),
}
METHODS: dict[str, tuple[str, str]] = {  # key of a bound, without "-printed": colour, mark
    "cohen-l2": (BLACK, ""),
    "cohen-lp": (BLACK, ""),
    "laplace-l1": (BLACK, ""),
    "uniform-l1": (BLACK, ""),
    "renyi-l2": (BLUE, ""),
    "li-renyi-l2": (BLUE, "^"),
    "li-l1": (BLUE, ""),
    "kl-l2": (SKY, ""),
    "chi2-l2": (SKY, "s"),
    "hellinger-l2": (GREEN, ""),
    "bhattacharyya-l2": (GREEN, "D"),
    "tv-l2": (PINK, ""),
    "dmr-l2": (ORANGE, ""),
    "dmr-linf": (ORANGE, ""),
    "lecuyer-l2": (RED, ""),
    "lecuyer-l1": (RED, ""),
    "lipschitz-l2": (GREY, ""),
    "lipschitz-dimension-l2": (GREY, "o"),
    "teng-l1": (GREEN, ""),
    "teng-l1-binary": (SKY, "D"),
    "dinf-linf": (ORANGE, ""),
    "pure-dp-linf": (BLUE, ""),
    "gg-kl-exact-lp": (SKY, "v"),
    "gg-kl-lp": (ORANGE, ""),
}
FAMILY = {
    "Gaussian": BLUE, "Laplace": ORANGE, "Uniform": GREEN, "GeneralizedGaussian": PINK, "ExponentialLinf": RED,
}  # fmt: skip


class Look(NamedTuple):
    """What a claim looks like; its fields are those of a `Line2D`."""

    color: str
    linestyle: Any
    linewidth: float
    marker: str


def look(bound: Bound, status: Status | None = None, exact: bool = False) -> Look:
    """Return the look of a bound's curve, the same in every figure; `exact` is for the one that is exact there.

    The status is the bound's own if absent; it differs from it where a radius is carried over to another norm.
    """
    key = bound.key.removesuffix("-printed")
    # a new bound gets a colour from its name, so that it keeps it whatever else is drawn
    color, marker = METHODS.get(key, (CYCLE[crc32(key.encode()) % len(CYCLE)], "P"))
    return Look(color, LINE[status or bound.status], 3.0 if exact else 1.6, marker)


def norm_label(norm: float) -> str:
    """Return the name of the l_p norm for Matplotlib, e.g. for axis labels."""
    return r"$\ell_\infty$" if norm == float("inf") else rf"$\ell_{{{norm:g}}}$"
