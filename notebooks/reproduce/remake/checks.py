"""What is compared with print, by name: made numbers beside printed ones, None where the logs are not at hand."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple

import numpy as np

from reproduce import proposition1, rops
from reproduce.printed_tradeoffs import least_order, printed_equal, volume_ratio
from reproduce.remake import formulas
from reproduce.remake.attacks import attacked
from reproduce.remake.best import baseline, framework_curves
from reproduce.remake.compare import Cases, Outcome, Pair, outcome
from reproduce.remake.tables import certified_accuracy_table
from rsexplore import bounds, mechanisms, papers, tradeoff
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise
from rsexplore.papers import PrintedCell
from rsexplore.table import rounded_down

CONSTANTS = (1.0, 3.0)  # values of c that the unified framework draws; its text does not say which it speaks of


def pair(made: float, cell: PrintedCell, scale: float = 1.0) -> Pair:
    """A made number beside a printed cell, in the relation of the text; `scale` turns it into the cell's unit."""
    return Pair(float(made) * scale, cell.value, cell.relation, cell.column)


def _cells(paper: str, location: str, row: str = "", column: str = "") -> list[PrintedCell]:
    return [cell for cell in papers.printed(paper, location) if row in cell.row and column in cell.column]


def lecture_table_2() -> Cases:
    """Fractions of all images."""
    cells = certified_accuracy_table("lecture", "Table 2", "locuslab-smoothing", "imagenet").cells
    return {"": [cell.pair for cell in cells]}


def hayes_points() -> Cases:
    """Radii of section 3.2 that belong to eq. (26)."""
    noise = GeneralizedGaussian(1.0, 3.0, 3072)
    made = printed_equal(noise, 0.99), float(tradeoff.printed_frontier(noise, 0.99).at(0.0))
    return {"": [pair(*both) for both in zip(made, papers.printed("hayes", "Section 3.2"), strict=True)]}


def proposition_1() -> Cases:
    """Vote at which the order of item 5 changes, with the two radii as printed."""
    crossing = proposition1.rows()[4].printed.crossing
    assert crossing is not None
    return {"": [pair(crossing, cell) for cell in _cells("hayes", "Proposition 1", column="upper end of p1")]}


def rops_at_zero() -> Cases:
    """Largest deviations of Appendix D at x = 0; the printed lambda is the deviation over sqrt(2)."""
    scales: tuple[tuple[type[Noise], str, float], ...] = (
        (Laplace, "largest lambda", 0.5**0.5),
        (Gaussian, "largest sigma", 1.0),
    )
    made = [(rops.feasible(family).largest, _cells("laplace", "Appendix D", column=name)[0], scale)
            for family, name, scale in scales]  # fmt: skip
    return {"": [pair(*one) for one in made]}


def rops_order() -> Cases:
    """How far the Gaussian's ROPS is above the Laplace one at x = 0.3, which is said never to happen (Figure 11)."""
    excess = {radius: float((rops.against_radius(Gaussian, radius) - rops.against_radius(Laplace, radius))[0])
              for radius in np.linspace(0, 0.7, 141)}  # fmt: skip
    end = rops.crossing(0.3)
    kept = [Pair(value, "0", "at most") for radius, value in excess.items() if radius <= end]
    return {
        "every radius": [Pair(max(excess.values()), "0", "at most")],
        f"radii up to {rounded_down(end, 3)}": [max(kept)],
    }


def table_1() -> Cases:
    """Cells of Table 1 whose words or growth differ; the growth of the Gaussian's l_2 cell is that at fixed sigma."""
    cells = papers.printed("unified", "Table 1")
    readings = {"all at fixed E‖z‖_inf": ("mean",), "each at fixed E‖z‖_inf or fixed σ": ("mean", "sigma")}
    return {name: [Pair(float(not _same_growth(cell, fixed)), "0", "exactly", f"{cell.row}, {cell.column}")
                   for cell in cells] for name, fixed in readings.items()}  # fmt: skip


def _same_growth(cell: PrintedCell, fixed: Sequence[str]) -> bool:
    """Whether a cell says what is made: how near the limit, and the growth, if one is printed, at one of `fixed`."""
    norm, divergence = cell.column.split(" robustness")[0].split(", ")
    at = {"l2": 2.0, "linf": inf}[norm]
    families: dict[str, type[Noise]] = {"Gaussian": Gaussian, "Exponential": ExponentialLinf}
    family = families[cell.row]
    words, _, order = cell.value.partition(", r in ")
    made = [mechanisms.growth(family, divergence, at, fixed=what) for what in fixed]
    orders = [str(mechanisms.Law(*one)) for one in made if one is not None]
    return words == mechanisms.verdict(family, divergence, at).partition(", ")[0] and order in ("", *orders)


def framework_text() -> Cases:
    """Percentage at l2 = 1.0 with the best of the published training noises."""
    (cell,) = _cells("unified", "Section 4.2", column="l2 radius 1.0")
    best = {c: max(float(curve.at(1.0)) for curve in framework_curves("cifar10", c)) for c in CONSTANTS}
    return {f"c = {c:g}": [pair(share, cell, 100)] for c, share in best.items()}


def framework_ratio() -> Cases:
    """Ratio of Theorem 18 to Theorem 13 at equal E||z||_inf.

    Both radii are printed with the same factor log(p_A / p_B), so that their ratio is one number for all votes.
    """
    gaussian, exponential = (mechanisms.with_mean(family, 1.0, 3072) for family in (Gaussian, ExponentialLinf))
    ours, theirs = bounds.get("dmr-linf-printed"), bounds.get("dinf-linf").radius(exponential, 0.9)
    made = {c: float(ours.radius(gaussian, 0.9, c=c) / theirs) for c in CONSTANTS}
    ends = [cell for cell in _cells("unified", "Section 4.2") if cell.unit == "ratio"]
    return {f"c = {c:g}": [pair(ratio, cell) for cell in ends] for c, ratio in made.items()}


def framework_pixel() -> Cases:
    """Largest l_inf radius on ImageNet among images that are classified right, trained and certified at 0.5."""
    (cell,) = _cells("unified", "Figure 6", column="upper bound")
    curves = {c: framework_curves("imagenet", c, inf, train=(0.5,))[0] for c in CONSTANTS}
    return {f"c = {c:g}": [pair(float(curve.radii.max()), cell)] for c, curve in curves.items()}


def hayes_volume() -> Cases:
    """Ratio of volumes at the printed p, which "we must take"; and the least p with the wanted ratio over that."""
    cells = {cell.column: cell for cell in papers.printed("hayes", "Section 3.3")}
    p, dim, wanted = float(cells["p"].value), int(cells["d"].value), cells["required volume ratio"]
    at, least = float(volume_ratio(p, dim)), float(least_order(float(wanted.value), dim))
    return {"p = 9 d suffices": [pair(at, wanted)],
            "no smaller p does": [pair(at, wanted), Pair(least / p, "1", "at least")]}  # fmt: skip


def soap_table(location: str) -> Cases | None:
    """Percentages of a table's baseline row, for each set of published networks that may be meant."""
    made = baseline(location)
    if made is None:
        return None
    cells = [cell for cell in papers.printed("soap", location) if cell.row.startswith(("Cohen", "Salman"))]
    return {name: [pair(*both) for both in zip(shares, cells, strict=True)] for name, shares in made.items()}


def attack_ratio() -> Cases | None:
    """Percentage of certified images whose ratio of attack size to radius is surely not from 2 to 2.5."""
    found = [one for sigma in (0.25, 0.5, 1.0) if (one := attacked(sigma)) is not None]
    low, high = (float(cell.value) for cell in papers.printed("hayes", "Section 3.4") if cell.unit == "ratio")
    surely = sum(int(one.surely_outside(low, high).sum()) for one in found)
    return {"": [Pair(100 * surely / sum(len(one.radius) for one in found), "0", "exactly")]} if found else None


class Check(NamedTuple):
    """A comparison with print and the unit of its differences.

    `formula` says that a printed formula is compared with ours, which tells whether it is the printed one and not
    whether that is true; `other` that what is made is of other networks, so that nothing follows about print.
    """

    cases: Callable[[], Cases | None]
    unit: str
    formula: bool = False
    other: str = ""

    @property
    def outcome(self) -> Outcome:
        """What follows about the printed statement."""
        return Outcome.UNCHECKED if self.other else outcome(self.cases())

    @property
    def gaps(self) -> dict[str, float] | None:
        """Largest difference from print of each reading, in the unit."""
        cases = self.cases()
        return None if cases is None else {name: max(p.gap for p in pairs) for name, pairs in cases.items()}

    def measure(self) -> float | None:
        """Largest difference from print of the reading that comes nearest."""
        return None if (gaps := self.gaps) is None else min(gaps.values())


def _formula(largest: Callable[[], float]) -> Check:
    """Printed formulas are evaluated exactly, ours in double precision, also near ties: `EXACT` in relative terms."""
    return Check(lambda: {"": [Pair(largest(), "0", "exactly")]}, "relative", formula=True)


POINTS = "percentage points"
CHECKS: dict[str, Check] = {
    "attack-ratio": Check(attack_ratio, "% of images surely outside", other="needs an attack on networks that were not"
                          " published; of published attacks on other networks"),
    "table-1": Check(table_1, ""),
    "figure-6": Check(framework_pixel, "of 1/255 too large"),
    "ten-to-twenty": Check(framework_ratio, "away from 10 to 20"),
    "twenty-percent": Check(framework_text, POINTS),
    "eq-26-points": Check(hayes_points, "input units"),
    "hayes_table_1": _formula(formulas.hayes_table_1),
    "hayes_table_2": _formula(formulas.hayes_table_2),
    "volume-ratio": Check(hayes_volume, "short of 0.99"),
    "laplace_remark_2": _formula(formulas.laplace_remark_2),
    "laplace_table_1": _formula(formulas.laplace_table_1),
    "lecture_norms": _formula(formulas.lecture_norms),
    "lecture_slope": _formula(formulas.lecture_slope),
    "lecture-table-2": Check(lecture_table_2, "of all images"),
    "proposition-1-end": Check(proposition_1, "of the vote"),
    "rops-at-zero": Check(rops_at_zero, "input units"),
    "rops-order": Check(rops_order, "input units the wrong way"),
    **{f"soap-table-{i}": Check(partial(soap_table, f"Table {i}"), POINTS) for i in (1, 2, 3, 4)},
}  # fmt: skip


def differing(pairs: Sequence[Pair]) -> list[Pair]:
    """Those that are not as printed."""
    return [one for one in pairs if not one.agrees]
