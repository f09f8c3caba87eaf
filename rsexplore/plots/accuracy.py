"""Certified accuracy against radius."""

from collections.abc import Iterable, Sequence

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
    same = all(curve.provenance.get("train_sigma") == curve.noise.sigma for curve in shown)
    names = _deviations(shown, same) if labels is None else list(labels)
    if len(alphas := {curve.alpha for curve in shown}) > 1:
        names = [f"{name}, α = {curve.alpha:g}" for name, curve in zip(names, shown, strict=True)]
    lines = []
    for place, (curve, name) in enumerate(zip(shown, names, strict=True)):
        # the first seven are solid, and 28 are all different
        color, style = CYCLE[place % len(CYCLE)], STYLES[place // len(CYCLE) % len(STYLES)]
        lines += ax.step(*steps(curve), where="pre", label=name + _warning(curve), color=color, linestyle=style)
    norm = norm_label(norms.pop() if norms else 2.0)
    ax.set(xlabel=f"{norm} radius r   (input units)", ylabel="certified accuracy", ylim=(0, 1.01), title=title)
    ax.set_xlim(left=0)
    if legend_title is None:
        of = "" if labels is not None else "trained and certified at" if same else "certified at"
        level = f"α = {alphas.pop():g}" if len(alphas) == 1 else ""
        legend_title = f"{of} ({level})" if of and level else of or level
    if shown:
        ax.legend(title=legend_title)
    return lines


def _deviations(shown: Sequence[Curve], same: bool) -> list[str]:
    """Deviation of each curve's noise, with that of the training and the number of images where these differ."""
    sizes, names = {curve.provenance.get("rows") for curve in shown}, []
    for facts, noise in ((curve.provenance, curve.noise) for curve in shown):
        trained, images = None if same else facts.get("train_sigma"), facts.get("rows")
        name = f"σ = {noise.sigma:.2f}" + ("" if trained is None else f", trained at {trained:.2f}")
        names.append(name if len(sizes) == 1 or images is None else f"{name}, {images:,} images")
    return names


def _warning(curve: Curve) -> str:
    """Words for a curve of a bound that is not proved, or wrong in print."""
    if curve.bound is None or curve.bound.certifies:
        return ""
    words = "sound, but too small" if curve.bound.too_small else "no certificate"
    return f"  {curve.bound.status.value.upper()}: {words}"


def ceiling(curve: Curve, alpha: float, bound: Bound | str | None = None, norm: float | None = None) -> float:
    """Largest radius that n votes out of n can give at level `alpha`."""
    used = bounds.get("cohen-l2" if bound is None else bound)
    return float(used.radius(curve.noise, q_a=clopper_pearson_tail(curve.n, curve.n, alpha), norm=norm))
