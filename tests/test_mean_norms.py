"""E ||z|| of every family against closed forms, one- and two-dimensional integrals, 30 digits, and samples."""

from math import inf

import mpmath
import numpy as np
import pytest
from scipy import special

from rsexplore import noises

GG = noises.GeneralizedGaussian


@pytest.mark.parametrize("dim, value", [(3072, 3.7300882273615823), (150_528, 4.6191551887044278)])
def test_largest_gaussian_coordinate(dim, value):
    assert noises.Gaussian(1.0, dim).mean_norm(inf) == pytest.approx(value, rel=1e-14)
    assert noises.Gaussian(0.25, dim).mean_norm(inf) == pytest.approx(value / 4, rel=1e-14)
    with mpmath.workdps(30):
        tail = lambda t: -mpmath.expm1(dim * mpmath.log1p(-mpmath.erfc(t / mpmath.sqrt(2))))  # noqa: E731
        exact = mpmath.quad(tail, [0, 1, 2, 3, 3.5, 4, 4.5, 5, 6, 8, 12, 20])
    assert value == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize("dim", [1, 2, 50, 3072, 150_528])
def test_closed_forms_of_mean_norms(dim):
    harmonic = sum(1 / k for k in range(dim, 0, -1))
    assert noises.Laplace(0.3, dim).mean_norm(inf) == pytest.approx(0.3 * harmonic, rel=1e-13)
    assert GG(0.3, 1.0, dim).mean_norm(inf) == pytest.approx(0.3 * harmonic, rel=1e-12)
    assert noises.Uniform(0.3, dim).mean_norm(inf) == pytest.approx(0.3 * dim / (dim + 1), rel=1e-14)
    assert noises.ExponentialLinf(0.3, dim).mean_norm(inf) == 0.3 * dim  # a Gamma(dim) law
    gaussian, same = noises.Gaussian(0.3, dim), GG(0.3 * np.sqrt(2), 2.0, dim)
    for norm in (2, inf):
        assert same.mean_norm(norm) == pytest.approx(gaussian.mean_norm(norm), rel=1e-12)
    with mpmath.workdps(30):
        chi = mpmath.sqrt(2) * mpmath.gammaprod([mpmath.mpf(dim + 1) / 2], [mpmath.mpf(dim) / 2])
    assert gaussian.mean_norm(2) == pytest.approx(0.3 * float(chi), rel=1e-12)


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.7, 4.0, 40.0])
def test_one_coordinate_and_many(shape):
    one = special.gamma(2 / shape) / special.gamma(1 / shape)
    for norm in (2, inf):
        assert GG(1.0, shape, 1).mean_norm(norm) == pytest.approx(one, rel=1e-12)
    # sqrt is concave, and the relative variance of ||z||^2 falls as 1 / d
    many = GG(1.0, shape, 150_528)
    share = many.mean_norm(2) / (many.sigma * np.sqrt(150_528))
    kurtosis = np.exp(special.gammaln(5 / shape) + special.gammaln(1 / shape) - 2 * special.gammaln(3 / shape))
    assert 1 - share == pytest.approx((kurtosis - 1) / (8 * 150_528), rel=1e-2)


def test_mean_length_in_a_square():
    square = (np.sqrt(2) + np.arcsinh(1)) / 3
    assert noises.Uniform(1.0, 2).mean_norm(2) == pytest.approx(square, rel=1e-12)
    assert noises.ExponentialLinf(1.0, 2).mean_norm(2) == pytest.approx(3 * square, rel=1e-12)
    # E sqrt(x^2 + y^2) of two Laplace variables: a Gamma(2) law of x + y, and a uniform share of it
    nodes, weights = np.polynomial.legendre.leggauss(200)
    share = (nodes + 1) / 2
    expected = 2 * (weights / 2) @ np.sqrt(share**2 + (1 - share) ** 2)
    assert noises.Laplace(1.0, 2).mean_norm(2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("family", noises.ALL, ids=lambda f: f.__name__)
def test_mean_norms_of_samples(family):
    noise = family.from_sigma(0.4, dim=30)
    draws = noise.draw(np.random.default_rng(5), (20_000, 30))
    for norm in (2, inf):
        lengths = np.linalg.norm(draws, norm, axis=1)
        assert abs(lengths.mean() - noise.mean_norm(norm)) < 4 * lengths.std() / np.sqrt(len(draws))


def test_what_is_not_offered_is_said():
    with pytest.raises(ValueError, match="Laplace: mean_norm needs norm 2 or inf, got norm=1"):
        noises.Laplace(1.0, 3).mean_norm(1)
    with pytest.raises(ValueError, match="Gaussian: mean_norm needs the dimension, got dim=None"):
        noises.Gaussian(1.0).mean_norm(2)
