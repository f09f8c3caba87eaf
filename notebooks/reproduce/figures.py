"""What the figures of more than one notebook need: the votes that they draw, and the dimensions of known images.

An experiment of a paper (`rsexplore/recipes.toml`) is drawn from a log of the reader's own in the folder that
RSEXPLORE_RUNS names, else from a published one, else a log of 8 x 8 digits stands in, on axes of its own. The caption
says which it was. Logs that may not be passed on (`kumar`) are published ones where the reader has his own copy.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import rsexplore as rs
from reproduce import kumar, ours, remake
from rsexplore import data, runs
from rsexplore.accuracy import Curve
from rsexplore.pictures import style


def image_sizes(ax: Axes) -> None:
    """Mark the dimensions of CIFAR-10 and ImageNet on a horizontal axis of dimensions."""
    for dim, name in ((3072, "CIFAR-10"), (150_528, "ImageNet")):
        ax.axvline(dim, color="0.8", linewidth=1, linestyle=":", zorder=0)
        place = (dim, 0.0), (-3, 4), ax.get_xaxis_transform(), "offset points"
        ax.annotate(name, *place, ha="right", fontsize=8, color="0.4")


Formula = Callable[[rs.noises.Noise, NDArray], NDArray]  # radii of a noise and of bounds on 1 - p_A, for two classes
HEADS = {
    "own": "your logs",
    "published": "published logs",
    "nearly": "published logs at another deviation, in part",
    "digits": "digits, which stand in",
}


class Votes(NamedTuple):
    """Votes that are drawn for an experiment, and where they come from."""

    one: runs.Experiment
    kind: str  # "own", "published", "nearly" for a published log at another deviation, or "digits"
    records: rs.records.Records
    words: str  # what a caption says of them

    def curve(self, by: str | Formula, norm: float | None, published: float | None = None, **params: Any) -> Curve:
        """Certified accuracy by a bound, or by a formula for radii that is no bound of the package.

        It is at the paper's level, or at another one for `published` votes.
        """
        log, alpha = self.records, published if published and self.kind == "published" else self.one.alpha
        if isinstance(by, str):
            return rs.accuracy.curve(log, by, alpha=alpha, norm=norm, uncertified=True, **params)
        q_a = log.q_a(alpha)
        counted = (log.predict == log.label) & (q_a <= 0.5)
        radii, images = np.unique(by(log.noise, q_a[counted]), return_counts=True)
        share = images[::-1].cumsum()[::-1] / len(log)
        return Curve(radii, share, log.noise, log.header.n, alpha, norm or 2.0, {"rows": len(log)})


class Drawn(NamedTuple):
    """A figure of certified accuracy."""

    figure: Any
    caption: str  # which votes it is of
    axes: Any  # (rows, panels): what is real, and then what stands in
    curves: dict[str, Curve]  # by "panel: label"; "*panel: label" where they stand in


def votes(one: runs.Experiment, found: Sequence[runs.Run]) -> Votes | None:
    """The best votes for an experiment: of a log of one's own, published, or digits; None if there are none."""
    if mine := runs.matching(one, found):
        assert mine[0].records is not None
        return Votes(one, "own", mine[0].records, remake.told(mine))
    if one.votes and data.logs(kind="certify", method="gaussian", split="test", **one.votes):
        log, source = remake.curve(**one.votes).records, one.votes["source"]
    else:
        log, source = kumar.nearest(one), kumar.WORDS
    if log is None:
        return digits(one)
    same = runs.same(log.noise, one.noise)
    other = "" if same else f", at σ = {log.noise.sigma:g}, not {one.noise.sigma:.3g}"
    return Votes(one, "published" if same else "nearly", log, f"{source}, {len(log):,} images{other}")


def digits(one: runs.Experiment) -> Votes | None:
    """Votes of a small network on digits, which stand in; None if none are like the experiment's."""
    if one.digits not in (*data.zoo(), *ours.RUNS):
        return None
    log = data.zoo_log(one.digits) if one.digits in data.zoo() else ours.log(one.digits)
    return Votes(one, "digits", log, f"{one.digits}, {len(log)} images of 8 x 8 pixels, n = {log.header.n:,}")


def certified(
    document: str,
    item: str,
    lines: Sequence[tuple[Any, ...]],
    *,
    norm: float | Callable[[runs.Experiment], float] | None = None,
    by: Callable[[runs.Experiment], str] = lambda one: "",
    name: Callable[[runs.Experiment], str] = lambda one: "",
    params: Mapping[str, Mapping[str, float]] | None = None,
    published: float | None = None,
    stand_in: bool = True,
    undefended: bool = False,
) -> Drawn:
    """Draw the certified accuracies of a paper's figure from the best votes that there are.

    Parameters
    ----------
    document, item : str
        E.g. "laplace", "Figure 7": what recipes of rsexplore/recipes.toml serve.
    lines : sequence of (key of a bound, or formula, label) or (key, label, whether it is for an experiment)
        A curve of each for every experiment whose noise it is of. Where one is no certificate, a colour is an
        experiment's if a panel has several; else it is a line's, if there are several. Dash-dotted is what is none.
    norm : float or function of an experiment, optional
        Of the radii; that of the theorem if absent.
    by, name : function of an experiment
        In which panel it stands, and what a label says of it.
    params : mapping of title to parameters of the bounds, optional
        A panel each, in place of `by`.
    published : float, optional
        Level at which published votes are read, where it is not the paper's.
    stand_in : bool
        Whether digits stand in for what is lacking.
    undefended : bool
        Whether digits are drawn, too, with what a clean network keeps under an attack of ours, unless all logs are own.
    """
    wanted, found = runs.experiments(document, item), runs.logs()
    best = {one.name: chosen for one in wanted if (chosen := votes(one, found))}
    best = {name: chosen for name, chosen in best.items() if stand_in or chosen.kind != "digits"}
    lacking = [one for one in wanted if one.name not in best or best[one.name].kind in ("nearly", "digits")]
    undefended &= any(chosen.kind != "own" for chosen in best.values())
    beside = (bool(lacking) and stand_in) or undefended
    panels = list(params or dict.fromkeys(map(by, wanted)))
    sound = all(rs.bounds.get(key).certifies for key, *_ in lines if isinstance(key, str))
    labels = list(dict.fromkeys(label for _, label, *_ in lines))
    # by whether they stand in, and panel: curves by label, with the places of their experiment and of their label
    drawn = {(toy, panel): dict[str, tuple[Curve, int, int]]() for toy in (False, True) for panel in panels}
    for (at, one), (key, label, *only), panel in product(enumerate(wanted), lines, panels):
        if not (params or by(one) == panel) or not all(wants(one) for wants in only):
            continue
        bound, of = None if callable(key) else rs.bounds.get(key), norm(one) if callable(norm) else norm
        given = {name: value for name, value in (params or {}).get(panel, {}).items() if bound and name in bound.params}
        # where something stands in, what it is compared with does so too
        for chosen in filter(None, (best.get(one.name), digits(one) if beside else None)):
            toy, nearly = chosen.kind == "digits", f"at σ = {chosen.records.noise.sigma:g}" * (chosen.kind == "nearly")
            words = ", ".join(filter(None, (label, one.digits if toy else name(one), nearly)))
            again = toy and params and panel != panels[0]  # for other parameters digits show the same once more
            if (bound is None or bound.supports(chosen.records.noise)) and not again and words not in drawn[toy, panel]:
                curve = chosen.curve(key, of, published, **given)
                drawn[toy, panel][words] = curve, at, labels.index(label)
    rows = [toy for toy in (False, True) if any(drawn[toy, panel] for panel in panels)] or [False]
    figure, axes = plt.subplots(len(rows), len(panels), figsize=(3.8 * len(panels) + 1, 3.6 * len(rows)), squeeze=False)
    for (toy, panel), ax in zip(product(rows, panels), axes.flat, strict=True):
        shown, looks = drawn[toy, panel], []
        ones = list(dict.fromkeys(at for _, at, _ in shown.values()))
        used = list(dict.fromkeys(place for *_, place in shown.values()))
        by_line = len(lines) > 1 and (sound or len(ones) == 1)
        for curve, at, place in shown.values():
            # where curves may meet, dashes let the lower one through
            dash = style.DASHES[(used.index(place) if len(ones) == 1 else ones.index(at)) % 3] if by_line else "solid"
            looks.append({"color": style.CYCLE[(place if by_line else ones.index(at)) % 7],
                          "dash": dash if curve.bound and curve.bound.certifies else "dashdot"})  # fmt: skip
        recipes = dict.fromkeys(one.recipe for one in lacking if params or by(one) == panel)
        why = "\n".join(["no votes at hand: they need", "a run by recipe", *recipes])
        if toy and len(rows) > 1:
            why = "digits stand in on the left alone" if params else "no digits stand in here"
        if shown or not toy:
            title = ", ".join(filter(None, ("Stand-in: digits" if toy else item, panel)))
            curves = [curve for curve, *_ in shown.values()]
            rs.pictures.certified_accuracy(curves, title, labels=list(shown), looks=looks, most=False).draw(ax)
        if not shown:
            ax.text(0.5, 0.5, why, ha="center", va="center", color="0.4" if toy else "black", transform=ax.transAxes)
            ax.set(xlabel="", xticks=[])
            ax.axis("off" if toy else "on")
        elif toy and undefended:
            radius, share = ours.undefended(norm if isinstance(norm, int | float) else 2.0)
            ax.step(radius, share, "k--", where="post", linewidth=1)
            ax.text(0.97, 0.82, "undefended network,\nattacked by us", ha="right", va="top", transform=ax.transAxes)
    for places in axes:
        level(places)
    by_name = {f"{'*' * toy}{panel}: {label}": curve for (toy, panel), shown in drawn.items()
               for label, (curve, *_) in shown.items()}  # fmt: skip
    words = f"\n  dashed: {ours.CLEAN} under an attack of ours, an upper bound on 500 images" if undefended else ""
    return Drawn(figure, caption(item, best, lacking) + words, axes, by_name)


def level(places: Sequence[Axes]) -> None:
    """Give the panels of a row one height, that of the least, and labels that fit beside it."""
    boxes = [ax.get_position() for ax in places]
    low, high = max(box.y0 for box in boxes), min(box.y1 for box in boxes)
    for ax, box in zip(places, boxes, strict=True):
        ax.set_position((box.x0, low, box.width, high - low))
        ax.set_ylabel("certified accuracy")


def caption(item: str, best: Mapping[str, Votes], lacking: Sequence[runs.Experiment]) -> str:
    """Which votes a figure draws for each experiment, and what those cost that it lacks."""
    lines = [f"{item}, from"]
    for kind, head in HEADS.items():
        told = [f"    {one}: {chosen.words}" for one, chosen in best.items() if chosen.kind == kind]
        lines += [f"  {head}", *told] if told else []
    return "\n".join([*lines, *([f"  needs {remake.needs(lacking)}"] if lacking else [])])
