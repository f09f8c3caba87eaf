"""Claims of the lecture, beside its formulas and numbers."""

from math import inf

import numpy as np
from scipy import integrate, special

from reproduce import lipschitz, remake
from reproduce.verdicts.verdict import Claims, Evidence
from rsexplore import bounds, papers
from rsexplore.noises import Gaussian

CLAIMS = Claims()
NOISE = Gaussian(1.0, 3072)


@CLAIMS.add(
    "lp-exponent",
    papers.lecture.at("Gaussian smoothing for l_p attacks"),
    "r_p = σ / (2 d^(1/2 − 1/p)) (Φ⁻¹(p_1) − Φ⁻¹(p_2)), for p ≥ 2",
    "",
)
def lp_exponent() -> Evidence:
    exact = {p: float(bounds.get("cohen-lp").radius(NOISE, 0.99, norm=p)) for p in (1, 1.5, 2, 3, 4, inf)}
    half = float(bounds.get("cohen-l2").radius(NOISE, 0.99))
    share = {p: half / 3072 ** (0.5 - 1 / p) / found for p, found in exact.items()}
    stated = all(abs(share[p] - 1) < 1e-9 for p in (2, 3, 4, inf))
    return Evidence(
        f"exact for p = 2, 3, 4, ∞, as the slide says; below p = 2, which it leaves out, the l_2 radius itself is exact"
        f" and the formula would give {share[1]:.1f} times that at p = 1, d = 3072",
        holds=stated,
        excess=max(share[p] for p in (2, 3, 4, inf)) if not stated else 0,
    )


@CLAIMS.add(
    "runner-up-bound",
    papers.lecture.at("Randomized smoothing, notation"),
    "P_B with a bar is a lower bound for P_B",
    "an upper bound, as Theorem 1 says",
)
def runner_up_bound() -> Evidence:
    true, lower = (float(bounds.get("cohen-l2").radius(NOISE, 0.6, p_b=p_b)) for p_b in (0.3, 0.2))
    return Evidence(
        f"p_A = 0.6, P_B = 0.3: a lower bound of 0.2 would certify {lower:.4f} σ, and the exact radius is {true:.4f} σ;"
        " Theorem 1, on the next slide, asks for an upper bound, so that no certificate follows",
        meant=lower > true,
    )


@CLAIMS.add(
    "expectation-step",
    papers.lecture.at("Lipschitz constant of the smoothed score"),
    "‖E[f(x + σz) z/σ]‖ ≤ ‖E[z/σ]‖ for f in [0, 1]",
    "E‖z‖/σ is meant, on the right",
)
def expectation_step() -> Evidence:
    # f = 1(z > 0) on the line
    left = integrate.quad(lambda z: z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), 0, 40)[0]
    right = integrate.quad(lambda z: z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), -40, 40)[0]
    return Evidence(
        f"f = 1(z > 0) on the line, σ = 1: {left:.4f} on the left, {abs(right):.4f} on the right;"
        " the next step uses E‖z‖/σ",
        holds=left <= abs(right) + 1e-9,
        meant=left > abs(right) + 1e-9,
    )


@CLAIMS.add(
    "normal-constant",
    papers.lecture.at("Smoothing as a convolution"),
    "f̂(x) = (2π)^−d ∫ f(x + σz) exp(−‖z‖²/2) dz",
    "(2π)^(−d/2)",
)
def normal_constant() -> Evidence:
    one = integrate.quad(lambda z: np.exp(-(z**2) / 2), -40, 40)[0] / (2 * np.pi)
    wrong = abs(one - 1) > 1e-9
    return Evidence(f"f = 1 on the line would be smoothed to {one:.4f}", holds=not wrong, meant=wrong)


@CLAIMS.add(
    "local-constant",
    papers.lecture.at("Lipschitz Constant of Randomized Smoothed Classifier, slides 16 to 18"),
    "∀x ∃L_x ∀y: ‖f̂(y) − f̂(x)‖ ≤ L_x ‖y − x‖, with L_x ≤ exp(−Φ⁻¹(p_x)²/2) / (σ √(2π))",
    "L_x bounds the slope at x alone; on the scale Φ⁻¹(f̂) the constant is 1/σ for all x, y, which gives Theorem 1",
)
def local_constant() -> Evidence:
    # a half-line's smoothed score, Phi(x) at sigma = 1
    slope = lipschitz.constants(1.0, 1, float(special.ndtr(-3.0)))[2]
    y = np.linspace(-2.99, 12, 20_001)
    secant = float(((special.ndtr(y) - special.ndtr(-3.0)) / (y + 3)).max())
    would = 0.98 / (2 * lipschitz.constants(1.0, 1, 0.99)[2])
    exact = float(bounds.get("cohen-l2").radius(NOISE, 0.99))
    return Evidence(
        f"f̂ = Φ, σ = 1, x = −3: L_x = {slope:.4f}, and a secant from there has slope {secant:.4f}; with L_x Theorem 0"
        f" would certify {would:.3f} σ at p_A = 0.99, P_B = 0.01, where {exact:.3f} σ is exact",
        holds=secant <= slope,
        excess=would / exact,
    )


@CLAIMS.add(
    "local-constant-falls",
    papers.lecture.at("Lipschitz Constant of Randomized Smoothed Classifier, slide 18"),
    "L_x decreases as p_x rises",
    "for p_x above 1/2; it grows up to there",
)
def local_constant_falls() -> Evidence:
    votes = np.linspace(0.01, 0.99, 99)
    steps = np.diff([lipschitz.constants(1.0, 1, float(p))[2] for p in votes])
    low, middle, high = (lipschitz.constants(1.0, 1, p)[2] for p in (0.1, 0.5, 0.9))
    above = bool((steps[votes[1:] > 0.505] < 0).all())
    return Evidence(
        f"σ = 1: {low:.4f} at p_x = 0.1, {middle:.4f} at 0.5, {high:.4f} at 0.9",
        holds=bool((steps < 0).all()),
        partly=above and low < middle,
    )


@CLAIMS.add(
    "empirical-average",
    papers.lecture.at("Lipschitz Constant of Randomized Smoothed Classifier"),
    "y^(k) = Σ_{i ≤ k} f(x + σz), and y^(k) converges to f̂ almost surely",
    "y^(k) = (1/k) Σ_{i ≤ k} f(x + σ z_i): an average, of draws that differ",
)
def empirical_average() -> Evidence:
    draws, k = np.random.default_rng(0).standard_normal(100_000), 100_000
    total, truth = float((draws > 0).sum()), 0.5
    close = abs(total / k - truth) < 4 * 0.5 / k**0.5
    return Evidence(
        f"f = 1(z > 0), f̂ = 0.5: the printed sum of {k:,} draws is {total:.0f}, over k it is {total / k:.4f}",
        holds=abs(total - truth) < 0.01,
        meant=close,
    )


@CLAIMS.add(
    "alpha-of-logs",
    papers.cohen2019.at("Section 4, whose Table 2 and Figure 6 the lecture prints"),
    "all certificates at α = 0.001",
    "α = 0.01 for the logs named",
)
def alpha_of_logs() -> Evidence:
    ceilings, rows = remake.ceilings(), remake.levels().rows
    wrong = [row for row in rows if int(row[3]) > 0]
    possible = sum(int(row[4]) == 0 for row in wrong)
    return Evidence(
        f"{len(wrong)} of {len(rows)} published logs hold radii that no votes give at 0.001, where none is above"
        f" {ceilings[0.001]:.4f} σ; {possible} of them are possible at 0.01, where none is above"
        f" {ceilings[0.01]:.4f} σ",
        holds=not wrong,
    )
