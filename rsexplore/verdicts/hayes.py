"""Claims of Hayes, beside its formulas and numbers."""

from functools import partial

import numpy as np

from rsexplore import bounds, papers, proposition1, tradeoff
from rsexplore.comparison import exact_radius
from rsexplore.divergences.generalized_gaussian import (
    coefficient,
    inverse_kappa,
    kappa,
    kappa_printed,
    least_order,
    volume_ratio,
)
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace
from rsexplore.verdicts.verdict import Claims, Outcome

CLAIMS = Claims()
NOISE = Gaussian(1.0, 3072)
TOP, RUNNER = np.meshgrid(np.linspace(0.02, 0.98, 49), np.geomspace(1e-6, 0.98, 60))
ORDERED = (TOP > RUNNER * 1.01) & (TOP + RUNNER <= 1)


def _radii(key: str, p_a: np.ndarray | float, p_b: np.ndarray | float | None = None) -> np.ndarray:
    noise = Laplace(1.0) if bounds.get(key).noise is Laplace else NOISE
    return bounds.get(key).radius(noise, p_a, p_b=p_b)


@CLAIMS.add(
    "odd-shape-kl",
    papers.hayes.at("eqs. (14), (18) and Table 2, rows s = 1, 3"),
    "the KL divergence of generalized Gaussians is given by the sum over powers of the shift",
    "at most: for odd s it is E[(u − Z)₊^s] + Σ_{even j < s} C(s, j) E|Z|^(s−j) u^j, by coordinate",
)
def odd_shape_kl() -> tuple[Outcome, str]:
    u = np.geomspace(1e-4, 5, 60)
    share = {s: kappa_printed(u, s) / kappa(u, s) for s in (1, 2, 3, 4, 5, 6)}
    even = max(np.abs(share[s] - 1).max() for s in (2, 4, 6))
    below = min(share[s].min() for s in (1, 3, 5))
    if even > 1e-10 or below < 1 - 1e-10:
        return Outcome.UNSOUND, f"below the true divergence: {below:.4g} of it"
    outcome = Outcome.CONDITIONAL if max(share[s].max() for s in (1, 3, 5)) > 1.01 else Outcome.HOLDS
    at = {s: float(np.interp(0.1, u, share[s])) for s in (1, 3, 5)}
    words = ", ".join(f"{at[s]:.3g} times (s = {s})" for s in at)
    return outcome, f"exact for s = 2, 4, 6; at a shift of 0.1 scales {words} too large for odd s"


@CLAIMS.add(
    "odd-shape-rate",
    papers.hayes.at("eq. (21), odd s"),
    "the l_s radius falls as d^−(1 − 1/s)",
    "as d^−(1/2 − 1/s) for every s ≥ 2: a divergence is quadratic in a small shift",
)
def odd_shape_rate() -> tuple[Outcome, str]:
    noise = GeneralizedGaussian(1.0, 3.0, 3072)
    exact = tradeoff.balls(noise, 0.99, norms=(3.0,)).radii[3.0]
    printed = float(bounds.get("gg-kl-lp-printed").radius(noise, 0.99, norm=3.0))
    outcome = Outcome.PRINT_FAULT if printed < 0.9 * exact else Outcome.HOLDS
    return outcome, f"s = 3, d = 3072, p_A = 0.99: printed {printed:.4f}, exact within the divergence {exact:.4f}"


@CLAIMS.add(
    "order-above-1",
    papers.hayes.at("eqs. (10) to (12)"),
    "the best Rényi certificate is the supremum over orders above 1",
    "over all orders above 0",
)
def order_above_1() -> tuple[Outcome, str]:
    p_a, p_b = TOP[ORDERED], RUNNER[ORDERED]
    gain = _radii("renyi-l2", p_a, p_b) / _radii("li-renyi-l2", p_a, p_b)
    two = _radii("renyi-l2", np.linspace(0.51, 0.999, 50)) / _radii("li-renyi-l2", np.linspace(0.51, 0.999, 50))
    exact = exact_radius(NOISE, p_a, p_b=p_b)
    sound = (_radii("renyi-l2", p_a, p_b) <= exact * (1 + 1e-9)).all() and np.abs(two - 1).max() < 1e-9
    at = int(gain.argmax())
    outcome = Outcome.UNSOUND if not sound else Outcome.CONDITIONAL if gain[at] > 1 + 1e-6 else Outcome.HOLDS
    return outcome, (
        f"sound; the best for two classes, with more classes orders below 1 are up to"
        f" {100 * (gain[at] - 1):.1f} % better, at p_A = {p_a[at]:.2f}, p_B = {p_b[at]:.1e}"
    )


@CLAIMS.add(
    "intersection",
    papers.hayes.at("Section 3.2, eqs. (22) to (27), and Figure 4"),
    "a solution (ε_1, ε_3) of eq. (26) certifies the l_3 ball of radius ε_3",
    "it certifies the intersection of the balls; at ε_1 = ε_3 that is the l_1 ball",
)
def intersection() -> tuple[Outcome, str]:
    found = tradeoff.witness()
    outcome = Outcome.UNSOUND if found.vote.high < 0.5 and found.sampled.value < 0.5 else Outcome.HOLDS
    return outcome, (
        f"s = 3, d = 3072, p_A = 0.99: an even l_3 shift of {found.radius:.4f} leaves p_A = {found.vote.high:.1e}"
        f" ({found.sampled.value:.1e} ± {found.sampled.error:.0e} of 20,000 draws); its divergence is"
        f" {found.divergence:.2f}, and {found.budget:.3f} is allowed"
    )


@CLAIMS.add(
    "volume-ratio",
    papers.hayes.at("Section 3.3"),
    "a volume ratio of 0.99 on ImageNet must take p = 9 d",
    "p = 9 d suffices; the least p is smaller",
)
def volume() -> tuple[Outcome, str]:
    dim = 150_528
    ratio, least = float(volume_ratio(9 * dim, dim)), float(least_order(0.99, dim))
    outcome = (
        Outcome.NOT_REPRODUCIBLE if ratio < 0.99 else Outcome.CONDITIONAL if least < 9 * dim - 1 else Outcome.HOLDS
    )
    return outcome, f"{ratio:.4f} at p = 9 d; 0.99 is reached at p = {least:.2f} = {least / dim:.4f} d"


@CLAIMS.add("c-p", papers.hayes.at("eqs. (29), (31)"), "c_k > 1 for k up to p", "c_k ≥ 1: c_p = 1 exactly")
def c_p() -> tuple[Outcome, str]:
    last = [float(coefficient(p, p)) for p in (2, 3, 4, 5, 8, 20, 58)]
    least = min(float(coefficient(k, p)) for p in range(4, 60, 2) for k in range(2, p, 2))
    outcome = Outcome.PRINT_FAULT if max(abs(c - 1) for c in last) < 1e-9 and least > 1 else Outcome.HOLDS
    growing = float(coefficient(2, 1000))
    return (
        outcome,
        f"c_p = 1 for p = 2 to 58; c_k for even k < p is at least {least:.4f}; c_2 = {growing:.2f} at p = 1000",
    )


@CLAIMS.add(
    "chi2-instead",
    papers.hayes.at("Section 3.1"),
    "chi-squared instead of KL would improve the l_2 certificates",
    "with the right KL they are equal for two classes, and KL is the better one with more",
)
def chi2_instead() -> tuple[Outcome, str]:
    p = np.linspace(0.505, 0.9999, 200)
    two = _radii("chi2-l2", p) / _radii("kl-l2", p)
    many = _radii("chi2-l2", TOP[ORDERED], RUNNER[ORDERED]) / _radii("kl-l2", TOP[ORDERED], RUNNER[ORDERED])
    outcome = Outcome.NOT_REPRODUCIBLE if max(two.max(), many.max()) < 1 + 1e-9 else Outcome.HOLDS
    return (
        outcome,
        f"χ² over KL radius: 1 for two classes, {many.min():.3f} to 1 with more",
    )


@CLAIMS.add(
    "weaker-than-lecuyer",
    papers.hayes.at("Section 3.1, l_1"),
    "the KL certificate in l_1 is slightly weaker than that of Lecuyer et al.",
    "only as printed; with the exact divergence it is never weaker for two classes",
)
def weaker_than_lecuyer() -> tuple[Outcome, str]:
    p = np.linspace(0.505, 0.9999, 200)
    lecuyer = _radii("lecuyer-l1", p)
    most = np.array([tradeoff.budget(float(x)) for x in p])
    exact = np.asarray(inverse_kappa(most, 1.0)) / lecuyer
    printed = most / lecuyer
    weaker = printed.max() < 1 + 1e-9 <= exact.min() + 2e-9
    outcome = Outcome.CONDITIONAL if weaker else Outcome.HOLDS
    return outcome, (
        f"printed {printed.min():.3f} to {printed.max():.3f} of Lecuyer et al., exact divergence {exact.min():.3f} to"
        f" {exact.max():.3f}"
    )


@CLAIMS.add(
    "dominate-lecuyer",
    papers.hayes.at("Section 2.3"),
    "every distance but one gives larger l_2 radii than Lecuyer et al.",
    "for two classes",
)
def dominate_lecuyer() -> tuple[Outcome, str]:
    keys, p = ("kl-l2", "hellinger-l2", "chi2-l2", "tv-l2"), np.linspace(0.505, 0.99999, 300)
    two = min(float((_radii(key, p) / _radii("lecuyer-l2", p)).min()) for key in keys)
    lecuyer, others = (float(_radii(key, 0.05, 1e-4)) for key in ("lecuyer-l2", "kl-l2"))
    worse = Outcome.CONDITIONAL if others < lecuyer else Outcome.HOLDS
    outcome = worse if two >= 1 else Outcome.NOT_REPRODUCIBLE
    return outcome, (
        f"two classes: at least {two:.3f} times; (p_A, p_B) = (0.05, 0.0001): KL {others:.4f} σ, Lecuyer et al."
        f" {lecuyer:.4f} σ"
    )


@CLAIMS.add(
    "li-tightest",
    papers.hayes.at("Section 3.1, l_1"),
    "−σ log(1 − p_1 + p_2) dominates every other l_1 certificate and is the tightest possible",
    "for two classes; λ/2 (ψ(p_A) − ψ(p_B)) is exact for any number",
)
def li_tightest() -> tuple[Outcome, str]:
    p = np.linspace(0.505, 0.9999, 200)
    two = np.abs(_radii("li-l1", p) / _radii("laplace-l1", p) - 1).max()
    li, lecuyer, exact = (float(_radii(key, 0.6, 0.2)) for key in ("li-l1", "lecuyer-l1", "laplace-l1"))
    outcome = Outcome.CONDITIONAL if two < 1e-9 and li < lecuyer else Outcome.HOLDS
    return outcome, (
        f"exact for two classes; (p_A, p_B) = (0.6, 0.2): {li:.4f} λ, Lecuyer et al. {lecuyer:.4f} λ,"
        f" exact {exact:.4f} λ"
    )


def _item(number: int) -> tuple[Outcome, str]:
    """An item of Proposition 1: with the printed radii, with the right ones, and for more than two classes."""
    item = proposition1.rows()[number - 1]
    everywhere = item.printed_holds and item.corrected_holds and item.counterexample is None
    outcome = Outcome.HOLDS if everywhere else Outcome.CONDITIONAL if item.printed_holds else Outcome.NOT_REPRODUCIBLE
    crossing = "" if item.printed.crossing is None else f" (changing at p_A = {item.printed.crossing:.9f})"
    words = f"two classes: printed radii {item.printed.relation}{crossing}, right radii {item.corrected.relation}"
    if item.counterexample is not None:
        words += ", with more classes it fails at (p_A, p_B) = ({:.3g}, {:.3g})".format(*item.counterexample)
    return outcome, words


def _add_items() -> None:
    for number, statement, right in (
        (1, "the best Rényi radius exceeds that of χ²", ""),
        (2, "the radius of χ² exceeds that of KL", "with the right KL row they are equal for two classes"),
        (3, "the radius of χ² exceeds that of H²", "for two classes"),
        (4, "the radii of Bhattacharyya and H² are equal", ""),
        (5, "the radius of H² exceeds that of KL for p_1 < 0.998", "with the right KL row it is smaller everywhere"),
        (6, "the radius of KL exceeds that of Lecuyer et al.", "for two classes"),
    ):
        source = papers.hayes.at(f"Proposition 1, item {number}")
        CLAIMS.add(f"proposition-1-item-{number}", source, statement, right)(partial(_item, number))


_add_items()
