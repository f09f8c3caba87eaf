"""The look of every figure: one dict, and a fixed look for each claim.

Line style tells the status of a bound and colour its method, in every figure, so that a reader learns it once. Colours
are those of Okabe and Ito, which colour-blind readers can tell apart; labels at the lines say the same in words.
"""

from typing import Any

from rsexplore.bound import Bound, Status

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#666666",
)  # fmt: skip
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)
FORBIDDEN = "#F4E3D7"  # where no certificate can be
BEYOND = "#A6522A"  # text about it

PAPER: dict[str, Any] = {
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

LINE = {Status.TIGHT: "-", Status.SOUND: "-", Status.HEURISTIC: "--", Status.AS_PRINTED: "-."}
COLOUR = {
    "cohen": BLACK, "laplace": BLACK, "uniform": BLACK, "teng": BLUE, "li": SKY, "lecuyer": "#8C6D1F",
    "renyi": BLUE, "kl": SKY, "chi2": SKY, "hellinger": GREEN, "bhattacharyya": GREEN, "tv": PINK,
    "lipschitz": GREY, "dmr": ORANGE, "dinf": ORANGE, "pure": BLUE,
}  # fmt: skip
FAMILY = {
    "Gaussian": BLUE, "Laplace": ORANGE, "Uniform": GREEN, "GeneralizedGaussian": PINK, "ExponentialLinf": RED,
}  # fmt: skip


def look(bound: Bound) -> dict[str, Any]:
    """Line properties of a bound, the same in every figure."""
    exact = bound.status is Status.TIGHT and not bound.two_class
    unsound = bound.key == "tv-l2-printed"
    return {
        "color": RED if unsound else BLUE if bound.key == "li-renyi-l2" else COLOUR[bound.key.split("-")[0]],
        "linestyle": LINE[bound.status],
        "linewidth": 2.8 if exact else 1.6,
        "zorder": 4 if exact else 3,
    }
