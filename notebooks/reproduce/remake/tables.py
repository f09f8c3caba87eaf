"""Printed tables made again, cell by cell, and what the published logs say about themselves.

Numbers come from the authors' logs where these can be had, else from the curves that are shipped, which
`make_curves.py` computed from the same logs and which are exact at every radius.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reproduce.remake.compare import Pair
from rsexplore import accuracy, bounds, data, papers
from rsexplore.accuracy import Curve
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.noises import Gaussian
from rsexplore.table import Table


class Cell(NamedTuple):
    """One printed number beside the one made again."""

    sigma: float
    radius: float
    printed: float
    remade: float
    digits: int

    @property
    def pair(self) -> Pair:
        """Both as the one rule of all comparisons takes them."""
        return Pair(self.remade, f"{self.printed:.{self.digits}f}", name=f"σ = {self.sigma:.2f}, r = {self.radius:.1f}")

    @property
    def agrees(self) -> bool:
        """Whether they are the same number to the printed digits."""
        return self.pair.agrees


class Remade(Table):
    """Table of printed and remade numbers."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        radii = sorted({cell.radius for cell in cells})
        rows = []
        for sigma in sorted({cell.sigma for cell in cells}):
            found = {cell.radius: cell for cell in cells if cell.sigma == sigma}
            rows.append([f"σ = {sigma:.2f}", *(_text(found[r]) for r in radii)])
        super().__init__(["remade (printed)", *(f"r = {r:.1f}" for r in radii)], rows)

    @property
    def agree(self) -> int:
        """Number of cells that are as printed."""
        return sum(cell.agrees for cell in self.cells)


def _text(cell: Cell) -> str:
    return f"{cell.remade:.3f} ({cell.printed:.{cell.digits}f}){'' if cell.agrees else ' ≠'}"


def curve(source: str, dataset: str, train_sigma: float, certify_sigma: float, **filters: str) -> Curve:
    """Certified accuracy of a published log as it prints it: from the log if it can be had, else as shipped.

    Parameters and errors are those of `accuracy.published`. A curve from the log itself has no "sha256" among its
    `provenance`.
    """
    try:
        log = data.log(source, dataset, train_sigma=train_sigma, certify_sigma=certify_sigma, **filters)
    except data.DataUnavailableError:
        return accuracy.published(source, dataset, train_sigma, certify_sigma, **filters)
    return accuracy.curve(log)


def seconds(dataset: str, source: str = "locuslab-smoothing") -> float | None:
    """Mean time of an image in all the published logs of test images of one source; None without the logs."""
    if not os.environ.get("RSEXPLORE_DATA"):
        return None
    found = []
    for entry in data.logs(source=source, kind="certify", dataset=dataset, split="test"):
        head, *lines = data.fetch(entry).read_text(encoding="utf-8").splitlines()
        times = [line.split("\t")[head.split("\t").index("time")] for line in lines]
        # h:mm:ss.ssssss, or seconds
        found += [sum(float(x) * 60**i for i, x in enumerate(reversed(time.split(":")))) for time in times]
    return float(np.mean(found))


def certified_accuracy_table(paper: str, location: str, source: str, dataset: str) -> Remade:
    """A printed table of certified accuracy with rows "sigma = ..." and columns "l2 radius ...", made again.

    Raises
    ------
    KeyError
        The paper prints no such table.
    """
    cells = []
    curves: dict[float, Curve] = {}
    for cell in papers.printed(paper, location):
        sigma, radius = float(cell.row.split("=")[1]), float(cell.column.split()[-1])
        if sigma not in curves:
            curves[sigma] = curve(source, dataset, sigma, sigma)
        digits = len(cell.value.partition(".")[2])
        cells.append(Cell(sigma, radius, float(cell.value), float(curves[sigma].at(radius)), digits))
    return Remade(cells)


def levels(source: str = "locuslab-smoothing") -> Table:
    """How many radii of each published log no count of votes can give, at the stated level 0.001 and at 0.01.

    A radius is impossible at a level if it is above the most that n votes can give, or between the radii of two
    neighbouring counts by more than it was rounded.
    """
    rows = []
    for entry in data.logs(source=source, kind="certify"):
        log = accuracy.published(
            source, entry.dataset, entry.train_sigma, entry.certify_sigma, entry.subset, entry.method
        )
        facts, sigma = log.provenance, log.noise.sigma
        stated, other = (facts["impossible"][alpha] for alpha in ("0.001", "0.01"))
        level = "0.01, not 0.001" if stated and not other else "0.001" if other and not stated else "either"
        name = f"{entry.dataset} {entry.split}, {entry.train_sigma:.2f} → {entry.certify_sigma:.2f}"
        rows.append((name, entry.rows, f"{facts['largest_radius'] / sigma:.3f}", stated, other, level))
    head = ("log: trained → certified", "images", "largest radius / σ", "impossible at 0.001", "at 0.01", "so α is")
    return Table(head, rows)


def ceilings(n: int = 100_000, levels: Sequence[float] = (0.001, 0.01)) -> dict[float, float]:
    """Largest l2 radius, in units of sigma, that n votes out of n can give at each level."""
    cohen, noise = bounds.get("cohen-l2"), Gaussian(1.0)
    return {alpha: float(cohen.radius(noise, q_a=clopper_pearson_tail(n, n, alpha))) for alpha in levels}


def rescored(paper: str, location: str, source: str, dataset: str, alpha: float) -> Table:
    """Certified accuracy of a printed table's cells, as logged and with the same votes read at another level."""
    cohen = bounds.get("cohen-l2")
    rows = []
    for cell in certified_accuracy_table(paper, location, source, dataset).cells:
        logged = accuracy.published(source, dataset, cell.sigma, cell.sigma)
        low, high = (float(logged.rescore(cohen, alpha, rounding=r).at(cell.radius)) for r in ("lower", "upper"))
        if not np.isclose(low, cell.remade) or not np.isclose(high, cell.remade):
            at = f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}"
            rows.append((f"σ = {cell.sigma:.2f}, r = {cell.radius:.1f}", f"{cell.remade:.3f}", at))
    return Table(("cell", f"as logged, α = {logged.alpha:g}", f"at α = {alpha:g}"), rows)
