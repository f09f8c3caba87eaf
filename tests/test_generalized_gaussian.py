"""Generalized Gaussian noise: its divergence from a shift, what certifies, and the paper's numbers."""

import mpmath
import numpy as np
import pytest
from scipy import special, stats

from reproduce.printed_tradeoffs import kappa_printed, least_order, volume_ratio
from rsexplore import bounds, compare, exact_radius, noises
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.divergences import inverse_kappa, kappa
from rsexplore.divergences.generalized_gaussian import coefficient, kappa_mp, polynomial, terms
from rsexplore.noises import GeneralizedGaussian

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
    if not min(s, 2) < norm < max(s, 2):  # one of the shifts attains it
        assert cost.max() == pytest.approx(BUDGET, rel=1e-11)


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


def test_shape_two_is_the_corrected_kl_row_of_gaussian_noise():
    q_a = np.geomspace(1e-300, 0.49, 50)
    found = EXACT.radius(GeneralizedGaussian.from_sigma(0.5, shape=2.0), q_a=q_a, norm=2)
    assert found == pytest.approx(bounds.get("kl-l2").radius(noises.Gaussian(0.5), q_a=q_a), rel=1e-11)


def test_shape_one_is_at_least_lecuyer_and_below_the_exact_laplace_radius():
    q_a = np.linspace(1e-6, 0.499, 300)
    found = EXACT.radius(GeneralizedGaussian(0.5, 1.0), q_a=q_a, norm=1)
    assert (found >= bounds.get("lecuyer-l1").radius(noises.Laplace(0.5), q_a=q_a)).all()
    assert (found <= exact_radius(noises.Laplace(0.5), q_a=q_a)).all()
    printed = POLYNOMIAL.radius(GeneralizedGaussian(0.5, 1.0), q_a=q_a, norm=1)
    assert (printed < bounds.get("lecuyer-l1").radius(noises.Laplace(0.5), q_a=q_a)).all()


def test_the_dimension_is_asked_for_only_where_it_counts():
    assert float(EXACT.radius(GeneralizedGaussian(1.0, 3.0), 0.99, norm=2)) == pytest.approx(0.956043, rel=1e-6)
    assert float(POLYNOMIAL.radius(GeneralizedGaussian(1.0, 1.0), 0.99, norm=1)) == pytest.approx(BUDGET, rel=1e-11)
    with pytest.raises(MissingDimensionError, match="gg-kl-exact-lp .* needs the dimension"):
        EXACT.radius(GeneralizedGaussian(1.0, 3.0), 0.99, norm=3)
    keys = [row.bound.key for row in compare(GeneralizedGaussian(1.0, 3.0, dim=64), 0.99)]  # in the l3 norm
    assert keys == ["gg-kl-exact-lp", "gg-kl-lp", "gg-kl-lp-printed"]


def test_shapes_that_are_not_coded_are_refused():
    for bound, shape in ((EXACT, 0.5), (EXACT, 1001), (POLYNOMIAL, 2.5), (PRINTED, 4.0)):
        with pytest.raises(UnsupportedNoiseError, match=rf"{bound.key} .* needs GeneralizedGaussian of .*shape"):
            bound.radius(GeneralizedGaussian(1.0, shape, dim=3), 0.99, norm=2)
    for call, words in (
        (lambda: kappa(0.5, 0.9), "kappa: the shape must lie between 1 and 1000, got s=0.9"),
        (lambda: kappa_printed(0.5, 2.5), "the shape must be a whole number, got s=2.5"),
        (lambda: coefficient(5, 4), "k must be a whole number from 0 to s=4, got k=5"),
        (lambda: least_order(1, 10), r"ratio must lie in \(0, 1\), got ratio=1"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


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
