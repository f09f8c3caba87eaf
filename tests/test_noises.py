"""Samplers against exact laws, densities against quadrature, and value types that refuse bad input.

A law that two families have in common is one law: the theorems of either answer. E ||z|| of every family against closed
forms, integrals, 30 digits, and samples; the power-Gaussian families against laws that their code does not use.
"""

from math import inf, sqrt

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

from rsexplore import bounds, divergences, exact_radius, mechanisms, noises, tradeoff
from rsexplore.bound import UnsupportedNoiseError
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform

SIGMA = 0.8
FAMILIES = [
    (Gaussian(SIGMA), stats.norm(scale=SIGMA)),
    (Laplace.from_sigma(SIGMA), stats.laplace(scale=SIGMA / np.sqrt(2))),
    (Uniform.from_sigma(SIGMA), stats.uniform(-SIGMA * np.sqrt(3), 2 * SIGMA * np.sqrt(3))),
    (GeneralizedGaussian(0.7, 1.0), stats.laplace(scale=0.7)),
    (GeneralizedGaussian(0.7, 2.0), stats.norm(scale=0.7 / np.sqrt(2))),
    (GeneralizedGaussian(0.7, 3.5), stats.gennorm(3.5, scale=0.7)),
    (ExponentialLinf(0.7, dim=1), stats.laplace(scale=0.7)),
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
    noise = ExponentialLinf(0.3, dim=dim)
    draws = noise.draw(np.random.default_rng(1), (4_000, dim))
    # ||z||_inf is Gamma(dim, scale); which coordinate is the largest is uniform
    assert stats.kstest(np.abs(draws).max(1), stats.gamma(dim, scale=0.3).cdf).pvalue > 1e-3
    error = 4 * noise.sigma * np.sqrt(2 / draws.size) * (1 + dim / np.sqrt(draws.size))
    assert draws.std() == pytest.approx(noise.sigma, abs=max(error, 0.05 * noise.sigma))
    assert ExponentialLinf.from_sigma(noise.sigma, dim).scale == pytest.approx(0.3, rel=1e-14)


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


class Mine(Gaussian):
    pass


rng = np.random.default_rng(0)


@pytest.mark.parametrize("call, words", [
    *[(lambda dim=dim: Gaussian(1.0, dim), "dim must be a whole number of at least 1, got dim=")
      for dim in (0, -3, 2.5, True, inf, np.nan, 10**200, [3], "3")],
    (lambda: Gaussian(1e308), "sigma must lie between 1e-200 and 1e200"),
    (lambda: ExponentialLinf(1.0), "ExponentialLinf: dim must be given, got dim=None"),
    (lambda: ExponentialLinf.from_sigma(1.0), "ExponentialLinf: dim must be given, got dim=None"),
    (lambda: ExponentialLinf(1.0, dim=4).draw(rng, (10, 5)), "must have dim=4 coordinates a draw, got shape="),
    (lambda: noises.from_dict({"family": "Cauchy", "scale": 1.0}), "noise needs a family of .*, got 'Cauchy'"),
    (lambda: noises.from_dict({"family": "Gaussian", "scale": 1.0}), "noise Gaussian cannot be made from"),
    (lambda: noises.to_dict(Mine(1.0)), r"noise must be of a family of \['Gaussian'"),
    (lambda: Laplace(1.0, 3).mean_norm(1), "Laplace: mean_norm needs norm 2 or inf, got norm=1"),
    (lambda: Gaussian(1.0).mean_norm(2), "Gaussian: mean_norm needs the dimension, got dim=None"),
    *[(lambda k=k: PowerGaussian(1.0, k, 5), r"PowerGaussian: k must be in \[0, dim\), got k=")
      for k in (-1, 5, np.nan)],
    (lambda: PowerGaussian(1.0, "1", 5), "PowerGaussian: k must be a number, got k='1'"),
    (lambda: PowerGaussian(1.0, 1.0, 5, 2, inf), "must be .2, 2., .inf, 2. or .inf, inf., got power_norm=2"),
    (lambda: PowerGaussian(1.0, 1.0), "dim must be given"),
    (lambda: PowerGaussian.matched(1.0, 4.0, 5), "to match modes"),
])  # fmt: skip
def test_bad_arguments_are_named(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


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
        divergences.tv(GeneralizedGaussian(1.0, 3.0, 9), [0.3, 0.4])


@pytest.mark.parametrize("noise, norm", [
    (PowerGaussian(1.0, 2, 5, inf, inf), inf), (PowerGaussian(1.0, 2, 25, inf, 2), inf), (PowerGaussian(1.0, 2, 5), 2),
])  # fmt: skip
def test_without_a_norm_the_one_in_which_most_is_known_is_taken(noise, norm):
    assert noise.natural_norm == norm
    assert exact_radius(noise, 0.9) == exact_radius(noise, 0.9, norm=norm) > 0


# mean norms


@pytest.mark.parametrize("dim, value", [(3072, 3.7300882273615823), (150_528, 4.6191551887044278)])
def test_largest_gaussian_coordinate(dim, value):
    assert Gaussian(1.0, dim).mean_norm(inf) == pytest.approx(value, rel=1e-14)
    assert Gaussian(0.25, dim).mean_norm(inf) == pytest.approx(value / 4, rel=1e-14)
    with mpmath.workdps(30):
        tail = lambda t: -mpmath.expm1(dim * mpmath.log1p(-mpmath.erfc(t / mpmath.sqrt(2))))  # noqa: E731
        exact = mpmath.quad(tail, [0, 1, 2, 3, 3.5, 4, 4.5, 5, 6, 8, 12, 20])
    assert value == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize("dim", [1, 2, 50, 3072, 150_528])
def test_closed_forms_of_mean_norms(dim):
    harmonic = sum(1 / k for k in range(dim, 0, -1))
    assert Laplace(0.3, dim).mean_norm(inf) == pytest.approx(0.3 * harmonic, rel=1e-13)
    assert GeneralizedGaussian(0.3, 1.0, dim).mean_norm(inf) == pytest.approx(0.3 * harmonic, rel=1e-12)
    assert Uniform(0.3, dim).mean_norm(inf) == pytest.approx(0.3 * dim / (dim + 1), rel=1e-14)
    assert ExponentialLinf(0.3, dim).mean_norm(inf) == 0.3 * dim  # a Gamma(dim) law
    gaussian, same = Gaussian(0.3, dim), GeneralizedGaussian(0.3 * np.sqrt(2), 2.0, dim)
    for norm in (2, inf):
        assert same.mean_norm(norm) == pytest.approx(gaussian.mean_norm(norm), rel=1e-12)
    with mpmath.workdps(30):
        chi = mpmath.sqrt(2) * mpmath.gammaprod([mpmath.mpf(dim + 1) / 2], [mpmath.mpf(dim) / 2])
    assert gaussian.mean_norm(2) == pytest.approx(0.3 * float(chi), rel=1e-12)


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.7, 4.0, 40.0, 1000.0])
def test_one_coordinate_and_many(shape):
    one = special.gamma(2 / shape) / special.gamma(1 / shape)
    for norm in (2, inf):
        assert GeneralizedGaussian(1.0, shape, 1).mean_norm(norm) == pytest.approx(one, rel=1e-12)
    # sqrt is concave, and the relative variance of ||z||^2 falls as 1 / d
    many = GeneralizedGaussian(1.0, shape, 150_528)
    share = many.mean_norm(2) / (many.sigma * np.sqrt(150_528))
    kurtosis = np.exp(special.gammaln(5 / shape) + special.gammaln(1 / shape) - 2 * special.gammaln(3 / shape))
    assert 1 - share == pytest.approx((kurtosis - 1) / (8 * 150_528), rel=1e-2)


def test_mean_length_in_a_square():
    square = (np.sqrt(2) + np.arcsinh(1)) / 3
    assert Uniform(1.0, 2).mean_norm(2) == pytest.approx(square, rel=1e-12)
    assert ExponentialLinf(1.0, 2).mean_norm(2) == pytest.approx(3 * square, rel=1e-12)
    # E sqrt(x^2 + y^2) of two Laplace variables: a Gamma(2) law of x + y, and a uniform share of it
    nodes, weights = np.polynomial.legendre.leggauss(200)
    share = (nodes + 1) / 2
    expected = 2 * (weights / 2) @ np.sqrt(share**2 + (1 - share) ** 2)
    assert Laplace(1.0, 2).mean_norm(2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("family", noises.ALL, ids=lambda f: f.__name__)
def test_mean_norms_of_samples(family):
    noise = family.from_sigma(0.4, dim=30)
    draws = noise.draw(np.random.default_rng(5), (20_000, 30))
    for norm in (2, inf):
        lengths = np.linalg.norm(draws, norm, axis=1)
        assert abs(lengths.mean() - noise.mean_norm(norm)) < 4 * lengths.std() / np.sqrt(len(draws))


# power-Gaussian families

NORMS = [(2, 2), (inf, 2), (inf, inf)]
CASES = [(2, 1.2, 8000), (5, 4.5, 8000), (50, 25.0, 4000), (3072, 250.0, 1000)]


def radial(noise):
    """Law of the norm of the tail over the scale, squared and halved."""
    return stats.gamma((noise.dim - noise.k) / 2)


@pytest.mark.parametrize("norms", NORMS, ids=str)
@pytest.mark.parametrize("dim, k, count", CASES)
def test_draws_follow_both_norms(dim, k, count, norms):
    noise = PowerGaussian(0.7, k, dim, *norms)
    assert noises.from_dict(noises.to_dict(noise)) == noise
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
    elif norms == (inf, inf):
        cube = rng.uniform(-1, 1, (count, dim))
        assert stats.ks_2samp(euclid / largest, np.linalg.norm(cube, axis=1) / np.abs(cube).max(1)).pvalue > 1e-3
    else:
        assert stats.kstest(largest, largest_tails(dim, k)[0]).pvalue > 1e-3
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
    z = PowerGaussian(0.1, k, dim, inf, 2).draw(Chosen(shares), (len(shares), dim)) / 0.1
    below, above = largest_tails(dim, k)
    largest = np.abs(z).max(1)
    assert below(largest) == pytest.approx(shares, rel=1e-4)
    assert above(largest) == pytest.approx(1 - shares, rel=1e-4)


def test_the_density_is_normalised_in_many_dimensions():
    dim, k, z = 150_528, 75_000.0, np.full(150_528, 0.8)
    s, logs = largest_shape(dim, k)
    # P(||z||_inf <= a) has the derivative 2 dim a^-k phi(a) (2 Phi(a) - 1)^(dim - 1) (2 pi)^(dim / 2) / constant
    constant = np.log(np.exp(logs - logs.max()).sum() * (s[1] - s[0])) + logs.max()
    constant += np.log(2 * dim) + (dim - 1) / 2 * np.log(2 * np.pi)
    expected = -k * np.log(0.8) - dim * 0.8**2 / 2 - constant
    assert PowerGaussian(1.0, k, dim, inf, 2).log_density(z) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dim, k, largest, first", [
    (2, 1.2, [0.7146702555640663, 0.019508606499182138], [0.018630167309489413, 0.019508606499182138]),
    (64, 16.0, [1.445028973508253, 1.347090855566225], [0.025848326833234018, 0.5460195342340216]),
    (3072, 250.0, [1.8140605395049543, 1.838898927497413], [0.026640315037074157, 0.1830193236683415]),
    (150_528, 150_527.5,
     [0.002708177186099234, 2.1552767563964223e-06], [8.300846267586202e-05, 1.9721847015165014e-06]),
])  # fmt: skip
def test_draws_of_a_seed_stay_what_they_were(dim, k, largest, first):
    z = PowerGaussian(0.7, k, dim, inf, 2).draw(np.random.default_rng(5), (2, dim))
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
    assert PowerGaussian(1.0, 0.0, 150_528).variance_norm == pytest.approx(0.5 - 0.125 / 150_528, rel=1e-8)


@pytest.mark.parametrize("noise", [ExponentialLinf(0.7, 2), *(PowerGaussian(0.7, 1.2, 2, *n) for n in NORMS)], ids=str)
def test_density_integrates_to_one(noise):
    def ray(angle):
        direction = np.array([np.cos(angle), np.sin(angle)])
        return integrate.quad(lambda r: r * np.exp(noise.log_density(r * direction)), 0, 25, epsabs=1e-10)[0]

    assert 8 * integrate.quad(ray, 0, np.pi / 4, epsabs=1e-9)[0] == pytest.approx(1, abs=1e-8)
