"""Regions of several norms against direct optimisation; eqs. (22) to (31) of Hayes 2020 as printed, and the witness."""

from math import exp, gamma, inf, log, nan

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize

from reproduce import printed_tradeoffs as printed
from reproduce.printed import printed as printed_cells
from rsexplore import noises, tradeoff
from rsexplore.bound import MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.divergences.generalized_gaussian import kappa_mp, terms
from rsexplore.tradeoff import Certifies

GG = noises.GeneralizedGaussian
THREE, FOUR = GG(1.0, 3.0, 3072), GG(1.0, 4.0, 3072)
VALID = [(1, 3), (1, 5), (2, 4), (2, 5), (2, 6)]


def divergence(shape, u):
    """KL of one coordinate shifted by u, from its definition by quadrature."""

    def inside(z):
        return (abs(z - u) ** shape - abs(z) ** shape) * exp(-(abs(z) ** shape))

    reach = 36 ** (1 / shape)
    value = sum(integrate.quad(inside, a, b, epsabs=1e-14)[0] for a, b in ((-reach, 0), (0, u), (u, u + reach)))
    return value * shape / (2 * gamma(1 / shape))


def total_divergence(shape, largest):
    """KL of a shift from a table of one coordinate's, interpolated as a multiple of u^2, which it is for small u."""
    grid = np.linspace(1e-3, largest * 1.001, 300)
    table = np.array([divergence(shape, u) for u in grid]) / grid**2
    return lambda shift: float((np.interp(shift, grid, table) * shift**2).sum())


# ---------------------------------------------------------------- the paper's numbers


def test_each_ball_has_the_page_s_numbers():
    curve = tradeoff.frontier(THREE, 0.99)
    assert curve.status is Status.SOUND and curve.certifies is Certifies.INTERSECTION
    assert "no ball on its own" in curve.certifies.value
    three = tradeoff.balls(THREE, 0.99, norms=(1, 2, 3))
    assert three.certifies is Certifies.EACH_BALL
    assert list(three.radii.values()) == pytest.approx([0.9560434, 0.9560434, 0.2706175], abs=1e-7)
    four = tradeoff.balls(FOUR, 0.99, norms=(2, 4)).radii
    assert list(four.values()) == pytest.approx([0.7820729, 0.1198406], abs=1e-7)
    laplace = tradeoff.balls(noises.Laplace(1.0, 3072), 0.99, norms=(1,)).radii
    assert laplace[1] == pytest.approx(2.535219, abs=1e-6)


def test_the_printed_trade_offs_come_back():
    """0.86 and 1.44 of Section 3.2, their counterparts of eq. (27), and the ends of eq. (24): eq. (21)."""
    pages = ((THREE, 0.8645781725, 1.4416824529, 1.44168217, 0.00682216),
             (FOUR, 0.7820729065, 0.8922510621, 0.89219406, 0.11984061))  # fmt: skip
    for noise, equal, alone, *ends in pages:
        curve = tradeoff.printed_frontier(noise, 0.99)
        assert printed.printed_equal(noise, 0.99) == pytest.approx(equal, abs=1e-10)
        assert (curve.first[0], curve.second[0]) == pytest.approx((equal, equal), abs=1e-10)
        assert curve.at(0.0) == pytest.approx(alone, abs=1e-10)
        assert (curve.first[-1], curve.second[-1]) == pytest.approx(ends, abs=1e-8)
        low, high = curve.norms
        assert curve.first[-1] == pytest.approx(3072 ** (1 / low - 1 / high) * curve.second[-1], rel=1e-9)
        assert curve.status is Status.AS_PRINTED and curve.certifies is Certifies.INTERSECTION
        spent = terms(noise.shape)[low] * curve.first**low + curve.second**high
        assert spent == pytest.approx(np.full(65, tradeoff.budget(0.99)), rel=1e-9)
    assert tradeoff.budget(0.99) * gamma(1 / 3) / 3 == pytest.approx(1.4416824529, abs=1e-10)
    assert {"0.86", "1.44"} <= {cell.value for cell in printed_cells("hayes")}


def test_eq_27_is_exact_and_eq_26_is_not():
    printed = tradeoff.printed_frontier(FOUR, 0.99)
    exact = tradeoff.frontier(FOUR, 0.99, norms=(2, 4))
    inner = np.geomspace(0.1199, 0.78, 9)
    assert exact.at(inner) == pytest.approx(printed.at(inner), rel=1e-9)
    inner = np.geomspace(0.271, 0.86, 9)
    assert (tradeoff.frontier(THREE, 0.99).at(inner) > 1.7 * tradeoff.printed_frontier(THREE, 0.99).at(inner)).all()


# ---------------------------------------------------------------- the regions against direct optimisation


def atoms(pair, shape, radii, dim):
    """Largest divergence over counts of coordinates of given sizes: a linear program."""
    sizes = np.geomspace(1e-3, 3, 700)
    sizes = sizes[sizes <= min(radii) * (1 + 1e-12)]
    kappa = np.array([divergence(shape, u) for u in sizes])
    limits = np.array([*(r**k for r, k in zip(radii, pair, strict=True)), dim])
    left = np.array([sizes ** pair[0], sizes ** pair[1], np.ones(len(sizes))])
    scale = kappa / (sizes ** pair[0])
    return -optimize.linprog(-scale, A_ub=left / sizes ** pair[0] / limits[:, None], b_ub=np.ones(3)).fun


@pytest.mark.parametrize("pair", VALID)
def test_the_pair_formula_is_the_linear_program_s_value(pair):
    shape = pair[1]
    noise = GG(1.0, float(shape), 500)
    curve = tradeoff.frontier(noise, 0.99, norms=pair, points=5)
    for first, second in list(zip(curve.first, curve.second, strict=True))[1:4]:
        program = atoms(pair, shape, (first, second), 500)
        value = tradeoff.largest_divergence(noise, {pair[0]: first, pair[1]: second})
        assert program <= value * (1 + 1e-9)
        assert program >= value * (1 - 2e-3)
        assert value == pytest.approx(tradeoff.budget(0.99), rel=1e-8) and value <= tradeoff.budget(0.99)


def test_the_pair_formula_would_be_wrong_for_3_and_5():
    """Equal coordinates are not the worst there, so nothing is offered."""
    radii = (0.4, 0.3)
    size = exp((5 * log(radii[1]) - 3 * log(radii[0])) / 2)
    equal = (radii[0] / size) ** 3 * divergence(5, size)
    assert atoms((3, 5), 5, radii, 500) > 1.05 * equal
    for shape in (3.0, 5.0):
        with pytest.raises(UnsupportedNoiseError, match=r"got norms=\(3, 5\)"):
            tradeoff.frontier(GG(1.0, shape, 500), 0.99, norms=(3, 5))


@pytest.mark.parametrize("noise, pair", [
    (THREE, (1, 3)), (FOUR, (2, 4)), (FOUR, (1, 4)), (THREE, (1, inf)), (noises.Gaussian(1.0, 3072), (1, 2)),
])  # fmt: skip
def test_random_shifts_of_the_intersection_are_within_the_budget(noise, pair):
    rng = np.random.default_rng(0)
    shape = getattr(noise, "shape", 2.0)
    scale = getattr(noise, "scale", np.sqrt(2))
    curve = tradeoff.frontier(noise, 0.99, norms=pair, points=7)
    total = total_divergence(shape, 1.4)
    for first, second in zip(curve.first, curve.second, strict=True):
        for _ in range(40):
            used = int(np.exp(rng.uniform(0, np.log(3072))))
            shift = rng.gamma(np.exp(rng.normal()), size=used)
            shift *= min(first / np.linalg.norm(shift, pair[0]), second / np.linalg.norm(shift, pair[1]))
            assert total(shift / scale) <= tradeoff.budget(0.99) * (1 + 1e-4)


def test_more_norms_are_limited_by_each_other():
    """The bound over several norms is never below the divergence of any shift inside, and is exact for two."""
    rng = np.random.default_rng(1)
    noise = GG(1.0, 6.0, 200)
    coefficients = {2: 15 * gamma(5 / 6) / gamma(1 / 6), 4: 15 * gamma(3 / 6) / gamma(1 / 6), 6: 1.0}
    worst = 0.0
    for _ in range(400):
        shift = 1e-9 + rng.gamma(np.exp(2 * rng.normal()), size=int(np.exp(rng.uniform(0, np.log(200)))))
        shift *= 0.3 / shift.max()
        radii = {k: float(np.linalg.norm(shift, k)) * rng.choice([1, 1, 1.3]) for k in (2, 4, 6)}
        true = sum(c * np.linalg.norm(shift, k) ** k for k, c in coefficients.items())
        worst = max(worst, true / tradeoff.largest_divergence(noise, radii))
    assert 0.99 < worst <= 1 + 1e-9
    # a middle ball that is far too large adds nothing
    loose = tradeoff.largest_divergence(noise, {2: 0.4, 4: 5.0, 6: 0.25})
    assert loose == pytest.approx(tradeoff.largest_divergence(noise, {2: 0.4, 6: 0.25}), rel=1e-9)


# ---------------------------------------------------------------- edges


def test_radii_move_with_the_scale_and_stay_ordered():
    for scale in (1e-6, 1e6):
        curve, one = tradeoff.frontier(GG(scale, 3.0, 3072), 0.99), tradeoff.frontier(THREE, 0.99)
        assert curve.first == pytest.approx(scale * one.first, rel=1e-14)
        assert tradeoff.balls(GG(scale, 3.0, 3072), 0.99).radii[3] == pytest.approx(scale * 0.2706174510, rel=1e-9)
    assert (np.diff(one.first) > 0).all() and (np.diff(one.second) < 0).all()
    better = tradeoff.frontier(THREE, q_a=1e-300)
    assert (better.first > one.first).all()
    assert one.at([0.2, 0.95604339, 5.0]) == pytest.approx([inf, 0.9560434, 0.9560434], rel=1e-6)
    assert one.at(one.second[1:-1]) == pytest.approx(one.first[1:-1], rel=1e-8)


def test_edges_of_the_probabilities():
    assert tradeoff.budget(0.5) == tradeoff.budget(0.3) == 0 and tradeoff.budget(1.0) == inf
    assert np.isnan(tradeoff.budget(nan)) and np.isnan(tradeoff.budget(1.5))
    for p_a, value in ((0.4, 0.0), (1.0, inf), (nan, nan), (-0.1, nan)):
        for curve in (tradeoff.frontier(THREE, p_a, points=3), tradeoff.printed_frontier(THREE, p_a, points=3)):
            np.testing.assert_array_equal(curve.first, np.full(3, value))
            np.testing.assert_array_equal(curve.at([0.1]), [value])
        np.testing.assert_array_equal(list(tradeoff.balls(THREE, p_a).radii.values()), [value] * 2)
        np.testing.assert_array_equal(list(printed.weighted(FOUR, {2: 1, 4: 1}, p_a).values()), [value] * 2)
    assert tradeoff.budget(0.6, p_b=0.1) == pytest.approx(-log(2 * np.sqrt(0.06) + 0.3), rel=1e-14)
    assert np.isnan(tradeoff.largest_divergence(THREE, {1: nan, 3: 1.0}))
    assert tradeoff.largest_divergence(THREE, {1: 0.0, 3: 1.0}) == 0


@pytest.mark.parametrize("call, error, words", [
    (lambda: tradeoff.frontier(GG(1.0, 3.0), 0.99), MissingDimensionError, "needs the dimension"),
    (lambda: tradeoff.frontier(noises.Uniform(1.0, 4), 0.99), UnsupportedNoiseError, "got Uniform"),
    (lambda: tradeoff.frontier(THREE), TypeError, "exactly one of p_a and q_a"),
    (lambda: tradeoff.balls(THREE, 0.99, norms=(0.5,)), ValueError, "norm must be .* at least 1, got norm=0.5"),
    (lambda: tradeoff.largest_divergence(THREE, {2: 1.0, 3: 1.0}), UnsupportedNoiseError, "no worst shift for shape 3"),
    (lambda: tradeoff.printed_frontier(GG(1.0, 5.0, 4), 0.99), UnsupportedNoiseError, "shapes 3 and 4, got shape 5"),
    (lambda: printed.weighted(THREE, {1: 1.0, 3: 0.0}, 0.99), ValueError, r"weights above 0 for the norms \[1, 3\]"),
    (lambda: printed.sampled_vote(THREE, 0.1, 0.01, draws=100), ValueError, "at least 10 / q_a draws, got draws=100"),
])  # fmt: skip
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---------------------------------------------------------------- between two norms the maximum is not on a grid


def of_two_sizes(shape, norm, dim, radius, share):
    """d_KL of one coordinate and dim - 1 equal ones that have `share` of the radius's norm-th power; 40 digits."""

    def kappa(u):
        moments = {k: mpmath.gamma(mpmath.mpf(shape - k + 1) / shape) for k in range(2, shape + 1, 2)}
        total = mpmath.fsum(mpmath.binomial(shape, k) * m * u**k for k, m in moments.items())
        return total / mpmath.gamma(mpmath.mpf(1) / shape)

    radius, share, order = mpmath.mpf(radius), mpmath.mpf(share), 1 / mpmath.mpf(norm)
    return kappa(radius * (1 - share) ** order) + (dim - 1) * kappa(radius * (share / (dim - 1)) ** order)


@pytest.mark.parametrize("shape, norm, dim, q_a", [
    (20, 3.6435645529528493, 10, 8.568148259267453e-158), (12, 2.47156, 100, 1.88e-11), (4, 3.0, 3072, 0.01),
    (6, 2.0001, 50, 0.2), (40, 39.9, 7, 1e-30), (8, 4.0, 150_528, 1e-4),
])  # fmt: skip
def test_balls_between_two_norms_stay_inside_their_budget(shape, norm, dim, q_a):
    with mpmath.workdps(40):
        q = mpmath.mpf(q_a)
        most = -mpmath.log(2 * mpmath.sqrt(q * (1 - q)))
        radius = tradeoff.balls(GG(1.0, float(shape), dim), q_a=q_a, norms=(norm,)).radii[norm]
        shares = [mpmath.mpf(10) ** (mpmath.mpf(-i) / 6) for i in range(1, 90)]
        shares += [0, 1 - mpmath.mpf(1) / dim, *(1 - x for x in shares if 1 - x < 1 - mpmath.mpf(1) / dim)]
        best = max(shares, key=lambda share: of_two_sizes(shape, norm, dim, radius, share))
        low, high = best * mpmath.mpf("0.6"), min(best * mpmath.mpf("1.6"), 1 - mpmath.mpf(1) / dim)
        for _ in range(90):  # it has one maximum there
            left, right = low + (high - low) * 0.382, low + (high - low) * 0.618
            falls = of_two_sizes(shape, norm, dim, radius, left) > of_two_sizes(shape, norm, dim, radius, right)
            low, high = (low, right) if falls else (left, high)
        worst = max(of_two_sizes(shape, norm, dim, radius, share) for share in (low, best))
        assert -1e-9 < worst / most - 1 <= 0


# ---------------------------------------------------------------- eq. (22), and the witness against the printed reading


def test_the_weighted_optimum_is_the_solver_s():
    noise, most = GG(0.25, 6.0, 3072), tradeoff.budget(0.99)
    weights = {2: 1.0, 4: 2.0, 6: 3.0}
    found = printed.weighted(noise, weights, 0.99)

    def left(x):
        return most - sum(c * (exp(y) / 0.25) ** k for y, (k, c) in zip(x, terms(6).items(), strict=True))

    best = optimize.minimize(lambda x: -float(np.dot([*weights.values()], x)), [-2.0] * 3, options={"ftol": 1e-12},
                             constraints={"type": "ineq", "fun": left})  # fmt: skip
    assert left(np.log([*found.values()])) == pytest.approx(0, abs=1e-9) and left(np.log([*found.values()])) >= 0
    assert np.dot([*weights.values()], np.log([*found.values()])) == pytest.approx(-best.fun, abs=1e-6)
    curve = tradeoff.printed_frontier(FOUR, 0.99)  # for two norms the weights trace it
    for weight in (0.05, 0.3, 1.0):
        found = printed.weighted(FOUR, {2: 1.0, 4: weight}, 0.99)
        assert curve.at(found[4]) == pytest.approx(found[2], rel=1e-8)


def test_no_l3_radius_of_0_86_is_certified():
    """GN_3, d = 3072: an even shift of l3 length 0.8646 leaves 3.2e-4 of a vote of 0.99."""
    found = printed.witness(draws=8000, seed=1)
    assert found.radius == pytest.approx(0.8645781725, abs=1e-9)
    assert found.divergence == pytest.approx(16.488, abs=1e-3) and found.budget == pytest.approx(1.6144631, abs=1e-6)
    assert found.divergence == pytest.approx(float(3072 * kappa_mp(found.radius / 3072 ** (1 / 3), 3)), rel=1e-10)
    assert found.vote.low <= found.vote.high < 3.3e-4 and found.vote.low > 3.1e-4
    assert abs(found.sampled.value - found.vote.value) < 4 * found.sampled.error
    assert found.sampled.value + 10 * found.sampled.error < 0.5


def test_the_same_shift_is_safe_within_the_true_ball():
    ball = tradeoff.balls(THREE, 0.99, norms=(3,)).radii[3]
    found = printed.witness(radius=ball, draws=8000)
    assert found.vote.low > 0.69 and found.divergence == pytest.approx(found.budget, rel=1e-9)
    assert abs(found.sampled.value - found.vote.value) < 4 * found.sampled.error < 0.1
    half = printed.witness(radius=0.352, draws=1000)
    assert half.vote.value == pytest.approx(0.5, abs=0.01)
