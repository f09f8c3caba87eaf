"""Claims of Hayes, beside its formulas and numbers."""

from functools import partial

import numpy as np
from scipy import stats

from reproduce import printed_tradeoffs, proposition1
from reproduce.printed_tradeoffs import kappa_printed
from reproduce.verdicts.verdict import Claims, Evidence
from rsexplore import bounds, papers, tradeoff
from rsexplore.comparison import exact_radius
from rsexplore.divergences.generalized_gaussian import (
    coefficient,
    inverse_kappa,
    kappa,
)
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace

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
def odd_shape_kl() -> Evidence:
    u = np.geomspace(1e-4, 5, 60)
    share = {s: kappa_printed(u, s) / kappa(u, s) for s in (1, 2, 3, 4, 5, 6)}
    even = max(np.abs(share[s] - 1).max() for s in (2, 4, 6))
    below = min(share[s].min() for s in (1, 3, 5))
    at = {s: float(np.interp(0.1, u, share[s])) for s in (1, 3, 5)}
    words = ", ".join(f"{at[s]:.3g} times (s = {s})" for s in at)
    return Evidence(
        f"exact for s = 2, 4, 6; at a shift of 0.1 scales {words} too large for odd s",
        partly=bool(even < 1e-10 and below >= 1 - 1e-10),
        excess=1 / below if below < 1 - 1e-10 else 0,  # a divergence that is too small certifies too much
    )


@CLAIMS.add(
    "odd-shape-rate",
    papers.hayes.at("eq. (21)"),
    "“the upper bound to which an input is certifiably robust” in l_s is the ε of eq. (21)",
    "the largest radius within the divergence for even s; for odd s it is sound, only smaller: it falls as d^−(1 − 1/s)"
    " and the largest as d^−(1/2 − 1/s), for a divergence is quadratic in a small shift",
)
def odd_shape_rate() -> Evidence:
    def share(s: float) -> tuple[float, float]:
        noise = GeneralizedGaussian(1.0, s, 3072)
        printed = float(bounds.get("gg-kl-lp-printed" if s % 2 else "gg-kl-lp").radius(noise, 0.99, norm=s))
        return printed, float(tradeoff.balls(noise, 0.99, norms=(s,)).radii[s])

    (odd, most), (even, as_much) = share(3.0), share(4.0)
    return Evidence(
        f"d = 3072, p_A = 0.99: s = 3 printed {odd:.4f}, exact within the divergence {most:.4f}; s = 4 {even:.4f} and"
        f" {as_much:.4f}",
        holds=odd > 0.99 * most,
        partly=odd < most and abs(even / as_much - 1) < 1e-6,
        excess=odd / most,
    )


@CLAIMS.add(
    "order-above-1",
    papers.hayes.at("eqs. (10) to (12)"),
    "the best Rényi certificate is the supremum over orders above 1",
    "over all orders above 0",
)
def order_above_1() -> Evidence:
    p_a, p_b = TOP[ORDERED], RUNNER[ORDERED]
    votes = np.linspace(0.51, 0.999, 50)
    two = _radii("renyi-l2", votes) / _radii("li-renyi-l2", votes)
    share = _radii("renyi-l2", p_a, p_b) / exact_radius(NOISE, p_a, p_b=p_b)
    # the gain grows as both votes fall, so that its supremum is a limit: at p_B = 0, p_A towards 0
    gain = float(_radii("renyi-l2", 1e-9, 0.0) / _radii("li-renyi-l2", 1e-9, 0.0)) - 1
    largest = float((_radii("renyi-l2", p_a, p_b) / _radii("li-renyi-l2", p_a, p_b)).max()) - 1
    return Evidence(
        f"sound; the best for two classes, with more classes orders below 1 are better by up to {100 * gain:.2f} %, the"
        f" supremum, at p_B = 0 and p_A towards 0; at votes from 0.02 and 1e-6 by {100 * largest:.1f} %",
        holds=gain < 1e-6,
        partly=bool(np.abs(two - 1).max() < 1e-9 and gain >= largest),
        excess=float(share.max()) if share.max() > 1 + 1e-9 else 0,
    )


@CLAIMS.add(
    "intersection",
    papers.hayes.at("Section 3.2, eqs. (22) to (27), and Figure 4"),
    "a solution (ε_1, ε_3) of eq. (26) certifies the l_3 ball of radius ε_3",
    "it certifies the intersection of the balls; at ε_1 = ε_3 that is the l_1 ball",
)
def intersection() -> Evidence:
    found = printed_tradeoffs.witness()
    ball = tradeoff.balls(GeneralizedGaussian(1.0, 3.0, 3072), 0.99, norms=(3.0,)).radii[3.0]
    return Evidence(
        f"s = 3, d = 3072, p_A = 0.99: an even l_3 shift of {found.radius:.4f} leaves p_A = {found.vote.high:.1e}"
        f" ({found.sampled.value:.1e} ± {found.sampled.error:.0e} of 20,000 draws); its divergence is"
        f" {found.divergence:.2f}, and {found.budget:.3f} is allowed, which is reached at {ball:.4f}",
        excess=found.radius / float(ball) if found.vote.high < 0.5 and found.sampled.value < 0.5 else 0,
    )


@CLAIMS.add("c-p", papers.hayes.at("eqs. (29), (31)"), "c_k > 1 for k up to p", "c_k ≥ 1: c_p = 1 exactly")
def c_p() -> Evidence:
    last = [float(coefficient(p, p)) for p in (2, 3, 4, 5, 8, 20, 58)]
    least = min(float(coefficient(k, p)) for p in range(4, 60, 2) for k in range(2, p, 2))
    growing = float(coefficient(2, 1000))
    return Evidence(
        f"c_p = 1 for p = 2 to 58; c_k for even k < p is at least {least:.4f}; c_2 = {growing:.2f} at p = 1000; the"
        " text goes on with c_k ≥ 1",
        meant=max(abs(c - 1) for c in last) < 1e-9 and least > 1,
    )


@CLAIMS.add(
    "chi2-instead",
    papers.hayes.at("Section 3.1"),
    "chi-squared instead of KL would improve the l_2 certificates",
    "with the right KL they are equal for two classes, and KL is the better one with more",
)
def chi2_instead() -> Evidence:
    p = np.linspace(0.505, 0.9999, 200)
    two = _radii("chi2-l2", p) / _radii("kl-l2", p)
    many = _radii("chi2-l2", TOP[ORDERED], RUNNER[ORDERED]) / _radii("kl-l2", TOP[ORDERED], RUNNER[ORDERED])
    return Evidence(
        f"χ² over KL radius: 1 for two classes, {many.min():.3f} to 1 with more",
        holds=bool(max(two.max(), many.max()) >= 1 + 1e-9),
    )


@CLAIMS.add(
    "weaker-than-lecuyer",
    papers.hayes.at("Section 3.1, l_1"),
    "the KL certificate in l_1 is slightly weaker than that of Lecuyer et al.",
    "only as printed; with the exact divergence it is never weaker for two classes",
)
def weaker_than_lecuyer() -> Evidence:
    p = np.linspace(0.505, 0.9999, 200)
    lecuyer = _radii("lecuyer-l1", p)
    most = np.array([tradeoff.budget(float(x)) for x in p])
    exact = np.asarray(inverse_kappa(most, 1.0)) / lecuyer
    printed = most / lecuyer
    weaker = printed.max() < 1 + 1e-9 <= exact.min() + 2e-9
    return Evidence(
        f"printed {printed.min():.3f} to {printed.max():.3f} of Lecuyer et al., exact divergence {exact.min():.3f} to"
        f" {exact.max():.3f}",
        holds=bool(exact.max() < 1),
        partly=bool(weaker),
    )


@CLAIMS.add(
    "dominate-lecuyer",
    papers.hayes.at("Section 2.3"),
    "“all choices of distance metrics dominate the certificates found using the Lecuyer et al. [24] method”",
    "for two classes",
)
def dominate_lecuyer() -> Evidence:
    keys = ("kl-l2", "hellinger-l2", "chi2-l2", "bhattacharyya-l2", "tv-l2", "li-renyi-l2")
    p = np.linspace(0.505, 0.99999, 300)
    two = min(float((_radii(key, p) / _radii("lecuyer-l2", p)).min()) for key in keys)
    lecuyer, others = (float(_radii(key, 0.05, 1e-4)) for key in ("lecuyer-l2", "kl-l2"))
    return Evidence(
        f"two classes: at least {two:.3f} times; (p_A, p_B) = (0.05, 0.0001): KL {others:.4f} σ, Lecuyer et al."
        f" {lecuyer:.4f} σ",
        holds=two > 1 and others > lecuyer,
        partly=two > 1 and others < lecuyer,
    )


@CLAIMS.add(
    "li-tightest",
    papers.hayes.at("Section 3.1, l_1"),
    "−σ log(1 − p_1 + p_2) dominates every other l_1 certificate and is the tightest possible",
    "for two classes; λ/2 (ψ(p_A) − ψ(p_B)) is exact for any number",
)
def li_tightest() -> Evidence:
    p = np.linspace(0.505, 0.9999, 200)
    two = np.abs(_radii("li-l1", p) / _radii("laplace-l1", p) - 1).max()
    li, lecuyer, exact = (float(_radii(key, 0.6, 0.2)) for key in ("li-l1", "lecuyer-l1", "laplace-l1"))
    return Evidence(
        f"exact for two classes; (p_A, p_B) = (0.6, 0.2): {li:.4f} λ, Lecuyer et al. {lecuyer:.4f} λ, exact"
        f" {exact:.4f} λ",
        holds=li >= exact * (1 - 1e-9),
        partly=bool(two < 1e-9) and li < lecuyer,
    )


@CLAIMS.add(
    "equation-1",
    papers.hayes.at("eq. (1)"),
    "the robust radius is max d(x, x′) over the x′ that have the class of x",
    "the infimum over the x′ that have another class",
)
def equation_1() -> Evidence:
    # class A where |x| <= 1 and where x >= 3, seen from x = 0
    at = np.linspace(-10, 10, 20_001)
    same = (np.abs(at) <= 1) | (at >= 3)
    farthest, nearest = float(np.abs(at[same]).max()), float(np.abs(at[~same]).min())
    return Evidence(
        f"class A where |x| ≤ 1 or x ≥ 3, on [−10, 10], x = 0: the maximum is {farthest:g}, and the class changes"
        f" at {nearest:.3f}. Eqs. (2) and (3) are solved for the least divergence of a change of class",
        meant=farthest > nearest,
    )


@CLAIMS.add(
    "equation-22",
    papers.hayes.at("eq. (22)"),
    "max ε_2, ε_4, …, ε_p subject to eqs. (23) to (25)",
    "a set of best vectors, none larger in all norms than another: one must say which, as eq. (30) does by"
    " ε_2 = … = ε_p",
)
def equation_22() -> Evidence:
    noise = GeneralizedGaussian(1.0, 4.0, 3072)
    front = tradeoff.printed_frontier(noise, 0.99)
    equal = printed_tradeoffs.printed_equal(noise, 0.99)
    low, high = 0.5 * equal, equal
    first, second = float(front.at(low)), float(front.at(high))
    return Evidence(
        f"p = 4, d = 3072, p_A = 0.99, eq. (27): (ε_2, ε_4) = ({first:.4f}, {low:.4f}) and ({second:.4f}, {high:.4f})"
        " meet the constraints with equality, and neither is the larger one in both",
        meant=first > second and low < high,
    )


@CLAIMS.add(
    "hoeffding-sentence",
    papers.hayes.at("Section 2.4, after eq. (25)"),
    "“the Hoeffding inequality which gives a lower bound of prediction error of 1 − c e^(−2nε²), where … ε is the"
    " perturbation size”",
    "a lower bound of confidence; ε is how far a share of the votes is from its probability, on one side for each of c",
)
def hoeffding_sentence() -> Evidence:
    # n = 1000 votes of a class of probability 0.9, 2 classes: the share errs by more than 0.05 hardly ever
    n, eps, p = 1000, 0.05, 0.9
    wrong = float(stats.binom.cdf(np.floor(n * (p - eps)), n, p) + stats.binom.sf(np.ceil(n * (p + eps)) - 1, n, p))
    stated = 1 - 2 * np.exp(-2 * n * eps**2)
    return Evidence(
        f"n = {n}, ε = {eps}, c = 2, p = {p}: printed, an error of at least {stated:.4f}; a share is off by ε with"
        f" probability {wrong:.1e}, whatever the size of the perturbation",
        meant=wrong <= 1 - stated < stated,
    )


def _item(number: int) -> Evidence:
    """An item of Proposition 1: with the printed radii, with the right ones, and for more than two classes."""
    item = proposition1.rows()[number - 1]
    crossing = "" if item.printed.crossing is None else f" (changing at p_A = {item.printed.crossing:.9f})"
    words = f"two classes: printed radii {item.printed.relation}{crossing}, right radii {item.corrected.relation}"
    if item.counterexample is not None:
        words += ", with more classes it fails at (p_A, p_B) = ({:.3g}, {:.3g})".format(*item.counterexample)
    return Evidence(
        words,
        holds=item.corrected_holds and item.counterexample is None,
        partly=item.corrected_holds and item.counterexample is not None,
    )


def _add_items() -> None:
    for number, statement, right in (
        (1, "the best Rényi radius exceeds that of χ²", ""),
        (2, "the radius of χ² exceeds that of KL", "nowhere: with the right KL row they are equal for two classes"),
        (3, "the radius of χ² exceeds that of H²", "for two classes"),
        (4, "the radii of Bhattacharyya and H² are equal", ""),
        (5, "the radius of H² exceeds that of KL for p_1 < 0.998", "nowhere: with the right KL row it is smaller"),
        (6, "the radius of KL exceeds that of Lecuyer et al.", "for two classes"),
    ):
        source = papers.hayes.at(f"Proposition 1, item {number}")
        CLAIMS.add(f"proposition-1-item-{number}", source, statement, right)(partial(_item, number))


_add_items()
