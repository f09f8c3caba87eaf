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


def shares_of_exact(ax: Axes, keys: Sequence[str], least: float = 1e-12, *, log: bool = True) -> list[Line2D]:
    """Two-class radius of each bound over the exact one of its noise and norm; above 1 is unsound.

    Against 1 - p_A down to `least`, on a logarithmic axis; without `log` against p_A, which shows what is near a tie.
    """
    tie = np.linspace(0.5 - 1e-6, 0.4, 100)
    q_a, lines = np.concatenate([tie, vote_grid(least)[2:] if log else np.linspace(0.399, 1e-3, 300)]), []
    for key in keys:
        bound = bounds.get(key)
        noise = bound.noise.from_sigma(1.0, DIM)
        with np.errstate(all="ignore"):
            share = bound.radius(noise, q_a=q_a) / exact_radius(noise, q_a=q_a, norm=bound.norm)
        status = bound.status_at(bound.norm)
        look = style.look(bound, status)
        name = bound.title if status is Status.AS_PRINTED else f"{bound.title}: {status.value}"
        lines += ax.plot(q_a if log else 1 - q_a, share, color=look.color, linestyle=look.linestyle, label=name)
    shares = np.concatenate([np.asarray(line.get_ydata()) for line in lines])
    top = max(2.2, 1.1 * float(shares[np.isfinite(shares)].max(initial=0)))
    ax.axhspan(1, top, color=style.FORBIDDEN, zorder=0)
    ax.axhline(1, color="black", linewidth=1.4)
    words = "above the exact radius:\nno certificate can be here"
    ax.text(0.02, 1.3, words, transform=ax.get_yaxis_transform(), va="bottom", style="italic")
    ax.set(ylim=(0, top), ylabel="share of the exact radius")
    if log:
        ax.set(xscale="log", xlim=(0.5, least), xlabel="$1 - p_A$  (share of votes against the class)")
    else:
        ax.set(xlim=(0.5, 1), xlabel="$p_A$  (share of votes for the class)")
    return lines
