"""Largest differences between printed numbers and those made again, by name; None where the logs are not at hand."""

from collections.abc import Callable
from functools import partial
from math import inf, isnan, sqrt

from rsexplore import mechanisms, papers, proposition1, rops, tradeoff
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise
from rsexplore.remake.attacks import attacked
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
    """Deviations of Appendix D at x = 0; the printed numbers are sqrt(2) 1.4427 and 1.4826."""
    families: tuple[type[Noise], ...] = (Laplace, Gaussian)
    made = [rops.feasible(family).largest for family in families]
    return max(abs(made[0] - sqrt(2) * 1.4427), abs(made[1] - 1.4826))


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
    return abs(20 - 100 * max(float(curve.at(1.0)) for curve in framework_curves("cifar10", 1.0)))


def attack_ratio() -> float | None:
    """Distance of the median ratios of attack size to radius from the printed interval 2 to 2.5."""
    found = [attacked(sigma) for sigma in (0.25, 0.5, 1.0)]
    ratios = [one.ratio for one in found if one is not None]
    return max((max(2 - ratio, ratio - 2.5, 0.0) for ratio in ratios), default=None)


CHECKS: dict[str, Callable[[], float | None]] = {
    "attack_ratio": attack_ratio,
    "framework_cells": framework_cells,
    "framework_text": framework_text,
    "hayes_points": hayes_points,
    "lecture_table_2": lecture_table_2,
    "proposition_1": proposition_1,
    "rops_at_zero": rops_at_zero,
    **{f"soap_table_{i}": partial(soap_table, f"Table {i}") for i in (1, 2, 3, 4)},
}
