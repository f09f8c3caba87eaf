"""Certified accuracy against radius."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, inf, isfinite, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.accuracy import Curve
from rsexplore.accuracy import shipped as shipped_curves
from rsexplore.bound import Bound, UnsupportedNoiseError
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.pictures.picture import INK, Axis, Item, Line, Note, Picture, Plot, Rule
from rsexplore.pictures.style import CYCLE, DASHES, norm_label
from rsexplore.table import rounded_down

TOLD = 5  # radii at which the alternative text has the accuracy


def steps(curve: Curve) -> tuple[NDArray, NDArray]:
    """Points of the staircase, from radius 0 to just above the largest radius; both at 0 if nothing is certified."""
    end = np.max(curve.radii, initial=0.0)
    return np.concatenate([[0.0], curve.radii, [end]]), np.concatenate([[curve.at(0.0)], curve.certified, [0.0]])


def ceiling(curve: Curve, alpha: float, bound: Bound | str | None = None, norm: float | None = None) -> float:
    """Largest radius that n votes out of n can give at level `alpha`; 0 of exact votes."""
    used = bounds.get("cohen-l2" if bound is None else bound)
    q_a = clopper_pearson_tail(curve.n, curve.n, alpha) if alpha else 0.0
    return float(used.radius(curve.noise, q_a=q_a, norm=norm))


def shipped(dataset: str | None = None) -> dict[str, Curve]:
    """Published curves that come with the package, by a short name; of one data set if it is named."""
    found = {}
    for curve in shipped_curves().values():
        head = curve.provenance
        if dataset in (None, head["dataset"]):
            sigmas = f"σ = {head['certify_sigma']:g}, trained at {head['train_sigma']:g}"
            images = f"{head['dataset']} {head['subset'].replace('_', ' ')}"
            found[f"{head['source']}, {images}, {sigmas}"] = curve
    return found


def certified_accuracy(
    curves: Iterable[Curve],
    title: str = "",
    *,
    labels: Sequence[str] | None = None,
    note: str | None = None,
    looks: Sequence[Mapping[str, Any]] | None = None,
    most: bool = True,
    limit: tuple[float, int, float] | None = None,
) -> Picture:
    """Certified accuracy of each curve; the share of images that are right with a radius of at least r.

    Parameters
    ----------
    curves : iterable of Curve
        In one norm. One whose bound is no certificate is marked so in the key. Where confidence levels differ the key
        has that of each, and where numbers of images differ too, if there are no labels.
    title : str
        Of the plot.
    labels : sequence of str, one a curve, optional
        Names in the key, e.g. of bounds, or "" for none; the deviations of the noise if absent.
    note : str, optional
        Words in the plot. If absent: what the deviations are of (nothing, above labels of your own), and the confidence
        level of all where no limit has it. What several curves are warned of stands there too.
    looks : sequence of mappings, one a curve, optional
        Fields of `Line`, e.g. ``{"color": "#888888", "dash": "dash"}``.
    most : bool
        Whether a dotted rule marks the largest radius that a curve's number of votes can give.
    limit : (radius, votes, level), optional
        What such a rule marks instead.

    Raises
    ------
    ValueError
        The norms differ, or there are not as many labels or looks as curves.
    """
    shown = list(curves)
    if len(norms := {curve.norm for curve in shown}) > 1:
        raise ValueError(f"certified_accuracy needs curves in one norm, got norms {sorted(norms)}")
    for what, given in (("label", labels), ("look", looks)):
        if given is not None and len(given) != len(shown):
            raise ValueError(f"certified_accuracy needs one {what} a curve, got {len(given)} for {len(shown)} curves")
    same = all(curve.provenance.get("train_sigma") == curve.noise.sigma for curve in shown)
    names = _deviations(shown, same) if labels is None else list(labels)
    if len(alphas := {curve.alpha for curve in shown}) > 1:
        names = [name and f"{name}, {_level(curve.alpha)}" for name, curve in zip(names, shown, strict=True)]
    # what is said of several curves is said once, and marked in the key
    warnings = [_warning(curve) if name else "" for name, curve in zip(names, shown, strict=True)]
    often = [words for words in dict.fromkeys(filter(None, warnings)) if warnings.count(words) > 1]
    marks = {words: "*" * place for place, words in enumerate(often, 1)}
    warned = list(zip(names, warnings, strict=True))
    keys = [f"{name}\u00a0{marks[words]}" if words in marks else name + words for name, words in warned]
    names = [name + words for name, words in warned]
    items: list[Item] = []
    counted: dict[float, tuple[int, float]] = {}  # most that votes give -> votes and level
    for place, (curve, name, key) in enumerate(zip(shown, names, keys, strict=True)):
        # the first seven are solid, and 28 are all different
        look: dict[str, Any] = {"color": CYCLE[place % len(CYCLE)], "dash": DASHES[place // len(CYCLE) % len(DASHES)]}
        look |= looks[place] if looks else {}
        x, y = steps(curve)
        sound = curve.bound is None or curve.bound.certifies
        items.append(Line(x=x, y=y, name=name, label=key, step=True, down=sound, **look))
        counted.setdefault(_most(curve) if most and name else inf, (curve.n, curve.alpha))
    if limit is not None:
        counted = {limit[0]: limit[1:]}
    ends = sorted(end for end in counted if isfinite(end))
    marked = "dotted: the most that the votes give" if len(ends) > 1 else ""
    if len(ends) == 1:
        votes, level = counted[ends[0]]
        marked = f"{rounded_down(ends[0])}: the most that {votes:,} votes give{' at' if level else ','} {_level(level)}"
    items += [Rule(at=end, color=INK, text=marked if end == ends[-1] else "") for end in ends]
    if note is None:
        of = "" if labels is not None else "trained and certified at σ" if same else "certified at σ"
        level_of_all = len(alphas) == 1 and not (limit and ends)  # a limit has it
        note = ", ".join(filter(None, [of, _level(alphas.pop()) if level_of_all else ""]))
    note = "; ".join(filter(None, [note, *(f"{mark}\u00a0{words.strip()}" for words, mark in marks.items())]))
    if shown and note:
        items.append(Note(text=note, at="top right"))
    far = 1.02 * max([*ends, *(float(curve.radii[-1]) for curve in shown if len(curve.radii))] or [0.5])
    right = ceil(2 * far / (unit := 10.0 ** floor(log10(far)))) / 2 * unit  # round: it changes seldom
    norm = norm_label(norms.pop() if norms else 2.0)
    x_axis = Axis(label=f"{norm} radius r  (input units)", name="radius", domain=(0.0, right))
    y_axis = Axis(label="certified accuracy  (share of all images)", name="certified accuracy", domain=(0.0, 1.0))
    told = [float(f"{radius:.2g}") for radius in np.linspace(0, right, TOLD + 1)[:-1]]
    says = [f"{name}: " + _told(curve, told) for name, curve in zip(names, shown, strict=True) if name]
    plot = Plot(title=title, names="key", x=x_axis, y=y_axis, items=tuple(items))
    desc = "; ".join(filter(None, [note if shown else "", marked * (len(ends) == 1), *says]))
    return Picture(title=f"Certified accuracy, {title}".removesuffix(", "), desc=desc, plots=(plot,), height=400.0)


def _level(alpha: float) -> str:
    return f"α\u00a0=\u00a0{alpha:g}" if alpha else "exact"


def _told(curve: Curve, radii: Sequence[float]) -> str:
    last = f", largest radius {rounded_down(float(curve.radii[-1]))}" if len(curve.radii) else ""
    return ", ".join(f"{curve.at(radius):.3f} at {radius:g}" for radius in radii) + last


def _most(curve: Curve) -> float:
    """Ceiling of a curve; infinite where it is not known, as for a log that prints radii of another noise."""
    try:
        return ceiling(curve, curve.alpha, curve.bound, curve.norm)
    except UnsupportedNoiseError:
        return inf


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
