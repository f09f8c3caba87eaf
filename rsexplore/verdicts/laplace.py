"""Claims of the Laplace paper, beside its formulas and numbers."""

import numpy as np

from rsexplore import bounds, laplace_law, papers, rops
from rsexplore.noises import Gaussian, Laplace
from rsexplore.verdicts.verdict import Claims, Outcome

CLAIMS = Claims()
NOISE = Laplace(1.0)


@CLAIMS.add(
    "laplace-tight",
    papers.laplace.at("Theorem 1"),
    "max{λ/2 log(p_A/p_B), −λ log(1 − p_A + p_B)} is the l_1 radius",
    "exact for any number of classes: λ/2 (ψ(p_A) − ψ(p_B)), ψ(p) = log 2p up to 1/2, −log 2(1 − p) above",
)
def laplace_tight() -> tuple[Outcome, str]:
    p_a, p_b = np.array([0.9, 0.99, 0.6]), np.array([0.05, 0.001, 0.2])
    printed, exact = (bounds.get(key).radius(NOISE, p_a, p_b=p_b) for key in ("teng-l1", "laplace-l1"))
    two, right = (bounds.get(key).radius(NOISE, p_a) for key in ("teng-l1", "laplace-l1"))
    holds = (printed <= exact * (1 + 1e-9)).all() and np.allclose(two, right, rtol=1e-9)
    outcome = Outcome.UNSOUND if not holds else Outcome.CONDITIONAL if (printed < exact).any() else Outcome.HOLDS
    return outcome, (
        f"sound; exact for two classes only: (p_A, p_B) = (0.9, 0.05) gives {printed[0]:.4f} λ of {exact[0]:.4f} λ,"
        f" (0.99, 0.001) gives {printed[1]:.4f} λ of {exact[1]:.4f} λ"
    )


@CLAIMS.add("laplace-witness", papers.laplace.at("Theorem 3"), "no larger l_1 ball can be certified for two classes")
def laplace_witness() -> tuple[Outcome, str]:
    q = np.array([0.4, 0.1, 1e-3, 1e-9])
    gaps = []
    for q_a in q:
        line = laplace_law.HalfLine.of(NOISE, float(q_a))
        radius = float(bounds.get("teng-l1-binary").radius(NOISE, q_a=q_a))
        gaps.append(abs(float(line.other(radius)) - 0.5))
    outcome = Outcome.HOLDS if max(gaps) < 1e-9 else Outcome.NOT_REPRODUCIBLE
    return outcome, "moved by the radius, the half-line's class has 1/2 to within 1e-9"


@CLAIMS.add(
    "laplace-remark-2",
    papers.laplace.at("Remark 2"),
    "the new term is the larger one between two roots in p_B",
    "between (1 − p_A)²/p_A and p_A",
)
def laplace_remark_2() -> tuple[Outcome, str]:
    p_a, share = np.meshgrid(np.linspace(0.505, 0.995, 50), np.linspace(0.01, 0.99, 60))
    p_b = share * (1 - p_a)
    low, high = laplace_law.remark_2_interval(p_a)
    inside = (p_b > low * (1 + 1e-9)) & (p_b < high)
    larger = laplace_law.figure_4_region(p_a, p_b) > 0
    agree = int((inside == larger).sum())
    outcome = Outcome.HOLDS if agree == p_a.size else Outcome.NOT_REPRODUCIBLE
    return outcome, f"agrees with both terms at {agree} of {p_a.size} points (p_A, p_B)"


@CLAIMS.add(
    "rops-interval",
    papers.laplace.at("Appendix D"),
    "the feasible deviations of the ball classifier are those up to a largest one",
    "an interval from 0 only where the radius is monotone in the deviation",
)
def rops_interval() -> tuple[Outcome, str]:
    cases = [(family, x, r) for family in (Laplace, Gaussian) for x in (0.0, 0.3, 0.9) for r in (0.0, 0.05, 0.3)]
    reachable = [case for case in cases if rops.feasible(*case).intervals]
    broken = [case for case in reachable if not rops.feasible(*case).is_interval_from_zero]
    largest = {family: rops.feasible(family).largest for family in (Laplace, Gaussian)}
    text = f"{len(reachable) - len(broken)} of {len(reachable)} cases are such an interval"
    if broken:
        family, x, r = broken[0]
        text += f"; not {family.__name__} noise at x = {x}, radius {r}"
    return (Outcome.CONDITIONAL if broken else Outcome.HOLDS), (
        f"{text}; at x = 0 the largest are {largest[Laplace]:.4f} (Laplace) and {largest[Gaussian]:.4f} (Gaussian)"
    )


@CLAIMS.add(
    "rops-order",
    papers.laplace.at("Appendix D, Figures 10 and 11"),
    "Laplace noise has the larger ROPS for every x, and at x = 0.3 for every wanted radius",
    "for x up to 0.97, and at x = 0.3 for radii up to 0.49",
)
def rops_order() -> tuple[Outcome, str]:
    def ahead(x: float, radius: float) -> float:
        laplace, gaussian = (rops.feasible(family, x, radius).largest for family in (Laplace, Gaussian))
        return laplace - gaussian

    at_x, at_radius = np.linspace(0, 0.995, 200), np.linspace(0, 0.69, 139)
    by_x, by_radius = (np.array([ahead(*case) for case in cases])
                       for cases in ([(x, 0.0) for x in at_x], [(0.3, r) for r in at_radius]))  # fmt: skip
    outcome = Outcome.HOLDS if min(by_x.min(), by_radius.min()) > 0 else Outcome.CONDITIONAL
    return outcome, (
        f"larger up to x = {at_x[by_x > 0].max():.3f}, and up to a radius of {at_radius[by_radius > 0].max():.3f}; "
        f"beyond, the Gaussian's is larger by up to {-by_radius.min():.2f}"
    )
