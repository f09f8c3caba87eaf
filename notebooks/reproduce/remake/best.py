"""Tables of the best network at each radius, and curves of published logs under the bounds of other papers."""

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import inf, sqrt

import numpy as np

from reproduce.remake.compare import Pair
from reproduce.remake.tables import curve
from rsexplore import accuracy, bounds, data, papers, records
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound
from rsexplore.table import Table

LOCUSLAB, SALMAN = "locuslab-smoothing", "smoothing-adversarial"
SIGMAS = {"cifar10": (0.12, 0.25, 0.5, 1.0), "imagenet": (0.25, 0.5, 1.0)}  # of the published Gaussian networks
NOT_MADE = "the paper's own votes were not published"
KINDS = {  # of networks of Salman et al., by the name of the method in their logs
    "attack on the base classifier": re.compile("baseattack-with_noise"),
    "attack on the smoothed classifier": re.compile("smoothadv"),
    "more data or pretraining": re.compile("pretrain|selftrain"),
}
Made = Mapping[str, Sequence[float]]  # percentages of a row, for each set of networks


class Best(Table):
    """A printed table of percentages, each row beside what was made again from one or more sets of networks.

    `differences` are those of the set that comes nearest, in percentage points after rounding as print does.
    """

    def __init__(self, radii: list[float], rows: dict[str, tuple[list[str], Made | None, str]]) -> None:
        self.differences: list[int] = []
        self.agree = 0
        text = []
        for name, (printed, sets, why) in rows.items():
            text.append([f"{name}, printed", *printed, ""])
            if not sets:
                text.append([f"{name}, made again", *("" for _ in printed), why])
                continue
            pairs = {
                title: [Pair(a, b) for a, b in zip(shares, printed, strict=True)] for title, shares in sets.items()
            }
            for title, row in pairs.items():
                shown = [f"{pair.made:.1f}" + ("" if pair.agrees else " ≠") for pair in row]
                text.append([f"{name}, made again", *shown, title])
            nearest = min(pairs.values(), key=lambda row: sum(not pair.agrees for pair in row))
            self.differences += [0 if p.agrees else round(p.made) - round(float(p.printed)) for p in nearest]
            self.agree += sum(pair.agrees for pair in nearest)
        super().__init__(["% certified at radius", *(f"{r:.4g}" for r in radii), ""], text)

    @property
    def largest(self) -> float:
        """Largest of `differences`; nan if no cell was made."""
        return max((abs(gap) for gap in self.differences), default=float("nan"))


def best_table(location: str) -> Best:
    """Tables 1 to 4 of the soap-bubble paper: rows of the baseline from published logs, the others as printed.

    Raises
    ------
    KeyError
        The paper prints no such table.
    """
    cells = papers.printed("soap", location)
    radii = [_radius(column) for column in dict.fromkeys(cell.column for cell in cells)]
    rows: dict[str, tuple[list[str], Made | None, str]] = {}
    for name in dict.fromkeys(cell.row for cell in cells):
        ours = name.startswith(("Cohen", "Salman"))
        why = "needs the published logs, which are not at hand" if ours else NOT_MADE
        rows[name] = ([cell.value for cell in cells if cell.row == name], baseline(location) if ours else None, why)
    return Best(radii, rows)


def _radius(column: str) -> float:
    """Return the radius that ends a column's name, e.g. 8/255."""
    first, _, second = re.findall(r"[\d./]+", column)[-1].partition("/")
    return float(first) / float(second or 1)


def baseline(location: str) -> Made | None:
    """Percentages of a table's baseline row, the best network at each radius, for each set of published networks.

    Tables 1, 2 and 4 name the networks of Cohen et al. Table 3 names "the models trained by Salman et al.", who
    published several kinds; its radii are l2 radii over sqrt(d). None without their logs.
    """
    radii = [_radius(column) for column in dict.fromkeys(cell.column for cell in papers.printed("soap", location))]
    if location != "Table 3":
        dataset = "imagenet" if location == "Table 2" else "cifar10"
        own = [curve(LOCUSLAB, dataset, s, s) for s in SIGMAS[dataset]]
        return {"best σ at each radius": best_at(own, radii)}
    if not os.environ.get("RSEXPLORE_DATA"):  # hundreds of logs: too many to download for one row
        return None
    return {f"{title}, {len(found)} logs": best_at(found, [r * sqrt(3072) for r in radii])
            for title, found in _salman().items()}  # fmt: skip


def best_at(curves: Sequence[Curve], radii: Sequence[float]) -> list[float]:
    """Percentage that the best of several networks certifies at each radius."""
    return [100 * max(float(c.at(r)) for c in curves) for r in radii]


@lru_cache
def _salman() -> dict[str, list[Curve]]:
    """Curves of the published CIFAR-10 networks of Salman et al., by how they were trained."""
    entries = data.logs(source=SALMAN, kind="certify", dataset="cifar10")
    return {title: [accuracy.curve(records.read(data.fetch(e), e.header)) for e in entries if kind.match(e.method)]
            for title, kind in KINDS.items()}  # fmt: skip


def framework_curves(dataset: str, c: float, norm: float = 2.0, train: tuple[float, ...] | None = None,
                     alpha: float | None = None) -> list[Curve]:  # fmt: skip
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


def other_sigma(keys: tuple[str, ...] = ("cohen-l2", "kl-l2", "li-renyi-l2", "lecuyer-l2"), sigma: float = 0.25,
                dataset: str = "cifar10", alpha: float | None = None) -> list[Curve]:  # fmt: skip
    """Return one published Gaussian log under several l2 bounds (Figure 2 of Hayes, at another sigma than printed).

    The votes are read at the confidence level `alpha`, that of the log if absent.
    """
    log = curve(LOCUSLAB, dataset, sigma, sigma)
    return [log.rescore(bounds.get(key), alpha) for key in keys]


def coarse(log: records.Records, bound: Bound, norm: float, levels: int = 6) -> Curve:
    """Certified accuracy under a bound that is slow to evaluate: votes are lowered to one of a few levels.

    Every radius is one that the bound certifies, at a vote that is not above the image's own: a lower staircase.
    """
    q_a = np.asarray(log.q_a(), dtype=float)
    grid = np.geomspace(max(float(q_a.min()), 1e-12), 0.45, levels)
    radius = np.append(bound.radius(log.noise, q_a=grid, norm=norm), 0.0)
    right = log.predict == log.label
    own = radius[np.searchsorted(grid, q_a * (1 - 1e-12))][right]
    steps = np.unique(own[own > 0])
    share = np.array([(own >= r).sum() / len(log) for r in steps])
    facts = {"rows": len(log), "abstained": 0, "levels": levels}
    return Curve(steps, share, log.noise, log.header.n, log.header.alpha, norm, facts, bound)
