"""Formulas as the papers print them, written out again here, against those that the package evaluates.

Everything printed is evaluated by mpmath with 30 digits, in the printed form, at votes from near ties to near certain
and at several noise scales; ours is evaluated as users do. Each function returns the largest relative difference. A
transcription stands beside the printed text, so that a printed cell with another text is a KeyError.
"""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import mpmath as mp
import numpy as np

from reproduce import laplace_law
from reproduce.printed_tradeoffs import kappa_printed
from rsexplore import bounds, papers
from rsexplore.bound import Bound
from rsexplore.divergences import LeastBhattacharyya, LeastChi2, LeastHellinger, LeastKL, LeastTV, between
from rsexplore.noises import Gaussian, Laplace, Noise

DIGITS = 30
TOPS = (0.5005, 0.6, 0.75, 0.9, 0.99, 0.9999)
PAIRS = ((0.9, 0.1), (0.99, 0.01), (0.6, 0.3), (0.4, 0.15), (0.2, 0.19), (0.999, 1e-4))  # p_1, p_2
SIGMAS = (0.25, 1.0, 3.0)
SHIFTS = (0.01, 0.3, 1.0, 4.0)


def quantile(p: Any) -> Any:
    """PhiInv(p)."""
    return mp.sqrt(2) * mp.erfinv(2 * p - 1)


LAPLACE_TABLE_1: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "-lambda log(2 (1 - pA))": ("teng-l1-binary", lambda s, p: -s * mp.log(2 * (1 - p))),
    "(lambda/2) log(pA/(1 - pA))": ("lecuyer-l1", lambda s, p: s / 2 * mp.log(p / (1 - p))),
    "sigma * Phi^-1(pA)": ("cohen-lp", lambda s, p: s * quantile(p)),
}
APPENDIX_D: dict[str, Callable[[], Any]] = {
    "1/log 2": lambda: 1 / mp.log(2),
    "1/Phi^-1(3/4)": lambda: 1 / quantile(mp.mpf(3) / 4),
}


def _kl(p: Any, q: Any) -> Any:
    return -mp.log(2 * mp.sqrt(p * q) + 1 - p - q)


def _root(p: Any, q: Any) -> Any:
    return mp.sqrt(1 - (mp.sqrt(p) - mp.sqrt(q)) ** 2 / 2)


def _bhattacharyya(p: Any, q: Any) -> Any:
    above = (mp.sqrt(p) + mp.sqrt(q)) ** 2 + 2 * (1 - p - q)
    return -mp.log(above / mp.sqrt(2 * (2 * mp.sqrt(p * q) + 2 - p - q)))


# Hayes, Table 1: key of the radius, then the printed columns: least d(Q, P) of a change of class, d of Gaussian noise
# and its shift by r, certified radius
HAYES_TABLE_1: dict[
    str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any], Callable[[Any, Any, Any], Any]]
] = {
    "kl-l2-printed": (_kl, lambda r, s: r**2 / s**2, lambda p, q, s: mp.sqrt(s**2 * _kl(p, q))),
    "hellinger-l2": (
        lambda p, q: 1 - _root(p, q),
        lambda r, s: 1 - mp.exp(-(r**2) / (8 * s**2)),
        lambda p, q, s: mp.sqrt(-8 * s**2 * mp.log(_root(p, q))),
    ),
    "chi2-l2": (
        lambda p, q: (p - q) ** 2 / ((p + q) - (p - q) ** 2),
        lambda r, s: mp.exp(r**2 / s**2) - 1,
        lambda p, q, s: mp.sqrt(s**2 * mp.log((p + q) / ((p + q) - (p - q) ** 2))),
    ),
    "bhattacharyya-l2": (
        _bhattacharyya,
        lambda r, s: r**2 / (8 * s**2),
        lambda p, q, s: mp.sqrt(8 * s**2 * _bhattacharyya(p, q)),
    ),
    "tv-l2-printed": (
        lambda p, q: abs(p - q) / 2,
        lambda r, s: 2 * mp.ncdf(r / (2 * s)) - 1,
        lambda p, q, s: 2 * s * quantile(abs(p - q) / 2 + mp.mpf(1) / 2),
    ),
}
LEAST: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {  # ours, and what makes it the printed quantity
    "kl-l2-printed": (LeastKL.floats, lambda x: x),
    "hellinger-l2": (LeastHellinger.floats, lambda x: -np.expm1(-x)),
    "chi2-l2": (LeastChi2.floats, np.expm1),
    "bhattacharyya-l2": (LeastBhattacharyya.floats, lambda x: x),
    "tv-l2-printed": (LeastTV.floats, lambda x: x),
}
OF_GAUSSIAN: dict[str, Callable[..., float]] = {
    "hellinger-l2": between.hellinger,
    "chi2-l2": between.chi2,
    "bhattacharyya-l2": between.bhattacharyya,
    "tv-l2-printed": between.tv,
}  # the printed KL divergence is not that of N(x, sigma^2): `kl_fault`

HAYES_TABLE_2: dict[str, Callable[[], Any]] = {  # the printed coefficients
    "3/Gamma(1/3)": lambda: 3 / mp.gamma(mp.mpf(1) / 3),
    "6 Gamma(3/4)/Gamma(1/4)": lambda: 6 * mp.gamma(mp.mpf(3) / 4) / mp.gamma(mp.mpf(1) / 4),
}


def worst(pairs: Iterable[tuple[Any, Any]]) -> float:
    """Largest relative difference of (ours, printed)."""
    with mp.workdps(DIGITS):
        return max(float(abs(mp.mpf(float(ours)) / printed - 1)) for ours, printed in pairs)


def _radius(bound: Bound, noise: Noise, p: float, q: float | None = None, norm: float | None = None) -> float:
    return float(bound.radius(noise, p, p_b=q, norm=norm))


def laplace_table_1() -> float:
    """Radii of Table 1 of Teng et al., from the text of its cells."""
    pairs = []
    with mp.workdps(DIGITS):
        for cell in papers.printed("laplace", "Table 1"):
            if cell.column != "l1 radius":
                continue
            key, printed = LAPLACE_TABLE_1[cell.value]
            bound = bounds.get(key)
            norm = 1.0 if bound.norm is None else None
            pairs += [
                (_radius(bound, bound.noise(s, 3072), p, norm=norm), printed(s, mp.mpf(p)))
                for s in SIGMAS
                for p in TOPS
            ]
    return worst(pairs)


def laplace_remark_2() -> float:
    """Roots of Remark 2 of Teng et al. (the border of Figure 4), and the two terms of Theorem 1 at the lower one."""
    pairs = []
    with mp.workdps(DIGITS):
        for p in (0.51, 0.6, 0.75, 0.9, 0.99):
            a = mp.mpf(p)
            root = mp.sqrt(1 - 4 * a * (1 - a))
            low, high = ((1 - 2 * a * (1 - a) + sign * root) / (2 * a) for sign in (-1, 1))
            ours = laplace_law.remark_2_interval(p)
            terms = laplace_law.theorem_1_terms(Laplace(1.0), p, float(low))
            pairs += [(ours[0], low), (ours[1], high), (terms[0], mp.mpf(float(terms[1])))]
    return worst(pairs)


def hayes_table_1() -> float:
    """14 of the 15 cells of Hayes's Table 1, radii as printed; the other is `kl_fault`."""
    pairs = []
    with mp.workdps(DIGITS):
        for key, (least, divergence, radius) in HAYES_TABLE_1.items():
            ours, shown = LEAST[key]
            pairs += [(shown(ours(p, 1 - p, q, 1 - q)), least(mp.mpf(p), mp.mpf(q))) for p, q in PAIRS]
            for s in SIGMAS:
                noise = Gaussian(s, 3072)
                pairs += [
                    (_radius(bounds.get(key), noise, p, q), radius(mp.mpf(p), mp.mpf(q), mp.mpf(s))) for p, q in PAIRS
                ]
                if key in OF_GAUSSIAN:
                    pairs += [(OF_GAUSSIAN[key](noise, [r]), divergence(mp.mpf(r), mp.mpf(s))) for r in SHIFTS]
    return worst(pairs)


def kl_fault() -> float:
    """Printed KL divergence of Gaussian noise and its shift over the true one: a print fault."""
    divergence = HAYES_TABLE_1["kl-l2-printed"][1]
    return max(float(divergence(r, s)) / between.kl(Gaussian(s, 3072), [r]) for r in SHIFTS for s in SIGMAS)


def hayes_table_2() -> float:
    """Rows s = 1 to 4 of Hayes's Table 2 for one coordinate, against eq. (14)."""
    cells = {cell.row: cell.value for cell in papers.printed("hayes", "Table 2")}
    pairs = []
    with mp.workdps(DIGITS):
        lower = {3: HAYES_TABLE_2[cells["s = 3"]](), 4: HAYES_TABLE_2[cells["s = 4"]]()}
        for s in (1, 2, 3, 4):
            for shift in SHIFTS:
                u = mp.mpf(shift)
                pairs.append((kappa_printed(shift, s), u**s + (lower[s] * u ** (s - 2) if s in lower else 0)))
    return worst(pairs)


def lecture_slope() -> float:
    """Printed local Lipschitz constant, against the derivative of a half-space's smoothed score."""
    pairs = []
    with mp.workdps(DIGITS):
        for s in SIGMAS:
            for p in (*TOPS, 0.1, 1e-3):
                at = quantile(mp.mpf(p))
                printed = mp.exp(-(at**2) / 2) / (mp.sqrt(2 * mp.pi) * s)
                pairs.append((mp.diff(lambda x, s=s: mp.ncdf(x / s), s * at), printed))
    return worst(pairs)


def lecture_norms() -> float:
    """r_p of the last slide for p >= 2, in several dimensions."""
    bound, pairs = bounds.get("cohen-lp"), []
    with mp.workdps(DIGITS):
        for dim in (1, 3072, 150_528):
            for norm in (2.0, 3.0, 8.0, inf):
                spread = mp.mpf(dim) ** (mp.mpf(1) / 2 - 1 / mp.mpf(norm))
                pairs += [
                    (_radius(bound, Gaussian(0.5, dim), p, q, norm), (quantile(p) - quantile(q)) / (4 * spread))
                    for p, q in ((mp.mpf(a), mp.mpf(b)) for a, b in PAIRS)
                ]
    return worst(pairs)


def appendix_d() -> list[float]:
    """Largest deviations at x = 0 that Appendix D of Teng et al. prints: sqrt(2) lambda of Laplace noise, sigma."""
    cells = {cell.column: cell.value for cell in papers.printed("laplace", "Appendix D")}
    with mp.workdps(DIGITS):
        made = [APPENDIX_D[cells[f"largest {name}"]]() for name in ("lambda", "sigma")]
        return [float(mp.sqrt(2) * made[0]), float(made[1])]
