"""Printed tables made again, cell by cell, and what the published logs say about themselves.

Numbers come from the authors' logs where these can be had, else from the curves that are shipped, which
`printed/make_curves.py` computed from the same logs and which are exact at every radius.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rsexplore import accuracy, bounds, data, papers
from rsexplore.accuracy import Curve
from rsexplore.rounding import Printed
from rsexplore.table import Table


class Cell(NamedTuple):
    """One printed number beside the one made again."""

    sigma: float
    radius: float
    printed: float
    remade: float
    digits: int

    @property
    def agrees(self) -> bool:
        """Whether they are the same number to the printed digits."""
        return round(self.remade, self.digits) == self.printed


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

    Parameters and errors are those of `accuracy.published`; `provenance` of the curve says which it was.
    """
    try:
        log = data.log(source, dataset, train_sigma=train_sigma, certify_sigma=certify_sigma, **filters)
    except data.DataUnavailableError:
        return accuracy.published(source, dataset, train_sigma, certify_sigma, **filters)
    return accuracy.curve(log)


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


def levels(source: str = "locuslab-smoothing", stated: float = 0.001, found: float = 0.01) -> Table:
    """Which logs of a source have radii that the stated confidence level cannot give, in units of sigma."""
    rows = []
    for entry in data.logs(source=source, kind="certify"):
        log = accuracy.published(
            source, entry.dataset, entry.train_sigma, entry.certify_sigma, entry.subset, entry.method
        )
        sigma = log.noise.sigma
        kept = np.zeros(len(log.radii), dtype=bool)
        printed = Printed(log.radii, kept, log.noise, log.n, log.alpha, log.provenance["radius_format"])
        name = f"{entry.dataset} {entry.split} {entry.train_sigma:g} → {entry.certify_sigma:g}"
        largest = float(printed.radii("lower").max())
        ceilings = [printed.ceiling(alpha) / sigma for alpha in (stated, found)]
        verdict = "impossible at the stated level" if largest > ceilings[0] * sigma else "fits both"
        rows.append((name, entry.rows, f"{log.radii[-1] / sigma:.3f}", *(f"{c:.4f}" for c in ceilings), verdict))
    head = ("log: trained → certified", "images", "largest radius", f"ceiling at {stated}", f"ceiling at {found}", "")
    return Table(head, rows)


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
