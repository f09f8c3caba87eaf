"""Divergences: the least of a class change by direct minimisation, those of a shift by definition, the Renyi curve.

And generalized Gaussian noise: its divergence from a shift, what certifies, and the paper's numbers.
"""

from itertools import pairwise, product
from math import inf

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, optimize, special, stats

from reproduce.printed_tradeoffs import kappa_printed, least_order, volume_ratio
from rsexplore import bounds, compare, noises, privacy
from rsexplore import divergences as dv
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.divergences import Ball, LeastRenyi, best_order, inverse_kappa, kappa, least_mr, least_over_order
from rsexplore.divergences.generalized_gaussian import coefficient, kappa_mp, polynomial, terms
from rsexplore.formula import Formula
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform
from rsexplore.notation import order as symbol
from rsexplore.notation import p_A, p_B

# ---------------------------------------------------------------- the least value of a class change


def kl(q, p):
    return np.sum(q * np.log(q / p))


def renyi(order):
    return lambda q, p: np.log(np.sum(q**order * p ** (1 - order))) / (order - 1)


def bhattacharyya(q, p):
    return -np.log(np.sum(np.sqrt(q * p)))


SMOOTH = {
    "KL": (kl, dv.LeastKL.floats),
    "reverse KL": (lambda q, p: kl(p, q), dv.LeastReverseKL.floats),
    "H2": (bhattacharyya, dv.LeastHellinger.floats),
    "chi2": (lambda q, p: np.log(np.sum(q**2 / p)), dv.LeastChi2.floats),
    "B": (bhattacharyya, dv.LeastBhattacharyya.floats),
    **{f"Renyi {o}": (renyi(o), lambda *a, o=o: dv.LeastRenyi.floats(o, *a)) for o in (0.25, 0.5, 1.4, 2, 5)},
    # the curve divides by the order; below 0 it is the reverse divergence of order 1 - o over 1 - o
    **{
        f"curve {o}": (
            lambda q, p, o=o: renyi(1 - o)(p, q) / (1 - o),
            lambda a, qa, b, qb, o=o: least_over_order(o, a, p_b=b),
        )
        for o in (-0.5, -3.0)
    },
}
LINEAR = {
    "TV": (0.0, False, dv.LeastTV.floats),
    **{f"stick {e}": (e, False, lambda *a, e=e: dv.LeastHockeyStick.floats(e, *a)) for e in (0.0, 0.1, 0.5)},
    **{
        f"reverse stick {e}": (e, True, lambda *a, e=e: dv.LeastReverseHockeyStick.floats(e, *a))
        for e in (0.0, 0.1, 0.4)
    },
}


def votes_of(classes, seed):
    rng = np.random.default_rng(seed)
    return [np.sort(rng.dirichlet(np.ones(classes) * 2))[::-1] for _ in range(4)]


def closed_at(closed, p):
    # p_B = 1 - p_A to the last digit for two classes, as everywhere else
    pa, pb = p[0], 1 - p[0] if len(p) == 2 else p[1]
    with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
        return float(closed(pa, 1 - pa, pb, 1 - pb))


def least(divergence, p):
    """Minimum over votes in which the first class ties with any other."""
    if len(p) == 2:
        return divergence(np.array([0.5, 0.5]), p)

    def votes(free, other):
        tie = 1 / (1 + np.exp(-free[0]))  # share of the two classes together
        rest = np.exp(free[1:] - free[1:].max())
        return np.insert((1 - tie) * rest / rest.sum(), [0, other - 1], tie / 2)

    def best(other):
        start = np.concatenate([[0.5], np.log(np.delete(p, [0, other]))])
        options = {"gtol": 1e-9, "maxiter": 5000}
        return optimize.minimize(lambda x: divergence(votes(x, other), p), start, method="BFGS", options=options).fun

    return min(best(other) for other in {1, 2, len(p) - 1})


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_value_is_the_minimum_over_the_simplex(name, classes):
    divergence, closed = SMOOTH[name]
    for p in votes_of(classes, classes):
        assert closed_at(closed, p) == pytest.approx(least(divergence, p), rel=0, abs=1e-10)


def least_excess(p, eps, reverse):
    """Minimum of sum (q - exp(eps) p)_+, or of sum (p - exp(eps) q)_+, over votes with q_1 <= q_j: linear programs."""
    k, growth = len(p), np.exp(eps)
    found = []
    for other in range(1, k):
        tie = np.zeros(2 * k)
        tie[0], tie[other] = 1, -1
        excess = np.hstack([(-growth if reverse else 1) * np.eye(k), -np.eye(k)])
        limits = np.concatenate([[0], -p if reverse else growth * p])
        total = np.concatenate([np.ones(k), np.zeros(k)])[None]
        cost = np.concatenate([np.zeros(k), np.ones(k)])
        found.append(optimize.linprog(cost, np.vstack([tie, excess]), limits, total, [1]).fun)
    return min(found)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_hockey_stick_is_the_minimum_over_the_simplex(name, classes):
    eps, reverse, closed = LINEAR[name]
    for p in votes_of(classes, classes):
        assert closed_at(closed, p) == pytest.approx(least_excess(p, eps, reverse), rel=0, abs=1e-10)


def feasible(p, eps, forward, backward):
    """Whether votes with q_1 <= q_2 have log-ratios of at most eps (q over p), at least -eps, or both.

    Without the condition on their sum they are a convex set, over which the sum takes every value between its ends.
    """
    least, most = p * np.exp(-eps) if backward else 0 * p, p * np.exp(eps) if forward else 1 + 0 * p
    if least[0] > most[1]:
        return False
    least[1], most[0] = max(least[:2]), min(most[:2])
    return least.sum() <= 1 <= most.sum()


@pytest.mark.parametrize(
    ("piece", "forward", "backward"),
    [
        (dv.LeastInfinite, True, False),
        (dv.LeastReverseInfinite, False, True),
        (dv.LeastPure, True, True),
    ],
)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_infinite_divergence_is_where_votes_begin_to_exist(piece, forward, backward, classes):
    for p in votes_of(classes, classes):
        eps = closed_at(piece.floats, p)
        assert feasible(p, eps + 1e-12, forward, backward) and not feasible(p, eps - 1e-12, forward, backward)


def largest_over_orders(q, p):
    """D_MR(Q, P) by brute force, for q and p of shape (classes,)."""
    a = 1 + np.geomspace(1e-7, 60, 3000)[:, None]
    return max(kl(q, p), np.max(np.log(np.sum(q**a * p ** (1 - a), axis=1)) / (a[:, 0] - 1) / a[:, 0]))


@pytest.mark.parametrize("p", [(0.6, 0.3, 0.1), (0.5, 0.1, 0.4), (0.4, 1e-4, 0.5999), (0.1, 0.01, 0.89)], ids=str)
def test_least_mr_is_the_minimum_over_the_simplex(p):
    p = np.array(p)
    low, high = 1e-6, 0.4999
    for _ in range(4):  # the minimum may be a kink
        ties = np.linspace(low, high, 200)
        scanned = [largest_over_orders(np.array([t, t, 1 - 2 * t]), p) for t in ties]
        best = int(np.argmin(scanned))
        low, high = ties[max(best - 1, 0)], ties[min(best + 1, 199)]
    assert float(least_mr(p[0], p_b=p[1])) == pytest.approx(scanned[best], rel=2e-6)
    # with more classes the share of the rest may be split in any way: in proportion is best
    split = np.array([p[0], p[1], 0.3 * p[2], 0.7 * p[2]])
    other = np.array([low, low, 0.4 * (1 - 2 * low), 0.6 * (1 - 2 * low)])
    assert largest_over_orders(other, split) > scanned[best]


PIECES = [(dv.LeastTV, ()), (dv.LeastReverseKL, ()), (dv.LeastInfinite, ()), (dv.LeastReverseInfinite, ()),
          (dv.LeastPure, ()), (dv.LeastHockeyStick, (0.25,)), (dv.LeastReverseHockeyStick, (0.25,))]  # fmt: skip


@pytest.mark.parametrize(("piece", "first"), PIECES, ids=lambda x: getattr(x, "__name__", ""))
def test_floats_equal_fifty_digits_in_tails_and_near_ties(piece, first):
    formula = Formula(piece(*first, p_A, p_B))
    for q_a in (0.4999999, 0.4, 0.1, 1e-9, 1e-100, 1e-300):
        for share in (1.0, 1 / 3, 1e-6):
            q, b = mpmath.mpf(q_a), mpmath.mpf(q_a * share)
            with mpmath.workdps(700):
                exact = formula.exact(1 - q, b)
            with np.errstate(all="ignore"):
                found = piece.floats(*first, *(np.array(float(x)) for x in (1 - q, q, b, 1 - b)))
            assert float(found) == pytest.approx(float(exact), rel=2e-14, abs=1e-300), (q_a, share)


# ---------------------------------------------------------------- between a noise and its shift

ORDERS = (0.1, 0.25, 0.5, 0.75, 0.999, 1.001, 1.5, 2.0, 5.0)


def laplace_renyi(u, order):
    """Closed form for one coordinate, u in scales."""
    u, a = mpmath.mpf(u), mpmath.mpf(order)
    if order == 0.5:
        return u - 2 * mpmath.log(1 + u / 2)
    both = a * mpmath.exp((a - 1) * u) + (a - 1) * mpmath.exp(-a * u)
    return mpmath.log(both / (2 * a - 1)) / (a - 1)


@pytest.mark.parametrize("order", ORDERS)
def test_laplace_equals_its_closed_form(order):
    with mpmath.workdps(60):
        for u in (1e-7, 0.01, 0.5, 3.0, 40.0):
            found = dv.renyi(Laplace(0.3), [0.3 * u], order)
            assert abs(float(found / laplace_renyi(u, order) - 1)) < 1e-13, u


@pytest.mark.parametrize("shape", [1.2, 3.0, 8.0])
def test_other_shapes_equal_quadrature(shape):
    with mpmath.workdps(25):
        s = mpmath.mpf(shape)
        constant = s / 2 / mpmath.gamma(1 / s)
        for u, order in ((0.5, 0.25), (0.5, 0.5), (0.5, 1.5), (1.5, 0.75)):
            a = mpmath.mpf(order)
            total = mpmath.quad(
                lambda x, u=u, a=a: constant * mpmath.exp(-a * abs(x - u) ** s - (1 - a) * abs(x) ** s),
                [-mpmath.inf, -5, -1, 0, u / 2, u, u + 1, u + 3, u + 10, mpmath.inf],
            )
            found = dv.renyi(GeneralizedGaussian(1.0, shape), [u], order)
            assert abs(float(found * (a - 1) / mpmath.log(total) - 1)) < 1e-12, (u, order)


def test_order_one_is_the_limit_and_negative_orders_are_the_reversed_direction():
    for noise in (Gaussian(0.5), Laplace(0.5), GeneralizedGaussian(0.5, 3.0)):
        near = [dv.renyi(noise, [0.3, 0.7], order) for order in (1 - 1e-5, 1 + 1e-5)]
        assert dv.kl(noise, [0.3, 0.7]) == pytest.approx(np.mean(near), rel=1e-7)
        assert dv.renyi(noise, [0.2], -1.5) / -1.5 == pytest.approx(dv.renyi(noise, [0.2], 2.5) / 2.5, rel=1e-13)
        assert dv.renyi(noise, [0.2], 0) == 0
    assert dv.renyi(Uniform(1.0), [0.5], 0) == pytest.approx(-np.log(0.75))


class Cells:
    """A noise and its shift on a grid in the plane, as two vectors of masses."""

    def __init__(self, noise, shift, reach):
        axis = np.linspace(-reach, reach, 1201)
        points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        self.area = (axis[1] - axis[0]) ** 2
        self.p, self.q = (np.exp(noise.log_density(x)) for x in (points, points - shift))

    def total(self, function):
        with np.errstate(all="ignore"):
            return float(np.nansum(function(self.q, self.p)) * self.area)


PLANE = [
    (Gaussian(0.5), 4.0, 1e-9),
    (Laplace(0.5), 9.0, 1e-3),
    (GeneralizedGaussian(0.5, 3.0), 2.5, 1e-6),
    (GeneralizedGaussian(0.5, 1.5), 5.0, 1e-4),
]


@pytest.mark.parametrize(
    ("noise", "reach", "error"), PLANE, ids=lambda x: str(x) if isinstance(x, noises.Noise) else ""
)
def test_every_divergence_is_its_definition_in_the_plane(noise, reach, error):
    shift = np.array([0.25, -0.1])
    cells = Cells(noise, shift, reach)
    close = {"rel": error, "abs": error}
    assert dv.kl(noise, shift) == pytest.approx(cells.total(lambda q, p: q * np.log(q / p)), **close)
    assert dv.kl(noise, -shift) == pytest.approx(cells.total(lambda q, p: p * np.log(p / q)), **close)
    assert dv.chi2(noise, shift) == pytest.approx(cells.total(lambda q, p: (q - p) ** 2 / p), **close)
    assert dv.hellinger(noise, shift) == pytest.approx(cells.total(lambda q, p: (q**0.5 - p**0.5) ** 2 / 2), **close)
    assert dv.bhattacharyya(noise, shift) == pytest.approx(-np.log(cells.total(lambda q, p: np.sqrt(p * q))), **close)
    third = np.log(cells.total(lambda q, p: q**3 / p**2)) / 2
    assert dv.renyi(noise, shift, 3.0) == pytest.approx(third, **close)


LINE = [(Laplace(0.5), stats.laplace(scale=0.5)), (Uniform(0.5), stats.uniform(-0.5, 1.0))]  # the others below


@pytest.mark.parametrize(("noise", "law"), LINE, ids=[str(noise) for noise, _ in LINE])
@pytest.mark.parametrize("eps", [0.0, 0.1, 1.0])
def test_hockey_stick_is_its_definition_on_the_line(noise, law, eps):
    for u in (0.02, 0.3, 0.8):
        pieces = np.linspace(*((-12, 13) if isinstance(noise, Laplace) else (-4, 5)), 80)
        expected = sum(
            integrate.quad(lambda x, u=u: max(law.pdf(x - u) - np.exp(eps) * law.pdf(x), 0.0), a, b, limit=100)[0]
            for a, b in pairwise(pieces)
        )
        assert dv.hockey_stick(noise, [u], eps) == pytest.approx(expected, abs=2e-6)
    assert dv.hockey_stick(noise, [0.0], eps) == 0 and dv.tv(noise, []) == 0
    assert dv.tv(noise, [0.3]) == dv.hockey_stick(noise, [-0.3], 0.0)


def test_infinite_divergence_is_the_largest_log_ratio():
    rng = np.random.default_rng(0)
    for noise in (Laplace(0.4), ExponentialLinf(0.4, dim=3)):
        shift = np.array([0.1, -0.3, 0.2])
        points = rng.normal(size=(200_000, 3)) * 3
        ratios = noise.log_density(points - shift) - noise.log_density(points)
        assert ratios.max() == pytest.approx(dv.infinite(noise, shift), rel=1e-9)
    assert dv.infinite(Laplace(0.4, dim=9), Ball(0.2, 2)) == pytest.approx(0.2 * 3 / 0.4)
    assert dv.infinite(ExponentialLinf(0.4, dim=9), Ball(0.2, inf)) == pytest.approx(0.5)
    assert [dv.infinite(n, [0.1]) for n in (Gaussian(1.0), GeneralizedGaussian(1.0, 1.1), Uniform(1.0))] == [inf] * 3


def test_mr_is_the_supremum_over_orders():
    assert dv.mr(Gaussian(0.5), [0.3, 0.4]) == pytest.approx(0.5)
    for noise in (Laplace(0.5), GeneralizedGaussian(0.5, 1.5)):
        for u in (0.1, 2.0, 10.0):
            found = dv.mr(noise, [u])
            assert found >= max(dv.renyi(noise, [u], o) / o for o in (1, 1.01, 1.2, 2, 3, 8, 40))
            assert found <= privacy.mr_of_pure(dv.infinite(noise, [u]))
    for u, o in product((0.1, 0.5, 1.5), (1.5, 2, 6)):  # Theorem 8 of the unified framework
        assert dv.renyi(Laplace(0.5), [u], o) <= privacy.renyi_of_pure(2 * u, o) <= o * privacy.mr_of_pure(2 * u)
    noise = GeneralizedGaussian(0.5, 3.0)
    assert dv.mr(noise, [0.2]) == inf
    grown = [dv.renyi(noise, [0.2], o) / o for o in (2, 8, 32)]
    assert grown[0] < grown[1] < grown[2]
    assert dv.mr(Uniform(0.5), [0.1]) == inf and dv.mr(noise, [0.0]) == 0


def test_divergences_meet_the_least_values_at_the_certified_radii():
    """What `between` gives at a bound's radius is what `least` asks for."""
    for key, spent, least in (
        ("kl-l2", dv.kl, dv.LeastKL),
        ("tv-l2", dv.tv, dv.LeastTV),
        ("hellinger-l2", dv.bhattacharyya, dv.LeastHellinger),
        ("chi2-l2", lambda *both: np.log1p(dv.chi2(*both)), dv.LeastChi2),
    ):
        ball = Ball(float(bounds.get(key).radius(Gaussian(0.5), 0.9)))
        assert spent(Gaussian(0.5), ball) == pytest.approx(float(least.floats(0.9, 1 - 0.9, 1 - 0.9, 0.9)), rel=1e-11)


@pytest.mark.parametrize("p_a", [0.6, 0.9, 0.999])
def test_the_best_hockey_stick_gives_the_exact_radius_for_two_classes(p_a):
    exact = float(bounds.get("cohen-l2").radius(Gaussian(1.0), p_a))
    eps = np.linspace(0, 20, 20_001)
    needed = dv.LeastHockeyStick.floats(eps, p_a, 1 - p_a, 1 - p_a, p_a)
    for factor, certified in ((1 - 1e-3, True), (1 + 1e-9, False)):
        assert (dv.gaussian_hockey_stick(exact * factor, eps) < needed).any() == certified


def test_uniform_noise_knows_the_worst_shift_of_an_l1_ball_and_of_a_cube():
    noise, rng = Uniform(0.5, 3), np.random.default_rng(0)
    shifts = rng.uniform(-1, 1, (300, 3))
    for norm in (1, inf):
        at = 0.4 * shifts / np.linalg.norm(shifts, norm, axis=1)[:, None]
        for spent in (dv.tv, dv.hellinger):
            worst = spent(noise, [0.4] if norm == 1 else [0.4] * 3)
            assert spent(noise, Ball(0.4, norm)) == pytest.approx(worst, rel=1e-13)
            assert max(spent(noise, shift) for shift in at) <= worst
    assert dv.tv(noise, [0.25, -0.1]) == pytest.approx(1 - 0.75 * 0.9, rel=1e-14)  # what both cubes have in common


@pytest.mark.parametrize("call, error, words", [
    (lambda: dv.kl(PowerGaussian.from_sigma(0.5, 16, k=2), [0.1]), UnsupportedNoiseError,
     r"renyi of order 1 needs Gaussian, .* got PowerGaussian"),
    (lambda: dv.chi2(ExponentialLinf(0.5, 3), [0.1]), UnsupportedNoiseError, "order 2 needs .* got ExponentialLinf"),
    (lambda: dv.chi2(Laplace(0.5, dim=3), Ball(0.1, 2)), UnsupportedNoiseError,
     "the worst shift of Laplace.* at order 2 is not known"),
    (lambda: dv.tv(Uniform(0.5, 3), Ball(0.1, 2)), UnsupportedNoiseError, "worst shift of Uniform.* in the l2 norm"),
    (lambda: dv.tv(Laplace(0.5), [0.1, 0.1]), UnsupportedNoiseError, "coded for one shifted coordinate"),
    (lambda: dv.tv(Laplace(0.5), Ball(0.1, 1)), UnsupportedNoiseError, "hockey_stick is not coded for Laplace"),
    (lambda: dv.mr(Laplace(0.5), Ball(0.1, 1)), UnsupportedNoiseError, "mr knows no worst shift of Laplace"),
    (lambda: dv.kl(Laplace(0.5), Ball(0.1, 2)), MissingDimensionError, "needs the dimension: Laplace"),
    (lambda: dv.hockey_stick(Gaussian(1.0), [0.1], -1), ValueError, "eps must be at least 0, got eps=-1"),
    (lambda: dv.kl(Gaussian(1.0), [np.nan]), ValueError, r"a shift must be finite, got \[nan\]"),
    (lambda: dv.kl(Gaussian(1.0), Ball(0.1, 0.5)), ValueError, "a ball needs radius >= 0 and norm >= 1"),
    (lambda: dv.renyi(Gaussian(1.0), [0.1], np.nan), ValueError, "order must be a number, got order=nan"),
    *[(lambda key=key, s=s: bounds.get(key).radius(GeneralizedGaussian(1.0, s, dim=3), 0.99, norm=2),
       UnsupportedNoiseError, rf"{key} .* needs GeneralizedGaussian of .*shape") for key, s in
      (("gg-kl-exact-lp", 0.5), ("gg-kl-exact-lp", 1001), ("gg-kl-lp", 2.5), ("gg-kl-lp-printed", 4.0))],
    (lambda: kappa(0.5, 0.9), ValueError, "kappa: the shape must lie between 1 and 1000, got s=0.9"),
    (lambda: kappa_printed(0.5, 2.5), ValueError, "the shape must be a whole number, got s=2.5"),
    (lambda: coefficient(5, 4), ValueError, "k must be a whole number from 0 to s=4, got k=5"),
    (lambda: least_order(1, 10), ValueError, r"ratio must lie in \(0, 1\), got ratio=1"),
    # an integral whose peak no rule resolves, where rules of nested nodes would agree on a wrong value
    *[(lambda s=s, u=u, o=o: dv.renyi(GeneralizedGaussian(1.0, s), [u], o), ArithmeticError,
       f"order {o} of a shift by {u:g} scales at shape {s:g} did not settle") for s, u, o in
      ((31.0, 6.0, 4), (8.0, 2.0, 5), (8.0, 8.0, 2))],
])  # fmt: skip
def test_what_is_not_coded_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()


def hockey_stick_mp(length, eps):
    """Of Gaussian noise, as Balle and Wang print it, in digits enough for the difference."""
    with mpmath.workdps(500):
        m, e = mpmath.mpf(length), mpmath.mpf(eps)
        below = mpmath.exp(e) * mpmath.erfc((e / m + m / 2) / mpmath.sqrt(2)) / 2
        return mpmath.erfc((e / m - m / 2) / mpmath.sqrt(2)) / 2 - below


@pytest.mark.parametrize("length", [1e-100, 1e-15, 1e-8, 1e-3, 0.3, 1.0, 3.0, 40.0])
def test_gaussian_hockey_stick_equals_fifty_digits_however_small(length):
    for share in (0, 1e-8, 0.3, 3, 15, 35):
        eps = share * length + (length**2 / 2 if length > 1 else 0)
        exact = hockey_stick_mp(length, eps)
        found = dv.hockey_stick(Gaussian(1.0), [length], eps)
        assert abs(found - exact) <= 1e-12 * exact + 1e-300, (share, found, exact)


def test_distances_that_underflow_have_all_digits():
    assert dv.tv(Gaussian(1.0), [3e-200, 4e-200]) == pytest.approx(5e-200 / np.sqrt(2 * np.pi), rel=1e-14)
    assert dv.tv(GeneralizedGaussian(1.0, 3.0), [1e-250]) == pytest.approx(1e-250 / 2 / 0.8929795115692493, rel=1e-14)
    assert dv.hockey_stick(Gaussian(1.0), [], 0.1) == 0 and dv.hockey_stick(Gaussian(1.0), [1e-300], 1.0) == 0
    deep = dv.hockey_stick(GeneralizedGaussian(1.0, 1.5), [3.0], 40.0)  # was 53 times too large; by 60 digits
    assert deep == pytest.approx(3.22214991385343e-300, rel=1e-12)
    for shape, shift in ((1000.0, 20.0), (300.5, 1000.0), (63.0, 1e10)):  # powers overflow; nothing is in common
        far = [dv.hockey_stick(GeneralizedGaussian(1.0, shape), [shift], eps) for eps in (0.0, 0.1, 40.0)]
        assert far == pytest.approx(np.ones(3), rel=1e-13)


@pytest.mark.parametrize("s", [1.3, 3.0, 20.0, 300.0])
@pytest.mark.parametrize("u", [1e-30, 1e-3, 0.9, 2.0])
def test_hockey_stick_of_one_coordinate_equals_fifty_digits_however_small(u, s):
    with mpmath.workdps(80):
        shape, shift = mpmath.mpf(s), mpmath.mpf(u)

        def above(x):
            part = mpmath.gammainc(1 / shape, abs(x) ** shape) / mpmath.gamma(1 / shape) / 2
            return part if x >= 0 else 1 - part

        for share in (1e-6, 0.3, 4):
            eps = u * share if u < 1 else share
            low, high = shift / 2, max(shift, mpmath.mpf(1))
            while high**shape - (high - shift) ** shape < eps:
                high *= 2
            for _ in range(280):
                middle = (low + high) / 2
                loss = middle**shape - abs(middle - shift) ** shape
                low, high = (middle, high) if loss < eps else (low, middle)
            exact = above(low - shift) - mpmath.exp(eps) * above(low)
            found = dv.hockey_stick(GeneralizedGaussian(1.0, s), [u], eps)
            assert abs(found / exact - 1) < 1e-11, (share, found, exact)


# ---------------------------------------------------------------- the curve in the order


CURVE = Formula(LeastRenyi(symbol, p_A, p_B)).plain / symbol  # as papers write it


def exact_best(p_a, p_b):
    """Best order by 40 digits and the derivative of the formula."""
    slope = sp.lambdify((symbol, p_A, p_B), sp.diff(CURVE, symbol), "mpmath")
    with mpmath.workdps(40):
        found = mpmath.findroot(lambda o: slope(o, mpmath.mpf(p_a), mpmath.mpf(p_b)), (0.76, 1.51), solver="anderson")
        return float(found)


@pytest.mark.parametrize("p_a, p_b", [(0.99, 0.01), (0.6, 0.4), (0.5, 0.2), (0.3, 0.1), (0.05, 1e-4), (0.9, 1e-9)])
def test_best_order_is_where_the_derivative_is_zero(p_a, p_b):
    p_b = 1 - p_a if p_a + p_b == 1 else p_b
    assert float(best_order(p_a, p_b=p_b).order) == pytest.approx(exact_best(p_a, p_b), abs=1e-9)


def test_limits_of_the_best_order():
    for p_a in (0.05, 0.2, 0.3, 0.5):  # towards a tie
        assert float(best_order(p_a, p_b=p_a * (1 - 1e-6)).order) == pytest.approx(0.75 * (1 + 2 * p_a), abs=1e-6)
    binary = best_order(q_a=np.geomspace(1e-300, 0.4999, 500)).order
    assert ((binary > 1) & (binary < 1.5)).all() and (np.diff(binary) > 0).all()
    rare = best_order(1e-9, p_b=0.0)
    assert float(rare.order) == pytest.approx(0.78804107, abs=1e-8)
    assert np.sqrt(rare.value / least_over_order(1.0, 1e-9, p_b=0.0)) == pytest.approx(1.08283437, abs=1e-8)


def test_best_order_beats_every_other_and_is_the_renyi_bound():
    rng = np.random.default_rng(0)
    p_a = rng.uniform(0.01, 0.999, 300)
    p_b = rng.uniform(0, 1, 300) * np.minimum(p_a, 1 - p_a)
    best = best_order(p_a, p_b=p_b)
    assert ((best.order > 0.75) & (best.order < 1.5)).all()
    for order in (-3.0, -0.5, 0.0, 0.3, 0.75, 1.0, 1.2, 1.5, 2.0, 10.0, np.inf):
        assert (least_over_order(order, p_a, p_b=p_b) <= best.value * (1 + 1e-13)).all()
    radius = bounds.get("renyi-l2").radius(Gaussian(1.0), p_a, p_b=p_b)
    assert np.sqrt(2 * best.value) == pytest.approx(radius, rel=1e-9)


def test_edges_of_the_curve():
    for found in (least_over_order(1.0, [0.4, 1.2, np.nan], p_b=0.4), least_mr([0.4, 1.2, np.nan], p_b=0.4)):
        assert found[0] == 0 and np.isnan(found[1:]).all()
    best = best_order([0.4, 1.2], p_b=0.4)
    assert np.isnan(best.order).all() and best.value[0] == 0 and np.isnan(best.value[1])
    with pytest.raises(TypeError, match="give exactly one of p_a and q_a"):
        best_order()


def test_least_mr_is_the_maximum_of_the_curve_for_two_classes_and_above_it_for_more():
    q_a = np.array([0.4999, 0.3, 0.1, 1e-5, 1e-100])
    assert least_mr(q_a=q_a) == pytest.approx(best_order(q_a=q_a).value, rel=1e-9)
    p_a, p_b = np.array([0.6, 0.5, 0.4, 0.1]), np.array([0.3, 0.1, 1e-4, 0.01])
    above_one = np.max([least_over_order(o, p_a, p_b=p_b) for o in np.geomspace(1, 8, 400)], axis=0)
    found = least_mr(p_a, p_b=p_b)
    assert (found >= above_one * (1 - 1e-9)).all() and found[-1] > 1.04 * above_one[-1]
    assert float(least_mr(0.4, p_b=0.0)) == pytest.approx(-np.log(0.6))
    assert (np.sqrt(2 * found) < bounds.get("cohen-l2").radius(Gaussian(1.0), p_a, p_b=p_b)).all()


def test_the_curve_equals_forty_digits_at_many_orders_at_once():
    """At 0 and 1 the formula has its limits, and 0 at inf."""
    orders = np.array([-3.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.4, 2.0, 30.0, 1e4, np.inf])
    found = least_over_order(orders[:, None], [0.6, 0.99, 0.3], p_b=[0.3, 0.01, 0.3])
    assert found.shape == (11, 3) and (found[:, 2] == 0).all() and (found[-1] == 0).all()
    curve = sp.lambdify((symbol, p_A, p_B), CURVE, "mpmath")
    with mpmath.workdps(80):
        votes = [[mpmath.mpf(x) for x in vote] for vote in ((0.6, 0.3), (0.99, 0.01))]
        for o, row in zip(orders[:-1], found, strict=False):
            expected = [float(curve(mpmath.mpf(o) + mpmath.mpf("1e-30"), *vote)) for vote in votes]
            assert row[:2] == pytest.approx(expected, rel=1e-12), o
    assert np.isnan(least_over_order([np.nan, 1.0], 0.6, p_b=0.3)).tolist() == [True, False]


# ---------------------------------------------------------------- generalized Gaussian noise, and its paper's numbers

EXACT, POLYNOMIAL, PRINTED = (bounds.get(key) for key in ("gg-kl-exact-lp", "gg-kl-lp", "gg-kl-lp-printed"))
SHAPES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 11.0)
BUDGET = -np.log(2 * np.sqrt(0.99 * 0.01))


def quadratic(u, s):
    return polynomial(u, terms(s, "quadratic"))


def from_definition(u, s):
    """E|Z + u|^s - E|Z|^s by quadrature at mpmath's precision."""
    u, s = mpmath.mpf(u), mpmath.mpf(s)
    constant = s / 2 / mpmath.gamma(1 / s)
    pieces = [-mpmath.inf, -u - 2, -u, -u / 2, 0, 1, 3, mpmath.inf]
    return mpmath.quad(lambda z: constant * mpmath.exp(-(abs(z) ** s)) * (abs(z + u) ** s - abs(z) ** s), pieces)


@pytest.mark.parametrize("s", SHAPES)
def test_kappa_equals_its_definition_at_fifty_digits(s):
    with mpmath.workdps(50):
        for u in (1e-3, 1.0, 6.0) if s != int(s) else (1e-3, 0.4, 1.0, 1.7, 6.0):
            exact = from_definition(u, s)
            assert abs(float(kappa(u, s) / exact - 1)) < 1e-13
            assert abs(kappa_mp(u, s) / exact - 1) < 1e-25


@pytest.mark.parametrize("s", [1, 2, 3, 4, 5, 7, 8, 15, 31, 101, 300])
def test_kappa_of_whole_shapes_keeps_its_digits_from_tiny_to_large_shifts(s):
    with mpmath.workdps(50):
        for u in (1e-150, 1e-18, 1e-8, 0.01, 0.5, 0.999, 1.0, 1.001, 3.0, 8.0) + ((100.0, 345.0) if s < 100 else ()):
            assert abs(float(kappa(u, s) / kappa_mp(u, s) - 1)) < 1e-13, u
    assert float(kappa(0.0, s)) == 0 and float(kappa(-0.3, s)) == float(kappa(0.3, s))


def test_printed_divergence_is_exact_for_even_shapes_and_above_for_odd():
    u = np.geomspace(1e-6, 5, 200)
    for s in (2, 4, 8):
        assert kappa_printed(u, s) == pytest.approx(kappa(u, s), rel=1e-14)
    for s in (1, 3, 5, 11):
        excess = kappa_printed(u, s) - kappa(u, s)
        assert (np.diff(excess) > -1e-12 * kappa(u[1:], s)).all()
        assert excess[0] < 1e-5 and (excess < 1 / s + 1e-11 * kappa(u, s)).all()
        assert (quadratic(u, s) >= kappa(u, s) * (1 - 1e-13)).all()
    small = np.array([1e-8, 2e-8])
    assert np.diff(np.log(kappa_printed(small, 3))) == pytest.approx(np.log(2), rel=1e-6)  # linear
    assert np.diff(np.log(quadratic(small, 3))) == pytest.approx(np.log(4), rel=1e-6)  # quadratic
    assert np.diff(np.log(kappa(small, 3))) == pytest.approx(np.log(4), rel=1e-6)


@pytest.mark.parametrize("s", SHAPES)
def test_kappa_bends_as_the_worst_shift_needs(s):
    t = np.linspace(1e-3, 30, 1500)
    own, square = (np.diff(kappa(t ** (1 / p), s), 2) for p in (s, 2))
    tiny = 1e-12 * float(kappa(30 ** (1 / min(s, 2)), s))
    assert (own <= tiny).all() if s >= 2 else (own >= -tiny).all()
    assert (square >= -tiny).all() if s >= 2 else (square <= tiny).all()


@pytest.mark.parametrize("s", [1.0, 1.5, 2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize("norm", [1.0, 1.3, 2.0, 2.5, 4.0, np.inf])
def test_no_shift_of_the_ball_costs_more_than_the_budget(s, norm):
    noise, dim = GeneralizedGaussian(0.7, s, dim=12), 12
    radius = float(EXACT.radius(noise, 0.99, norm=norm))
    rng = np.random.default_rng(0)
    shifts = np.sign(rng.normal(size=(600, dim))) * rng.gamma(rng.uniform(0.02, 3, (600, 1)), size=(600, dim))
    shifts = np.concatenate([shifts, np.eye(dim), np.tri(dim)])
    shifts *= radius / np.linalg.norm(shifts, norm, axis=1)[:, None]
    cost = kappa(shifts / 0.7, s).sum(axis=1)
    assert cost.max() <= BUDGET
    if min(s, 2) < norm < max(s, 2):
        with pytest.raises(UnsupportedNoiseError, match="is not known: give the shift"):
            dv.kl(noise, Ball(radius, norm))
    else:  # one of the shifts attains it
        assert dv.kl(noise, Ball(radius, norm)) == pytest.approx(BUDGET, rel=1e-11) == cost.max()


@pytest.mark.parametrize(("s", "norm"), [(1, 1), (1, 3), (2.5, np.inf), (4, 2), (5, 3), (8, 8), (31, 31)])
def test_radii_equal_fifty_digits_from_below(s, norm):
    noise = GeneralizedGaussian(0.37, s, dim=3072)
    for bound in (EXACT, POLYNOMIAL) if s == int(s) else (EXACT,):
        for q_a, p_b in ((0.4, None), (0.3, 1e-3), (1e-9, None), (1e-300, 1e-300))[: 4 if s == int(s) else 1]:
            found = float(bound.radius(noise, q_a=q_a, p_b=p_b, norm=norm))
            exact = bound.radius_mp(noise, q_a=q_a, p_b=p_b, norm=norm, dps=50 if s == int(s) else 18)
            assert -1e-12 < float(found / exact - 1) < 0, (q_a, p_b)


def test_radii_at_the_papers_example():
    """p_A = 0.99, scale 1."""
    expected = {  # shape, dimension: printed, exact
        (1, 7): (1.614463, 2.535219),
        (2, 7): (1.270615, 1.270615),
        (3, 1): (0.864578, 0.956043),
        (3, 3072): (0.00682216, 0.27061745),
        (3, 150528): (0.000509477, 0.14147186),
        (4, 3072): (0.119840614, 0.119840614),
        (5, 3072): (0.00240444, 0.07172520),
        (6, 150528): (0.013695337, 0.013695337),
    }
    for (shape, dim), (printed, exact) in expected.items():
        noise = GeneralizedGaussian(1.0, shape, dim=dim)
        as_printed = PRINTED if PRINTED.supports(noise) else POLYNOMIAL
        assert float(as_printed.radius(noise, 0.99, norm=shape)) == pytest.approx(printed, rel=2e-6)
        assert float(EXACT.radius(noise, 0.99, norm=shape)) == pytest.approx(exact, rel=1e-6)
    noise = GeneralizedGaussian(1.0, 3, dim=3072)
    assert float(POLYNOMIAL.radius(noise, 0.99, norm=3)) == pytest.approx(0.26898992, rel=1e-7)


@pytest.mark.parametrize("s", [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0])
def test_no_certificate_exceeds_the_exact_radius_on_the_line(s):
    """In one dimension the likelihood ratio is monotone, so half-lines are the worst sets."""
    noise, law = GeneralizedGaussian(0.7, s, dim=1), stats.gennorm(s, scale=0.7)
    q_a = np.concatenate([np.geomspace(1e-14, 0.3, 60), np.linspace(0.3, 0.4999, 30)])[:, None]
    p_b = q_a * np.array([1.0, 0.9, 0.1, 1e-6])
    exact = (law.isf(q_a) + law.isf(p_b)) / 2
    certified = EXACT.radius(noise, q_a=q_a, p_b=p_b, norm=2.0)
    for bound in bounds.of(noise):  # at shapes 1 and 2 with the theorems of Laplace and Gaussian noise
        found = bound.radius(noise, q_a=q_a, p_b=p_b, norm=2.0)
        if bound.certifies:
            assert (found <= exact * (1 + 1e-9)).all(), bound
        if bound.noise is GeneralizedGaussian:
            assert (found <= certified * (1 + 1e-12)).all(), bound
    share = (certified[:, 0] / exact[:, 0]).max()
    assert 0.6 < share <= (1.0 if s == 1 else 0.95)


def test_the_dimension_is_asked_for_only_where_it_counts():
    assert float(EXACT.radius(GeneralizedGaussian(1.0, 3.0), 0.99, norm=2)) == pytest.approx(0.956043, rel=1e-6)
    assert float(POLYNOMIAL.radius(GeneralizedGaussian(1.0, 1.0), 0.99, norm=1)) == pytest.approx(BUDGET, rel=1e-11)
    with pytest.raises(MissingDimensionError, match="gg-kl-exact-lp .* needs the dimension"):
        EXACT.radius(GeneralizedGaussian(1.0, 3.0), 0.99, norm=3)
    keys = [row.bound.key for row in compare(GeneralizedGaussian(1.0, 3.0, dim=64), 0.99)]  # in the l3 norm
    assert keys == ["gg-kl-exact-lp", "gg-kl-lp", "gg-kl-lp-printed"]


@pytest.mark.parametrize("s", SHAPES)
def test_inverse_undoes_kappa(s):
    u = np.geomspace(1e-100, 100, 60)
    assert inverse_kappa(kappa(u, s), s) == pytest.approx(u, rel=3e-14)
    assert inverse_kappa([0.0, np.inf], s).tolist() == [0, np.inf] and np.isnan(inverse_kappa(-1.0, s))


def test_coefficients_of_section_3_3():
    for p in (2, 4, 6, 20, 58, 100, 400, 1000):
        assert coefficient(p, p) == 1  # printed: in R_{>1}
        assert all(coefficient(k, p) > 1 for k in range(2, p, 2))
    assert coefficient(2, 1000) == pytest.approx(500.077, abs=1e-3)
    for k in (2, 4, 6):
        with mpmath.workdps(30):
            limit = float(mpmath.binomial(1001, k) / 1001)
        assert coefficient(k, 1000) == pytest.approx(limit, rel=0.01)
    assert 2 not in terms(3) and coefficient(1, 3) == pytest.approx(3 / special.gamma(1 / 3))


def test_volume_ratio_of_section_3_3():
    dim = 150_528
    assert volume_ratio(9 * dim, dim) == pytest.approx(0.990404107780, abs=1e-12)
    least = least_order(0.99, dim)
    assert least == pytest.approx(1326257.58, abs=0.005) and least / dim == pytest.approx(8.8107035482, abs=1e-9)
    assert volume_ratio(1, 3) == pytest.approx(1 / 6, rel=1e-14)  # an octahedron in a cube
    assert volume_ratio(2, 2) == pytest.approx(np.pi / 4, rel=1e-14)
    assert least / dim == pytest.approx(8.81073520, abs=4e-5)  # its limit in high dimension
