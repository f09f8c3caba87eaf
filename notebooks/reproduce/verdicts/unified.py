"""Claims of the unified framework, beside its formulas and numbers."""

from collections.abc import Sequence
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import integrate

from reproduce.verdicts.verdict import Claims, Evidence
from rsexplore import bounds, mechanisms, papers, privacy
from rsexplore.comparison import exact_radius
from rsexplore.noises import ExponentialLinf, Gaussian, Uniform

CLAIMS = Claims()


@CLAIMS.add(
    "theorem-8", papers.unified.at("Theorem 8"), "D_inf ≤ ε implies D_MR ≤ ε²/2", "D_MR ≤ ε²/2 for symmetric pairs only"
)
def theorem_8() -> Evidence:
    pure, order = np.meshgrid(np.geomspace(1e-3, 20, 60), 1 + np.geomspace(1e-6, 1e4, 80))
    share = privacy.renyi_of_pure(pure, order) / order / privacy.mr_of_pure(pure)
    most = float(share.max())
    return Evidence(
        f"the largest Rényi divergence over its order is at most {most:.6f} of ε²/2, on 4,800 points",
        holds=most <= 1 + 1e-9,
        excess=most if most > 1 + 1e-9 else 0,
    )


@CLAIMS.add(
    "equation-5",
    papers.unified.at("Theorem 10, eq. (5)"),
    "P[log-ratio > λ + √ε] ≤ exp(−λ²/(4ε))",
    "λ + ε, as the proof's eq. (9) has it; the printed form follows for ε ≤ 1",
)
def equation_5() -> Evidence:
    eps, slack = np.meshgrid(np.geomspace(1e-3, 1e3, 121), np.geomspace(1e-3, 1e3, 121))
    allowed = privacy.loss_tail_bound(eps, slack)
    share = {}
    for name, threshold in (("printed", privacy.loss_threshold_printed), ("right", privacy.loss_threshold)):
        with np.errstate(all="ignore"):
            share[name] = np.where(allowed > 1e-300, privacy.loss_tail(eps, threshold(eps, slack)) / allowed, 0)
    small = share["printed"][eps <= 1].max()
    moderate = np.where((eps <= 10) & (slack <= 10), share["printed"], 0)
    worst = np.unravel_index(moderate.argmax(), eps.shape)
    return Evidence(
        f"Gaussian noise: the exact probability is up to {small:.3f} of the bound for ε ≤ 1, and"
        f" {moderate.max():.3g} times it at ε = {eps[worst]:.3g}, λ = {slack[worst]:.3g};"
        f" with λ + ε never above {share['right'].max():.3f}",
        holds=share["printed"].max() <= 1,
        partly=small <= 1 + 1e-9 and share["right"].max() <= 1 + 1e-9 and share["printed"].max() > 1,
    )


@CLAIMS.add(
    "corollary-11",
    papers.unified.at("Corollary 11"),
    "√ε = log(p_A/p_B) / (2(1 + c)) certifies the radius √(2ε) σ with probability at least 1 − exp(−c²/4)",
    "no certificate of the class: the probability is one over the noise. σ/2 (Φ⁻¹(p_A) − Φ⁻¹(p_B)) is exact",
)
def corollary_11() -> Evidence:
    noise, printed = Gaussian(1.0), bounds.get("dmr-l2-printed")

    def over(p_a: float, p_b: float, c: float) -> float:
        return float(printed.radius(noise, p_a, p_b=p_b, c=c) / exact_radius(noise, p_a, p_b=p_b))

    crossing = ", ".join(f"{mechanisms.corollary_11_crossing(c):.3g} (c = {c:g})" for c in (0.5, 1.0, 2.0, 3.0))
    chance = ", ".join(f"{1 - np.exp(-(c**2) / 4):.3f} (c = {c:g})" for c in (1.0, 3.0))
    cases = [(0.6, 0.01, 1.0), (0.4, 0.01, 1.0), (0.6, 1e-4, 1.0), (0.3, 1e-4, 1.0), (0.05, 1e-4, 3.0)]
    times = {case: over(*case) for case in cases}
    shown = ", ".join(f"{x:.3f} at ({p_a:g}, {p_b:g}), c = {c:g}" for (p_a, p_b, c), x in times.items())
    return Evidence(
        f"more than two classes, ordinary votes: times the exact radius {shown} (p_A, p_B); two classes: above it for"
        f" 1 − p_A < {crossing}; the probability is {chance}",
        excess=max(times.values()),
    )


@CLAIMS.add("corollary-11-units", papers.unified.at("Corollary 11"), "r = √(2εσ), the root drawn over σ", "r = √(2ε) σ")
def corollary_11_units() -> Evidence:
    small, large = (sqrt(2 * 0.5 * sigma) for sigma in (1.0, 2.0))
    exact = [float(exact_radius(Gaussian(sigma), 0.99)) for sigma in (1.0, 2.0)]
    wrong = abs(large / small - exact[1] / exact[0]) > 1e-9
    return Evidence(
        f"twice the noise would give {large / small:.4f} times the radius, and must give {exact[1] / exact[0]:g};"
        " the same proof has ε = r²/(2σ²)",
        holds=not wrong,
        meant=wrong,
    )


@CLAIMS.add(
    "remark-14", papers.unified.at("Theorem 15, Remark 14"), "E‖z‖_inf = dσ, drawn as R u, R ~ Gamma(d + 1), u uniform"
)
def remark_14() -> Evidence:
    noise, rng, n = ExponentialLinf(1.0, 50), np.random.default_rng(0), 20_000
    drawn = np.abs(noise.draw(rng, (n, 50))).max(1)
    gap, error = drawn.mean() - 50.0, drawn.std(ddof=1) / sqrt(n)
    return Evidence(
        f"d = 50, σ = 1: mean {drawn.mean():.3f} ± {error:.3f} of {n} draws",
        holds=bool(abs(gap) < 4 * error and noise.mean_norm(inf) == 50.0),
    )


@CLAIMS.add(
    "definition-4",
    papers.unified.at("Definition 4"),
    "D_∞(P‖Q) is the supremum of log P/Q over supp(Q)",
    "over supp(P): for uniform noise it is ∞ then, for every shift",
)
def definition_4() -> Evidence:
    # uniform noise on [-1, 1] and its shifts: on the support of either, the ratio of their densities is 1 or 0
    at, shifts = np.linspace(-2, 4, 6001), (0.01, 0.5, 1.9)
    printed, right = (max(_largest_ratio(at, shift, over) for shift in shifts) for over in "QP")
    # f = 1 where x <= 0.2: a vote of 0.6, which a shift of 1/2 takes to 0.35
    vote, moved = (float(np.clip((0.2 - shift + 1) / 2, 0, 1)) for shift in (0.0, 0.5))
    exact = float(bounds.get("uniform-l1").radius(Uniform(1.0, 1), vote))
    return Evidence(
        f"uniform noise on [−1, 1], shifts 0.01 to 1.9: D_∞ is at most {log(printed):g} as printed, and {log(right):g}"
        f" over supp(P). So every shift below 2 would be certified for every vote; f = 1(x ≤ 0.2) falls from {vote:g}"
        f" to {moved:g} at 0.5, exact is a radius of {exact:.1f}",
        excess=2 / exact if printed == 1 and moved < 0.5 else 0,
    )


def _largest_ratio(at: NDArray, shift: float, over: str) -> float:
    """Supremum of P/Q over supp(Q) or supp(P), the larger of both directions, for uniform noise and its shift."""
    here, there = np.abs(at) <= 1, np.abs(at - shift) <= 1
    ratios = []
    for p, q in ((here, there), (there, here)):
        support = q if over == "Q" else p
        ratios.append(max(float(p[i]) / q[i] if q[i] else inf for i in np.flatnonzero(support)))
    return max(ratios)


def _constant(power: float, eps: Sequence[float], dims: Sequence[int], root: bool) -> Evidence:
    """Theorems 12, 16 and 17: A(x) = (s/2, ..., s/2) on the cube [0, s]^d is robust with every eps, for D is 0."""
    side = [1 / sqrt(d) if power == 0 else 1.0 for d in dims]  # s over r: r/sqrt(d) in Theorem 12, else r
    # farthest corner from the middle
    far = [float(np.abs(np.full(8, s / 2) - np.zeros(8)).max()) for s in side]
    shares = [f / (d**power / (sqrt(e) if root else e)) for f, d, e in zip(far, dims, eps, strict=True)]
    shown = ", ".join(f"{x:.1e} (ε = {e:g}, d = {d:,})" for x, e, d in zip(shares, eps, dims, strict=True))
    return Evidence(
        f"A(x) = the middle of the cube is robust with D = 0; E‖z‖_∞ over the bound without its constant: {shown}, and"
        " it falls to 0. With z independent of x only z = 0 stays in the cube, robust for no ε: then nothing is said",
        holds=min(shares) > 0.1,
    )


NONE = "no such bound: A may ignore x, and noise that is added on all of R^d does not map the cube to itself"


@CLAIMS.add(
    "theorem-12",
    papers.unified.at("Theorem 12"),
    "every (2r, D_MR, l_2, ε/2)-robust A(x) = x + z from [0, r/√d]^d to itself has E‖z‖_∞ ≥ Ω(r/√ε)",
    NONE,
)
def theorem_12() -> Evidence:
    return _constant(0, (1.0, 0.01, 0.01), (3072, 3072, 150_528), True)


@CLAIMS.add(
    "theorem-16",
    papers.unified.at("Theorem 16"),
    "every (2r, D_∞, l_∞, ε/2)-robust A(x) = x + z from [0, r]^d to itself has E‖z‖_∞ ≥ Ω(r d/ε)",
    f"{NONE}; there, E‖z‖_∞ > r ((d − 1) log 2/ε − 1/2) by packing 2^d balls",
)
def theorem_16() -> Evidence:
    return _constant(1, (1.0, 0.01, 0.01), (3072, 3072, 150_528), False)


@CLAIMS.add(
    "theorem-17",
    papers.unified.at("Theorem 17"),
    "every (2r, D_MR, l_∞, ε/2)-robust A(x) = x + z from [0, r]^d to itself has E‖z‖_∞ ≥ Ω(r √d/√ε)",
    NONE,
)
def theorem_17() -> Evidence:
    return _constant(0.5, (1.0, 0.01, 0.01), (3072, 3072, 150_528), True)


@CLAIMS.add(
    "growth-of-section-4-2",
    papers.unified.at("Section 4.2"),
    "the l_∞ radii on ImageNet scale in O(1/d log d)",
    "O(1/√(d log d)), as Table 1 and Section 3.2 have it",
)
def growth_of_section_4_2() -> Evidence:
    radii = [mechanisms.radius(mechanisms.with_mean(Gaussian, 1.0, d), 1.0) for d in (3072, 150_528)]
    printed, right = ((3072 * log(3072) / (150_528 * log(150_528))) ** power for power in (1.0, 0.5))
    share = radii[1] / radii[0]
    return Evidence(
        f"from d = 3,072 to 150,528 at fixed E‖z‖_∞ the radius falls to {share:.4f}; 1/√(d log d) to {right:.4f},"
        f" 1/(d log d) to {printed:.4f}",
        meant=abs(share / right - 1) < 0.1 < abs(share / printed - 1),
    )


@CLAIMS.add(
    "gaussian-density",
    papers.unified.at("Section 3.2"),
    "the density of Gaussian noise is p(z) ∝ exp(−‖z‖²/σ²)",
    "exp(−‖z‖²/(2σ²))",
)
def gaussian_density() -> Evidence:
    whole, square = (integrate.quad(lambda z, k=k: z**k * np.exp(-(z**2)), -40, 40)[0] for k in (0, 2))
    return Evidence(
        f"σ = 1: that density has the variance {square / whole:.4f}, N(0, σ²) has 1",
        meant=abs(square / whole - 1) > 1e-9,
    )


@CLAIMS.add(
    "gamma-mean",
    papers.unified.at("proof of Theorem 15"),
    "‖z‖_∞ has the Gamma distribution with shape d and mean σ",
    "shape d and scale σ, mean dσ, as Theorem 15 says",
)
def gamma_mean() -> Evidence:
    # density proportional to z^(d - 1) exp(-z), by quadrature around its mode
    whole, first = (
        integrate.quad(lambda z, k=k: z**k * np.exp(49 * log(z / 49) - z + 49), 1e-9, 400, limit=400)[0] for k in (0, 1)
    )
    return Evidence(
        f"d = 50, σ = 1: the mean of z^(d−1) e^(−z) is {first / whole:.4f}", meant=abs(first / whole - 50) < 1e-6
    )
