"""Exponents against their laws, and the exact radius along the even spread against other routes to it."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
from scipy import special, stats

from rsexplore import bounds, convolution, mechanisms, noises, scaling
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError

HIGH = tuple(d for d in scaling.DIMS if d >= 3072)
NORMS = (1, 2, 3, 4, inf)
GG = noises.GeneralizedGaussian


# ---------------------------------------------------------------- the even spread and its limit


def test_uniform_noise_has_its_closed_form():
    """The class loses the part of the cube that no copy covers, and another gains as much: they tie at half the gap."""
    noise = noises.Uniform(0.5)
    for p_a, p_b in ((0.9, None), (0.7, 0.2)):
        found = scaling.even_spread_radius(noise, p_a, 40, inf, p_b=p_b)
        outside = 1 - (1 - found.value / 1.0) ** 40
        assert outside == pytest.approx((p_a - (1 - p_a if p_b is None else p_b)) / 2, rel=1e-8)
    one = scaling.even_spread_radius(noise, 0.9, 1, 1)
    assert one.value == pytest.approx(float(bounds.get("uniform-l1").radius(noise, 0.9)), rel=1e-9)


@pytest.mark.parametrize("shape", [1.0, 1.5, 3.0, 4.0, 8.0])
def test_fisher_information_is_the_mean_square_of_the_score(shape):
    x, weights = special.roots_genlaguerre(120, 1 / shape - 1)  # |z|^shape is Gamma(1 / shape)
    score = shape * x ** (1 - 1 / shape)
    square = float(weights @ score**2) / special.gamma(1 / shape)
    assert convolution.fisher_information(GG(1.0, shape)) == pytest.approx(square, rel=2e-3)
    assert convolution.fisher_information(GG(0.5, shape)) == pytest.approx(
        4 * convolution.fisher_information(GG(1.0, shape))
    )
    noise = GG(0.3, shape)
    assert noise.sigma**2 * convolution.fisher_information(noise) > 1  # Cramer and Rao; 1 for the Gaussian alone
    assert convolution.fisher_information(noises.Gaussian(0.3)) == pytest.approx(1 / 0.09, rel=1e-14)


@pytest.mark.parametrize("shape", [1.0, 1.5, 3.0, 4.0, 8.0])
def test_the_exact_radius_tends_to_the_fisher_law(shape):
    noise, norm = GG(0.3, shape), 4
    ratios = [
        scaling.even_spread_radius(noise, 0.99, d, norm, cells=32).value / scaling.limit_radius(noise, 0.99, d, norm)
        for d in (64, 1024, 16_384)
    ]
    away = np.abs(np.array(ratios) - 1)
    assert away[2] < (0.004 if shape == 1 else 1e-3)
    assert away[2] < away[0]


def test_the_page_s_example():
    """GG(1, 4), d = 3072, p_A = 0.99, l4: limit 0.155; the Gaussian of equal deviation certifies 0.182."""
    noise = GG(1.0, 4.0, 3072)
    assert scaling.limit_radius(noise, 0.99, norm=4) == pytest.approx(0.155159, abs=1e-6)
    assert scaling.even_spread_radius(noise, 0.99, norm=4).value == pytest.approx(0.155159, abs=2e-6)
    gaussian = noises.Gaussian(noise.sigma, 3072)
    assert float(bounds.get("cohen-lp").radius(gaussian, 0.99, norm=4)) == pytest.approx(0.182, abs=5e-4)
    assert noise.sigma == pytest.approx(0.5814, abs=5e-5)


def test_edges_of_the_radius():
    gaussian = noises.Gaussian(1.0, 8)
    assert scaling.even_spread_radius(gaussian, 0.4) == (0, 0)
    assert np.isnan(scaling.even_spread_radius(gaussian, nan).value)
    assert np.isnan(scaling.even_spread_radius(gaussian, 1.2).low)
    assert np.isnan(scaling.limit_radius(gaussian, 1.2))
    assert scaling.limit_radius(gaussian, 0.5) == 0
    big, small = (scaling.even_spread_radius(noises.Laplace(s, 8), 0.9) for s in (1e6, 1e-6))
    assert big.low == pytest.approx(1e12 * small.low, rel=1e-12)


# ---------------------------------------------------------------- is the Gaussian optimal?


def share(noise, q_a, dim):
    """Even-spread radius over the Gaussian's of deviation 1: a bracket."""
    found = scaling.even_spread_radius(noise, None, dim, q_a=q_a, cells=32)
    return np.array(found) / scaling.limit_radius(noises.Gaussian(1.0), None, dim, q_a=q_a)


def test_no_independent_noise_beats_the_gaussian_at_high_dimension_and_some_do_at_few_coordinates():
    """In this direction; heavy tails at p_A near 1, flat densities near 1/2."""
    shaped = (GG.from_sigma(1.0, shape=s) for s in (1.5, 3.0, 4.0, 8.0))
    laplace, uniform = noises.Laplace.from_sigma(1.0), noises.Uniform.from_sigma(1.0)
    for noise in (laplace, *shaped):
        limit = scaling.limit_radius(noise, 0.9, 1) / scaling.limit_radius(noises.Gaussian(1.0), 0.9, 1)
        for q_a, dim in ((0.4, 256), (0.01, 3072), (1e-4, 256)):
            low, high = share(noise, q_a, dim)
            assert high < 1 and low == pytest.approx(limit, abs=0.1)
    assert max(share(uniform, q_a, 256)[1] for q_a in (0.4, 0.01, 1e-4)) < 0.1
    assert share(laplace, 1e-4, 1)[0] > 1.6 and share(laplace, 0.4, 1)[1] < 0.7
    assert share(uniform, 0.4, 1)[0] > 1.3 and share(uniform, 1e-4, 1)[1] < 0.5


# ---------------------------------------------------------------- exponents


def member(bound, dim, sigma=1.0):
    """A noise of a bound's family with deviation 1."""
    if bound.noise is noises.PowerGaussian:
        norm = 2 if bound.key in ("soap-dual", "soap-dual-lp") else inf
        return noises.PowerGaussian.from_sigma(sigma, dim, k=20.0, power_norm=norm, tail_norm=norm)
    return bound.noise.from_sigma(sigma, dim)


@pytest.mark.parametrize(
    "bound", [b for b in bounds.ALL if b.noise is not GG and b.key != "li-l1-printed"], ids=lambda b: b.key
)
def test_fitted_slopes_are_those_of_the_law(bound):
    slow = bound.key == "soap-dual-linf"
    dims = (3072, 24_576, 150_528) if slow else HIGH
    for norm in (inf,) if slow else NORMS:
        grows = scaling.law(bound, member(bound, 64), norm)
        fitted = scaling.exponent(bound, lambda dim: member(bound, dim), 0.99, dims=dims, norm=norm)
        assert fitted.value == pytest.approx(grows.fitted(dims), abs=0.01)
        assert fitted.error < 0.01
        assert all(grows.slope(d) == pytest.approx(fitted.value, abs=0.01) for d in dims)


SHAPES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
DIVERGENCE_RADII = [(b, s) for b in bounds.ALL if b.noise is GG for s in SHAPES if b.supports(GG(1.0, s))]


@pytest.mark.parametrize("bound, shape", DIVERGENCE_RADII, ids=lambda x: getattr(x, "key", str(x)))
def test_divergence_radii_of_generalized_gaussian_noise_have_their_law(bound, shape):
    """d^(1/p - 1/2), and d^(1/p - 1) as printed for odd shapes."""
    for norm in (*NORMS, shape):
        grows = scaling.law(bound, GG(1.0, shape), norm)
        fitted = scaling.exponent(bound, lambda dim: GG(1.0, shape, dim), 0.99, dims=HIGH, norm=norm)
        assert fitted.value == pytest.approx(float(grows.power), abs=0.01)
    if bound.key == "gg-kl-lp-printed":
        assert scaling.law(bound, GG(1.0, shape), shape).power == 1 / Fraction(int(shape)) - 1
    if bound.key == "gg-kl-exact-lp":
        assert scaling.law(bound, GG(1.0, shape), inf).power == Fraction(-1, 2)


def test_the_gaussian_l_p_radius_falls_for_p_above_2_only():
    """Not d^(1/p - 1/2) for p < 2: the l_p radius there is the l2 radius."""
    slopes = [scaling.exponent("cohen-lp", lambda d: noises.Gaussian(1.0, d), 0.99, norm=norm).value for norm in NORMS]
    assert slopes == pytest.approx([0, 0, -1 / 6, -1 / 4, -1 / 2], abs=1e-12)
    assert str(scaling.law("cohen-lp", noises.Gaussian(1.0), 1)) == "O(1)"
    assert str(scaling.law("cohen-lp", noises.Gaussian(1.0), 3)) == "O(1/d^(1/6))"
    assert str(scaling.law("cohen-lp", noises.Gaussian(1.0), inf)) == "O(1/sqrt(d))"


def test_the_mixed_norm_family_falls_as_the_gaussian():
    def noise(dim):
        return noises.PowerGaussian.from_sigma(1.0, dim, k=20.0, power_norm=inf, tail_norm=2)

    fitted = scaling.exponent("soap-dual-linf", noise, 0.99, dims=(3072, 24_576, 150_528))
    assert scaling.law("soap-dual-linf", noise(64)) == (Fraction(-1, 2), 0)
    assert fitted.value == pytest.approx(-0.5, abs=0.01)


@pytest.mark.parametrize("norm", [2, 3, 4, inf])
@pytest.mark.parametrize("shape", [1.0, 2.0, 3.0, 4.0])
def test_exact_even_spread_radii_grow_as_theory_says(norm, shape):
    def exact(noise):
        return scaling.even_spread_radius(noise, 0.99, norm=norm, cells=32).value

    found = scaling.exponent(exact, lambda dim: GG(1.0, shape, dim), dims=(3072, 12_288, 49_152))
    assert found.value == pytest.approx((0 if norm == inf else 1 / norm) - 0.5, abs=0.01)


def test_uniform_noise_grows_as_1_over_d_in_l_inf():
    for norm, power in ((1, 0), (2, -0.5), (inf, -1)):
        found = scaling.exponent(
            lambda noise, norm=norm: scaling.even_spread_radius(noise, 0.99, norm=norm).value,
            lambda dim: noises.Uniform(1.0, dim),
            dims=HIGH,
        )
        assert found.value == pytest.approx(power, abs=1e-3)
        limits = [scaling.limit_radius(noises.Uniform(1.0, d), 0.99, norm=norm) for d in HIGH]
        assert scaling.even_spread_radius(noises.Uniform(1.0, HIGH[-1]), 0.99, norm=norm).value == pytest.approx(
            limits[-1], rel=1e-5
        )


def test_at_a_fixed_mean_the_logarithm_shows():
    """r = sigma / sqrt(d) at E ||z||_inf = 1: slope -1/2 - 1/(2 log d), against the exact mean of the maximum."""
    found = scaling.law("cohen-lp", noises.Gaussian(1.0), inf, fixed="mean")
    assert found == (Fraction(-1, 2), Fraction(-1, 2))
    for dim in HIGH:
        near = (dim * 100 // 101, dim, dim * 101 // 100)
        measured = scaling.exponent(
            "cohen-lp", lambda d: mechanisms.with_mean(noises.Gaussian, 1.0, d), 0.9, dims=near, norm=inf
        )
        assert measured.value == pytest.approx(-0.5 - 1 / (2 * np.log(dim)), abs=0.01)
        assert found.slope(dim) == pytest.approx(-0.5 - 1 / (2 * np.log(dim)))
    for family, bound in ((noises.Laplace, "laplace-l1"), (noises.ExponentialLinf, "pure-dp-linf")):
        fitted = scaling.exponent(bound, lambda d, f=family: mechanisms.with_mean(f, 1.0, d), 0.9, dims=HIGH)
        assert fitted.value == pytest.approx(
            scaling.law(bound, family.from_sigma(1.0, 4), fixed="mean").fitted(HIGH), abs=0.01
        )


def test_the_slope_of_a_power_is_exact_and_its_error_is_the_textbook_s():
    found = scaling.exponent(lambda noise: 3 * noise.dim**-0.3, lambda d: noises.Gaussian(1.0, d))
    assert found.value == pytest.approx(-0.3, abs=1e-13) and found.error < 1e-13
    rng = np.random.default_rng(0)
    values = {d: float(np.exp(rng.normal())) for d in scaling.DIMS}
    found = scaling.exponent(lambda noise: values[noise.dim], lambda d: noises.Gaussian(1.0, d))
    book = stats.linregress(np.log(scaling.DIMS), np.log([values[d] for d in scaling.DIMS]))
    assert found.value == pytest.approx(book.slope) and found.error == pytest.approx(book.stderr)


def even(noise, *args, **named):
    return lambda: scaling.even_spread_radius(noise, *args, **named)


def fitted(bound, *args, **named):
    return lambda: scaling.exponent(bound, lambda dim: noises.Gaussian(1.0, dim), *args, **named)


@pytest.mark.parametrize("call, error, words", [
    (even(noises.Gaussian(1.0), 0.9), MissingDimensionError, "needs the dimension"),
    (even(GG(1.0, 0.5, 4), 0.9), UnsupportedNoiseError, "shape 1 to 1000, got GeneralizedGaussian"),
    (even(noises.ExponentialLinf(1.0, 4), 0.9), UnsupportedNoiseError, "got ExponentialLinf"),
    (even(noises.Gaussian(1.0, 8), q_a=1e-13), ValueError, "p_b=1e-13"),
    (even(noises.Gaussian(1.0, 8), 0.9, norm=0.5), ValueError, "norm must be .* at least 1, got norm=0.5"),
    (even(noises.Gaussian(1.0, 8)), TypeError, "exactly one of p_a and q_a"),
    (fitted("cohen-l2", 0.9, dims=(16, 64)), ValueError, "at least 3 different dims, got 2"),
    (fitted("cohen-l2", 0.4), ValueError, "finite radii above 0"),
    (fitted(lambda noise: 1.0, 0.9), TypeError, "takes no probabilities"),
    (lambda: scaling.law("cohen-l2", noises.Gaussian(1.0), fixed="scale"), ValueError,
     "fixed='sigma' or 'mean', got fixed='scale'"),
    (lambda: scaling.law("cohen-l2", noises.Laplace(1.0)), UnsupportedNoiseError, "cohen-l2 says nothing of Laplace"),
    (lambda: scaling.law("cohen-lp", noises.Gaussian(1.0)), UnsupportedNoiseError, "say which"),
])  # fmt: skip
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
