"""Claims of the Laplace paper, beside its formulas and numbers."""

import numpy as np
from scipy import integrate, optimize

from reproduce import laplace_law, rops
from reproduce.verdicts.numbers import of_check
from reproduce.verdicts.verdict import Claims, Evidence
from rsexplore import bounds, papers
from rsexplore.noises import Gaussian, Laplace

CLAIMS = Claims()
NOISE = Laplace(1.0)


@CLAIMS.add(
    "laplace-tight",
    papers.laplace.at("Theorem 1"),
    "max{λ/2 log(p_A/p_B), −λ log(1 − p_A + p_B)} is the l_1 radius",
    "exact for any number of classes: λ/2 (ψ(p_A) − ψ(p_B)), ψ(p) = log 2p up to 1/2, −log 2(1 − p) above",
)
def laplace_tight() -> Evidence:
    p_a, p_b = np.array([0.9, 0.99, 0.6]), np.array([0.05, 0.001, 0.2])
    printed, exact = (bounds.get(key).radius(NOISE, p_a, p_b=p_b) for key in ("teng-l1", "laplace-l1"))
    two, right = (bounds.get(key).radius(NOISE, p_a) for key in ("teng-l1", "laplace-l1"))
    return Evidence(
        f"sound; exact for two classes only: (p_A, p_B) = (0.9, 0.05) gives {printed[0]:.4f} λ of {exact[0]:.4f} λ,"
        f" (0.99, 0.001) gives {printed[1]:.4f} λ of {exact[1]:.4f} λ",
        partly=bool(np.allclose(two, right, rtol=1e-9)) and bool((printed < exact).any()),
        excess=float((printed / exact).max()) if (printed > exact * (1 + 1e-9)).any() else 0,
    )


@CLAIMS.add("laplace-witness", papers.laplace.at("Theorem 3"), "no larger l_1 ball can be certified for two classes")
def laplace_witness() -> Evidence:
    q = np.array([0.4, 0.1, 1e-3, 1e-9])
    gaps = []
    for q_a in q:
        line = laplace_law.HalfLine.of(NOISE, float(q_a))
        radius = float(bounds.get("teng-l1-binary").radius(NOISE, q_a=q_a))
        gaps.append(abs(float(line.other(radius)) - 0.5))
    return Evidence("moved by the radius, the half-line's class has 1/2 to within 1e-9", holds=max(gaps) < 1e-9)


@CLAIMS.add(
    "laplace-remark-2",
    papers.laplace.at("Remark 2"),
    "the new term is the larger one between two roots in p_B",
    "between (1 − p_A)²/p_A and p_A",
)
def laplace_remark_2() -> Evidence:
    p_a, share = np.meshgrid(np.linspace(0.505, 0.995, 50), np.linspace(0.01, 0.99, 60))
    p_b = share * (1 - p_a)
    low, high = laplace_law.remark_2_interval(p_a)
    inside = (p_b > low * (1 + 1e-9)) & (p_b < high)
    larger = laplace_law.figure_4_region(p_a, p_b) > 0
    agree = int((inside == larger).sum())
    return Evidence(f"agrees with both terms at {agree} of {p_a.size} points (p_A, p_B)", holds=agree == p_a.size)


@CLAIMS.add(
    "rops-interval",
    papers.laplace.at("Appendix D"),
    "the feasible deviations of the ball classifier are those up to a largest one",
    "an interval from 0 only where the radius is monotone in the deviation",
)
def rops_interval() -> Evidence:
    cases = [(family, x, r) for family in (Laplace, Gaussian) for x in (0.0, 0.3, 0.9) for r in (0.0, 0.05, 0.3)]
    reachable = [case for case in cases if rops.feasible(*case).intervals]
    broken = [case for case in reachable if not rops.feasible(*case).is_interval_from_zero]
    largest = {family: rops.feasible(family).largest for family in (Laplace, Gaussian)}
    text = f"{len(reachable) - len(broken)} of {len(reachable)} cases are such an interval"
    if broken:
        family, x, r = broken[0]
        text += f"; not {family.__name__} noise at x = {x}, radius {r}"
    return Evidence(
        f"{text}; at x = 0 the largest are {largest[Laplace]:.4f} (Laplace) and {largest[Gaussian]:.4f} (Gaussian)",
        holds=not broken,
        partly=bool(broken) and len(broken) < len(reachable),
    )


@CLAIMS.add(
    "rops-order-x",
    papers.laplace.at("Appendix D, Figure 10"),
    "Laplace noise has the larger ROPS for every x",
    "up to the x of the crossing; beyond, the Gaussian's is the larger one, and for |x| > 1 both bear every noise",
)
def rops_order_x() -> Evidence:
    end = rops.crossing()
    near, beyond = ([rops.feasible(family, x).largest for family in (Laplace, Gaussian)] for x in (0.0, 0.995))
    return Evidence(
        f"equal at x = {end:.4f}; at x = 0 {near[0]:.4f} (Laplace) and {near[1]:.4f} (Gaussian), at x = 0.995"
        f" {beyond[0]:.4f} and {beyond[1]:.4f}",
        holds=end >= 1,
        partly=near[0] > near[1] and beyond[0] < beyond[1],
    )


@CLAIMS.add(
    "rops-order",
    papers.laplace.at("Appendix D, Figure 11"),
    "at x = 0.3 Laplace noise has the larger ROPS for every wanted radius",
    "for radii up to the crossing; beyond, the Gaussian's is the larger one",
)
def rops_order() -> Evidence:
    return of_check("rops-order", "the Gaussian's ROPS less that of Laplace noise, at its largest")


@CLAIMS.add(
    "always-the-largest",
    papers.laplace.at("Figure 6 (first), caption"),
    "“Our model always gives the largest radius compared with the other models, because our bound is tight”",
    "against Lecuyer et al. always; against Cohen et al. at equal deviation above the p_A of the crossing",
)
def always_the_largest() -> Evidence:
    laplace, gaussian = Laplace.from_sigma(1.0), Gaussian(1.0)

    def lead(p_a: float) -> float:
        ours, cohen = bounds.get("teng-l1-binary").radius(laplace, p_a), bounds.get("cohen-l2").radius(gaussian, p_a)
        return float(ours - cohen)

    votes = 1 - np.geomspace(1e-12, 0.4999, 400)
    ours, lecuyer = (bounds.get(key).radius(laplace, votes) for key in ("teng-l1-binary", "lecuyer-l1"))
    crossing = float(optimize.brentq(lead, 0.6, 0.999, xtol=1e-13))
    return Evidence(
        f"equal to Cohen et al.'s at p_A = {crossing:.6f}; at p_A = 0.8 it is {lead(0.8):+.4f} σ from that, at 0.99"
        f" {lead(0.99):+.4f} σ",
        holds=lead(0.8) >= 0,
        partly=lead(0.8) < 0 < lead(0.99) and bool((ours >= lecuyer * (1 - 1e-9)).all()),
    )


@CLAIMS.add(
    "lemma-3-1-proof",
    papers.laplace.at("Appendix A, proof of Lemma 3.1, after eq. (4)"),
    "“If z ∈ S, μ_Y(z)/μ_X(z) ≥ t. If z ∈ S^c, μ_Y(z)/μ_X(z) ≤ t”, for S = {T > β} ∪ S′ of case 1",
    "the other way round, ≤ t on S and ≥ t on S^c, which the step that follows uses",
)
def lemma_3_1_proof() -> Evidence:
    # λ = 1, δ = 1, β = 0, t = exp(-β) = 1: S is where T = |z - 1| - |z| > 0, that is z < 1/2
    z = np.linspace(-3, 3, 601)
    moved, ratio = np.abs(z - 1) - np.abs(z), np.exp(np.abs(z) - np.abs(z - 1))
    inside = moved > 1e-9
    swapped = bool((ratio[inside] <= 1).all() and (ratio[~inside] >= 1 - 1e-9).all())
    return Evidence(
        f"λ = 1, δ = 1, β = 0, t = 1: on S the ratio is {ratio[inside].min():.4f} to {ratio[inside].max():.4f}, outside"
        f" {ratio[~inside].min():.4f} to {ratio[~inside].max():.4f}",
        meant=swapped,
    )


@CLAIMS.add(
    "theorem-3-proof",
    papers.laplace.at("Appendix C, proof of Theorem 3, eq. (11)"),
    "P(X ∈ A) = 1 − ∫ exp(x/λ)/(2λ) dx over x from −λ log(2(1 − P_A)) to ∞",
    "exp(−x/λ), which gives P_A, as the last line has it",
)
def theorem_3_proof() -> Evidence:
    edge = -np.log(2 * 0.1)  # P_A = 0.9, λ = 1
    at = {top: integrate.quad(lambda x: np.exp(x) / 2, edge, top)[0] for top in (5.0, 10.0)}
    right = 1 - integrate.quad(lambda x: np.exp(-x) / 2, edge, np.inf)[0]
    return Evidence(
        f"P_A = 0.9, λ = 1: the printed integral is {at[5.0]:.0f} up to 5 and {at[10.0]:.0f} up to 10, without a limit;"
        f" with exp(−x/λ) P(X ∈ A) = {right:.4f}",
        meant=at[5.0] > 1 and abs(right - 0.9) < 1e-9,
    )


@CLAIMS.add(
    "lecuyer-misquoted",
    papers.laplace.at("Section 2, Randomized smoothing"),
    "“Lecuyer et al. (2019) use techniques from differential privacy to prove ℓ_1 robustness under Gaussian and Laplace"
    " noise respectively”",
    "ℓ_2 under Gaussian noise and ℓ_1 under Laplace noise",
)
def lecuyer_misquoted() -> Evidence:
    coded = {bound.noise.__name__: bound.norm for bound in bounds.ALL if bound.source.paper is papers.lecuyer2019}
    noises = ", ".join(f"l_{norm:g} under {name} noise" for name, norm in coded.items())
    return Evidence(f"Lecuyer et al., Proposition 1 with both mechanisms: {noises}", meant=coded["Gaussian"] == 2)
