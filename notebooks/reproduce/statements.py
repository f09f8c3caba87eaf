"""Examinations of statements that are no numbers: each function decides the one whose key it has, with - for _.

`data/statements.toml` has what is printed, and the words for what is found, with places for the evidence's numbers.
"""

from collections.abc import Callable
from math import inf, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize, special, stats

from reproduce import laplace_law, lipschitz, proposition1, remake, rops, soap_algorithms
from reproduce.compare import SLACK, Evidence, compared, differing, evidence
from reproduce.printed import all_statements
from reproduce.printed_tradeoffs import kappa_printed, printed_equal, witness
from rsexplore import accuracy, bounds, mechanisms, papers, privacy, tradeoff
from rsexplore.comparison import exact_radius
from rsexplore.divergences.generalized_gaussian import coefficient, inverse_kappa, kappa
from rsexplore.dual import distance, law_of, total_variation
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian

CIFAR, IMAGENET = 3072, 150_528  # coordinates of an image
TWO = np.linspace(0.505, 0.9999, 200)  # votes with two classes
TOP, RUNNER = np.meshgrid(np.linspace(0.02, 0.98, 49), np.geomspace(1e-6, 0.98, 60))  # with more
MORE = [votes[(TOP > RUNNER * 1.01) & (TOP + RUNNER <= 1)] for votes in (TOP, RUNNER)]


def radius(key: str, p_a: Any, p_b: NDArray | float | None = None) -> Any:
    """Radius of a bound at deviation or scale 1."""
    return bounds.get(key).radius(bounds.get(key).noise(1.0, CIFAR), p_a, p_b=p_b)


def integral(f: Callable[[float], float], low: float = -40, high: float = 40) -> float:
    """Integral over the line, or a part of it."""
    return float(integrate.quad(f, low, high, limit=200)[0])


def local(score: float) -> float:
    """The lecture's local Lipschitz constant at sigma = 1."""
    return lipschitz.constants(1.0, 1, score)[2]


# lecture


def lp_exponent() -> Evidence:
    orders, exact = np.array([1, 2, 3, 4, inf]), bounds.get("cohen-lp")
    right = [exact.radius(Gaussian(1.0, CIFAR), 0.99, norm=p) for p in orders]
    first, *others = radius("cohen-l2", 0.99) / CIFAR ** (0.5 - 1 / orders) / right
    return evidence(first, holds=max(abs(share - 1) for share in others) < SLACK, excess=max(others))


def runner_up_bound() -> Evidence:
    true, lower = radius("cohen-l2", 0.6, np.array([0.3, 0.2]))
    return evidence(lower, true, meant=lower > true)


def expectation_step() -> Evidence:
    # f = 1(z > 0) on the line
    left, right = (abs(integral(lambda z: z * stats.norm.pdf(z), low)) for low in (0, -40))
    return evidence(left, right, meant=left > right + 1e-9)


def normal_constant() -> Evidence:
    one = integral(lambda z: np.exp(-(z**2) / 2)) / (2 * np.pi)
    return evidence(one, meant=abs(one - 1) > 1e-9)


def local_constant() -> Evidence:
    # a half-line's smoothed score, Phi(x) at sigma = 1
    score, y = float(special.ndtr(-3.0)), np.linspace(-2.99, 12, 20_001)
    slope, secant = local(score), ((special.ndtr(y) - score) / (y + 3)).max()
    would, exact = 0.98 / (2 * local(0.99)), radius("cohen-l2", 0.99)
    return evidence(slope, secant, would, exact, holds=secant <= slope, excess=would / exact)


def local_constant_falls() -> Evidence:
    votes = np.linspace(0.01, 0.99, 99)
    falls = np.diff([local(p) for p in votes.tolist()]) < 0
    low, middle, high = map(local, (0.1, 0.5, 0.9))
    partly = falls[votes[1:] > 0.505].all() and low < middle
    return evidence(low, middle, high, holds=falls.all(), partly=partly)


def empirical_average() -> Evidence:
    k = 100_000
    total = float((np.random.default_rng(0).standard_normal(k) > 0).sum())
    return evidence(k, total, total / k, holds=abs(total - 0.5) < 0.01, meant=abs(total / k - 0.5) < 2 / sqrt(k))


def alpha_of_logs() -> Evidence:
    # how many radii of each log no count of votes can give at a level
    logs = [curve.provenance for curve in accuracy.shipped().values() if curve.provenance["source"] == remake.LOCUSLAB]
    wrong, ceilings = [log["impossible"] for log in logs if log["impossible"]["0.001"]], remake.ceilings()
    possible = sum(not counts["0.01"] for counts in wrong)
    return evidence(len(wrong), len(logs), ceilings[0.001], possible, ceilings[0.01], holds=not wrong)


# unified framework


def theorem_8() -> Evidence:
    pure, order = np.meshgrid(np.geomspace(1e-3, 20, 60), 1 + np.geomspace(1e-6, 1e4, 80))
    most = float((privacy.renyi_of_pure(pure, order) / order / privacy.mr_of_pure(pure)).max())
    return evidence(most, holds=most <= 1 + SLACK, excess=most)


def equation_5() -> Evidence:
    eps, slack = (x.ravel() for x in np.meshgrid(np.geomspace(1e-3, 1e3, 121), np.geomspace(1e-3, 1e3, 121)))
    keep = privacy.loss_tail_bound(eps, slack) > 1e-300
    eps, slack, allowed = eps[keep], slack[keep], privacy.loss_tail_bound(eps, slack)[keep]
    printed, right = (
        privacy.loss_tail(eps, threshold(eps, slack)) / allowed
        for threshold in (privacy.loss_threshold_printed, privacy.loss_threshold)
    )
    small, most, never = printed[eps <= 1].max(), printed.max(), right.max()
    moderate = np.where((eps <= 10) & (slack <= 10), printed, 0)
    at = moderate.argmax()
    partly = max(small, never) <= 1 + SLACK and most > 1
    return evidence(small, moderate[at], eps[at], slack[at], never, holds=most <= 1, partly=partly)


def corollary_11() -> Evidence:
    noise, printed = Gaussian(1.0), bounds.get("dmr-l2-printed")
    cases = [(0.6, 0.01, 1.0), (0.4, 0.01, 1.0), (0.6, 1e-4, 1.0), (0.3, 1e-4, 1.0), (0.05, 1e-4, 3.0)]
    times = [float(printed.radius(noise, a, p_b=b, c=c) / exact_radius(noise, a, p_b=b)) for a, b, c in cases]
    shown = (f"{x:.3f} at ({a:g}, {b:g}), c = {c:g}" for (a, b, c), x in zip(cases, times, strict=True))
    crossing = (f"{mechanisms.corollary_11_crossing(c):.3g} (c = {c:g})" for c in (0.5, 1.0, 2.0, 3.0))
    chance = (1 - np.exp(-(c**2) / 4) for c in (1.0, 3.0))
    return evidence(", ".join(shown), ", ".join(crossing), *chance, excess=max(times))


def corollary_11_units() -> Evidence:
    printed = sqrt(2 * 0.5 * 2.0) / sqrt(2 * 0.5 * 1.0)  # of sigma 2 over that of sigma 1
    right = exact_radius(Gaussian(2.0), 0.99) / exact_radius(Gaussian(1.0), 0.99)
    return evidence(printed, right, meant=abs(printed - right) > 1e-9)


def remark_14() -> Evidence:
    noise, n = ExponentialLinf(1.0, 50), 20_000
    drawn = np.abs(noise.draw(np.random.default_rng(0), (n, 50))).max(1)
    mean, error = drawn.mean(), drawn.std(ddof=1) / sqrt(n)
    return evidence(mean, error, n, holds=abs(mean - 50) < 4 * error and noise.mean_norm(inf) == 50)


def definition_4() -> Evidence:
    # uniform noise on [-1, 1] and its shifts: on the support of either, the ratio of their densities is 1 or 0
    at, shift = np.linspace(-4, 4, 8001), np.array([-1.9, -0.5, -0.01, 0.01, 0.5, 1.9])[:, None]
    p, q = np.abs(at - 0 * shift) <= 1, np.abs(at - shift) <= 1
    ratio = np.where(q, p, inf)
    printed, right = ratio[q].max(), ratio[p].max()
    # f = 1 where x <= 0.2: a vote of 0.6, which a shift of 1/2 takes to 0.35
    vote, moved = stats.uniform.cdf((0.2 - np.array([0.0, 0.5]) + 1) / 2)
    exact, false = radius("uniform-l1", vote), printed == 1 and moved < 0.5
    return evidence(log(printed), log(right), vote, moved, exact, excess=2 / exact if false else 0)


def middle_of_the_cube(power: float, root: bool) -> Evidence:
    """Theorems 12, 16 and 17: A(x) = (s/2, ..., s/2) on the cube [0, s]^d is robust with every eps, for D is 0.

    Printed is a bound of r d^power over eps, or its root; s is r/sqrt(d) in Theorem 12, else r.
    """
    shares = []
    for eps, d in ((1.0, CIFAR), (0.01, CIFAR), (0.01, IMAGENET)):
        farthest_corner = (1 / sqrt(d) if power == 0 else 1.0) / 2
        shares.append(farthest_corner / (d**power / (sqrt(eps) if root else eps)))
    return evidence(*shares, holds=min(shares) > 0.1)


def growth_of_section_4_2() -> Evidence:
    radii = [mechanisms.radius(mechanisms.with_mean(Gaussian, 1.0, d), 1.0) for d in (CIFAR, IMAGENET)]
    right = (CIFAR * log(CIFAR) / (IMAGENET * log(IMAGENET))) ** 0.5
    share, printed = radii[1] / radii[0], right**2
    return evidence(share, right, printed, meant=abs(share / right - 1) < 0.1 < abs(share / printed - 1))


def gaussian_density() -> Evidence:
    whole, square = (integral(lambda z, k=k: z**k * np.exp(-(z**2))) for k in (0, 2))  # type: ignore[misc]
    return evidence(square / whole, meant=abs(square / whole - 1) > 1e-9)


def gamma_mean() -> Evidence:
    mean = special.gamma(51) / special.gamma(50)  # integrals of z^d exp(-z) and of z^(d - 1) exp(-z)
    return evidence(mean, meant=abs(mean - 50) < 1e-6)


# Laplace


def laplace_tight() -> Evidence:
    p_a, p_b = np.array([0.9, 0.99, 0.6]), np.array([0.05, 0.001, 0.2])
    printed, exact = (radius(key, p_a, p_b) for key in ("teng-l1", "laplace-l1"))
    two = np.allclose(radius("teng-l1", p_a), radius("laplace-l1", p_a), rtol=1e-9)
    partly = two and (printed < exact).any()
    return evidence(printed[0], exact[0], printed[1], exact[1], partly=partly, excess=(printed / exact).max())


def laplace_witness() -> Evidence:
    tails, noise = (0.4, 0.1, 1e-3, 1e-9), Laplace(1.0)
    moved = bounds.get("teng-l1-binary").radius(noise, q_a=tails)
    votes = [laplace_law.HalfLine.of(noise, q_a).other(r) for q_a, r in zip(tails, moved, strict=True)]
    return evidence(holds=max(abs(vote - 0.5) for vote in votes) < 1e-9)


def laplace_remark_2() -> Evidence:
    p_a, share = np.meshgrid(np.linspace(0.505, 0.995, 50), np.linspace(0.01, 0.99, 60))
    p_b = share * (1 - p_a)
    low, high = laplace_law.remark_2_interval(p_a)
    inside = (p_b > low * (1 + 1e-9)) & (p_b < high)
    agree = int((inside == (laplace_law.figure_4_region(p_a, p_b) > 0)).sum())
    return evidence(agree, p_a.size, holds=agree == p_a.size)


def ropses(x: float = 0.0) -> list[float]:
    """ROPS of Laplace and of Gaussian noise at one x."""
    return [rops.feasible(family, x).largest for family in (Laplace, Gaussian)]


def rops_interval() -> Evidence:
    cases = [(family, x, r) for family in (Laplace, Gaussian) for x in (0.0, 0.3, 0.9) for r in (0.0, 0.05, 0.3)]
    found = {case: sets for case in cases if (sets := rops.feasible(*case)).intervals}
    broken = [case for case, sets in found.items() if not sets.is_interval_from_zero]
    first = f"; not {broken[0][0].__name__} noise at x = {broken[0][1]}, radius {broken[0][2]}" if broken else ""
    kept = len(found) - len(broken)
    return evidence(kept, len(found), first, *ropses(), holds=not broken, partly=bool(broken) and kept > 0)


def rops_order_x() -> Evidence:
    end, near, beyond = rops.crossing(), ropses(), ropses(0.995)
    return evidence(end, *near, *beyond, holds=end >= 1, partly=near[0] > near[1] and beyond[0] < beyond[1])


def always_the_largest() -> Evidence:
    def lead(p_a: float) -> float:
        """Of Laplace noise over Gaussian noise at equal deviation."""
        ours = bounds.get("teng-l1-binary").radius(Laplace.from_sigma(1.0), p_a)
        return float(ours - radius("cohen-l2", p_a))

    votes = 1 - np.geomspace(1e-12, 0.4999, 400)
    ours, lecuyer = (radius(key, votes) for key in ("teng-l1-binary", "lecuyer-l1"))
    crossing = float(optimize.brentq(lead, 0.6, 0.999, xtol=1e-13))
    partly = lead(0.8) < 0 < lead(0.99) and (ours >= lecuyer * (1 - 1e-9)).all()
    return evidence(crossing, lead(0.8), lead(0.99), holds=lead(0.8) >= 0, partly=partly)


def lemma_3_1_proof() -> Evidence:
    # λ = 1, δ = 1, β = 0, t = exp(-β) = 1: S is where T = |z - 1| - |z| > 0, that is z < 1/2
    z = np.linspace(-3, 3, 601)
    moved, ratio = np.abs(z - 1) - np.abs(z), np.exp(np.abs(z) - np.abs(z - 1))
    inside, outside = ratio[moved > 1e-9], ratio[moved <= 1e-9]
    swapped = (inside <= 1).all() and (outside >= 1 - 1e-9).all()
    return evidence(inside.min(), inside.max(), outside.min(), outside.max(), meant=swapped)


def theorem_3_proof() -> Evidence:
    edge = -np.log(2 * 0.1)  # P_A = 0.9, λ = 1
    near, far = (integral(lambda x: np.exp(x) / 2, edge, top) for top in (5.0, 10.0))
    right = 1 - integral(lambda x: np.exp(-x) / 2, edge, inf)
    return evidence(near, far, right, meant=near > 1 and abs(right - 0.9) < 1e-9)


def lecuyer_misquoted() -> Evidence:
    coded = {bound.noise.__name__: bound.norm for bound in bounds.ALL if bound.source.paper is papers.lecuyer2019}
    shown = ", ".join(f"l_{norm:g} under {name} noise" for name, norm in coded.items())
    return evidence(shown, meant=coded["Gaussian"] == 2)


# soap bubbles


def against_gaussian(dim: int, k: float, power_norm: float = 2) -> NDArray:
    """Radius over the Gaussian's at equal votes, with modes matched; l2 for eq. (8), l_inf for eq. (9)."""
    votes, norm = np.array([0.6, 0.9, 0.99, 0.999, 0.99999]), float(power_norm)
    exact = bounds.get("soap-dual" if norm == 2 else "soap-dual-linf")
    gaussian = bounds.get("cohen-lp").radius(Gaussian(1.0, dim), votes, norm=norm)
    return np.asarray(exact.radius(PowerGaussian.matched(1.0, k, dim, power_norm=power_norm), votes) / gaussian)


def eq_8_gain() -> Evidence:
    shares = [against_gaussian(CIFAR, 500), against_gaussian(IMAGENET, 50_000)]
    gains = [end - 1 for share in shares for end in (share.min(), share.max())]
    return evidence(*gains, holds=max(gains) >= 1e-3)


def eq_9_gain() -> Evidence:
    share, *others = (against_gaussian(CIFAR, k, inf) for k in (250.0, 20.0, 50.0, 100.0))
    return evidence(share.min(), share.max(), holds=max(x.max() for x in (share, *others)) >= 1)


def table_3_reach() -> Evidence:
    noise = PowerGaussian.matched(1.0, 250, CIFAR, power_norm=inf)
    votes = [soap_algorithms.reachable(100_000, 100_000, 0.001, corrected=False), 0.001 ** (1 / 100_000)]
    reach, most = 255 * bounds.get("soap-dual-linf").radius(noise, np.array(votes))
    return evidence(reach, reach / 4, most, holds=reach >= 12)


def sigma_matching() -> Evidence:
    noise, start = PowerGaussian.matched(1.0, 500, CIFAR), PowerGaussian(1.0, 0.0, CIFAR)
    mean, mode = noise.mean_norm(2) / start.mean_norm(2) - 1, noise.mode_norm / start.mode_norm - 1
    return evidence(mean, meant=abs(mean) > 1e-12 > abs(mode))


def theorem_1_iii() -> Evidence:
    noise, n = PowerGaussian(1.0, 1.5, 2, inf, 2), 400_000
    lam, rng = np.array([1.0, 3.0]), np.random.default_rng(3)
    shifts = (0.5 * np.array(u) for u in ((0.5**0.5, 0.5**0.5), (1.0, 0.0)))
    vertex, axis = (soap_algorithms.sampled_distance(noise, shift, lam, n, rng) for shift in shifts)
    error = 3 * lam / 2 / sqrt(n)
    swaps = vertex[0] - axis[0] > error[0] and axis[1] - vertex[1] > error[1]
    return evidence(vertex[0], axis[0], vertex[1], axis[1], error[1], meant=swaps)


def theorem_4() -> Evidence:
    dims = np.array([5, 10, 20, 50, 100])
    # the mode of ||z||_inf is sqrt(d - 1), and twice the shift
    gap = [1 - float(total_variation(law_of(int(d), 0.0, inf, inf), sqrt(d - 1) / 2)) for d in dims]
    return evidence(*gap, holds=(-np.diff(np.log(gap)) / np.diff(dims) > 0.1).all())


def theorem_4_proof() -> Evidence:
    # the other coordinates are uniform on [-a, a]: one is above (1 - eps) a with probability eps / 2
    eps, dim, n = 0.2, 5, 400_000
    share = (np.random.default_rng(0).uniform(-1, 1, (n, dim - 1)).max(1) >= 1 - eps).mean()
    printed, right, error = 1 - (1 - eps) ** (dim - 1), 1 - (1 - eps / 2) ** (dim - 1), 2 / sqrt(n)
    return evidence(eps, dim, share, n, error, printed, right, meant=abs(share - right) < error < printed - share)


def theorem_7() -> Evidence:
    # a fair coin, N = 1, λ = 1: the mean is always 1/2 from the truth
    printed, true = np.exp(-2 * 0.5**2), 1.0
    return evidence(true, printed, meant=true > printed)


def algorithm_1() -> Evidence:
    # many samples for D and few votes, so that Hoeffding's slack does not hide what the maximum does to the votes
    noise, runs, alpha, lambdas = PowerGaussian(1.0, 1.0, 2), 60, 0.1, np.linspace(0.9, 1.1, 17)
    truth = {lam: lam * 0.9 - float(distance(law_of(2, 1.0, 2, 2), lam, 0.2)) for lam in lambdas}
    few: dict[str, Any] = {"n1": 100, "n2": 10_000, "alpha": alpha, "lambdas": lambdas, "corrected": False}
    seeds = (np.random.default_rng(seed) for seed in range(runs))
    found = [soap_algorithms.algorithm_1(noise, 0.9, 0.2, 2, rng, **few) for rng in seeds]
    share = sum(one.value > truth[one.lam] for one in found) / runs
    error = sqrt(alpha * (1 - alpha) / runs)
    excess = share / alpha if share > alpha + 3 * error else 0
    return evidence(alpha, share, error, runs, holds=share <= alpha, excess=excess)


def algorithm_2() -> Evidence:
    noise, rng = PowerGaussian(1.0, 2.0, 10), np.random.default_rng(0)
    spent = soap_algorithms.algorithm_2(noise, 0.9, 0.4, 2, rng, n1=1000, n2=1000, corrected=False).alpha_spent
    return evidence(spent, sqrt(log(1000) / 2e5), holds=spent <= 0.001, partly=0.001 < spent <= 0.002)


def figure_4() -> Evidence:
    def gap(lam: float, k: float, sigma: float, r: float = 0.1) -> float:
        """D of eq. (9) less that of eq. (8), exact: both are worst at the cube's vertex."""
        mixed = distance(law_of(5, k, inf, 2), lam, r / sigma)
        return float(mixed - distance(law_of(5, k, 2, 2), lam, r * sqrt(5) / sigma))

    cases = [(4.0, 1.0, 0.2), (4.0, 3.0, 0.45), (2.0, 1.0, 0.45), (1.0, 1.0, 0.2), (1.0, 3.0, 0.45)]
    shown = (f"{gap(*case):+.4f} (λ = {case[0]:g}, k = {case[1]:g}, σ = {case[2]:g})" for case in cases)
    return evidence(", ".join(shown), known=False)


def k_below_d() -> Evidence:
    # mass of r^(d - k - 1) exp(-r^2 / 2) outside of a small ball, d = 2: finite for k < 2 alone
    def mass(k: float, inner: float) -> float:
        return integral(lambda t: np.exp((2 - k) * t - np.exp(2 * t) / 2), log(inner), 3)

    growth = [mass(k, 1e-12) / mass(k, 1e-6) for k in (1.0, 2.0, 2.5)]
    square = 1 / (2 - 1 - 1.5)
    return evidence(*growth, square, partly=growth[0] < 1.01 and growth[1] > 1.5 and square < 0)


def table_2_head() -> Evidence:
    cells, curves = all_statements()["soap-table-2"].cells, remake.curves("imagenet")
    heads = (0.5, 1.0, 1.5, 1.0, 2.0, 2.5, 3.0), np.arange(1, 8) / 2  # printed and right
    kept = [7 - len(differing(compared(remake.best_at(curves, radii), cells))) for radii in heads]
    return evidence(len(cells), *kept, meant=kept[1] == len(cells) > kept[0])


def sphere_of_radius_one() -> Evidence:
    mean = float(Gaussian(1.0, CIFAR).mean_norm(2))
    return evidence(mean, sqrt(CIFAR), meant=abs(mean - sqrt(CIFAR)) < 0.01)


# Hayes


def odd_shape_kl() -> Evidence:
    u = np.geomspace(1e-4, 5, 60)
    share = {s: kappa_printed(u, s) / kappa(u, s) for s in (1, 2, 3, 4, 5, 6)}
    even = max(np.abs(share[s] - 1).max() for s in (2, 4, 6))
    below = min(share[s].min() for s in (1, 3, 5))
    at = (np.interp(0.1, u, share[s]) for s in (1, 3, 5))
    # a divergence that is too small certifies too much
    return evidence(*at, partly=even < 1e-10 and below >= 1 - 1e-10, excess=1 / below)


def odd_shape_rate() -> Evidence:
    rates = []
    for s, key in ((3.0, "gg-kl-lp-printed"), (4.0, "gg-kl-lp")):
        noise = GeneralizedGaussian(1.0, s, CIFAR)
        most = tradeoff.balls(noise, 0.99, norms=(s,)).radii[s]
        rates += [float(bounds.get(key).radius(noise, 0.99, norm=s)), float(most)]
    odd, most, even, as_much = rates
    partly = odd < most and abs(even / as_much - 1) < 1e-6
    return evidence(*rates, holds=odd > 0.99 * most, partly=partly, excess=odd / most)


def order_above_1() -> Evidence:
    def gain(p_a: NDArray | float, p_b: NDArray | float | None = None) -> NDArray:
        return radius("renyi-l2", p_a, p_b) / radius("li-renyi-l2", p_a, p_b) - 1

    share = radius("renyi-l2", *MORE) / exact_radius(Gaussian(1.0, CIFAR), MORE[0], p_b=MORE[1])
    # the gain grows as both votes fall, so that its supremum is a limit: at p_B = 0, p_A towards 0
    two, most, largest = np.abs(gain(np.linspace(0.51, 0.999, 50))).max(), float(gain(1e-9, 0.0)), gain(*MORE).max()
    partly = two < SLACK and most >= largest
    return evidence(100 * most, 100 * largest, holds=most < 1e-6, partly=partly, excess=share.max())


def intersection() -> Evidence:
    found = witness()
    ball = float(tradeoff.balls(GeneralizedGaussian(1.0, 3.0, CIFAR), 0.99, norms=(3.0,)).radii[3.0])
    lost = found.vote.high < 0.5 and found.sampled.value < 0.5
    numbers = found.radius, found.vote.high, *found.sampled, found.divergence, found.budget, ball
    return evidence(*numbers, excess=found.radius / ball if lost else 0)


def c_p() -> Evidence:
    last = [float(coefficient(p, p)) for p in (2, 3, 4, 5, 8, 20, 58)]
    least = min(float(coefficient(k, p)) for p in range(4, 60, 2) for k in range(2, p, 2))
    return evidence(least, coefficient(2, 1000), meant=max(abs(c - 1) for c in last) < 1e-9 and least > 1)


def chi2_instead() -> Evidence:
    two, many = (radius("chi2-l2", *votes) / radius("kl-l2", *votes) for votes in ([TWO], MORE))
    return evidence(many.min(), holds=max(two.max(), many.max()) >= 1 + 1e-9)


def weaker_than_lecuyer() -> Evidence:
    lecuyer, most = radius("lecuyer-l1", TWO), np.array([tradeoff.budget(p) for p in TWO.tolist()])
    (low, high), (least, largest) = ((x.min(), x.max()) for x in (most / lecuyer, inverse_kappa(most, 1.0) / lecuyer))
    partly = high < 1 + 1e-9 <= least + 2e-9
    return evidence(low, high, least, largest, holds=largest < 1, partly=partly)


def dominate_lecuyer() -> Evidence:
    keys, votes = ("kl", "hellinger", "chi2", "bhattacharyya", "tv", "li-renyi"), np.linspace(0.505, 0.99999, 300)
    two = min(float((radius(f"{key}-l2", votes) / radius("lecuyer-l2", votes)).min()) for key in keys)
    others, lecuyer = (float(radius(key, 0.05, 1e-4)) for key in ("kl-l2", "lecuyer-l2"))
    return evidence(two, others, lecuyer, holds=two > 1 and others > lecuyer, partly=two > 1 and others < lecuyer)


def li_tightest() -> Evidence:
    two = np.abs(radius("li-l1", TWO) / radius("laplace-l1", TWO) - 1).max()
    li, lecuyer, exact = (float(radius(key, 0.6, 0.2)) for key in ("li-l1", "lecuyer-l1", "laplace-l1"))
    return evidence(li, lecuyer, exact, holds=li >= exact * (1 - 1e-9), partly=two < 1e-9 and li < lecuyer)


def equation_1() -> Evidence:
    # class A where |x| <= 1 and where x >= 3, seen from x = 0
    at = np.linspace(-10, 10, 20_001)
    same = (np.abs(at) <= 1) | (at >= 3)
    farthest, nearest = np.abs(at[same]).max(), np.abs(at[~same]).min()
    return evidence(farthest, nearest, meant=farthest > nearest)


def equation_22() -> Evidence:
    noise = GeneralizedGaussian(1.0, 4.0, CIFAR)
    front, high = tradeoff.printed_frontier(noise, 0.99), printed_equal(noise, 0.99)
    low = 0.5 * high
    first, second = float(front.at(low)), float(front.at(high))
    return evidence(first, low, second, high, meant=first > second and low < high)


def hoeffding_sentence() -> Evidence:
    # n = 1000 votes of a class of probability 0.9, 2 classes: the share errs by more than 0.05 hardly ever
    n, eps, p = 1000, 0.05, 0.9
    wrong = float(stats.binom.cdf(np.floor(n * (p - eps)), n, p) + stats.binom.sf(np.ceil(n * (p + eps)) - 1, n, p))
    stated = 1 - 2 * np.exp(-2 * n * eps**2)
    return evidence(n, eps, p, stated, wrong, meant=wrong <= 1 - stated < stated)


def attack_ratio() -> Evidence:
    made, unit = remake.cases("attack-ratio"), all_statements()["attack-ratio"].unit
    return evidence(f" {made[''][0].made:.0f} {unit}" if made else f": {remake.LOGS}", known=False)


def proposition_1(number: int) -> Evidence:
    """An item of Proposition 1: with the printed radii, with the right ones, and for more than two classes."""
    item = proposition1.rows()[number - 1]
    crossing = "" if item.printed.crossing is None else f" (changing at p_A = {item.printed.crossing:.9f})"
    fails, right, more = item.counterexample is not None, item.corrected_holds, ""
    if item.counterexample:
        more = ", with more classes it fails at (p_A, p_B) = ({:.3g}, {:.3g})".format(*item.counterexample)
    numbers = item.printed.relation, crossing, item.corrected.relation, more
    return evidence(*numbers, holds=right and not fails, partly=right and fails)
