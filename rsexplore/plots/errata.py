"""Printed radii beside the exact one."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rsexplore import bounds
from rsexplore.bound import Status
from rsexplore.comparison import exact_radius
from rsexplore.plots import style
from rsexplore.plots.curves import vote_grid

DIM = 3072


def shares_of_exact(ax: Axes, keys: Sequence[str], least: float = 1e-12) -> list[Line2D]:
    """Two-class radius of each bound over the exact one of its noise and norm, against 1 - p_A; above 1 is unsound."""
    q_a, lines = vote_grid(least), []
    for key in keys:
        bound = bounds.get(key)
        noise = bound.noise.from_sigma(1.0, DIM)
        with np.errstate(all="ignore"):
            share = bound.radius(noise, q_a=q_a) / exact_radius(noise, q_a=q_a, norm=bound.norm)
        look = style.look(bound)
        name = bound.title if bound.status is Status.AS_PRINTED else f"{bound.title}: {bound.status.value}"
        lines += ax.plot(q_a, share, color=look.color, linestyle=look.linestyle, label=name)
    shares = np.concatenate([np.asarray(line.get_ydata()) for line in lines])
    top = max(2.2, 1.1 * float(shares[np.isfinite(shares)].max(initial=0)))
    ax.axhspan(1, top, color=style.FORBIDDEN, zorder=0)
    ax.axhline(1, color="black", linewidth=1.4)
    words = "above the exact radius:\nno certificate can be here"
    ax.text(0.02, 1.03, words, transform=ax.get_yaxis_transform(), va="bottom", style="italic")
    ax.set(xscale="log", xlim=(q_a.max(), q_a.min()), ylim=(0, top))
    ax.set(xlabel="$1 - p_A$  (share of votes against the class)", ylabel="share of the exact radius")
    return lines
