"""Largest differences between printed numbers and those made again, by name; None where the logs are not at hand."""

from collections.abc import Callable
from functools import partial
from math import inf, isnan
from typing import NamedTuple

import numpy as np

from rsexplore import bounds, mechanisms, papers, proposition1, rops, tradeoff
from rsexplore.divergences.generalized_gaussian import volume_ratio
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise
from rsexplore.remake import formulas
from rsexplore.remake.attacks import attacked, printed_ratios
from rsexplore.remake.best import best_table, framework_curves
from rsexplore.remake.tables import certified_accuracy_table


def soap_table(location: str) -> float | None:
    """Percentage points between a table's baseline row and the logs."""
    largest = best_table(location).largest
    return None if isnan(largest) else float(largest)


def lecture_table_2() -> float:
    """Fraction, after rounding to the printed digits."""
    cells = certified_accuracy_table("lecture", "Table 2", "locuslab-smoothing", "imagenet").cells
    return max(abs(round(cell.remade, cell.digits) - cell.printed) for cell in cells)


def hayes_points() -> float:
    """Radii of section 3.2 that belong to eq. (26)."""
    noise = GeneralizedGaussian(1.0, 3.0, 3072)
    made = tradeoff.printed_equal(noise, 0.99), float(tradeoff.printed_frontier(noise, 0.99).at(0.0))
    cells = papers.printed("hayes", "Section 3.2")
    return max(abs(one - float(cell.value)) for one, cell in zip(made, cells, strict=True))


def proposition_1() -> float:
    """Vote at which the order of item 5 changes, as printed."""
    (cell,) = (cell for cell in papers.printed("hayes", "Proposition 1") if cell.column == "upper end of p1")
    crossing = proposition1.rows()[4].printed.crossing
    assert crossing is not None
    return abs(crossing - float(cell.value))


def rops_at_zero() -> float:
    """Largest deviations of Appendix D at x = 0, printed as 1 / log 2 (times sqrt(2)) and 1 / PhiInv(3/4)."""
    families: tuple[type[Noise], ...] = (Laplace, Gaussian)
    made = [rops.feasible(family).largest for family in families]
    return max(abs(one - printed) for one, printed in zip(made, formulas.appendix_d(), strict=True))


def rops_order() -> float:
    """How far the Gaussian's ROPS is above the Laplace one at x = 0.3, which is said never to happen (Figure 11)."""
    radii = np.linspace(0, 0.7, 141)
    gaussian, laplace = (rops.against_radius(family, radii) for family in (Gaussian, Laplace))
    return float(np.max(gaussian - laplace))


def framework_cells() -> float:
    """Cells of Table 1 whose words or growth differ."""
    families: dict[str, type[Noise]] = {"Gaussian": Gaussian, "Exponential": ExponentialLinf}
    norms = {"l2": 2.0, "linf": inf}
    differ = 0
    for cell in papers.printed("unified", "Table 1"):
        norm, divergence = cell.column.split(" robustness")[0].split(", ")
        words, _, order = cell.value.partition(", r in ")
        made_words, _, made_order = mechanisms.verdict(families[cell.row], divergence, norms[norm]).partition(", ")
        differ += words != made_words or order not in ("", made_order)
    return float(differ)


def framework_text() -> float:
    """Percentage points between "approximately 20 %" at l2 = 1.0 and the best training noise with c = 1."""
    cells = papers.printed("unified", "Section 4.2")
    (printed,) = (float(cell.value) for cell in cells if cell.column.endswith("l2 radius 1.0"))
    return abs(printed - 100 * max(float(curve.at(1.0)) for curve in framework_curves("cifar10", 1.0)))


def framework_ratio() -> float:
    """Distance of the ratio of Theorem 18 (c = 1) to Theorem 13 at equal E||z||_inf from the printed 10 to 20.

    Both radii are printed with the same factor log(p_A / p_B), so that their ratio is one number for all votes.
    """
    gaussian, exponential = (mechanisms.with_mean(family, 1.0, 3072) for family in (Gaussian, ExponentialLinf))
    low, high = (float(cell.value) for cell in papers.printed("unified", "Section 4.2") if cell.unit == "ratio")
    ours = bounds.get("dmr-linf-printed").radius(gaussian, 0.9, c=1.0)
    ratio = float(ours / bounds.get("dinf-linf").radius(exponential, 0.9))
    return max(low - ratio, ratio - high, 0.0)


def framework_pixel(c: float = 1.0) -> float:
    """How far the largest l_inf radius on ImageNet is above the printed 1/255, in 1/255."""
    (curve,) = framework_curves("imagenet", c, inf, train=(0.5,))
    return max(255 * float(curve.radii.max()) - 1, 0.0)


def hayes_volume() -> float:
    """How far the ratio of volumes at the printed p is below the printed 0.99."""
    cells = {cell.column: float(cell.value) for cell in papers.printed("hayes", "Section 3.3")}
    return max(cells["required volume ratio"] - float(volume_ratio(cells["p"], int(cells["d"]))), 0.0)


def attack_ratio() -> float | None:
    """Percentage of certified images whose ratio of attack size to radius is surely not from 2 to 2.5."""
    found = [one for sigma in (0.25, 0.5, 1.0) if (one := attacked(sigma)) is not None]
    low, high = printed_ratios()
    surely = sum(int(one.surely_outside(low, high).sum()) for one in found)
    return 100 * surely / sum(len(one.radius) for one in found) if found else None


class Check(NamedTuple):
    """What is compared, the unit of the difference, and the most at which the print counts as made again."""

    measure: Callable[[], float | None]
    unit: str
    most: float


ROUNDING = 1e-12  # relative: printed formulas are evaluated exactly, ours in double precision, also near ties
RELATIVE = "relative"
POINTS = "percentage points"
CHECKS: dict[str, Check] = {
    "attack_ratio": Check(attack_ratio, "% of images surely outside", 0.0),
    "framework_cells": Check(framework_cells, "of 8 cells", 0.0),
    "framework_pixel": Check(framework_pixel, "of 1/255 too large", 0.0),
    "framework_ratio": Check(framework_ratio, "away from 10 to 20", 0.0),
    "framework_text": Check(framework_text, POINTS, 5.0),  # "approximately 20 %" is taken as one digit
    "hayes_points": Check(hayes_points, "input units", 0.005),
    "hayes_table_1": Check(formulas.hayes_table_1, RELATIVE, ROUNDING),
    "hayes_table_2": Check(formulas.hayes_table_2, RELATIVE, ROUNDING),
    "hayes_volume": Check(hayes_volume, "short of 0.99", 0.0),
    "laplace_remark_2": Check(formulas.laplace_remark_2, RELATIVE, ROUNDING),
    "laplace_table_1": Check(formulas.laplace_table_1, RELATIVE, ROUNDING),
    "lecture_norms": Check(formulas.lecture_norms, RELATIVE, ROUNDING),
    "lecture_slope": Check(formulas.lecture_slope, RELATIVE, ROUNDING),
    "lecture_table_2": Check(lecture_table_2, "of all images", 0.0),
    "proposition_1": Check(proposition_1, "of the vote", 0.0005),
    "rops_at_zero": Check(rops_at_zero, "input units", 1e-9),
    "rops_order": Check(rops_order, "input units the wrong way", 0.0),
    **{f"soap_table_{i}": Check(partial(soap_table, f"Table {i}"), POINTS, 0.0) for i in (1, 2, 3, 4)},
}
