"""The law of a sum of log-likelihood ratios against closed forms, splines, Fourier inversion and Monte Carlo."""

import numpy as np
import pytest
from scipy import special, stats

from reproduce import laplace_law
from reproduce.printed_tradeoffs import sampled_vote
from rsexplore import convolution, noises, scaling

GG = noises.GeneralizedGaussian


@pytest.mark.parametrize("dim", [1, 2, 16, 256, 3072])
@pytest.mark.parametrize("q_a, p_b", [(0.4, 0.4), (0.01, 0.01), (0.1, 0.05), (1e-6, 1e-6), (1e-12, 1e-12), (0.6, 0.2)])
def test_gaussian_noise_has_its_closed_form_inside_the_bracket(dim, q_a, p_b):
    exact = (special.ndtri(1 - p_b) - special.ndtri(q_a)) / 2 if p_b > 1e-9 else -special.ndtri(q_a)
    found = scaling.even_spread_radius(noises.Gaussian(0.5), None, dim, q_a=q_a, p_b=p_b)
    assert found.low <= 0.5 * exact <= found.high
    assert found.error <= 1e-5 * found.value


@pytest.mark.parametrize("dim", [1, 7, 500])
@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 4.0, 9.0])
def test_the_least_probability_of_gaussian_noise_is_inside_the_bracket(dim, length):
    for q_a in (1e-12, 1e-6, 0.01, 0.5, 0.9, 1 - 1e-9):
        exact = special.ndtr(-special.ndtri(q_a) - length)
        found = convolution.least_probability(noises.Gaussian(1.0), length / np.sqrt(dim), dim, q_a)
        assert found.low <= exact <= found.high
        assert found.error < 1e-5


def test_gaussian_noise_at_the_largest_dimension():
    found = scaling.even_spread_radius(noises.Gaussian(1.0), None, 150_528, q_a=0.01, cells=64)
    assert found.low <= 2.3263478740408408 <= found.high and found.error < 5e-5


@pytest.mark.parametrize("shape", [1.0, 1.3, 3.0, 4.0, 7.5])
def test_one_dimension_is_the_quantile_function(shape):
    """For log-concave noise on the line the exact radius is half the distance of two quantiles."""
    law = stats.gennorm(shape)
    for q_a, p_b in ((0.3, 0.3), (0.01, 0.01), (0.2, 0.05), (1e-5, 1e-5)):
        exact = (law.isf(q_a) + law.isf(p_b)) / 2
        found = scaling.even_spread_radius(GG(2.0, shape), None, 1, q_a=q_a, p_b=p_b)
        assert found.low <= 2 * exact <= found.high
        assert found.error <= 1e-3 * found.value


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
            found = convolution.least_probability(noises.Laplace(scale), shift, dim, q_a)
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
    found = convolution.least_probability(GG(1.0, shape), shift, dim, float(q_a))
    assert found.low <= kept <= found.high
    assert found.error < 1e-5


def test_monte_carlo_agrees_within_its_error_bar():
    for noise, shift in ((GG(0.5, 4.0, 64), 0.15), (noises.Laplace(0.5, 64), 0.12), (noises.Gaussian(1.0, 64), 0.2)):
        exact = convolution.least_probability(noise, shift, 64, 0.05).value
        sampled = sampled_vote(noise, shift, 0.05, draws=40_000, seed=3)
        assert sampled.error < 0.01
        assert abs(sampled.value - exact) < 4 * sampled.error


def test_more_lattice_points_narrow_the_bracket_quadratically():
    noise = GG(1.0, 4.0)
    coarse, fine = (scaling.even_spread_radius(noise, 0.99, 256, 2, cells=cells) for cells in (32, 128))
    assert coarse.low <= fine.low <= fine.high <= coarse.high
    assert 10 < coarse.error / fine.error < 22


def test_edges_of_the_least_probability():
    gaussian = noises.Gaussian(1.0)
    assert convolution.least_probability(gaussian, 0.0, 5, 0.1) == (0.9, 0.9)
    there, back = (convolution.least_probability(gaussian, w, 5, 0.1) for w in (0.3, -0.3))
    assert there == back and there.low < 0.9
    assert convolution.least_probability(gaussian, 5.0, 3072, 0.1).high < 1e-200
    with pytest.raises(ValueError, match="lattice points, above 4194304"):
        convolution.least_probability(GG(1.0, 200.0), 0.7, 16, 0.1, cells=2048)
    with pytest.raises(ValueError, match="q_a must be in .* got q_a=0"):
        convolution.least_probability(gaussian, 0.3, 5, 0.0)
