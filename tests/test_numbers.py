"""Numbers of every type: a wider one never enlarges a radius, what is no number is refused, scalars stay scalars."""

from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

from rsexplore import (
    accuracy,
    bounds,
    compare,
    confidence,
    divergences,
    exact_radius,
    noises,
    privacy,
    tradeoff,
)
from rsexplore.noises import Gaussian, Laplace, Uniform

N = Gaussian(1.0, 10)
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
    "renyi_of_pure": lambda x: privacy.renyi_of_pure(x, 2.0),
    "delta_of_renyi": lambda x: privacy.delta_of_renyi(x, 2.0, 1.0),
    "eps_of_mr": lambda x: privacy.eps_of_mr(x, 0.1),
    "delta_of_mr": lambda x: privacy.delta_of_mr(x, 1.0),
    "delta_of_gaussian": lambda x: privacy.delta_of_gaussian(x, 1.0),
    "loss_tail": lambda x: privacy.loss_tail(x, 1.0),
    "loss_threshold": lambda x: privacy.loss_threshold(x, 1.0),
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
