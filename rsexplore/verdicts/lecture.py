"""Claims of the lecture, beside its formulas and numbers."""

from math import inf

import numpy as np
from scipy import integrate

from rsexplore import bounds, papers, remake
from rsexplore.noises import Gaussian
from rsexplore.verdicts.verdict import Claims, Outcome

CLAIMS = Claims()
NOISE = Gaussian(1.0, 3072)


@CLAIMS.add(
    "lp-exponent",
    papers.lecture.at("Gaussian smoothing for l_p attacks"),
    "r_p = σ / (2 d^(1/2 − 1/p)) (Φ⁻¹(p_1) − Φ⁻¹(p_2)), for p ≥ 2",
    "the exponent is max(0, 1/2 − 1/p): below p = 2 the l_2 radius itself is the l_p radius",
)
def lp_exponent() -> tuple[Outcome, str]:
    exact = {p: float(bounds.get("cohen-lp").radius(NOISE, 0.99, norm=p)) for p in (1, 1.5, 2, 3, 4, inf)}
    half = float(bounds.get("cohen-l2").radius(NOISE, 0.99))
    share = {p: half / 3072 ** (0.5 - 1 / p) / found for p, found in exact.items()}
    stated = all(abs(share[p] - 1) < 1e-9 for p in (2, 3, 4, inf))
    below = max(share[p] for p in (1, 1.5))
    outcome = Outcome.UNSOUND if not stated else Outcome.CONDITIONAL if below > 1 else Outcome.HOLDS
    return outcome, f"exact for p = 2, 3, 4, ∞; at p = 1, d = 3072 it would give {share[1]:.1f} times the exact radius"


@CLAIMS.add(
    "runner-up-bound",
    papers.lecture.at("Randomized smoothing, notation"),
    "P_B with a bar is a lower bound for P_B",
    "an upper bound, as Theorem 1 says",
)
def runner_up_bound() -> tuple[Outcome, str]:
    true, lower = (float(bounds.get("cohen-l2").radius(NOISE, 0.6, p_b=p_b)) for p_b in (0.3, 0.2))
    outcome = Outcome.PRINT_FAULT if lower > true else Outcome.HOLDS
    return (
        outcome,
        f"p_A = 0.6, P_B = 0.3: a lower bound of 0.2 would certify {lower:.4f} σ, and the exact radius is {true:.4f} σ",
    )


@CLAIMS.add(
    "expectation-step",
    papers.lecture.at("Lipschitz constant of the smoothed score"),
    "‖E[f(x + σz) z/σ]‖ ≤ ‖E[z/σ]‖ for f in [0, 1]",
    "E‖z‖/σ is meant, on the right",
)
def expectation_step() -> tuple[Outcome, str]:
    # f = 1(z > 0) on the line
    left = integrate.quad(lambda z: z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), 0, 40)[0]
    right = integrate.quad(lambda z: z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), -40, 40)[0]
    outcome = Outcome.PRINT_FAULT if left > abs(right) + 1e-9 else Outcome.HOLDS
    return outcome, f"f = 1(z > 0) on the line, σ = 1: {left:.4f} on the left, {abs(right):.4f} on the right"


@CLAIMS.add(
    "normal-constant",
    papers.lecture.at("Smoothing as a convolution"),
    "f̂(x) = (2π)^−d ∫ f(x + σz) exp(−‖z‖²/2) dz",
    "(2π)^(−d/2)",
)
def normal_constant() -> tuple[Outcome, str]:
    one = integrate.quad(lambda z: np.exp(-(z**2) / 2), -40, 40)[0] / (2 * np.pi)
    outcome = Outcome.PRINT_FAULT if abs(one - 1) > 1e-9 else Outcome.HOLDS
    return outcome, f"f = 1 on the line would be smoothed to {one:.4f}"


@CLAIMS.add(
    "alpha-of-logs",
    papers.cohen2019.at("Section 4, whose Table 2 and Figure 6 the lecture prints"),
    "all certificates at α = 0.001",
    "α = 0.01 for the logs named",
)
def alpha_of_logs() -> tuple[Outcome, str]:
    ceilings, rows = remake.ceilings(), remake.levels().rows
    wrong = [row for row in rows if int(row[3]) > 0]
    possible = sum(int(row[4]) == 0 for row in wrong)
    return (Outcome.NOT_REPRODUCIBLE if wrong else Outcome.HOLDS), (
        f"{len(wrong)} of {len(rows)} published logs hold radii that no votes give at 0.001, where none is above"
        f" {ceilings[0.001]:.4f} σ; {possible} of them are possible at 0.01, where none is above {ceilings[0.01]:.4f} σ"
    )
