"""Divergences: the least of a class change by direct minimisation, those of a shift by definition, the Renyi curve."""

from itertools import pairwise
from math import inf

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, optimize, stats

from rsexplore import bounds, noises, privacy
from rsexplore import divergences as dv
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.divergences import Ball, LeastRenyi, best_order, least_mr, least_over_order
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


def test_special_orders_of_the_renyi_curve():
    def order(o, pa, pb):
        with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
            return float(LeastRenyi.floats(o, pa, 1 - pa, pb, 1 - pb))

    assert order(1e6, 0.7, 0.2) == pytest.approx(-np.log(1 - 0.7 + 0.2), rel=1e-5)  # infinity: Li et al.'s l1 formula
    for o in (0.5, 1.0, 1.5):  # p_B = 0 is the limit
        assert order(o, 0.7, 0.0) == pytest.approx(order(o, 0.7, 1e-300), rel=1e-9)


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


LINE = [
    (Gaussian(0.5), stats.norm(scale=0.5)),
    (Laplace(0.5), stats.laplace(scale=0.5)),
    (GeneralizedGaussian(0.5, 1.5), stats.gennorm(1.5, scale=0.5)),
    (GeneralizedGaussian(0.5, 8.0), stats.gennorm(8, scale=0.5)),
    (Uniform(0.5), stats.uniform(-0.5, 1.0)),
]


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


def test_total_variation_of_two_shifted_coordinates():
    shift = np.array([0.25, -0.1])
    gaussian = Cells(Gaussian(0.5), shift, 4.0).total(lambda q, p: abs(q - p) / 2)
    assert dv.tv(Gaussian(0.5), shift) == pytest.approx(gaussian, abs=1e-4)
    draws = Uniform(0.5).draw(np.random.default_rng(0), (200_000, 2))
    outside = np.mean((np.abs(draws + shift) > 0.5).any(1))
    assert dv.tv(Uniform(0.5), shift) == pytest.approx(outside, abs=4 * 0.5 / np.sqrt(200_000))


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
    noise = GeneralizedGaussian(0.5, 3.0)
    assert dv.mr(noise, [0.2]) == inf
    grown = [dv.renyi(noise, [0.2], o) / o for o in (2, 8, 32)]
    assert grown[0] < grown[1] < grown[2]
    assert dv.mr(Uniform(0.5), [0.1]) == inf and dv.mr(noise, [0.0]) == 0


@pytest.mark.parametrize("noise", [Gaussian(0.5, 6), Laplace(0.5, 6), GeneralizedGaussian(0.5, 3.0, 6)], ids=str)
@pytest.mark.parametrize("norm", [1, 1.5, 2, 3, inf])
def test_no_shift_of_a_ball_has_a_larger_divergence(noise, norm):
    try:
        worst = dv.kl(noise, Ball(0.8, norm))
    except UnsupportedNoiseError as error:
        assert "is not known: give the shift" in str(error)
        return
    rng = np.random.default_rng(0)
    shifts = np.concatenate([rng.normal(size=(100, 6)) * rng.gamma(0.3, size=(100, 6)), np.eye(6), np.tri(6)])
    shifts *= 0.8 / np.linalg.norm(shifts, norm, axis=1)[:, None]
    found = [dv.kl(noise, shift) for shift in shifts]
    assert max(found) == pytest.approx(worst, rel=1e-12)


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


def exact_best(p_a, p_b):
    """Best order by 30 digits and the derivative of the formula as papers write it."""
    curve = Formula(LeastRenyi(symbol, p_A, p_B)).plain / symbol

    slope = sp.lambdify((symbol, p_A, p_B), sp.diff(curve, symbol), "mpmath")
    with mpmath.workdps(40):
        found = mpmath.findroot(lambda o: slope(o, mpmath.mpf(p_a), mpmath.mpf(p_b)), (0.76, 1.51), solver="anderson")
        return float(found)


@pytest.mark.parametrize("p_a, p_b", [(0.99, 0.01), (0.6, 0.4), (0.5, 0.2), (0.3, 0.1), (0.05, 1e-4), (0.9, 1e-9)])
def test_best_order_is_where_the_derivative_is_zero(p_a, p_b):
    p_b = 1 - p_a if p_a + p_b == 1 else p_b
    assert float(best_order(p_a, p_b=p_b).order) == pytest.approx(exact_best(p_a, p_b), abs=1e-9)


def test_best_order_of_the_witness_and_its_limits():
    found = best_order(0.99)
    assert float(found.order) == pytest.approx(1.404102477, abs=1e-9)
    assert np.sqrt(2 * found.value) == pytest.approx(1.908009047, abs=1e-9)
    for p_a in (0.05, 0.2, 0.3, 0.5):  # towards a tie
        assert float(best_order(p_a, p_b=p_a * (1 - 1e-6)).order) == pytest.approx(0.75 * (1 + 2 * p_a), abs=1e-6)
    binary = best_order(q_a=np.geomspace(1e-300, 0.4999, 500)).order
    assert ((binary > 1) & (binary < 1.5)).all() and (np.diff(binary) > 0).all()
    rare = best_order(1e-9, p_b=0.0)
    assert float(rare.order) == pytest.approx(0.78804107, abs=1e-8)
    at_kl = least_over_order(1.0, 1e-9, p_b=0.0)
    assert np.sqrt(rare.value / at_kl) == pytest.approx(1.08283437, abs=1e-8)


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


def test_the_curve_is_continuous_at_zero():
    for order in (-1e-7, 1e-7):
        found = [float(least_over_order(o, 0.6, p_b=0.3)) for o in (order, 0)]
        assert found[0] == pytest.approx(found[1], rel=1e-6)


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


def test_the_curve_takes_many_orders_at_once():
    """Against 40 digits of the formula as papers write it."""
    orders = np.array([-3.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.4, 2.0, 30.0, np.inf])
    p_a, p_b = np.array([0.6, 0.99, 0.3]), np.array([0.3, 0.01, 0.3])
    found = least_over_order(orders[:, None], p_a, p_b=p_b)
    assert found.shape == (10, 3) and (found[:, 2] == 0).all()
    curve = sp.lambdify((symbol, p_A, p_B), Formula(LeastRenyi(symbol, p_A, p_B)).plain / symbol, "mpmath")
    for o, row in zip(orders, found, strict=True):
        if o in (0, 1) or np.isinf(o):
            continue  # limits of the formula, held elsewhere
        with mpmath.workdps(40):
            expected = [
                float(curve(mpmath.mpf(o), mpmath.mpf(a), mpmath.mpf(b))) for a, b in ((0.6, 0.3), (0.99, 0.01))
            ]
        assert row[:2] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(least_over_order([np.nan, 1.0], 0.6, p_b=0.3)).tolist() == [True, False]
