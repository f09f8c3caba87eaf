"""Claims of the unified framework, beside its formulas and numbers."""

from math import inf, log, sqrt

import numpy as np

from rsexplore import bounds, mechanisms, papers, privacy
from rsexplore.comparison import exact_radius
from rsexplore.noises import ExponentialLinf, Gaussian
from rsexplore.verdicts.verdict import Claims, Outcome

CLAIMS = Claims()


@CLAIMS.add(
    "theorem-8", papers.unified.at("Theorem 8"), "D_inf ≤ ε implies D_MR ≤ ε²/2", "D_MR ≤ ε²/2 for symmetric pairs only"
)
def theorem_8() -> tuple[Outcome, str]:
    pure, order = np.meshgrid(np.geomspace(1e-3, 20, 60), 1 + np.geomspace(1e-6, 1e4, 80))
    share = privacy.renyi_of_pure(pure, order) / order / privacy.mr_of_pure(pure)
    outcome = Outcome.HOLDS if share.max() <= 1 + 1e-9 else Outcome.UNSOUND
    return outcome, f"the largest Rényi divergence over its order is at most {share.max():.6f} of ε²/2, on 4,800 points"


@CLAIMS.add(
    "equation-5",
    papers.unified.at("Theorem 10, eq. (5)"),
    "P[log-ratio > λ + √ε] ≤ exp(−λ²/(4ε))",
    "λ + ε, as the proof's eq. (9) has it; the printed form follows for ε ≤ 1",
)
def equation_5() -> tuple[Outcome, str]:
    eps, slack = np.meshgrid(np.geomspace(1e-3, 1e3, 121), np.geomspace(1e-3, 1e3, 121))
    allowed = privacy.loss_tail_bound(eps, slack)
    share = {}
    for name, threshold in (("printed", privacy.loss_threshold_printed), ("right", privacy.loss_threshold)):
        with np.errstate(all="ignore"):
            share[name] = np.where(allowed > 1e-300, privacy.loss_tail(eps, threshold(eps, slack)) / allowed, 0)
    small = share["printed"][eps <= 1].max()
    moderate = np.where((eps <= 10) & (slack <= 10), share["printed"], 0)
    worst = np.unravel_index(moderate.argmax(), eps.shape)
    if share["right"].max() > 1 + 1e-9 or small > 1 + 1e-9:
        return Outcome.UNSOUND, f"fails even for ε ≤ 1, by a factor of {small:.4g}"
    outcome = Outcome.CONDITIONAL if share["printed"].max() > 1 else Outcome.HOLDS
    return outcome, (
        f"Gaussian noise: the exact probability is up to {small:.3f} of the bound for ε ≤ 1, and"
        f" {moderate.max():.3g} times it at ε = {eps[worst]:.3g}, λ = {slack[worst]:.3g};"
        f" with λ + ε never above {share['right'].max():.3f}"
    )


@CLAIMS.add(
    "corollary-11",
    papers.unified.at("Corollary 11"),
    "√ε = log(p_A/p_B) / (2(1 + c)) certifies the radius √(2ε) σ with probability at least 1 − exp(−c²/4)",
    "no certificate of the class: the probability is one over the noise. σ/2 (Φ⁻¹(p_A) − Φ⁻¹(p_B)) is exact",
)
def corollary_11() -> tuple[Outcome, str]:
    noise, q = Gaussian(1.0), np.geomspace(1e-300, 0.4999, 4000)
    exact = exact_radius(noise, q_a=q)
    above = {c: (bounds.get("dmr-l2-printed").radius(noise, q_a=q, c=c) > exact).any() for c in (1.0, 2.0, 3.0)}
    crossing = ", ".join(f"{mechanisms.corollary_11_crossing(c):.3g} (c = {c:g})" for c in (0.5, 1.0, 2.0, 3.0))
    chance = ", ".join(f"{1 - np.exp(-(c**2) / 4):.3f} (c = {c:g})" for c in (1.0, 3.0))
    outcome = Outcome.UNSOUND if any(above.values()) else Outcome.HOLDS
    return outcome, f"above the exact radius for 1 − p_A < {crossing}; the probability is {chance}"


@CLAIMS.add("corollary-11-units", papers.unified.at("Corollary 11"), "r = √(2εσ), the root drawn over σ", "r = √(2ε) σ")
def corollary_11_units() -> tuple[Outcome, str]:
    small, large = (sqrt(2 * 0.5 * sigma) for sigma in (1.0, 2.0))
    exact = [float(exact_radius(Gaussian(sigma), 0.99)) for sigma in (1.0, 2.0)]
    outcome = Outcome.PRINT_FAULT if abs(large / small - exact[1] / exact[0]) > 1e-9 else Outcome.HOLDS
    return (
        outcome,
        f"twice the noise would give {large / small:.4f} times the radius, and must give {exact[1] / exact[0]:g}",
    )


@CLAIMS.add(
    "remark-14", papers.unified.at("Theorem 15, Remark 14"), "E‖z‖_inf = dσ, drawn as R u, R ~ Gamma(d + 1), u uniform"
)
def remark_14() -> tuple[Outcome, str]:
    noise, rng, n = ExponentialLinf(1.0, 50), np.random.default_rng(0), 20_000
    drawn = np.abs(noise.draw(rng, (n, 50))).max(1)
    gap, error = drawn.mean() - 50.0, drawn.std(ddof=1) / sqrt(n)
    outcome = Outcome.HOLDS if abs(gap) < 4 * error and noise.mean_norm(inf) == 50.0 else Outcome.NOT_REPRODUCIBLE
    return outcome, f"d = 50, σ = 1: mean {drawn.mean():.3f} ± {error:.3f} of {n} draws"


@CLAIMS.add(
    "table-1",
    papers.unified.at("Table 1"),
    "how near each mechanism comes to the limit, in eight cells",
    "O(1) in l_2 is the growth at fixed σ, the l_inf cells are at fixed E‖z‖_inf, where l_2 falls as 1/√(log d)",
)
def table_1() -> tuple[Outcome, str]:
    made = {
        (family, f"l{norm if norm == 2 else 'inf'}, {divergence} robustness"): mechanisms.verdict(cls, divergence, norm)
        for family, cls in (("Gaussian", Gaussian), ("Exponential", ExponentialLinf))
        for norm in (2, inf)
        for divergence in ("D_inf", "D_MR")
    }
    cells = [cell for cell in papers.printed("unified", "Table 1") if (cell.row, cell.column) in made]
    differ = [cell for cell in cells if not _same(cell.value, made[cell.row, cell.column])]
    named = "; ".join(f"{c.row}, {c.column}: printed “{c.value}”, made “{made[c.row, c.column]}”" for c in differ)
    fixed = mechanisms.growth(Gaussian, "D_MR", 2, fixed="sigma")
    outcome = Outcome.HOLDS if not differ else Outcome.CONDITIONAL if len(differ) == 1 else Outcome.NOT_REPRODUCIBLE
    more = f"; at fixed σ its exponent is {fixed[0]}" if fixed is not None and differ else ""
    return outcome, f"{len(cells) - len(differ)} of {len(cells)} cells as made from the radii; {named}{more}"


def _same(printed: str, made: str) -> bool:
    words, _, order = printed.partition(", r in ")
    made_words, _, made_order = made.partition(", ")
    return words == made_words and order in ("", made_order)


@CLAIMS.add(
    "ten-to-twenty",
    papers.unified.at("Section 4.2"),
    "Gaussian l_inf radii are 10 to 20 times the exponential mechanism's on CIFAR-10",
    "at equal E‖z‖_inf, for the votes that the networks reach",
)
def ten_to_twenty() -> tuple[Outcome, str]:
    gaussian, exponential = (mechanisms.with_mean(cls, 1.0, 3072) for cls in (Gaussian, ExponentialLinf))
    q = np.array([0.4, 0.1, 0.01, 1e-3, 7e-5])
    share = bounds.get("dmr-linf").radius(gaussian, q_a=q, c=1.0) / bounds.get("dinf-linf").radius(exponential, q_a=q)
    law = sqrt(3072 / log(3072))
    inside = ((share >= 10) & (share <= 20)).all()
    outcome = Outcome.HOLDS if inside else Outcome.CONDITIONAL
    return outcome, (
        f"c = 1, 1 − p_A from 0.4 to 7e-5: {share.min():.1f} to {share.max():.1f} times; √(d/log d) is {law:.1f}"
    )
