"""Every coded bound against the exact radius of the same noise and norm, over a grid from ties to tails."""

from functools import lru_cache
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from reproduce.compare import SLACK, Evidence
from rsexplore import bounds, papers
from rsexplore.comparison import exact_bound, exact_radius
from rsexplore.dual import Dual, law_of, worst_case
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian
from rsexplore.table import rounded_down

DIM = 3072
SHAPES = (1.0, 2.0, 3.0, 4.0, 5.0)  # of generalized Gaussian noise
DRAWS = 200_000
DERIVED = ("lipschitz-l2", "renyi-l2")  # follow from what their source prints, which does not print them
SMALLER = ("gg-kl-lp-printed",)  # sound and meant so; what corrects them is only larger
# exact bounds, and the law of one coordinate at deviation or scale 1: independent of the formulas
TIES = {
    "cohen-l2": stats.norm(),
    "cohen-lp": stats.norm(),
    "laplace-l1": stats.laplace(),
    "uniform-l1": stats.uniform(-1, 2),
}


@lru_cache
def grid() -> tuple[NDArray, NDArray]:
    """1 - p_A from near ties to 1e-300, and p_B from 1 - p_A down to 1e-12 of it; shapes (n,)."""
    tails = np.concatenate([0.5 - np.logspace(-6, -1, 12), np.logspace(-1.1, -300, 80)])
    shares = np.array([1.0, 1 - 1e-6, 0.9, 0.5, 0.1, 1e-3, 1e-12])
    q, share = (x.ravel() for x in np.meshgrid(tails, shares))
    keep = q * share > 1e-305
    return q[keep], (q * share)[keep]


def shares(bound: bounds.Bound) -> NDArray | None:
    """Radius over the exact one on the grid, nan where there is none; None if no exact radius is known.

    Of generalized Gaussian noise it is known in one coordinate, a row for each shape; one coordinate of
    exponential noise in l_inf is Laplace noise.
    """
    q, p_b = grid()
    if bound.noise is GeneralizedGaussian:
        found = []
        for shape in (s for s in SHAPES if bound.supports(GeneralizedGaussian(1.0, s, 1))):
            top, runner = (special.gammainccinv(1 / shape, 2 * tail) ** (1 / shape) for tail in (q, p_b))
            radius = bound.radius(GeneralizedGaussian(1.0, shape, 1), q_a=q, p_b=p_b, norm=shape)
            found.append(radius / ((top + runner) / 2))
        return np.array(found)
    noise, norm = bound.noise.from_sigma(1.0, DIM), float(bound.norm or 3)
    twin, twin_norm = noise, norm
    if bound.noise is ExponentialLinf:
        noise, twin, twin_norm = ExponentialLinf(1.0, 1), Laplace(1.0, 1), 1.0
    best = exact_bound(twin, twin_norm)
    if best is None:
        return None
    exact, radius = best.radius(twin, q_a=q, p_b=p_b, norm=twin_norm), bound.radius(noise, q_a=q, p_b=p_b, norm=norm)
    with np.errstate(all="ignore"):
        return np.where((exact > 0) & np.isfinite(exact), radius / exact, np.nan)


def examine(bound: bounds.Bound) -> Evidence:
    """Compare one bound with the exact radius; a formula as printed that is never above is another than is meant."""
    if bound.key in TIES:
        return Evidence("exact: moved by r, two half-lines tie to within 1e-10", holds=_tie(bound) < 1e-10)
    if isinstance(bound.formula, Dual):
        return Evidence("exact: V(p_A, r) is 1/2 to within 1e-8", holds=_dual_gap(bound) < 1e-8)
    found = shares(bound)
    if found is None:
        return Evidence("no exact radius is known for this noise and norm", known=False)
    q, p_b = grid()
    low, high = float(np.nanmin(found)), float(np.nanmax(found))
    if high > 1 + SLACK:
        at = int(np.nanargmax(found)) % len(q)
        words = f"{high:.4g} of the exact radius at 1 − p_A = {q[at]:.4g}, p_B = {p_b[at]:.4g}"
        return Evidence(words + _largest_ordinary(bound), excess=high)
    words = f"{rounded_down(low, 3)} to {rounded_down(high, 4)} of the exact radius"
    if bound.noise is GeneralizedGaussian:
        words += ", in one coordinate for shapes up to 5"
    if bound.noise is ExponentialLinf:
        left, error = sampled(bound)
        vote = f"{left + 0.5:.4f} ± {error:.4f}"
        if left < -error:
            return Evidence(f"by sampling {vote} of the vote is left", excess=inf)
        words += f" in one coordinate; sampled at d = 2, 5 and 20, a vote of {vote} is left or more"
    printed = bound.status is bounds.Status.AS_PRINTED and bound.key not in SMALLER
    return Evidence(words, holds=not printed, meant=printed)


def _tie(bound: bounds.Bound) -> float:
    """How far two half-lines moved by an exact radius are from a tie: largest relative difference of their votes."""
    law, norm = TIES[bound.key], float(bound.norm or 3)
    q, p_b = np.array([0.4, 0.1, 1e-3, 1e-9]), np.array([0.3, 0.05, 1e-4, 1e-12])
    spread = DIM ** (0.5 - 1 / norm if bound.noise is Gaussian else 0)
    moved = bound.radius(bound.noise(1.0, DIM), q_a=q, p_b=p_b, norm=norm) * spread
    return float(np.max(np.abs(law.sf(moved - law.isf(q)) / law.sf(law.isf(p_b) - moved) - 1)))


def _dual_gap(bound: bounds.Bound) -> float:
    """How far the worst case of the vote is from 1/2 at the radius of an exact dual."""
    tail = inf if bound.norm == inf else 2.0
    noise = PowerGaussian.matched(1.0, 250.0, DIM, power_norm=tail, tail_norm=tail)
    q, spread = np.array([0.3, 0.01, 1e-6]), DIM ** (0.5 - 1 / 3) if bound.norm is None else 1.0
    length = bound.radius(noise, q_a=q, norm=float(bound.norm or 3)) / noise.scale * spread
    return float(np.max(np.abs(worst_case(law_of(DIM, 250.0, tail, tail), q, length) - 0.5)))


def _largest_ordinary(bound: bounds.Bound) -> str:
    """Where a radius is above the exact one at votes that networks reach."""
    noise, p_a, p_b = bound.noise(1.0, DIM), *np.array([(0.501, 0.499), (0.55, 0.45), (0.6, 0.05), (0.3, 1e-4)]).T
    times = bound.radius(noise, p_a, p_b=p_b) / exact_radius(noise, p_a, p_b=p_b, norm=bound.norm)
    shown = [f"{x:.3f} at ({a:g}, {b:g})" for x, a, b in zip(times, p_a, p_b, strict=True) if x > 1]
    return f"; at ordinary votes (p_A, p_B) {', '.join(shown)}" if shown else ""


def sampled(bound: bounds.Bound) -> tuple[float, float]:
    """Least vote that is left after shifts by the radius of the class that keeps least of it, less 1/2, and its error.

    That class takes the draws whose likelihood ratio is the least (Neyman and Pearson): with l the ratio up to which it
    takes them, l p_A - E(l - ratio)^+ is left. Shifts go along an axis, along two and along all.
    """
    found = []
    for dim in (2, 5, 20):
        z = ExponentialLinf(1.0, dim).draw(np.random.default_rng(0), (DRAWS, dim))
        length = np.abs(z).max(1)
        for q in (0.3, 0.1):
            r = float(bound.radius(ExponentialLinf(1.0, dim), q_a=q))
            for many in {1, 2, dim}:
                ratio = np.exp(length - np.abs(z - np.where(np.arange(dim) < many, r, 0.0)).max(1))
                most = float(np.quantile(ratio, 1 - q))
                short = np.maximum(most - ratio, 0)
                found.append((most * (1 - q) - float(short.mean()) - 0.5, 3 * float(short.std()) / sqrt(DRAWS)))
    return min(found)


def label(bound: bounds.Bound) -> str:
    """How its row begins where the formula is not in print, else nothing."""
    if bound.status is bounds.Status.HEURISTIC:
        return "the proof's form: "
    if any(other.corrected_by == bound.key and other.source.paper is bound.source.paper for other in bounds.ALL):
        return "right form: "
    return "ours: " if bound.source.paper is papers.ours or bound.key in DERIVED else ""


def right(bound: bounds.Bound) -> str:
    """What corrects a formula if that certifies, else the exact radius: never a form that is no certificate."""
    if bound.corrected_by is not None and bounds.get(bound.corrected_by).certifies:
        return f"$r = {bounds.get(bound.corrected_by).latex}$"
    best = exact_bound(bound.noise(1.0, DIM), float(bound.norm or 2))
    return f"no certificate; exact is $r = {best.latex}$" if best is not None else "no certificate"
