"""Samplers and norms of the power-Gaussian families, against laws that their code does not use."""

import numpy as np
import pytest
from scipy import integrate, special, stats

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


MANY = [
    *((150_528, share * 150_528) for share in (0.007, 0.05, 0.25, 0.5, 0.75, 0.9)),
    (150_528, 75_000.0),
    (150_528, 150_527.5),
    (49_152, 0.25 * 49_152),
    (49_152, 0.5 * 49_152),
    (1_000_000, 0.0),
    (1_000_000, 500_000.0),
    (5, 4.5),
    (2, 1.5),
    (1, 0.5),
]


class Chosen:
    """Uniform numbers: the first of a draw is chosen, and decides its largest coordinate; the others are 1/2."""

    def __init__(self, first):
        self.first = np.asarray(first)

    def random(self, size):
        out = np.full(size, 0.5)
        out[:, 0] = self.first
        return out


@pytest.mark.parametrize("dim, k", MANY)
def test_the_largest_coordinate_has_its_law_at_every_dimension_and_power(dim, k):
    shares = np.array([1e-15, 1e-9, 1e-4, 0.02, 0.3, 0.5, 0.8, 0.99, 1 - 1e-6, 1 - 1e-9])
    z = PowerGaussian(0.1, k, dim, INF, 2).draw(Chosen(shares), (len(shares), dim)) / 0.1
    below, above = largest_tails(dim, k)
    largest = np.abs(z).max(1)
    assert below(largest) == pytest.approx(shares, rel=1e-4)
    assert above(largest) == pytest.approx(1 - shares, rel=1e-4)


@pytest.mark.parametrize("dim, k", [case for case in MANY if case[0] < 200_000])
def test_draws_follow_both_norms_at_every_dimension_and_power(dim, k):
    noise, rng = PowerGaussian(0.1, k, dim, INF, 2), np.random.default_rng(6)
    euclid, largest = [], []
    for _ in range(4):
        z = noise.draw(rng, (15, dim)) / 0.1
        euclid, largest = [*euclid, *np.linalg.norm(z, axis=1)], [*largest, *np.abs(z).max(1)]
    assert stats.kstest(np.square(euclid) / 2, radial(noise).cdf).pvalue > 1e-3
    assert stats.kstest(largest, largest_tails(dim, k)[0]).pvalue > 1e-3


def test_the_density_is_normalised_in_many_dimensions():
    dim, k, z = 150_528, 75_000.0, np.full(150_528, 0.8)
    s, logs = largest_shape(dim, k)
    # P(||z||_inf <= a) has the derivative 2 dim a^-k phi(a) (2 Phi(a) - 1)^(dim - 1) (2 pi)^(dim / 2) / constant
    constant = np.log(np.exp(logs - logs.max()).sum() * (s[1] - s[0])) + logs.max()
    constant += np.log(2 * dim) + (dim - 1) / 2 * np.log(2 * np.pi)
    expected = -k * np.log(0.8) - dim * 0.8**2 / 2 - constant
    assert PowerGaussian(1.0, k, dim, INF, 2).log_density(z) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "dim, k, largest, first",
    [
        (2, 1.2, [0.7146702555640663, 0.019508606499182138], [0.018630167309489413, 0.019508606499182138]),
        (5, 4.5, [0.40833075452358, 0.0011148425614165534], [0.011841370144159967, -0.0011148425614165534]),
        (64, 16.0, [1.445028973508253, 1.347090855566225], [0.025848326833234018, 0.5460195342340216]),
        (3072, 250.0, [1.8140605395049543, 1.838898927497413], [0.026640315037074157, 0.1830193236683415]),
        (16_000, 8_000.0, [0.9876639862903811, 0.9674491924885543], [0.022639046833188018, -0.8525205881605874]),
        (49152, 100.0, [2.720929401968271, 2.642945276716415], [0.026894725970453018, 0.23361359532846757]),
        (150_528, 150_000.0, [0.07372208401083447, 0.06749612679778681], [0.0022554981775695683, 0.0617466998763997]),
        (
            150_528,
            150_527.5,
            [0.002708177186099234, 2.1552767563964223e-06],
            [8.300846267586202e-05, 1.9721847015165014e-06],
        ),
    ],
)
def test_draws_of_a_seed_stay_what_they_were(dim, k, largest, first):
    z = PowerGaussian(0.7, k, dim, INF, 2).draw(np.random.default_rng(5), (2, dim))
    assert np.abs(z).max(1) == pytest.approx(largest, rel=1e-12)
    assert z[:, 0] == pytest.approx(first, rel=1e-12)


def largest_shape(dim, k):
    """An even grid of log a, and the log of the density of log ||z||_inf there, up to a constant."""
    s = np.linspace(-80, 4, 2_000_001) if dim - k < 10 else np.linspace(-4, 2.5, 2_000_001)
    half = np.exp(s) / np.sqrt(2)
    with np.errstate(divide="ignore"):
        inside = np.where(half < 0.5, np.log(special.erf(half)), np.log1p(-special.erfc(half)))
    return s, (1 - k) * s - half**2 + (dim - 1) * inside


def largest_tails(dim, k):
    """Distribution function of ||z||_inf for eq. (9) and what is left of 1, by plain summation over its logarithm."""
    s, logs = largest_shape(dim, k)
    mass = np.exp(logs - logs.max())
    # left of the grid the density is exp((dim - k) s) to within a^2
    below = mass[0] / (dim - k) / (s[1] - s[0]) + np.cumsum(mass) - mass / 2
    above = np.cumsum(mass[::-1])[::-1] - mass / 2
    total = mass.sum()
    with np.errstate(divide="ignore"):
        logs = np.log(below / total), np.log(above / total)
    return tuple(lambda a, values=values: np.exp(np.interp(np.log(a), s, values)) for values in logs)


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
