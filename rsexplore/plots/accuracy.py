"""Certified accuracy against radius."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.papers import PrintedCell
from rsexplore.plots.style import CYCLE


def steps(curve: Curve) -> tuple[NDArray, NDArray]:
    """Points of the staircase, from radius 0 to just above the largest radius."""
    return np.concatenate([[0.0], curve.radii, [curve.radii[-1]]]), np.concatenate(
        [[curve.at(0.0)], curve.certified, [0.0]]
    )


def certified_accuracy(ax: Axes, curves: Iterable[Curve], title: str = "") -> list[Line2D]:
    """Certified accuracy of each curve; the share of images that are right with a radius of at least r."""
    lines = []
    norm = 2.0
    for curve, colour in zip(curves, CYCLE, strict=False):
        radii, share = steps(curve)
        norm = curve.norm
        lines += ax.step(radii, share, where="pre", color=colour, label=f"σ = {curve.noise.sigma:.2f}")
    name = "\\infty" if np.isinf(norm) else f"{norm:g}"
    ax.set(xlabel=f"$\\ell_{{{name}}}$ radius r   (input units)", ylabel="certified accuracy", ylim=(0, 1))
    ax.set_xlim(left=0)
    ax.set_title(title)
    ax.legend(title="trained and certified at")
    return lines


def printed_points(ax: Axes, cells: Sequence[PrintedCell]) -> list[Line2D]:
    """Cells of a printed table, rows "sigma = ..." and columns "l2 radius ...", as open circles in the row's colour."""
    sigmas = sorted({cell.row for cell in cells}, key=lambda row: float(row.split("=")[1]))
    artists = []
    for row, colour in zip(sigmas, CYCLE, strict=False):
        own = [cell for cell in cells if cell.row == row]
        x, y = [float(c.column.split()[-1]) for c in own], [float(c.value) for c in own]
        style: dict[str, Any] = {"color": colour, "marker": "o", "fillstyle": "none", "linestyle": "none"}
        artists += ax.plot(x, y, **style, clip_on=False, zorder=5)
    artists += ax.plot([], [], "o", color="0.4", fillstyle="none", label="printed")
    ax.legend(title="trained and certified at")
    return artists


def ceiling(curve: Curve, alpha: float, bound: Bound | None = None, norm: float | None = None) -> float:
    """Largest radius that n votes out of n can give at level `alpha`."""
    used = bounds.get("cohen-l2") if bound is None else bound
    return float(used.radius(curve.noise, q_a=clopper_pearson_tail(curve.n, curve.n, alpha), norm=norm))


def levels(ax: Axes, logged: Curve, alphas: Sequence[float]) -> list[Line2D]:
    """One log read at several confidence levels, with the largest radius that each level can give."""
    cohen = bounds.get("cohen-l2")
    lines = []
    for alpha, style, colour in zip(alphas, ("-", "--", ":"), CYCLE, strict=False):
        curve = logged if alpha == logged.alpha else logged.rescore(cohen, alpha)
        name = f"α = {alpha:g}" + (", as logged" if curve is logged else ", same votes")
        lines += ax.step(*steps(curve), where="pre", color=colour, linestyle=style, label=name)
        limit = ceiling(logged, alpha)
        ax.axvline(limit, color=colour, linestyle=style, linewidth=1)
    ax.set(xlabel="$\\ell_2$ radius r   (input units)", ylabel="certified accuracy", ylim=(0, None))
    top = ceiling(logged, max(alphas))
    ax.set_xlim(0.75 * top, 1.02 * top)
    ax.set_ylim(0, 1.15 * float(logged.at(0.75 * top)))
    ax.set_title("The largest radii (vertical: the ceiling of each α)")
    ax.legend(loc="lower left")
    return lines
