"""Figures of Hayes 2020: radii by divergence, divergences by shape, and the trade-off between norms."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D

from reproduce import remake
from reproduce.printed import PrintedCell
from rsexplore import bounds, tradeoff
from rsexplore.bound import Status
from rsexplore.divergences.generalized_gaussian import kappa, kappa_printed, least_order, volume_ratio
from rsexplore.noises import Gaussian, GeneralizedGaussian
from rsexplore.plots import style

FIGURE_1 = ("cohen-l2", "renyi-l2", "chi2-l2", "kl-l2", "kl-l2-printed", "hellinger-l2", "bhattacharyya-l2", "tv-l2",
            "tv-l2-printed", "lecuyer-l2")  # fmt: skip


def radii(ax: Axes, keys: Sequence[str] = FIGURE_1, sigma: float = 1.0) -> list[Line2D]:
    """Figure 1: l2 radius of each divergence against p_1, two classes."""
    p_1, lines = np.linspace(0.501, 0.9999, 400), []
    for place, key in enumerate(keys):
        bound = bounds.get(key)
        look = style.look(bound, exact=key == "cohen-l2")._asdict()
        radius = bound.radius(Gaussian(sigma, 3072), p_1)
        label = bound.title if "printed" in bound.title else f"{bound.title}: {bound.status_at(2.0).value}"
        lines += ax.plot(p_1, radius, **look, markersize=5, markevery=(10 + 9 * place, 80), label=label)
    ax.set(xlabel="$p_1$  (vote of the top class; $p_2 = 1 - p_1$)", ylabel="certified $\\ell_2$ radius  (input units)")
    ax.set(title=f"Figure 1: σ = {sigma:g}", xlim=(0.5, 1), ylim=(0, 4))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return lines


def kl_by_shape(ax: Axes, shapes: Sequence[int] = (1, 2, 3, 4)) -> list[Line2D]:
    """Table 2: printed divergence of one shifted coordinate over the exact one."""
    u, lines = np.geomspace(0.01, 5, 200), []
    for s, colour in zip(shapes, style.CYCLE, strict=False):
        lines += ax.plot(
            u, kappa_printed(u, s) / kappa(u, s), color=colour, linestyle="--" if s == 4 else "-", label=f"s = {s}"
        )
    ax.set(xscale="log", yscale="log", xlabel="shift of one coordinate  (scales)", ylabel="printed KL / exact KL")
    ax.set_title("Table 2: exact for even s, an upper bound for odd s")
    ax.legend()
    return lines


def trade_off(ax: Axes, shape: float, scales: Sequence[float] = (0.5, 1.0, 2.0), p_1: float = 0.99, dim: int = 3072,
              cells: Sequence[PrintedCell] = ()) -> list[Line2D]:  # fmt: skip
    """Figure 3: pairs of radii of eq. (26) or (27) for each noise scale, the exact frontier, and printed points."""
    lines, (first, second) = [], (shape - 2, shape)
    for scale, colour in zip(scales, style.CYCLE, strict=False):
        noise = GeneralizedGaussian(scale, shape, dim)
        printed = tradeoff.printed_frontier(noise, p_1)
        # eq. (26) or (27) again from the diagonal down to a second radius of 0
        along = np.linspace(0, float(printed.second.max()), 200)
        lines += ax.plot(printed.at(along), along, color=colour, linestyle=style.LINE[Status.AS_PRINTED],
                         label=f"σ = {scale:g}, as printed")  # fmt: skip
        true = tradeoff.frontier(noise, p_1, norms=(first, second))
        keep = true.first <= 3.5 * float(printed.first.max())
        lines += ax.plot(true.first[keep], true.second[keep], color=colour, label=f"σ = {scale:g}, exact divergence")
    for x, y in printed_points(cells):
        ax.plot(x, y, "o", color="black", fillstyle="none", markersize=8, zorder=6)
    if cells:
        ax.plot([], [], "o", color="black", fillstyle="none", label="printed numbers")
    ax.set(xlabel=f"$\\epsilon_{{{first:g}}}$  (input units)", ylabel=f"$\\epsilon_{{{second:g}}}$  (input units)")
    ax.set(
        title=f"Figure 3: $\\ell_{{{first:g}}}$ and $\\ell_{{{second:g}}}$, $p_1$ = {p_1:g}",
        xlim=(0, None),
        ylim=(0, None),
    )
    ax.legend(fontsize=8)
    return lines


def printed_points(cells: Sequence[PrintedCell]) -> list[tuple[float, float]]:
    """Points (eps_1, eps_3) that section 3.2 states in words."""
    points = []
    for cell in cells:
        value = float(cell.value)
        points.append((value, value if cell.column == "eps_3 = eps_1" else 0.0))
    return points


def volumes(ax: Axes, dims: Sequence[int] = (3072, 150_528)) -> list[Line2D]:
    """Section 3.3: volume of the unit l_p ball over that of the l_inf ball, against p / d."""
    share, lines = np.geomspace(0.5, 40, 200), []
    for dim, colour in zip(dims, style.CYCLE, strict=False):
        ratio = [volume_ratio(s * dim, dim) for s in share]
        lines += ax.plot(share, ratio, color=colour, linestyle="-" if dim == dims[0] else "--", label=f"d = {dim:,}")
    least = least_order(0.99, dims[-1]) / dims[-1]
    ax.plot([least, 9], [0.99, volume_ratio(9 * dims[-1], dims[-1])], "ko", fillstyle="none")
    ax.annotate(f"0.99 from p = {least:.3f} d; printed: 9 d", (least, 0.99), (-10, -55), ha="center",
                textcoords="offset points", arrowprops={"arrowstyle": "-", "color": "0.5"})  # fmt: skip
    ax.set(xscale="log", xlabel="p / d", ylabel="volume ratio", title="How large p must be to stand for ∞")
    ax.legend(loc="lower right")
    return lines


def attacks(ax: Axes, found: Sequence[remake.Attacked]) -> list[PathCollection]:
    """Figure 5 from published attacks: radius and least attack size of each image, and the lines 1x and 2x."""
    artists, most = [], 0.0
    for one, colour in zip(found, style.CYCLE, strict=False):
        broken = np.isfinite(one.broken)
        label = f"σ = {one.sigma:g}: {int(broken.sum())} of {len(broken)} images"
        artists.append(ax.scatter(one.radius[broken], one.broken[broken], s=10, alpha=0.6, color=colour, label=label))
        most = max(most, float(one.radius[broken].max(initial=0)))
    ends = np.array([0, 1.05 * most or 1.0])
    ax.plot(ends, ends, color="black", linewidth=1, label="the certified radius")
    ax.plot(ends, 2 * ends, "k--", linewidth=1, label="twice the radius")
    ax.set(
        xlabel="certified $\\ell_2$ radius  (input units)",
        ylabel="least size that changes the class",
        xlim=(0, ends[1]),
    )
    ax.set_title("Figure 5, in part: published attacks")
    ax.set_ylim(0, 1.35 * max((s for one in found for s in one.sizes), default=1.0))
    ax.legend(fontsize=8, loc="lower right")
    return artists
