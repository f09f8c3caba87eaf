"""Samplers and norms of the power-Gaussian families, against laws that their code does not use."""

import numpy as np
import pytest
from scipy import integrate, stats

from rsexplore import noises
from rsexplore.noises import PowerGaussian

INF = np.inf
NORMS = [(2, 2), (INF, 2), (INF, INF)]
CASES = [(2, 1.2, 8000), (50, 25.0, 4000), (3072, 250.0, 1000)]


def radial(noise):
    """Law of the norm of the tail over the scale, squared and halved."""
    return stats.gamma((noise.dim - noise.k) / 2)


@pytest.mark.parametrize("norms", NORMS, ids=str)
@pytest.mark.parametrize("dim, k, count", CASES)
def test_draws_follow_both_norms(dim, k, count, norms):
    noise = PowerGaussian(0.7, k, dim, *norms)
    z = noise.draw(np.random.default_rng(2), (count, dim)) / 0.7
    euclid, largest = np.linalg.norm(z, axis=1), np.abs(z).max(1)
    tail = euclid if norms[1] == 2 else largest
    assert stats.kstest(tail**2 / 2, radial(noise).cdf).pvalue > 1e-3
    # the other norm, given the tail: an independent way to it
    rng = np.random.default_rng(3)
    normal = rng.standard_normal((count, dim))
    if norms == (2, 2):
        share = np.abs(normal).max(1) / np.linalg.norm(normal, axis=1)
        assert stats.ks_2samp(largest / euclid, share).pvalue > 1e-3
    elif norms == (INF, INF):
        cube = rng.uniform(-1, 1, (count, dim))
        assert stats.ks_2samp(euclid / largest, np.linalg.norm(cube, axis=1) / np.abs(cube).max(1)).pvalue > 1e-3
    else:
        assert stats.kstest(largest, largest_cdf(dim, k)).pvalue > 1e-3
        assert abs(np.corrcoef(euclid, largest / euclid)[0, 1]) < 4 / np.sqrt(count)
    assert z.std() == pytest.approx(noise.sigma / 0.7, rel=0.05)
    error = 4 * np.sqrt(noise.variance_norm / count)
    assert 0.7 * euclid.mean() == pytest.approx(noise.mean_norm(), abs=error)


def largest_cdf(dim, k):
    """Distribution function of ||z||_inf for eq. (9), by plain summation."""
    a = np.linspace(1e-6, 9, 400_001)
    logs = -k * np.log(a) - a**2 / 2 + (dim - 1) * np.log(1 - 2 * stats.norm.sf(a))
    total = np.cumsum(np.exp(logs - logs.max()))
    return lambda x: np.interp(x, a, total / total[-1])


@pytest.mark.parametrize("norms", NORMS, ids=str)
def test_density_integrates_to_one(norms):
    noise = PowerGaussian(0.7, 1.2, 2, *norms)

    def ray(angle):
        direction = np.array([np.cos(angle), np.sin(angle)])
        return integrate.quad(lambda r: r * np.exp(noise.log_density(r * direction)), 0, 12, epsabs=1e-10)[0]

    assert 8 * integrate.quad(ray, 0, np.pi / 4, epsabs=1e-9)[0] == pytest.approx(1, abs=1e-8)


def test_matching_matches_the_mode_and_not_the_mean():
    for dim, k, ratio in ((3072, 500, 1.583e-5), (150_528, 50_000, 8.26e-7), (3072, 2000, 1.52e-4)):
        noise, gauss = PowerGaussian.matched(0.5, k, dim), PowerGaussian(0.5, 0.0, dim)
        assert noise.mode_norm == pytest.approx(gauss.mode_norm, rel=1e-14)
        assert noise.mean_norm() / gauss.mean_norm() - 1 == pytest.approx(ratio, rel=2e-3)
    x = np.linspace(50, 60, 2001) * 0.5
    noise = PowerGaussian.matched(0.5, 500, 3072)
    assert x[np.argmax(noise.norm_density(x))] == pytest.approx(noise.mode_norm, rel=1e-4)


def test_figure_1_means_and_variances():
    black = PowerGaussian(1.0, 0.0, 100)
    assert (black.mean_norm(), black.variance_norm) == pytest.approx((9.97503, 0.49874), abs=6e-6)
    for k, mean, variance in ((30, 8.337, 0.498), (60, 6.285, 0.497), (80, 4.417, 0.494), (96, 1.880, 0.466)):
        noise = PowerGaussian(1.0, float(k), 100)
        assert (noise.mean_norm(), noise.variance_norm) == pytest.approx((mean, variance), abs=6e-4)
    for scale, variance in ((0.8358, 0.348), (0.1885, 0.0177)):
        assert PowerGaussian(scale, 0.0, 100).variance_norm == pytest.approx(variance, rel=3e-3)
    # the series joins the difference
    near = [PowerGaussian(1.0, 0.0, dim).variance_norm for dim in (398, 400, 402)]
    assert near[1] - near[0] == pytest.approx(near[2] - near[1], rel=0.03)


def test_bad_members_are_refused():
    for k in (-1, 5, np.nan):
        with pytest.raises(ValueError, match=r"PowerGaussian: k must be in \[0, dim\), got k="):
            PowerGaussian(1.0, k, 5)
    with pytest.raises(ValueError, match="must be .2, 2., .inf, 2. or .inf, inf., got power_norm=2"):
        PowerGaussian(1.0, 1.0, 5, 2, INF)
    with pytest.raises(ValueError, match="dim must be given"):
        PowerGaussian(1.0, 1.0)
    with pytest.raises(ValueError, match="to match modes"):
        PowerGaussian.matched(1.0, 4.0, 5)
    noise = PowerGaussian(1.0, 2.0, 5, INF, 2)
    assert noises.from_dict(noises.to_dict(noise)) == noise
