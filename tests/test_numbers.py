"""Numbers of every type, and at the edge of what floats hold: a radius may only become smaller, and scalars stay so.

What is no number is refused.
"""

from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

from rsexplore import accuracy, bounds, compare, confidence, divergences, exact_radius, noises, privacy, tradeoff
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian, Laplace, Uniform
from rsexplore.solve import Supremum

N = Gaussian(1.0, 10)
FORMULAS = [b for b in bounds.ALL if isinstance(b.formula, Formula | Supremum)]  # not the duals, which are solved
WIDE = {
    "Fraction": lambda x: x,
    "Decimal": lambda x: Decimal(x.numerator) / Decimal(x.denominator),  # 28 digits: tests take what it became
    "mpmath": lambda x: mpmath.mpf(x.numerator) / x.denominator,
    "SymPy": lambda x: sp.Rational(x.numerator, x.denominator),
    "longdouble": lambda x: np.longdouble(x.numerator) / np.longdouble(x.denominator),
    "array of objects": lambda x: np.array([x], dtype=object),
}
REFUSED = [
    True, np.True_, [True, 0.9], np.array([True]), 0.9 + 0j, np.array([0.9 + 0j]), "0.9", ["0.9"], [0.9, None], sp.pi,
    np.ma.array([0.9, 0.99], mask=[False, True]), np.datetime64("2026-01-01"), mpmath.mpc(0.9), [Fraction(9, 10), True],
    [[True, 0.9]], [[0.9], [False]], [np.ma.array([0.9, 0.99], mask=[False, True])], [(0.8, True)],
]  # fmt: skip


def exactly(number):
    """Return the number as a fraction."""
    number = number[0] if isinstance(number, np.ndarray) else number
    if isinstance(number, mpmath.mpf):
        _, man, exp, _ = number._mpf_
        return Fraction(int(man)) * Fraction(2) ** exp
    if isinstance(number, sp.Rational):
        return Fraction(int(number.p), int(number.q))
    return Fraction(*number.as_integer_ratio())


@pytest.mark.parametrize("p_a, p_b", [
    (1.8513324312718895e-265, 1.8513041826118766e-265), (8.907822270138072e-301, 8.90782227013807e-301),
    (3.1e-308, 3.0e-308), (1e-290, 9.9999999e-291),
])  # fmt: skip
def test_radius_between_two_tiny_probabilities_is_not_above_the_exact_one(p_a, p_b):
    for bound, noise in ((bounds.get("cohen-l2"), N), (bounds.get("uniform-l1"), Uniform(0.0246))):
        found, exact = (ask(noise, p_a, p_b=p_b) for ask in (bound.radius, bound.radius_mp))
        assert 0 <= found <= exact and abs(found - exact) <= 1e-12 * exact + 1e-300


@pytest.mark.parametrize("bound", [b for b in FORMULAS if b.certifies], ids=lambda b: b.key)
def test_tails_that_lack_digits_are_taken_as_the_smallest_that_has_them_all(bound):
    noise, norm = bound.noise.from_sigma(1.0, 10), 2 if bound.norm is None else None
    least, runner = np.finfo(float).tiny, bound.radius(noise, 0.9, p_b=np.finfo(float).tiny, norm=norm)
    lacking = [5e-324, 1e-310, 2e-308]
    assert bound.radius(noise, q_a=lacking, norm=norm).tolist() == [bound.radius(noise, q_a=least, norm=norm)] * 3
    assert bound.radius(noise, 0.9, p_b=lacking, norm=norm).tolist() == [runner] * 3
    for q_a in (5e-324, 2e-308, 3e-308):  # which only lowers the radius
        found, exact = (ask(noise, q_a=q_a, norm=norm) for ask in (bound.radius, bound.radius_mp))
        assert 0.95 * float(exact) < found <= exact
    assert bound.radius(noise, p_a=1e-309, p_b=1e-320, norm=norm) == 0


@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64, np.int64])
def test_narrow_number_types_mean_the_numbers_that_they_are(number):
    noise = Gaussian(number(3), dim=number(100))
    assert type(noise.sigma) is float and type(noise.dim) is int and noise == Gaussian(3.0, 100)
    for key in ("cohen-l2", "cohen-lp", "kl-l2"):
        bound = bounds.get(key)
        assert float(bound.radius(noise, 0.99, norm=number(3))) == float(bound.radius(noise, 0.99, norm=3.0))
    narrow = np.float32(0.99)  # above 0.99, and taken as what it is
    assert float(exact_radius(noise, narrow)) == float(exact_radius(noise, float(narrow)))
    assert bounds.get("cohen-l2").radius_mp(noise, narrow) == bounds.get("cohen-l2").radius_mp(noise, float(narrow))


@pytest.mark.parametrize("p_a", [0.9, 1e-300])
def test_renyi_radius_without_a_runner_up_is_the_limit(p_a):
    near = p_a * mpmath.mpf("1e-400")
    for key in ("renyi-l2", "li-renyi-l2"):
        found = float(bounds.get(key).radius(N, p_a, p_b=0.0))
        limit = bounds.get(key).radius_mp(N, p_a, p_b=near)
        assert found == pytest.approx(float(limit), rel=2e-3 if key == "li-renyi-l2" else 1e-8)
    best, kl = (float(bounds.get(key).radius(N, p_a, p_b=0.0)) for key in ("renyi-l2", "kl-l2"))
    assert 1 <= best / kl <= 1.08283438


def test_certain_votes_have_their_limit_in_both_precisions():
    for bound in FORMULAS:
        noise, norm = bound.noise.from_sigma(1.0, 10), 2 if bound.norm is None else None
        certain = float(bound.radius(noise, p_a=1.0, norm=norm))
        assert certain == pytest.approx(float(bound.radius_mp(noise, p_a=1.0, norm=norm)), rel=1e-12), bound
        if bound.certifies:
            assert certain >= float(bound.radius(noise, q_a=1e-300, norm=norm)), bound
        assert mpmath.isnan(bound.radius_mp(noise, p_a=float("nan"), norm=norm))
        assert bound.radius_mp(noise, p_a=0.6, p_b=0, norm=norm) > -mpmath.inf
    for key, value in (("li-renyi-l2", np.inf), ("cohen-l2", np.inf), ("lipschitz-l2", np.sqrt(np.pi / 2))):
        assert bounds.get(key).radius(N, p_a=1.0) == pytest.approx(value, rel=1e-12)
    assert bounds.get("uniform-l1").radius(Uniform(0.5), p_a=1.0) == pytest.approx(0.5)
    assert bounds.get("cohen-l2").radius(Gaussian(0.5), q_a=1e-17) == pytest.approx(0.5 * 8.4937932, rel=1e-7)


def test_parameters_at_the_edge():
    with pytest.raises(ValueError, match="renyi-l2: order must be positive and finite, got order=inf"):
        bounds.get("renyi-l2").radius(N, 0.9, order=np.inf)
    assert float(bounds.get("dmr-l2").radius(N, 0.9, c=1e300)) == 0
    assert np.isnan(bounds.get("cohen-l2").radius(N, p_a=-1e-20))
    assert float(bounds.get("lipschitz-dimension-l2").radius(Gaussian(1.0, dim=10**30), 0.9)) > 0
    near = bounds.get("renyi-l2").radius_mp(N, 0.9, order=1 + 2.0**-40)  # evaluated at once
    assert float(near) == pytest.approx(float(bounds.get("kl-l2").radius_mp(N, 0.9)), rel=1e-10)


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("noise", [N, Laplace(1.0), Uniform(1.0)], ids=lambda noise: noise.family)
def test_a_wider_type_never_enlarges_a_radius(kind, noise):
    if kind == "longdouble" and np.finfo(np.longdouble).eps == np.finfo(float).eps:
        pytest.skip("longdouble is no wider here")
    with mpmath.workdps(40):
        for share in (1 - Fraction(1, 2**60), Fraction(2, 3), Fraction(9, 10), Fraction(6, 7)):
            number, rest = WIDE[kind](share), WIDE[kind](1 - share)
            for bound in bounds.of(noise, noise.natural_norm):
                if bound.certifies:
                    for name, value in (("p_a", number), ("q_a", rest)):
                        found = np.ravel(bound.radius(noise, **{name: value}))[0]
                        right = bound.radius_mp(noise, **{name: exactly(value)})
                        assert np.isfinite(found) and found <= right, (bound, name, share)
            # a runner-up that is wider than a float is rounded up
            third = WIDE[kind](Fraction(1, 30))
            exact = exact_radius(noise, 0.9, p_b=float(np.nextafter(float(exactly(third)), 0)))
            assert np.ravel(exact_radius(noise, 0.9, p_b=third))[0] <= exact


def test_the_side_is_that_of_the_argument():
    """2^-60 below 1, and a tenth, are no float64: one goes down, the other up."""
    near = Fraction(2**60 - 1, 2**60)
    right = float(bounds.get("cohen-l2").radius_mp(N, q_a=2.0**-60))
    assert right == pytest.approx(8.7733211690, rel=1e-10)
    for wide in (near, np.longdouble(1) - np.longdouble(2) ** -60, Decimal(1) - Decimal(2) ** -60):
        assert right * (1 - 1e-12) < bounds.get("cohen-l2").radius(N, wide) <= right
    # beside a vote below 1/2, which 1 - p would lose, it is the float below that counts
    mixed = bounds.get("cohen-l2").radius(N, [near, Fraction(3, 10)])
    assert mixed[0] == bounds.get("cohen-l2").radius(N, 1 - 2.0**-53) < right
    tenth, below, above = Fraction(1, 10), float(np.nextafter(0.1, 0)), 0.1
    assert Fraction(below) < tenth < Fraction(above)
    for function, side in (
        (lambda x: exact_radius(N, x, p_b=0.01), below),
        (lambda x: exact_radius(N, q_a=x), above),
        (lambda x: compare(N, q_a=x)["cohen-l2"].radius, above),
        (lambda x: divergences.least_over_order(2, q_a=x), above),
        (lambda x: tradeoff.budget(q_a=x), above),
        (lambda x: confidence.clopper_pearson_lower(5, 9, x), below),
        (lambda x: confidence.clopper_pearson_tail(5, 9, x), below),
        (lambda x: confidence.anytime_tail(5, 9, x), below),
        (lambda x: confidence.top_two([5, 9], 1, x), below),
    ):
        assert function(tenth) == function(side)
    tiny = Fraction(1, 10**400)  # which is not 0, where radii have no end
    assert exact_radius(N, q_a=tiny) == exact_radius(N, q_a=5e-324) < np.inf
    assert exact_radius(N, 0.9, p_b=tiny) == exact_radius(N, 0.9, p_b=5e-324) < np.inf
    assert np.isnan(exact_radius(N, 10**400))


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_what_is_no_real_number_is_refused(value):
    for ask in (
        lambda: bounds.get("cohen-l2").radius(N, value),
        lambda: bounds.get("cohen-l2").radius(N, 0.9, p_b=value),
        lambda: exact_radius(N, q_a=value),
        lambda: compare(N, value),
        lambda: confidence.clopper_pearson_lower(5, 9, value),
        lambda: confidence.clopper_pearson_lower(value, 9, 0.1),
        lambda: divergences.least_over_order(2, value),
        lambda: divergences.kl(N, value),
        lambda: privacy.mr_of_pure(value),
        lambda: tradeoff.budget(value),
        lambda: accuracy.published("locuslab-smoothing", "cifar10", 0.5, 0.5).at(value),
    ):
        with pytest.raises(TypeError, match="must be real numbers, and neither bool nor text|must not be masked"):
            ask()


def test_what_only_looks_unusual_is_taken():
    unmasked = np.ma.array([0.9, 0.99])
    np.testing.assert_array_equal(exact_radius(N, unmasked), exact_radius(N, [0.9, 0.99]))
    assert exact_radius(N, [Decimal("0.75"), 0.75, Fraction(3, 4)]).tolist() == [exact_radius(N, 0.75)] * 3
    assert exact_radius(N, np.float32(0.75)) == exact_radius(N, 0.75) and exact_radius(N, 1) == np.inf
    with pytest.raises(TypeError, match="cohen-l2: p_a must be real numbers"):
        bounds.get("cohen-l2").radius_mp(N, True)
    assert bounds.get("cohen-l2").radius_mp(N, Decimal("0.9")) == bounds.get("cohen-l2").radius_mp(N, "0.9")


def test_counts_that_no_float_holds_are_refused():
    with pytest.raises(ValueError, match=r"count must be a number that a float64 holds, got count=9007199254740993"):
        confidence.clopper_pearson_lower(2**53 + 1, 2**54, 0.1)
    assert confidence.clopper_pearson_lower(2**53, 2**54, 0.1) == pytest.approx(0.5)


SCALARS = {
    "radius": lambda x: bounds.get("cohen-l2").radius(N, x),
    "solved radius": lambda x: bounds.get("lecuyer-l2").radius(N, x),
    "exact_radius": lambda x: exact_radius(noises.PowerGaussian(1.0, 2.0, 9), x),
    "clopper_pearson_lower": lambda x: confidence.clopper_pearson_lower(5, 9, x),
    "clopper_pearson_tail": lambda x: confidence.clopper_pearson_tail(5, 9, x),
    "clopper_pearson_upper": lambda x: confidence.clopper_pearson_upper(5, 9, x),
    "hoeffding_lower": lambda x: confidence.hoeffding_lower(5, 9, x),
    "anytime_tail": lambda x: confidence.anytime_tail(5, 9, x),
    "anytime_lower": lambda x: confidence.anytime_lower(5, 9, x),
    "least_over_order": lambda x: divergences.least_over_order(2, x),
    "best_order": lambda x: divergences.best_order(x).value,
    "least_mr": divergences.least_mr,
    "kappa": lambda x: divergences.kappa(x, 3.0),
    "inverse_kappa": lambda x: divergences.inverse_kappa(x, 4.0),
    "gaussian_hockey_stick": lambda x: divergences.gaussian_hockey_stick(x, 0.1),
    "mr_of_pure": privacy.mr_of_pure,
    "delta_of_gaussian": lambda x: privacy.delta_of_gaussian(x, 1.0),
    "frontier": lambda x: tradeoff.frontier(noises.GeneralizedGaussian(1.0, 3.0, 20), 0.99).at(x),
    "curve": lambda x: accuracy.published("locuslab-smoothing", "cifar10", 0.5, 0.5).at(x),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALARS)
def test_scalars_give_floats_and_arrays_stay_arrays(name):
    function = SCALARS[name]
    for scalar in (0.75, np.float64(0.75), np.float32(0.75), Fraction(3, 4)):
        assert type(function(scalar)) is float
    for array in (np.array(0.75), [0.75], np.array([[0.75]])):
        found = function(array)
        assert isinstance(found, np.ndarray) and found.shape == np.shape(array) and found.flat[0] == function(0.75)


def test_votes_of_one_image_give_scalars():
    assert [type(x) for x in confidence.top_two([3, 90, 7], 1, 0.01)] == [float, float]
    assert type(confidence.prediction([3, 90, 7], 0.01)) is int and confidence.prediction([3, 90, 7], 0.01) == 1
    assert confidence.prediction([[3, 90, 7]], 0.01).shape == (1,)
