"""What the figures of more than one notebook need: the votes that they draw, and the dimensions of known images.

An experiment of a paper (`rsexplore/recipes.toml`) is drawn from a log of the reader's own in the folder that
RSEXPLORE_RUNS names, else from a published one, else a log of 8 x 8 digits stands in, on axes of its own. The caption
says which it was.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import rsexplore as rs
from reproduce import remake
from rsexplore import data, runs
from rsexplore.accuracy import Curve
from rsexplore.pictures import style
from rsexplore.records import Records
from rsexplore.runs import Experiment


def image_sizes(ax: Axes) -> None:
    """Mark the dimensions of CIFAR-10 and ImageNet on a horizontal axis of dimensions."""
    at: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "fontsize": 8,
        "color": "0.4",
    }
    for dim, name in ((3072, "CIFAR-10"), (150_528, "ImageNet")):
        ax.axvline(dim, color="0.8", linewidth=1, linestyle=":", zorder=0)
        ax.annotate(name, (dim, 0.0), (-3, 4), ha="right", **at)


def stand_in(model: str, noise: rs.noises.Noise, images: int = 100) -> rs.records.Records:
    """Votes of a small network that ships with the package on the first test digits, 1,000 for each image.

    They stand in for votes that a paper did not publish; nothing about its networks follows from them.

    Parameters
    ----------
    model : str
        One of `montecarlo.names()`.
    noise : Noise
        Of 64 coordinates, 8 x 8 pixels.
    images : int
        How many digits.
    """
    test = rs.data.digits().test
    base = rs.montecarlo.load_model(model)
    return rs.montecarlo.certify(
        base, test.images[:images], test.labels[:images], noise, n=1000, seed=0, progress=False
    )


class Votes(NamedTuple):
    """Votes that are drawn for an experiment, and where they come from."""

    one: Experiment
    kind: str  # "own", "published" or "digits"
    records: Records
    words: str  # what a caption says of them

    def curve(self, bound: str, norm: float | None, **params: Any) -> Curve:
        """Certified accuracy at the paper's level."""
        return rs.accuracy.curve(self.records, bound, alpha=self.one.alpha, norm=norm, uncertified=True, **params)


class Drawn(NamedTuple):
    """A figure of certified accuracy."""

    figure: Any
    caption: str  # which votes it is of
    axes: Any  # (rows, panels): what is real, and then what stands in
    curves: dict[str, Curve]  # by "panel: label"; "*panel: label" where they stand in


def is_published(one: Experiment) -> bool:
    """Whether a published log is of this very run."""
    known = data.logs(kind="certify", method="gaussian", split="test", **one.votes) if one.votes else []
    return bool(known) and abs(known[0].certify_sigma - one.noise.sigma) <= runs.CLOSE


def votes(one: Experiment, found: Sequence[runs.Run]) -> Votes | None:
    """The best votes for an experiment: of a log of one's own, published, or digits; None if there are none."""
    if mine := runs.matching(one, found):
        others = f"; {', '.join(run.name for run in mine[1:])} fit too" if mine[1:] else ""
        assert mine[0].records is not None
        return Votes(one, "own", mine[0].records, mine[0].words + others)
    if one.votes and data.logs(kind="certify", method="gaussian", split="test", **one.votes):
        log = remake.curve(**one.votes).records
        assert log is not None
        other = "" if is_published(one) else f", in part: at σ = {log.noise.sigma:g}, not {one.noise.sigma:.3g}"
        return Votes(one, "published", log, f"{one.votes['source']}, {len(log):,} images{other}")
    return digits(one)


def digits(one: Experiment) -> Votes | None:
    """Votes of a small network that ships with the package, which stand in; None if none are like the experiment's."""
    if one.digits not in data.zoo():
        return None
    log = data.zoo_log(one.digits)
    return Votes(one, "digits", log, f"{one.digits}, {len(log)} images of 8 x 8 pixels")


def needs(wanted: Iterable[Experiment]) -> str:
    """What the runs of some experiments cost, by recipe: "50,050,000 passes of resnet50 by recipe laplace-imagenet"."""
    total: dict[tuple[str, str], int] = {}
    for one in wanted:
        total[one.arch, one.recipe] = total.get((one.arch, one.recipe), 0) + one.passes
    return "; ".join(f"{passes:,} passes of {arch} by recipe {recipe}" for (arch, recipe), passes in total.items())


def certified(
    document: str,
    item: str,
    lines: Sequence[tuple[str, str]],
    *,
    norm: float | None = None,
    by: Callable[[Experiment], str] = lambda one: "",
    name: Callable[[Experiment], str] = lambda one: "",
    params: Mapping[str, Mapping[str, float]] | None = None,
    folder: str | None = None,
) -> Drawn:
    """Draw the certified accuracies of a paper's figure from the best votes that there are.

    Parameters
    ----------
    document, item : str
        E.g. "laplace", "Figure 7": what recipes of rsexplore/recipes.toml serve.
    lines : sequence of (key of a bound, label)
        A curve of each for every experiment whose noise it is of.
    norm : float, optional
        Of the radii; that of the theorem if absent.
    by, name : function of an experiment
        In which panel it stands, and what a label says of it.
    params : mapping of title to parameters of the bounds, optional
        A panel each, in place of `by`.
    folder : str, optional
        Of logs of one's own; RSEXPLORE_RUNS if absent.
    """
    wanted, found = runs.experiments(document, item), runs.logs(folder)
    best = {one.name: chosen for one in wanted if (chosen := votes(one, found))}
    lacking = [one for one in wanted if one.name not in best or best[one.name].kind == "digits"]
    panels = list(params or dict.fromkeys(map(by, wanted)))
    real: dict[str, dict[str, Curve]] = {panel: {} for panel in panels}
    toy: dict[str, dict[str, Curve]] = {panel: {} for panel in panels}
    for one, (key, label), panel in product(wanted, lines, panels):
        # where something stands in, what it is compared with does so too
        for chosen in (best.get(one.name), digits(one) if lacking else None):
            if chosen and rs.bounds.get(key).supports(chosen.records.noise) and (params or by(one) == panel):
                into, words = (toy, one.digits) if chosen.kind == "digits" else (real, name(one))
                words = ", ".join(filter(None, (label, words)))
                into[panel][words] = chosen.curve(key, norm, **(params or {}).get(panel, {}))
    rows = [row for row in (real, toy) if any(row.values())] or [real]
    figure, axes = plt.subplots(len(rows), len(panels), figsize=(4.6 * len(panels) + 1, 4.2 * len(rows)), squeeze=False)
    for row, places in zip(rows, axes, strict=True):
        head = item if row is real else "Stand-in: digits"
        for ax, (panel, curves) in zip(places, row.items(), strict=True):
            if curves:
                title = f"{head}, {panel}" if panel else head
                looks, picture = _looks(curves, [label for _, label in lines]), rs.pictures.certified_accuracy
                picture(curves.values(), title, labels=list(curves), looks=looks, most=False).draw(ax)
            else:
                ax.set(title=f"{item}, {panel}", xticks=[], yticks=[])
                ax.text(0.5, 0.5, "nothing to stand in" if row is toy else "no votes at hand", ha="center")
    drawn = {f"{'*' * (row is toy)}{panel}: {label}": curve for row in (real, toy) for panel, of in row.items()
             for label, curve in of.items()}  # fmt: skip
    return Drawn(figure, caption(item, best, lacking), axes, drawn)


def _looks(labels: Iterable[str], heads: Sequence[str]) -> list[dict[str, str]]:
    """A colour for each head of the labels, and a dash for each further label of one head; for one head, colours."""
    found: list[dict[str, str]] = []
    for label in labels:
        at = next(place for place, head in enumerate(heads) if label.startswith(head))
        colour, before = style.CYCLE[at], sum(look["color"] == style.CYCLE[at] for look in found)
        dash = list(style.DASHES)[before % len(style.DASHES)]
        found.append({"color": colour, "dash": dash} if len(heads) > 1 else {"color": style.CYCLE[len(found) % 7]})
    return found


def caption(item: str, best: Mapping[str, Votes], lacking: Sequence[Experiment]) -> str:
    """Which votes a figure draws for each experiment, and what those cost that it lacks."""
    lines = [f"{item}, from"]
    for kind, head in {"own": "your logs", "published": "published logs", "digits": "digits, which stand in"}.items():
        told = [f"    {one}: {chosen.words}" for one, chosen in best.items() if chosen.kind == kind]
        lines += [f"  {head}", *told] if told else []
    return "\n".join([*lines, *([f"  needs {needs(lacking)}"] if lacking else [])])
