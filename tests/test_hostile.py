"""Numbers at the edge of what floats hold, and of other types: a radius may only become smaller."""

import mpmath
import numpy as np
import pytest

from rsexplore import bounds, compare, exact_radius, noises
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian
from rsexplore.solve import Supremum

N = Gaussian(1.0, dim=10)
FORMULAS = [b for b in bounds.ALL if isinstance(b.formula, Formula | Supremum)]  # not the duals, which are solved


@pytest.mark.parametrize(
    "p_a, p_b",
    [
        (1.8513324312718895e-265, 1.8513041826118766e-265),
        (8.907822270138072e-301, 8.90782227013807e-301),
        (3.1e-308, 3.0e-308),
        (1e-290, 9.9999999e-291),
        (1e-20, 9e-21),
    ],
)
def test_radius_between_two_tiny_probabilities_is_not_above_the_exact_one(p_a, p_b):
    found = float(bounds.get("cohen-l2").radius(N, p_a, p_b=p_b))
    exact = bounds.get("cohen-l2").radius_mp(N, p_a, p_b=p_b)
    assert 0 < found <= exact
    assert float(found / exact) == pytest.approx(1, abs=1e-12)
    uniform = noises.Uniform(0.0246)
    assert float(exact_radius(uniform, p_a, p_b=p_b)) <= bounds.get("uniform-l1").radius_mp(uniform, p_a, p_b=p_b)


@pytest.mark.parametrize("q_a", [5e-324, 1e-320, 2e-308, 3e-308])
@pytest.mark.parametrize("bound", [b for b in FORMULAS if b.certifies], ids=lambda b: b.key)
def test_denormal_tails_only_lower_the_radius(bound, q_a):
    noise, norm = bound.noise.from_sigma(1.0, 10), 2 if bound.norm is None else None
    found = float(bound.radius(noise, q_a=q_a, norm=norm))
    exact = bound.radius_mp(noise, q_a=q_a, norm=norm)
    assert 0.95 * float(exact) < found <= exact  # such a tail is taken as 2.2e-308
    assert float(bound.radius(noise, p_a=1e-309, p_b=1e-320, norm=norm)) == 0


@pytest.mark.parametrize("bound", [b for b in FORMULAS if b.certifies], ids=lambda b: b.key)
def test_tails_that_lack_digits_are_taken_as_the_smallest_that_has_them_all(bound):
    noise, norm = bound.noise.from_sigma(1.0, 10), 2 if bound.norm is None else None
    least = bound.radius(noise, q_a=np.finfo(float).tiny, norm=norm)
    assert bound.radius(noise, q_a=[5e-324, 1e-310, 2e-308], norm=norm).tolist() == [least] * 3
    runner = bound.radius(noise, 0.9, p_b=np.finfo(float).tiny, norm=norm)
    assert bound.radius(noise, 0.9, p_b=[5e-324, 1e-310, 2e-308], norm=norm).tolist() == [runner] * 3


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


@pytest.mark.parametrize("p_a", [0.9, 1e-10, 1e-16, 1e-300])
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
    assert float(bounds.get("li-renyi-l2").radius(N, p_a=1.0)) == np.inf


def test_order_near_one_is_evaluated_at_once():
    exact = bounds.get("renyi-l2").radius_mp(N, 0.9, order=1 + 2.0**-40)
    assert float(exact) == pytest.approx(float(bounds.get("kl-l2").radius_mp(N, 0.9)), rel=1e-10)


def test_parameters_at_the_edge():
    with pytest.raises(ValueError, match="renyi-l2: order must be positive and finite, got order=inf"):
        bounds.get("renyi-l2").radius(N, 0.9, order=np.inf)
    assert float(bounds.get("dmr-l2").radius(N, 0.9, c=1e300)) == 0
    for bad in ("1", "infinity", "inf ", [1, 2], None.__class__, True):
        with pytest.raises(ValueError, match="norm must be a number of at least 1"):
            bounds.get("kl-l2").radius(N, 0.9, norm=bad)
    for bad in (np.inf, np.nan, 10**200, [3], "3"):
        with pytest.raises(ValueError, match="dim must be a whole number of at least 1"):
            Gaussian(1.0, dim=bad)
    with pytest.raises(ValueError, match="sigma must lie between 1e-200 and 1e200"):
        Gaussian(1e308)
    assert np.isnan(bounds.get("cohen-l2").radius(N, p_a=-1e-20))
    assert float(bounds.get("lipschitz-dimension-l2").radius(Gaussian(1.0, dim=10**30), 0.9)) > 0


def test_scalar_functions_refuse_what_is_no_probability():
    with pytest.raises(ValueError, match=r"compare: p_a must lie in \[0, 1\], got p_a=99"):
        compare(N, 99)
    assert compare(noises.Laplace(0.5), 0.9).norm == 1  # the norm in which most is known


def test_noises_of_other_classes_are_refused_in_logs():
    class Mine(Gaussian):
        pass

    with pytest.raises(TypeError, match=r"noise must be of a family of \['Gaussian'"):
        noises.to_dict(Mine(1.0))
