"""A law that two families have in common is one law: the theorems of either answer."""

from math import inf, sqrt

import numpy as np
import pytest
from scipy import special

from rsexplore import bounds, compare, divergences, exact_radius, mechanisms, noises, tradeoff
from rsexplore.bound import UnsupportedNoiseError
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian

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


def test_shapes_two_and_one_have_the_exact_radii_of_gaussian_and_laplace_noise():
    q_a = 1e-3
    gaussian = GeneralizedGaussian.from_sigma(0.5, 64, shape=2)
    assert exact_radius(gaussian, q_a=q_a) == pytest.approx(-0.5 * special.ndtri(q_a), rel=1e-11)
    assert exact_radius(gaussian, q_a=q_a) == pytest.approx(1.545, abs=5e-4)
    laplace = GeneralizedGaussian.from_sigma(0.5, 64, shape=1)
    assert exact_radius(laplace, q_a=q_a) == pytest.approx(-0.5 / sqrt(2) * np.log(2 * q_a), rel=1e-11)
    table = compare(laplace, q_a=q_a)
    assert table.norm == 1 and table["laplace-l1"].radius == pytest.approx(2.197, abs=5e-4)
    assert table["laplace-l1"].status.value == "tight" and table["gg-kl-exact-lp"].share == pytest.approx(
        0.601, abs=1e-3
    )


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
