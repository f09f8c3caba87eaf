"""Exponents against their laws; the exact radius along the even spread by closed forms, splines, Fourier, sampling."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
from scipy import special, stats

from reproduce import laplace_law
from rsexplore import bounds, mechanisms, noises, scaling
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
    assert scaling.fisher_information(GG(1.0, shape)) == pytest.approx(square, rel=2e-3)
    assert scaling.fisher_information(GG(0.5, shape)) == pytest.approx(4 * scaling.fisher_information(GG(1.0, shape)))
    noise = GG(0.3, shape)
    assert noise.sigma**2 * scaling.fisher_information(noise) > 1  # Cramer and Rao; 1 for the Gaussian alone
    assert scaling.fisher_information(noises.Gaussian(0.3)) == pytest.approx(1 / 0.09, rel=1e-14)


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
    power = 1 / Fraction(int(shape)) - 1 if bound.key == "gg-kl-lp-printed" else None
    assert power in (None, scaling.law(bound, GG(1.0, shape), shape).power)


def test_laws_as_text():
    """For p < 2 the Gaussian's l_p radius is the l2 radius, not d^(1/p - 1/2)."""
    laws = [str(scaling.law("cohen-lp", noises.Gaussian(1.0), norm)) for norm in (1, 3, inf)]
    assert laws == ["O(1)", "O(1/d^(1/6))", "O(1/sqrt(d))"]
    assert scaling.law("gg-kl-exact-lp", GG(1.0, 3.0), inf) == (Fraction(-1, 2), 0)


def test_the_mixed_norm_family_falls_as_the_gaussian():
    def noise(dim):
        return noises.PowerGaussian.from_sigma(1.0, dim, k=20.0, power_norm=inf, tail_norm=2)

    fitted = scaling.exponent("soap-dual-linf", noise, 0.99, dims=(3072, 24_576, 150_528))
    assert scaling.law("soap-dual-linf", noise(64)) == (Fraction(-1, 2), 0)
    assert fitted.value == pytest.approx(-0.5, abs=0.01)


@pytest.mark.parametrize("norm, power", [(1, 0), (2, -0.5), (inf, -1)])
def test_uniform_noise_grows_as_1_over_d_in_l_inf(norm, power):
    def exact(noise):
        return scaling.even_spread_radius(noise, 0.99, norm=norm).value

    found = scaling.exponent(exact, lambda dim: noises.Uniform(1.0, dim), dims=HIGH)
    assert found.value == pytest.approx(power, abs=1e-3)
    last = noises.Uniform(1.0, HIGH[-1])
    assert exact(last) == pytest.approx(scaling.limit_radius(last, 0.99, norm=norm), rel=1e-5)


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


# ---------------------------------------------------------------- the law of a sum of log-likelihood ratios


@pytest.mark.parametrize("dim", [1, 2, 16, 256, 3072])
@pytest.mark.parametrize("q_a, p_b", [(0.4, 0.4), (0.01, 0.01), (0.1, 0.05), (1e-6, 1e-6), (1e-12, 1e-12), (0.6, 0.2)])
def test_gaussian_noise_has_its_closed_form_inside_the_bracket(dim, q_a, p_b):
    exact = (special.ndtri(1 - p_b) - special.ndtri(q_a)) / 2 if p_b > 1e-9 else -special.ndtri(q_a)
    found = scaling.even_spread_radius(noises.Gaussian(0.5), None, dim, q_a=q_a, p_b=p_b)
    assert found.low <= 0.5 * exact <= found.high
    assert found.error <= 1e-5 * found.value


@pytest.mark.parametrize("shape", [1.0, 1.3, 3.0, 4.0, 7.5])
def test_one_dimension_is_the_quantile_function(shape):
    """For log-concave noise on the line the exact radius is half the distance of two quantiles."""
    law = stats.gennorm(shape)
    for q_a, p_b in ((0.3, 0.3), (0.01, 0.01), (0.2, 0.05), (1e-5, 1e-5)):
        exact = (law.isf(q_a) + law.isf(p_b)) / 2
        found = scaling.even_spread_radius(GG(2.0, shape), None, 1, q_a=q_a, p_b=p_b)
        assert found.low <= 2 * exact <= found.high
        assert found.error <= 1e-3 * found.value


@pytest.mark.parametrize("shape", [500.0, 1000.0])
@pytest.mark.parametrize("shift", [0.2, 0.55, 0.8, 1.5])
def test_at_large_shapes_where_powers_underflow_the_bracket_stays_narrow(shape, shift):
    x = np.linspace(-1.1, 1.1, 200_001)
    law = np.exp(-(np.abs(x) ** shape)).cumsum()
    law /= law[-1]
    kept = np.interp(np.interp(0.9, law, x) - shift, x, law)  # by a half-line
    found = scaling.least_probability(GG(1.0, shape), shift, 1, 0.1, cells=16)
    assert found.low - 1e-5 <= kept <= found.high + 1e-5 and found.error < 3e-6


@pytest.mark.parametrize("dim", [1, 2, 4, 6])
def test_laplace_noise_has_the_law_of_its_splines(dim):
    """T of `laplace_law` is the log-likelihood ratio S times -scale, and its law is exact for few coordinates.

    The class {T >= t} leaves P(T <= t) to the others, and after the shift it keeps P(T <= -t).
    """
    scale, shift = 0.7, 0.9
    law = laplace_law.LikelihoodLaw(scale, (shift,) * dim)
    checked = 0
    for t in np.linspace(-0.83, 0.83, 8) * dim * shift:
        q_a, kept = float(law.cdf(t)), float(law.cdf(-t))
        if 1e-12 < q_a < 1 - 1e-12 and law.cdf(t + 1e-6) - law.cdf(t - 1e-6) < 1e-4:
            found = scaling.least_probability(noises.Laplace(scale), shift, dim, q_a)
            assert found.low <= kept <= found.high
            assert found.error < 2e-5
            checked += 1
    assert checked >= 4


def through_the_transform(shape, shift, dim, level):
    """P(S > level) and P(S > -level) by Fourier inversion along Re = 1/2.

    E exp((1/2 + i t) S) = (integral of f^(1/2 - i t) g^(1/2 + i t))^dim is real, as the reflection swaps f and g.
    """
    nodes, weights = np.polynomial.legendre.leggauss(80)
    edges = np.unique(np.r_[0, shift / 2, shift, np.linspace(-6, 6 + shift, 40)])
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + nodes)).ravel()
    before, after = np.abs(z) ** shape, np.abs(z - shift) ** shape
    mean = (half * weights).ravel() * np.exp(-(before + after) / 2) * shape / (2 * special.gamma(1 / shape))
    step = 0.02
    t = np.arange(-40, 40 + step, step)
    transform = np.array([mean @ np.cos(one * (before - after)) for one in t]) ** dim
    assert abs(transform[0]) < 1e-12
    line = 0.5 + 1j * t
    above = [(transform * np.exp(-line * x) / line).real.sum() for x in (level, -level)]
    return np.array(above) * step / (2 * np.pi)


@pytest.mark.parametrize("shape, shift, dim", [(4.0, 0.6, 16), (3.0, 0.5, 40), (1.5, 0.4, 60)])
@pytest.mark.parametrize("level", [-1.0, 0.7, 4.0])
def test_generalized_gaussian_noise_agrees_with_fourier_inversion(shape, shift, dim, level):
    q_a, kept = through_the_transform(shape, shift, dim, level)
    found = scaling.least_probability(GG(1.0, shape), shift, dim, float(q_a))
    assert found.low <= kept <= found.high
    assert found.error < 1e-5


def test_more_lattice_points_narrow_the_bracket_quadratically():
    noise = GG(1.0, 4.0)
    coarse, fine = (scaling.even_spread_radius(noise, 0.99, 256, 2, cells=cells) for cells in (32, 128))
    assert coarse.low <= fine.low <= fine.high <= coarse.high
    assert 10 < coarse.error / fine.error < 22


def test_edges_of_the_least_probability():
    gaussian = noises.Gaussian(1.0)
    assert scaling.least_probability(gaussian, 0.0, 5, 0.1) == (0.9, 0.9)
    there, back = (scaling.least_probability(gaussian, w, 5, 0.1) for w in (0.3, -0.3))
    assert there == back and there.low < 0.9
    assert scaling.least_probability(gaussian, 5.0, 3072, 0.1).high < 1e-200
    with pytest.raises(ValueError, match="lattice points, above 4194304"):
        scaling.least_probability(GG(1.0, 200.0), 0.7, 16, 0.1, cells=8192)
    with pytest.raises(ValueError, match="q_a must be in .* got q_a=0"):
        scaling.least_probability(gaussian, 0.3, 5, 0.0)


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
