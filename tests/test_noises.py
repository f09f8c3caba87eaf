"""Samplers against exact laws, densities against quadrature, and value types that refuse bad input."""

import numpy as np
import pytest
from scipy import integrate, stats

from rsexplore import noises

SIGMA = 0.8
FAMILIES = [
    (noises.Gaussian(SIGMA), stats.norm(scale=SIGMA)),
    (noises.Laplace.from_sigma(SIGMA), stats.laplace(scale=SIGMA / np.sqrt(2))),
    (noises.Uniform.from_sigma(SIGMA), stats.uniform(-SIGMA * np.sqrt(3), 2 * SIGMA * np.sqrt(3))),
    (noises.GeneralizedGaussian(0.7, 1.0), stats.laplace(scale=0.7)),
    (noises.GeneralizedGaussian(0.7, 2.0), stats.norm(scale=0.7 / np.sqrt(2))),
    (noises.GeneralizedGaussian(0.7, 3.5), stats.gennorm(3.5, scale=0.7)),
    (noises.ExponentialLinf(0.7, dim=1), stats.laplace(scale=0.7)),
]
ids = [str(noise) for noise, _ in FAMILIES]


@pytest.mark.parametrize("noise, law", FAMILIES, ids=ids)
def test_samples_follow_the_law_of_one_coordinate(noise, law):
    shape = (40_000, 1) if noise.dim == 1 else (10_000, 2, 2)
    draws = noise.draw(np.random.default_rng(0), shape)
    assert draws.shape == shape
    assert stats.kstest(draws.ravel(), law.cdf).pvalue > 1e-3
    assert noise.sigma == pytest.approx(law.std(), rel=1e-12)
    corner = draws.reshape(len(draws), -1)
    if corner.shape[1] > 1:
        assert abs(np.corrcoef(corner[:, 0], corner[:, -1])[0, 1]) < 0.04


@pytest.mark.parametrize("noise, law", FAMILIES, ids=ids)
def test_density_is_that_of_the_law(noise, law):
    x = np.linspace(-1.1, 1.1, 41)
    assert np.exp(noise.log_density(x[:, None])) == pytest.approx(law.pdf(x), rel=1e-12)


@pytest.mark.parametrize("dim", [2, 50, 3072])
def test_exponential_mechanism_in_its_norm(dim):
    noise = noises.ExponentialLinf(0.3, dim=dim)
    draws = noise.draw(np.random.default_rng(1), (4_000, dim))
    # ||z||_inf is Gamma(dim, scale); which coordinate is the largest is uniform
    assert stats.kstest(np.abs(draws).max(1), stats.gamma(dim, scale=0.3).cdf).pvalue > 1e-3
    error = 4 * noise.sigma * np.sqrt(2 / draws.size) * (1 + dim / np.sqrt(draws.size))
    assert draws.std() == pytest.approx(noise.sigma, abs=max(error, 0.05 * noise.sigma))
    assert noises.ExponentialLinf.from_sigma(noise.sigma, dim).scale == pytest.approx(0.3, rel=1e-14)


def test_exponential_mechanism_density_integrates_to_one():
    noise = noises.ExponentialLinf(0.7, dim=2)
    quarter, _ = integrate.dblquad(lambda y, x: float(np.exp(noise.log_density([x, y]))), 0, 15, 0, lambda x: x)
    assert 8 * quarter == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("family", noises.ALL, ids=lambda f: f.__name__)
def test_every_family_scales_round_trips_and_compares_by_deviation(family):
    noise = family.from_sigma(0.25, dim=12)
    assert noise.sigma == pytest.approx(0.25, rel=1e-14)
    assert noises.from_dict(noises.to_dict(noise)) == noise
    assert noise.family == family.__name__ and noise.family in noise.label
    assert hash(noise) == hash(noises.from_dict(noises.to_dict(noise)))
    total = np.exp(noise.log_density(np.zeros(12)))
    assert np.isfinite(total) and total > 0


@pytest.mark.parametrize("family", noises.ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_deviation_and_scale_must_be_positive(family, bad):
    with pytest.raises(ValueError, match=rf"{family.__name__}: \w+ must be positive and finite, got \w+="):
        family.from_sigma(bad, dim=3)
    name = "sigma" if family is noises.Gaussian else "scale"
    extra = {"shape": 2.0} if family is noises.GeneralizedGaussian else {}
    with pytest.raises(ValueError, match=rf"{family.__name__}: {name} must be positive and finite, got {name}="):
        family(**{name: bad}, dim=3, **extra)
    with pytest.raises(TypeError, match=f"{name} must be a number, got {name}='a'"):
        family(**{name: "a"}, dim=3, **extra)


def test_dimension_must_be_a_whole_number():
    for bad in (0, -3, 2.5, True):
        with pytest.raises(ValueError, match="dim must be a whole number of at least 1, got dim="):
            noises.Gaussian(1.0, dim=bad)
    with pytest.raises(ValueError, match="ExponentialLinf: dim must be given, got dim=None"):
        noises.ExponentialLinf(1.0)
    with pytest.raises(ValueError, match="ExponentialLinf: dim must be given, got dim=None"):
        noises.ExponentialLinf.from_sigma(1.0)
    with pytest.raises(ValueError, match="must have dim=4 coordinates a draw, got shape="):
        noises.ExponentialLinf(1.0, dim=4).draw(np.random.default_rng(0), (10, 5))


def test_unknown_families_are_refused():
    with pytest.raises(ValueError, match="noise needs a family of .*, got 'Cauchy'"):
        noises.from_dict({"family": "Cauchy", "scale": 1.0})
    with pytest.raises(ValueError, match="noise Gaussian cannot be made from"):
        noises.from_dict({"family": "Gaussian", "scale": 1.0})


def test_noises_of_other_classes_are_refused_in_logs():
    class Mine(noises.Gaussian):
        pass

    with pytest.raises(TypeError, match=r"noise must be of a family of \['Gaussian'"):
        noises.to_dict(Mine(1.0))
