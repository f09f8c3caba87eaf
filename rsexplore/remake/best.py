"""Tables of the best network at each radius, and curves of published logs under the bounds of other papers."""

import os
import re
from math import inf, sqrt

import numpy as np

from rsexplore import accuracy, bounds, data, papers, records
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound
from rsexplore.remake.tables import curve
from rsexplore.table import Table

LOCUSLAB, SALMAN = "locuslab-smoothing", "smoothing-adversarial"
SIGMAS = {"cifar10": (0.12, 0.25, 0.5, 1.0), "imagenet": (0.25, 0.5, 1.0)}  # of the published Gaussian networks
NOT_MADE = "its votes were not published"


class Best(Table):
    """A printed table of percentages, each row beside what was made again; `differences` are percentage points."""

    def __init__(self, radii: list[float], rows: dict[str, tuple[list[float], list[float] | None, str]]) -> None:
        self.differences: list[float] = []
        text = []
        for name, (printed, made, why) in rows.items():
            text.append([f"{name}, printed", *(f"{x:g}" for x in printed), ""])
            if made is None:
                text.append([f"{name}, made again", *("" for _ in printed), why])
                continue
            gaps = [round(a) - b for a, b in zip(made, printed, strict=True)]
            self.differences += gaps
            shown = [f"{a:.1f}" + ("" if gap == 0 else " ≠") for a, gap in zip(made, gaps, strict=True)]
            text.append([f"{name}, made again", *shown, why])
        self.agree = sum(gap == 0 for gap in self.differences)
        super().__init__(["% certified at radius", *(f"{r:.4g}" for r in radii), ""], text)

    @property
    def largest(self) -> float:
        """Largest difference of a cell from print, in percentage points; nan if no cell was made."""
        return max((abs(gap) for gap in self.differences), default=float("nan"))


def best_table(location: str) -> Best:
    """Tables 1 to 4 of the soap-bubble paper: rows of the baseline from published logs, the others as printed.

    Raises
    ------
    KeyError
        The paper prints no such table.
    """
    cells = papers.printed("soap", location)
    columns = list(dict.fromkeys(cell.column for cell in cells))
    radii = [_radius(column) for column in columns]
    rows: dict[str, tuple[list[float], list[float] | None, str]] = {}
    for name in dict.fromkeys(cell.row for cell in cells):
        printed = [float(cell.value) for cell in cells if cell.row == name]
        rows[name] = (printed, *_made(location, name, radii))
    return Best(radii, rows)


def _radius(column: str) -> float:
    """Return the radius that ends a column's name, e.g. 8/255."""
    first, _, second = re.findall(r"[\d./]+", column)[-1].partition("/")
    return float(first) / float(second or 1)


def _made(location: str, name: str, radii: list[float]) -> tuple[list[float] | None, str]:
    if name.startswith("Cohen"):
        dataset = "imagenet" if location == "Table 2" else "cifar10"
        curves = [curve(LOCUSLAB, dataset, s, s) for s in SIGMAS[dataset]]
        return [100 * max(float(c.at(r)) for c in curves) for r in radii], "best σ at each radius"
    if name.startswith("Salman"):
        found = _salman()
        if not found:
            return None, "needs the published logs, which are not at hand"
        return [100 * max(float(c.at(r * sqrt(3072))) for c in found) for r in radii], "best of all its networks"
    return None, NOT_MADE


def _salman() -> list[Curve]:
    """Curves of the adversarially trained networks, none if the logs cannot be had."""
    if not os.environ.get("RSEXPLORE_DATA"):  # over a hundred logs: too many to download for one row
        return []
    entries = data.logs(source=SALMAN, kind="certify", dataset="cifar10")
    logs = [records.read(data.fetch(e), e.header) for e in entries if e.method.startswith("smoothadv")]
    return [accuracy.curve(log) for log in logs]


def framework_curves(dataset: str, c: float, norm: float = 2.0, train: tuple[float, ...] | None = None) -> list[Curve]:
    """Published Gaussian networks certified at sigma = 0.5, under Corollary 11 as printed (Theorem 18 in l_inf).

    Parameters
    ----------
    dataset : {"cifar10", "imagenet"}
    c : float
        The paper's constant; the bound is no certificate at any.
    norm : {2, inf}
    train : tuple of float, optional
        Deviations of the training noise; all that were published if absent.
    """
    bound = bounds.get("dmr-linf-printed" if norm == inf else "dmr-l2-printed")
    logs = [curve(LOCUSLAB, dataset, t, 0.5) for t in train or SIGMAS[dataset]]
    return [log.rescore(bound, uncertified=True, c=c) for log in logs]


def other_sigma(keys: tuple[str, ...] = ("cohen-l2", "kl-l2", "li-renyi-l2", "lecuyer-l2"), sigma: float = 0.25,
                dataset: str = "cifar10") -> list[Curve]:  # fmt: skip
    """Return one published Gaussian log under several l2 bounds (Figure 2 of Hayes, at another sigma than printed)."""
    log = curve(LOCUSLAB, dataset, sigma, sigma)
    return [log.rescore(bounds.get(key)) for key in keys]


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
