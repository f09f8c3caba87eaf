"""Certified accuracy against radius."""

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.plots.style import CYCLE, norm_label

STYLES = ("-", "--", ":", "-.")  # of lines, where the colours do not suffice
BOTH = "trained and certified at"


def steps(curve: Curve) -> tuple[NDArray, NDArray]:
    """Points of the staircase, from radius 0 to just above the largest radius; both at 0 if nothing is certified."""
    end = np.max(curve.radii, initial=0.0)
    return np.concatenate([[0.0], curve.radii, [end]]), np.concatenate([[curve.at(0.0)], curve.certified, [0.0]])


def certified_accuracy(
    ax: Axes,
    curves: Iterable[Curve],
    title: str = "",
    *,
    labels: Sequence[str] | None = None,
    legend_title: str | None = None,
) -> list[Line2D]:
    """Certified accuracy of each curve; the share of images that are right with a radius of at least r.

    Parameters
    ----------
    ax : Axes
    curves : iterable of Curve
        In one norm. One whose bound is no certificate is marked so in the legend. Where confidence levels differ the
        legend has that of each, and where numbers of images differ too, if there are no labels.
    title : str
        Of the axes.
    labels : sequence of str, one a curve, optional
        Names in the legend, e.g. of bounds; the deviations of the noise if absent.
    legend_title : str, optional
        If absent: what the deviations are of (nothing, above labels of your own), and the confidence level of all.

    Returns
    -------
    list of Line2D
        One a curve, in their order.

    Raises
    ------
    ValueError
        The norms differ, or there are not as many labels as curves.
    """
    shown = list(curves)
    if len(norms := {curve.norm for curve in shown}) > 1:
        raise ValueError(f"certified_accuracy needs curves in one norm, got norms {sorted(norms)}")
    if labels is not None and len(labels) != len(shown):
        raise ValueError(f"certified_accuracy needs one label a curve, got {len(labels)} for {len(shown)} curves")
    same = all(_trained_at(curve) == curve.noise.sigma for curve in shown)
    names = _deviations(shown, same) if labels is None else list(labels)
    if len(alphas := {curve.alpha for curve in shown}) > 1:
        names = [f"{name}, α = {curve.alpha:g}" for name, curve in zip(names, shown, strict=True)]
    lines = []
    for place, (curve, name) in enumerate(zip(shown, names, strict=True)):
        lines += ax.step(*steps(curve), where="pre", label=name + _warning(curve), **_look(place))
    norm = norm_label(norms.pop() if norms else 2.0)
    ax.set(xlabel=f"{norm} radius r   (input units)", ylabel="certified accuracy", ylim=(0, 1.01), title=title)
    ax.set_xlim(left=0)
    if legend_title is None:
        of = "" if labels is not None else BOTH if same else "certified at"
        level = f"α = {alphas.pop():g}" if len(alphas) == 1 else ""
        legend_title = f"{of} ({level})" if of and level else of or level
    if shown:
        ax.legend(title=legend_title)
    return lines


def _trained_at(curve: Curve) -> float | None:
    return curve.provenance.get("train_sigma")


def _deviations(shown: Sequence[Curve], same: bool) -> list[str]:
    rows = [curve.provenance.get("rows") for curve in shown]
    names = []
    for curve, images in zip(shown, rows, strict=True):
        trained = None if same else _trained_at(curve)
        name = f"σ = {curve.noise.sigma:.2f}" + ("" if trained is None else f", trained at {trained:.2f}")
        names.append(name if len(set(rows)) == 1 or images is None else f"{name}, {images:,} images")
    return names


def _warning(curve: Curve) -> str:
    """Words for a curve of a bound that is not proved, or wrong in print."""
    if curve.bound is None or curve.bound.certifies:
        return ""
    words = "sound, but too small" if curve.bound.too_small else "no certificate"
    return f"  {curve.bound.status.value.upper()}: {words}"


def _look(place: int) -> dict[str, Any]:
    """Colour and line style of the curve at a place; the first seven are solid, and 28 are all different."""
    return {"color": CYCLE[place % len(CYCLE)], "linestyle": STYLES[place // len(CYCLE) % len(STYLES)]}


def printed_points(ax: Axes, cells: Sequence[Any]) -> list[Line2D]:
    """Cells of a printed table, rows "sigma = ..." and columns "l2 radius ...", as open circles in the row's colour.

    A cell has `row`, `column` and `value`, all of them text.
    """
    sigmas = sorted({cell.row for cell in cells}, key=lambda row: float(row.split("=")[1]))
    artists = []
    for row, colour in zip(sigmas, cycle(CYCLE), strict=False):
        own = [cell for cell in cells if cell.row == row]
        x, y = [float(c.column.split()[-1]) for c in own], [float(c.value) for c in own]
        style: dict[str, Any] = {"color": colour, "marker": "o", "fillstyle": "none", "linestyle": "none"}
        artists += ax.plot(x, y, **style, clip_on=False, zorder=5)
    artists += ax.plot([], [], "o", color="0.4", fillstyle="none", label="printed")
    before = ax.get_legend()
    ax.legend(title=before.get_title().get_text() if before else BOTH)
    return artists


def ceiling(curve: Curve, alpha: float, bound: Bound | str | None = None, norm: float | None = None) -> float:
    """Largest radius that n votes out of n can give at level `alpha`."""
    used = bounds.get("cohen-l2" if bound is None else bound)
    return float(used.radius(curve.noise, q_a=clopper_pearson_tail(curve.n, curve.n, alpha), norm=norm))


def levels(ax: Axes, logged: Curve, alphas: Sequence[float]) -> list[Line2D]:
    """One log read at several confidence levels, with the largest radius that each level can give."""
    cohen = bounds.get("cohen-l2")
    lines = []
    for alpha, style, colour in zip(alphas, cycle(STYLES[:3]), cycle(CYCLE), strict=False):
        curve = logged if alpha == logged.alpha else logged.rescore(cohen, alpha)
        name = f"α = {alpha:g}" + (", as logged" if curve is logged else ", same votes")
        lines += ax.step(*steps(curve), where="pre", color=colour, linestyle=style, label=name)
        limit = ceiling(logged, alpha)
        ax.axvline(limit, color=colour, linestyle=style, linewidth=1)
    ax.set(xlabel="$\\ell_2$ radius r   (input units)", ylabel="certified accuracy")
    top = ceiling(logged, max(alphas))
    ax.set_xlim(0.75 * top, 1.02 * top)
    ax.set_ylim(0, 1.15 * float(logged.at(0.75 * top)) or 1.0)  # 0 where no image comes that far
    ax.set_title("The largest radii (vertical: the ceiling of each α)")
    ax.legend(loc="lower left")
    return lines
