"""Formulas as the papers print them, against those that the package evaluates.

Everything printed is read from the text of its cell and evaluated by mpmath with 30 digits, in the printed form, at
votes from near ties to near certain and at several noise scales; ours is evaluated as users do. Each function returns
the largest relative difference: whether ours is what is printed, and not whether that is true.
"""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from reproduce import laplace_law
from reproduce.printed import PrintedCell, formula, printed
from reproduce.printed_tradeoffs import kappa_printed
from rsexplore import bounds
from rsexplore.divergences import LeastBhattacharyya, LeastChi2, LeastHellinger, LeastKL, LeastTV, between
from rsexplore.noises import Gaussian

DIGITS = 30
TOPS = (0.5005, 0.6, 0.75, 0.9, 0.99, 0.9999)
PAIRS = ((0.9, 0.1), (0.99, 0.01), (0.6, 0.3), (0.4, 0.15), (0.2, 0.19), (0.999, 1e-4))  # p_1, p_2
SIGMAS = (0.25, 1.0, 3.0)
SHIFTS = (0.01, 0.3, 1.0, 4.0)
KL_FAULT = ("KL", "divergence of Gaussian noise")  # row and column of the one formula that is not ours
LAPLACE_TABLE_1 = {"Our": "teng-l1-binary", "Lecuyer et al.": "lecuyer-l1", "Cohen et al.": "cohen-lp"}
# Hayes, Table 1: the printed radius, our least divergence, what makes it the printed quantity, and of Gaussian noise
HAYES_TABLE_1: dict[str, tuple[str, Any, Callable[[Any], Any], Callable[..., float]]] = {
    "KL": ("kl-l2-printed", LeastKL, lambda x: x, between.kl),
    "H2": ("hellinger-l2", LeastHellinger, lambda x: -np.expm1(-x), between.hellinger),
    "chi2": ("chi2-l2", LeastChi2, np.expm1, between.chi2),
    "Bhattacharyya": ("bhattacharyya-l2", LeastBhattacharyya, lambda x: x, between.bhattacharyya),
    "total variation": ("tv-l2-printed", LeastTV, lambda x: x, between.tv),
}


def as_printed(cell: PrintedCell) -> Callable[..., Any]:
    """The formula of a cell as a function of its symbols, by name, in as many digits as mpmath works with."""
    expression = formula(cell.value)
    names = sorted(map(str, expression.free_symbols))
    evaluate = sp.lambdify(names, expression, "mpmath")
    return lambda **values: evaluate(*(mp.mpf(values[name]) for name in names))


def worst(pairs: Iterable[tuple[Any, Any]]) -> float:
    """Largest relative difference of (ours, printed)."""
    with mp.workdps(DIGITS):
        return max(float(abs(mp.mpf(float(ours)) / printed - 1)) for ours, printed in pairs)


def laplace_table_1() -> float:
    """Radii of Table 1 of Teng et al."""
    cells = [cell for cell in printed("laplace", "Table 1") if cell.column == "l1 radius"]
    found = [(bounds.get(LAPLACE_TABLE_1[cell.row]), as_printed(cell)) for cell in cells]
    return worst(
        (bound.radius(bound.noise(s, 3072), p, norm=1.0), radius(scale=s, sigma=s, pA=p))
        for bound, radius in found for s in SIGMAS for p in TOPS
    )  # fmt: skip


def laplace_remark_2() -> float:
    """Roots of Remark 2 of Teng et al., which are the border of Figure 4."""
    roots = [as_printed(cell) for cell in printed("laplace", "Remark 2")]
    return worst(
        (ours, root(pA=p))
        for p in (0.51, 0.6, 0.75, 0.9, 0.99)
        for ours, root in zip(laplace_law.remark_2_interval(p), roots, strict=True)
    )


def hayes_table_1() -> float:
    """14 of the 15 cells of Hayes's Table 1, radii as printed; the other is `kl_fault`."""
    cells = [cell for cell in printed("hayes", "Table 1") if (cell.row, cell.column) != KL_FAULT]
    return worst(pair for cell in cells for pair in _hayes_cell(cell))


def kl_fault() -> float:
    """Printed KL divergence of Gaussian noise and its shift over the true one: a print fault."""
    (cell,) = (cell for cell in printed("hayes", "Table 1") if (cell.row, cell.column) == KL_FAULT)
    return max(float(theirs) / ours for ours, theirs in _hayes_cell(cell))


def _hayes_cell(cell: PrintedCell) -> list[tuple[Any, Any]]:
    key, least, shown, between_shifted = HAYES_TABLE_1[cell.row]
    theirs = as_printed(cell)
    if cell.column == "least divergence":
        return [(shown(least.floats(p, 1 - p, q, 1 - q)), theirs(p1=p, p2=q)) for p, q in PAIRS]
    noises = [Gaussian(s, 3072) for s in SIGMAS]
    if cell.column == "certified radius":
        radius = bounds.get(key).radius
        return [(radius(n, p, p_b=q), theirs(p1=p, p2=q, sigma=n.sigma)) for n in noises for p, q in PAIRS]
    return [(between_shifted(n, [r]), theirs(l2=r, sigma=n.sigma)) for n in noises for r in SHIFTS]


def hayes_table_2() -> float:
    """Rows s = 1 to 4 of Hayes's Table 2 for one coordinate, against eq. (14)."""
    lower = {int(cell.row[-1]): as_printed(cell)() for cell in printed("hayes", "Table 2")}
    shifts = [(s, mp.mpf(u)) for s in (1, 2, 3, 4) for u in SHIFTS]
    return worst((kappa_printed(float(u), s), u**s + lower.get(s, 0) * u ** (s - 2)) for s, u in shifts)


def lecture_slope() -> float:
    """Printed local Lipschitz constant, against the derivative of a half-space's smoothed score."""
    (slope,) = map(as_printed, printed("lecture", "Lipschitz Constant of Randomized Smoothed Classifier"))
    quantile = sp.lambdify("p", formula("Phi^-1(p)"), "mpmath")
    return worst(
        (mp.diff(lambda x, s=s: mp.ncdf(x / s), s * quantile(mp.mpf(p))), slope(p=p, sigma=s))
        for s in SIGMAS for p in (*TOPS, 0.1, 1e-3)
    )  # fmt: skip


def lecture_norms() -> float:
    """r_p of the last slide for p >= 2, in several dimensions."""
    (radius,), ours = map(as_printed, printed("lecture", "last slide")), bounds.get("cohen-lp")
    return worst(
        (ours.radius(Gaussian(0.5, d), p, p_b=q, norm=norm), radius(sigma=0.5, d=d, p=norm, p1=p, p2=q))
        for d in (1, 3072, 150_528) for norm in (2.0, 3.0, 8.0, inf) for p, q in PAIRS
    )  # fmt: skip
