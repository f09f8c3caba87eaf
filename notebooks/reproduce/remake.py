"""Printed numbers made again, each once, from theory or from published logs; and what these logs say of themselves.

A number has a function with its key's name (- as _) or the one that `data/statements.toml` gives. It takes the printed
cells and returns made numbers beside printed ones, for each reading of the text; None where the logs are not at hand.
`cases` asks it, and the errata, the list of figures, the tables and `confirm` are views of that.

Numbers come from the authors' logs where these can be had, else from the curves that are shipped, which were computed
from the same logs and are exact at every radius.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reproduce import formulas, proposition1, rops
from reproduce.compare import Cases, Outcome, Pair, compared, differences, differing, gaps, outcome
from reproduce.printed import PrintedCell, all_statements, formula, inventory, printed
from reproduce.printed_tradeoffs import least_order, printed_equal, volume_ratio
from rsexplore import accuracy, bounds, confidence, data, mechanisms, records, runs, tradeoff
from rsexplore.comparison import exact_bound
from rsexplore.divergences.generalized_gaussian import coefficient
from rsexplore.log import content
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise
from rsexplore.table import Table, rounded_down

LOCUSLAB, SALMAN = "locuslab-smoothing", "smoothing-adversarial"
SIGMAS = {"cifar10": (0.12, 0.25, 0.5, 1.0), "imagenet": (0.25, 0.5, 1.0)}  # of the published Gaussian networks
KINDS = {  # of networks of Salman et al., by the name of the method in their logs
    "attack on the base classifier": re.compile("baseattack-with_noise"),
    "attack on the smoothed classifier": re.compile("smoothadv"),
    "more data or pretraining": re.compile("pretrain|selftrain"),
}
ATTACK = re.compile(r"pgd_l2_([\d.]+)_(base|m128)_")  # and its size
CONSTANTS = (1.0, 3.0)  # values of c that the unified framework draws; its text does not say which it speaks of
LOGS = "needs the published logs, which are not at hand"


# published logs


def rows_of(entry: data.Entry) -> Iterable[dict[str, str]]:
    """Rows of a log of others, as text."""
    return csv.DictReader(content(data.fetch(entry)).decode("utf-8").splitlines(), delimiter="\t")


def curve(source: str, dataset: str, train_sigma: float, certify_sigma: float, **filters: str) -> accuracy.Curve:
    """Certified accuracy of a published log as it prints it: from the log if it can be had, else as shipped.

    Parameters and errors are those of `accuracy.published`. A curve from the log itself has no "sha256" among its
    `provenance`.
    """
    try:
        log = data.log(source, dataset, train_sigma=train_sigma, certify_sigma=certify_sigma, **filters)
    except data.DataUnavailableError:
        return accuracy.published(source, dataset, train_sigma, certify_sigma, **filters)
    return accuracy.curve(log)


def curves(dataset: str) -> list[accuracy.Curve]:
    """Those of the networks of Cohen et al., certified at the deviation at which they were trained."""
    return [curve(LOCUSLAB, dataset, sigma, sigma) for sigma in SIGMAS[dataset]]


@lru_cache
def salman_curves() -> dict[str, list[accuracy.Curve]]:
    """Curves of the published CIFAR-10 networks of Salman et al., by how they were trained."""
    entries = data.logs(source=SALMAN, kind="certify", dataset="cifar10")
    return {title: [accuracy.curve(records.read(data.fetch(e), e.header)) for e in entries if kind.match(e.method)]
            for title, kind in KINDS.items()}  # fmt: skip


def best_at(curves: Sequence[accuracy.Curve], radii: Sequence[float] | NDArray) -> list[float]:
    """Percentage that the best of several networks certifies at each radius."""
    return [100 * max(float(c.at(r)) for c in curves) for r in radii]


def framework_curves(dataset: str, c: float, norm: float = 2.0, train: tuple[float, ...] | None = None,
                     alpha: float | None = None) -> list[accuracy.Curve]:  # fmt: skip
    """Published Gaussian networks certified at sigma = 0.5, under Corollary 11 as printed (Theorem 18 in l_inf).

    Parameters
    ----------
    dataset : {"cifar10", "imagenet"}
    c : float
        The paper's constant; the bound is no certificate at any.
    norm : {2, inf}
    train : tuple of float, optional
        Deviations of the training noise; all that were published if absent.
    alpha : float, optional
        Confidence level at which the votes are read; that of each log if absent, and these are not all the same.
    """
    bound = bounds.get("dmr-linf-printed" if norm == inf else "dmr-l2-printed")
    logs = [curve(LOCUSLAB, dataset, t, 0.5) for t in train or SIGMAS[dataset]]
    return [log.rescore(bound, alpha, uncertified=True, c=c) for log in logs]


def ceilings(n: int = 100_000, levels: Sequence[float] = (0.001, 0.01)) -> dict[float, float]:
    """Largest l2 radius, in units of sigma, that n votes out of n can give at each level."""
    tails = {alpha: confidence.clopper_pearson_tail(n, n, alpha) for alpha in levels}
    return {alpha: float(bounds.get("cohen-l2").radius(Gaussian(1.0), q_a=q_a)) for alpha, q_a in tails.items()}


@dataclass(frozen=True, eq=False)
class Attacked:
    """Images that are right and certified: radius, and the least size tried at which an attack changes the class."""

    sigma: float
    radius: NDArray  # (images,) certified l2 radius, input units
    broken: NDArray  # (images,) least size tried that breaks it, inf if none does
    sizes: tuple[float, ...]  # that were tried

    def surely_outside(self, low: float, high: float) -> NDArray:
        """Whether the least size that changes the class, over the radius, is surely not in [low, high]; (images,).

        It is at most the least size that was tried with success, and above the largest that was tried before it.
        """
        tried = np.append(0.0, np.sort(self.sizes))
        without = tried[np.searchsorted(tried, self.broken) - 1]
        return np.asarray((self.broken < low * self.radius) | (without >= high * self.radius))


def attacked(sigma: float) -> Attacked | None:
    """Attacks on the published Gaussian network for CIFAR-10 of one deviation; None if the logs are not at hand."""
    if not os.environ.get("RSEXPLORE_DATA"):
        return None
    log = data.log(SALMAN, "cifar10", train_sigma=sigma, certify_sigma=sigma)
    sizes, broken = set[float](), dict[int, float]()
    for entry in data.logs(source=SALMAN, kind="predict_attack", certify_sigma=sigma):
        if found := ATTACK.search(entry.path):
            sizes.add(size := float(found[1]))
            for row in rows_of(entry):
                least = inf if row["predict"] in (row["label"], str(records.ABSTAINED)) else size
                broken[int(row["idx"])] = min(broken.get(int(row["idx"]), inf), least)
    tried = np.isin(log.index, list(broken)) & (log.predict == log.label) & (log.printed.radius > 0)
    least_of = np.array([broken[index] for index in log.index[tried].tolist()])
    return Attacked(sigma, log.printed.radius[tried], least_of, tuple(sorted(sizes)))


# runs that nobody published


def needs(wanted: Iterable[runs.Experiment]) -> str:
    """What the runs of some experiments cost, by recipe: "50,050,000 passes of resnet50 by recipe laplace-imagenet"."""
    total = Counter[tuple[str, str]]()
    for one in wanted:
        total[one.arch, one.recipe] += one.passes
    return "; ".join(f"{passes:,} passes of {arch} by recipe {recipe}" for (arch, recipe), passes in total.items())


def own_row(
    wanted: Iterable[runs.Experiment], found: Sequence[runs.Run], radii: Sequence[float], norm: float
) -> list[str]:
    """Cells of a table's row from logs of one's own, in percent, the best at each radius; then what logs these are."""
    best, used, scored = np.zeros(len(radii)), dict[str, None](), lru_cache(accuracy.curve)
    for one, (place, radius) in product(wanted, enumerate(radii)):
        if fits := runs.matching(one, found, (radius, norm)):  # a run may have stopped for one radius
            log: Any = fits[0].records
            share = scored(log, exact_bound(log.noise, norm), alpha=one.alpha, norm=norm).at(radius)
            best[place], used[told(fits)] = max(best[place], 100 * share), None
    return [*(f"{share:.1f}" for share in best), "; ".join(used)] if used else []


def told(fits: Sequence[runs.Run]) -> str:
    """What a caption says of the logs that fit an experiment, the first of which is drawn."""
    others = f" ({', '.join(run.name for run in fits[1:])} fit too)" if fits[1:] else ""
    return fits[0].words + others


# numbers, by key


def last_number(text: str) -> float:
    """Return the last number of a text, e.g. the radius of "linf radius 8/255" (0.0314)."""
    first, _, second = re.findall(r"[\d./]+", text)[-1].partition("/")
    return float(first) / float(second or 1)


def arithmetic(cells: list[PrintedCell], text: str) -> Cases:
    """What a few printed numbers amount to, e.g. "9 * 3 * 224 * 224"."""
    return {"": compared([formula(text)], cells)}


def lecture_table_2(cells: list[PrintedCell]) -> Cases:
    """Fractions of all images."""
    rows = dict(zip(dict.fromkeys(cell.row for cell in cells), curves("imagenet"), strict=True))
    return {"": named(compared((rows[cell.row].at(last_number(cell.column)) for cell in cells), cells), cells)}


def named(pairs: list[Pair], cells: list[PrintedCell]) -> list[Pair]:
    """Pairs with the names of their rows and columns."""
    return [pair._replace(name=f"{cell.row}, {cell.column}") for pair, cell in zip(pairs, cells, strict=True)]


def best_of_cohen(cells: list[PrintedCell], dataset: str, reading: str = "") -> Cases:
    """Percentages of the best of the published Gaussian networks at each l2 radius."""
    return {reading: compared(best_at(curves(dataset), [last_number(cell.column) for cell in cells]), cells)}


def best_of_salman(cells: list[PrintedCell]) -> Cases | None:
    """Percentages for "the models trained by Salman et al.", of several kinds; printed are l2 radii over sqrt(d)."""
    if not os.environ.get("RSEXPLORE_DATA"):  # hundreds of logs: too many to download for one row
        return None
    radii = [last_number(cell.column) * sqrt(3072) for cell in cells]
    return {f"{title}, {len(found)} logs": compared(best_at(found, radii), cells)
            for title, found in salman_curves().items()}  # fmt: skip


def seconds(cells: list[PrintedCell], dataset: str) -> Cases | None:
    """Mean time of an image in all the logs of test images of Cohen et al."""
    if not os.environ.get("RSEXPLORE_DATA"):
        return None
    entries = data.logs(source=LOCUSLAB, kind="certify", dataset=dataset, split="test")
    times = [row["time"].split(":") for entry in entries for row in rows_of(entry)]
    # h:mm:ss.ssssss, or seconds
    found = [sum(float(x) * 60**i for i, x in enumerate(reversed(time))) for time in times]
    return {"": compared([np.mean(found)], cells)}


def table_1(cells: list[PrintedCell]) -> Cases:
    """Cells of Table 1 whose words or growth differ; the growth of the Gaussian's l_2 cell is that at fixed sigma."""
    readings = {"all at fixed E‖z‖_inf": ("mean",), "each at fixed E‖z‖_inf or fixed σ": ("mean", "sigma")}
    return {name: named([Pair(float(not _same_growth(cell, fixed)), "0", "exactly") for cell in cells], cells)
            for name, fixed in readings.items()}  # fmt: skip


def _same_growth(cell: PrintedCell, fixed: Sequence[str]) -> bool:
    """Whether a cell says what is made: how near the limit, and the growth, if one is printed, at one of `fixed`."""
    norm, divergence = cell.column.removesuffix(" robustness").split(", ")
    family: type[Noise] = Gaussian if cell.row == "Gaussian" else ExponentialLinf
    case = family, divergence, inf if norm == "linf" else 2.0
    words, _, order = cell.value.partition(", r in ")
    grows = (mechanisms.growth(*case, fixed=what) for what in fixed)
    orders = [str(mechanisms.GrowthLaw(*one)) for one in grows if one is not None]
    return words == mechanisms.verdict(*case).partition(", ")[0] and order in ("", *orders)


def for_each_c(made: Callable[[float], Any], cells: list[PrintedCell]) -> Cases:
    """What the cells are for each of the `CONSTANTS`, the same for all."""
    return {f"c = {c:g}": compared([made(c)] * len(cells), cells) for c in CONSTANTS}


def twenty_percent(cells: list[PrintedCell]) -> Cases:
    """Percentage at l2 = 1.0 with the best of the published training noises."""
    return for_each_c(lambda c: best_at(framework_curves("cifar10", c), [1.0])[0], cells)


def ten_to_twenty(cells: list[PrintedCell]) -> Cases:
    """Ratio of Theorem 18 to Theorem 13 at equal E||z||_inf.

    Both radii are printed with the same factor log(p_A / p_B), so that their ratio is one number for all votes.
    """
    gaussian, exponential = (mechanisms.with_mean(family, 1.0, 3072) for family in (Gaussian, ExponentialLinf))
    ours, theirs = bounds.get("dmr-linf-printed"), bounds.get("dinf-linf").radius(exponential, 0.9)
    return for_each_c(lambda c: ours.radius(gaussian, 0.9, c=c) / theirs, cells)


def figure_6(cells: list[PrintedCell]) -> Cases:
    """Largest l_inf radius on ImageNet among images that are classified right, trained and certified at 0.5."""
    return for_each_c(lambda c: framework_curves("imagenet", c, inf, train=(0.5,))[0].radii.max(), cells)


def above_a_pixel() -> str:
    """Shares of images that are right with an l_inf radius of more than 1/255, as printed and exact."""
    found = {f"c = {c:g}": framework_curves("imagenet", c, inf, train=(0.5,))[0] for c in CONSTANTS}
    found["exact"] = curve(LOCUSLAB, "imagenet", 0.5, 0.5).rescore(bounds.get("cohen-lp"), norm=inf)
    at = np.nextafter(1 / 255, 1)
    return ", ".join(f"{best_at([one], [at])[0]:.1f} % ({name})" for name, one in found.items())


def rops_at_zero(cells: list[PrintedCell]) -> Cases:
    """Largest deviations of Appendix D at x = 0; the printed lambda is the deviation over sqrt(2)."""
    return {"": compared([rops.feasible(Laplace).largest * 0.5**0.5, rops.feasible(Gaussian).largest], cells)}


def rops_order(cells: list[PrintedCell]) -> Cases:
    """How far the Gaussian's ROPS is above the Laplace one at x = 0.3, which is said never to happen (Figure 11)."""
    radii, end = np.linspace(0, 0.7, 141), rops.crossing(0.3)
    excess = rops.against_radius(Gaussian, radii) - rops.against_radius(Laplace, radii)
    most = {"every radius": excess, f"radii up to {rounded_down(end, 3)}": excess[radii <= end]}
    return {name: [Pair(float(found.max()), "0", "at most")] for name, found in most.items()}


def eq_26_points(cells: list[PrintedCell]) -> Cases:
    """Radii of section 3.2 that belong to eq. (26)."""
    noise = GeneralizedGaussian(1.0, 3.0, 3072)
    return {"": compared([printed_equal(noise, 0.99), tradeoff.printed_frontier(noise, 0.99).at(0.0)], cells)}


def proposition_1_end(cells: list[PrintedCell]) -> Cases:
    """Vote at which the order of item 5 changes, with the two radii as printed."""
    return {"": compared([proposition1.rows()[4].printed.crossing], cells)}


def volume_ratio_by_p(cells: list[PrintedCell]) -> Cases:
    """Ratio of volumes at the printed p, which "we must take"; and the least p with the wanted ratio over that."""
    p, dim = (float(cell.value) for name in "pd" for cell in printed("hayes", "Section 3.3") if cell.column == name)
    at, least = compared([volume_ratio(p, int(dim))], cells), float(least_order(float(cells[0].value), int(dim)))
    return {"p = 9 d suffices": at, "no smaller p does": [*at, Pair(least / p, "1", "at least")]}


def kl_coefficient(cells: list[PrintedCell]) -> Cases:
    """Coefficient of a power of the shift in the printed KL divergence, e.g. of the l1 term at s = 3."""
    powers = ((last_number(cell.column.removesuffix(" term")), last_number(cell.row)) for cell in cells)
    return {"": compared((coefficient(*one) for one in powers), cells)}


def attack_ratio(cells: list[PrintedCell]) -> Cases | None:
    """Percentage of certified images whose ratio of attack size to radius is surely not from 2 to 2.5."""
    found = [one for sigma in (0.25, 0.5, 1.0) if (one := attacked(sigma)) is not None]
    outside = [one.surely_outside(*(float(cell.value) for cell in cells)) for one in found]
    return {"": [Pair(100 * float(np.concatenate(outside).mean()), "0", "exactly")]} if found else None


# views


def cases(key: str) -> Cases | None:
    """Made numbers beside the printed ones of a statement, for each reading; None where the logs are not at hand."""
    row = all_statements()[key]
    if row.is_formula:  # evaluated exactly, ours in double precision, also near ties: `EXACT` in relative terms
        return {"": [Pair(getattr(formulas, row.name)(), "0", "exactly")]}
    return globals()[row.name](row.cells, *row.args)


def confirm(document: str, item: str) -> float | None:
    """Largest difference of an item from what is printed; None where the logs that it needs are not at hand.

    Where the text leaves a value open, it is that of the reading that comes nearest.

    Raises
    ------
    KeyError
        There is no such item, or no number is printed to compare it with.
    AssertionError
        It is more than the print's own rounding, with every reading of the text.
    """
    known = {(one.document, one.item): all_statements()[one.check] for one in inventory() if one.check}
    if (document, item) not in known:
        raise KeyError(f"confirm: nothing is printed to compare {document}, {item} with; it knows {list(known)}")
    row = known[document, item]
    found = cases(row.key)
    if found and outcome(found) is Outcome.NOT_REPRODUCIBLE:
        raise AssertionError(f"{document}, {item}: {differences(found, row.unit)} from print, more than its rounding")
    return min(gaps(found).values()) if found else None


def _is_of(one: runs.Experiment, row: str) -> bool:
    """Whether an experiment is of a table's row: "OURS", "k=100" or "sigma = 0.25"."""
    name, _, number = row.replace(" ", "").partition("=")
    value = {"sigma": one.noise.sigma, "k": getattr(one.noise, "k", None)}.get(name)
    return row == "OURS" or bool(number and value is not None and abs(value - float(number)) <= runs.CLOSE)


class Beside(Table):
    """A printed table of certified accuracy, each row beside what was made again from one or more sets of networks.

    `pairs` are those of the set that comes nearest. Logs of one's own, in the folder RSEXPLORE_RUNS, have a row beside,
    which is not compared.
    """

    def __init__(self, paper: str, location: str) -> None:
        self.pairs: list[Pair] = []
        cells, text, found = printed(paper, location), [], runs.logs()
        norm = inf if "linf" in cells[0].column else 2.0
        for name in dict.fromkeys(cell.row for cell in cells):
            own = [cell for cell in cells if cell.row == name]
            row, digits = all_statements()[own[0].by], len(own[0].value.partition(".")[2]) + 1
            sets = {} if row.reason else cases(row.key) or {}
            kept = {title: [pair for pair, cell in zip(pairs, row.cells, strict=True) if cell in own]
                    for title, pairs in sets.items()}  # fmt: skip
            wanted = [one for one in runs.experiments(paper, location) if _is_of(one, name)]
            mine = own_row(wanted, found, [last_number(cell.column) for cell in own], norm)
            lacking = "; ".join(filter(None, (row.reason, f"needs {needs(wanted)}" if wanted else ""))) or LOGS
            text.append([f"{name}, printed", *(cell.value for cell in own), "" if kept or mine else lacking])
            text += [[f"{name}, your logs", *mine]] if mine else []
            self.pairs += min(kept.values(), key=lambda pairs: len(differing(pairs)), default=[])
            for title, pairs in kept.items():
                shown = (f"{pair.made:.{digits}f}{'' if pair.agrees else ' ≠'}" for pair in pairs)
                text.append([f"{name}, made again", *shown, title])
        radii = dict.fromkeys(last_number(cell.column) for cell in cells)
        super().__init__([f"{cells[0].unit} certified at radius", *(f"{r:.4g}" for r in radii), ""], text)

    @property
    def agree(self) -> int:
        """Number of made cells that are as printed."""
        return sum(pair.agrees for pair in self.pairs)

    @property
    def largest(self) -> int:
        """Largest difference from print, in whole units; 0 if no cell was made."""
        return max((round(pair.gap) for pair in self.pairs), default=0)
