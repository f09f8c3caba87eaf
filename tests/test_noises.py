"""Samplers against exact laws, densities against quadrature, and value types that refuse bad input.

A law that two families have in common is one law: the theorems of either answer.
"""

from math import inf, sqrt

import numpy as np
import pytest
from scipy import integrate, special, stats

from rsexplore import bounds, divergences, exact_radius, mechanisms, noises, tradeoff
from rsexplore.bound import UnsupportedNoiseError
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian

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


SAME = [
    (GeneralizedGaussian(0.7, 2.0, 3), Gaussian(0.7 / sqrt(2), 3)),
    (GeneralizedGaussian(0.7, 1.0, 3), Laplace(0.7, 3)),
    (PowerGaussian(0.7, 0.0, 3), Gaussian(0.7, 3)),
    (PowerGaussian(0.7, 0.0, 3, inf, 2), Gaussian(0.7, 3)),
    (PowerGaussian(0.7, 0.0, 1, inf, inf), Gaussian(0.7, 1)),
    (ExponentialLinf(0.7, 1), Laplace(0.7, 1)),
]
ALONE = [
    GeneralizedGaussian(0.7, 2.0 + 1e-12, 3),
    GeneralizedGaussian(0.7, 3.0, 3),
    PowerGaussian(0.7, 0.0, 3, inf, inf),
    PowerGaussian(0.7, 0.1, 3),
    ExponentialLinf(0.7, 2),
]


@pytest.mark.parametrize("noise, other", SAME, ids=str)
def test_the_canonical_noise_has_the_same_density_and_every_theorem_of_its_family(noise, other):
    assert noise.canonical == other and other.canonical is other
    z = np.random.default_rng(0).normal(size=(20, noise.dim))
    np.testing.assert_allclose(noise.log_density(z), other.log_density(z), rtol=1e-12)
    assert noise.sigma == pytest.approx(other.sigma, rel=1e-14) and noise.natural_norm == other.natural_norm
    norm = other.natural_norm
    theirs = bounds.of(other, norm)
    assert set(theirs) <= set(bounds.of(noise, norm)) and len(theirs) > 3
    for bound in theirs:
        radius, want = (bound.radius(one, q_a=1e-3, p_b=4e-4, norm=norm) for one in (noise, other))
        assert radius == pytest.approx(want, rel=1e-14) and bound.supports(noise)
        if bound.certifies:
            assert radius <= bound.radius_mp(noise, q_a=1e-3, p_b=4e-4, norm=norm)


@pytest.mark.parametrize("noise", ALONE, ids=str)
def test_another_law_is_not_taken_for_one_of_them(noise):
    assert noise.canonical is noise
    with pytest.raises(UnsupportedNoiseError, match="needs Gaussian noise"):
        bounds.get("cohen-l2").radius(noise, 0.9)


def test_divergences_mechanisms_and_regions_know_it_too():
    noise = GeneralizedGaussian(sqrt(2), 2.0, 9)  # of deviation 1
    assert divergences.tv(noise, [0.3, 0.4]) == pytest.approx(special.erf(0.5 / sqrt(8)), rel=1e-13)
    assert divergences.mr(noise, divergences.Ball(1.0)) == pytest.approx(0.5)
    assert mechanisms.radius(noise, 2.0, norm=2) == pytest.approx(2.0, rel=1e-14)
    assert mechanisms.radius(ExponentialLinf(1.0, 1), 2.0) == 2.0  # which D_MR of Laplace noise would not give
    plain = tradeoff.balls(PowerGaussian(1.0, 0.0, 9), 0.99).radii
    assert plain == pytest.approx(tradeoff.balls(Gaussian(1.0, 9), 0.99).radii, rel=1e-13)
    with pytest.raises(UnsupportedNoiseError):
        tradeoff.balls(PowerGaussian(1.0, 1.0, 9), 0.99)
    with pytest.raises(UnsupportedNoiseError, match="one shifted coordinate"):
        divergences.tv(noises.GeneralizedGaussian(1.0, 3.0, 9), [0.3, 0.4])


@pytest.mark.parametrize("noise, norm", [
    (PowerGaussian(1.0, 2, 5, inf, inf), inf), (PowerGaussian(1.0, 2, 25, inf, 2), inf), (PowerGaussian(1.0, 2, 5), 2),
])  # fmt: skip
def test_without_a_norm_the_one_in_which_most_is_known_is_taken(noise, norm):
    assert noise.natural_norm == norm
    assert exact_radius(noise, 0.9) == exact_radius(noise, 0.9, norm=norm) > 0
