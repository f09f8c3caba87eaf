"""Divergences between a noise and its shift against closed forms, quadrature, sums over a grid, and Monte Carlo."""

from itertools import pairwise
from math import inf

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from rsexplore import bounds, noises, privacy
from rsexplore import divergences as dv
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.divergences import Ball
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform

ORDERS = (0.1, 0.25, 0.5, 0.75, 0.999, 1.001, 1.5, 2.0, 5.0)


def laplace_renyi(u, order):
    """Closed form for one coordinate, u in scales."""
    u, a = mpmath.mpf(u), mpmath.mpf(order)
    if order == 0.5:
        return u - 2 * mpmath.log(1 + u / 2)
    both = a * mpmath.exp((a - 1) * u) + (a - 1) * mpmath.exp(-a * u)
    return mpmath.log(both / (2 * a - 1)) / (a - 1)


@pytest.mark.parametrize("order", ORDERS)
def test_laplace_equals_its_closed_form(order):
    with mpmath.workdps(60):
        for u in (1e-7, 0.01, 0.5, 3.0, 40.0):
            found = dv.renyi(Laplace(0.3), [0.3 * u], order)
            assert abs(float(found / laplace_renyi(u, order) - 1)) < 1e-13, u


@pytest.mark.parametrize("order", [*ORDERS, 1.0])
def test_shape_two_equals_the_gaussian_closed_form(order):
    for u in (1e-7, 0.01, 0.5, 3.0, 20.0):
        closed = dv.renyi(Gaussian(0.4), [u * 0.4], order)
        assert closed == pytest.approx(order * u**2 / 2, rel=1e-14)
        found = dv.renyi(GeneralizedGaussian(0.4 * np.sqrt(2), 2.0), [u * 0.4], order)
        assert found == pytest.approx(closed, rel=1e-13)


@pytest.mark.parametrize("shape", [1.2, 3.0, 8.0])
def test_other_shapes_equal_quadrature(shape):
    with mpmath.workdps(25):
        s = mpmath.mpf(shape)
        constant = s / 2 / mpmath.gamma(1 / s)
        for u, order in ((0.5, 0.25), (0.5, 0.5), (0.5, 1.5), (1.5, 0.75)):
            a = mpmath.mpf(order)
            total = mpmath.quad(
                lambda x, u=u, a=a: constant * mpmath.exp(-a * abs(x - u) ** s - (1 - a) * abs(x) ** s),
                [-mpmath.inf, -5, -1, 0, u / 2, u, u + 1, u + 3, u + 10, mpmath.inf],
            )
            found = dv.renyi(GeneralizedGaussian(1.0, shape), [u], order)
            assert abs(float(found * (a - 1) / mpmath.log(total) - 1)) < 1e-12, (u, order)


def test_order_one_is_the_limit_and_the_sum_over_coordinates():
    noise, shift = GeneralizedGaussian(0.5, 3.0), np.array([0.3, -0.1, 0.0, 0.7])
    assert dv.kl(noise, shift) == pytest.approx(dv.kappa(shift / 0.5, 3).sum(), rel=1e-14)
    assert dv.kl(noise, shift) == pytest.approx(
        (dv.renyi(noise, shift, 1 - 1e-5) + dv.renyi(noise, shift, 1 + 1e-5)) / 2, rel=1e-7
    )
    assert dv.kl(noise, [0.3, 0.7]) == pytest.approx(dv.kl(noise, [0.3]) + dv.kl(noise, [0.7]), rel=1e-14)


def test_negative_orders_are_the_reversed_direction():
    for noise in (Gaussian(0.5), Laplace(0.5), GeneralizedGaussian(0.5, 3.0)):
        literal = dv.renyi(noise, [0.2], -1.5)
        assert literal / -1.5 == pytest.approx(dv.renyi(noise, [0.2], 2.5) / 2.5, rel=1e-13)
        assert dv.renyi(noise, [0.2], 0) == 0
    assert dv.renyi(Uniform(1.0), [0.5], 0) == pytest.approx(-np.log(0.75))


class Cells:
    """A noise and its shift on a grid in the plane, as two vectors of masses."""

    def __init__(self, noise, shift, reach):
        axis = np.linspace(-reach, reach, 1201)
        points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        self.area = (axis[1] - axis[0]) ** 2
        self.p, self.q = (np.exp(noise.log_density(x)) for x in (points, points - shift))

    def total(self, function):
        with np.errstate(all="ignore"):
            return float(np.nansum(function(self.q, self.p)) * self.area)


PLANE = [
    (Gaussian(0.5), 4.0, 1e-9),
    (Laplace(0.5), 9.0, 1e-3),
    (GeneralizedGaussian(0.5, 3.0), 2.5, 1e-6),
    (GeneralizedGaussian(0.5, 1.5), 5.0, 1e-4),
]


@pytest.mark.parametrize(
    ("noise", "reach", "error"), PLANE, ids=lambda x: str(x) if isinstance(x, noises.Noise) else ""
)
def test_every_divergence_is_its_definition_in_the_plane(noise, reach, error):
    shift = np.array([0.25, -0.1])
    cells = Cells(noise, shift, reach)
    close = {"rel": error, "abs": error}
    assert dv.kl(noise, shift) == pytest.approx(cells.total(lambda q, p: q * np.log(q / p)), **close)
    assert dv.kl(noise, -shift) == pytest.approx(cells.total(lambda q, p: p * np.log(p / q)), **close)
    assert dv.chi2(noise, shift) == pytest.approx(cells.total(lambda q, p: (q - p) ** 2 / p), **close)
    assert dv.hellinger(noise, shift) == pytest.approx(cells.total(lambda q, p: (q**0.5 - p**0.5) ** 2 / 2), **close)
    assert dv.bhattacharyya(noise, shift) == pytest.approx(-np.log(cells.total(lambda q, p: np.sqrt(p * q))), **close)
    third = np.log(cells.total(lambda q, p: q**3 / p**2)) / 2
    assert dv.renyi(noise, shift, 3.0) == pytest.approx(third, **close)


LINE = [
    (Gaussian(0.5), stats.norm(scale=0.5)),
    (Laplace(0.5), stats.laplace(scale=0.5)),
    (GeneralizedGaussian(0.5, 1.5), stats.gennorm(1.5, scale=0.5)),
    (GeneralizedGaussian(0.5, 3.0), stats.gennorm(3, scale=0.5)),
    (GeneralizedGaussian(0.5, 8.0), stats.gennorm(8, scale=0.5)),
    (Uniform(0.5), stats.uniform(-0.5, 1.0)),
]


@pytest.mark.parametrize(("noise", "law"), LINE, ids=[str(noise) for noise, _ in LINE])
@pytest.mark.parametrize("eps", [0.0, 0.1, 1.0])
def test_hockey_stick_is_its_definition_on_the_line(noise, law, eps):
    for u in (0.02, 0.3, 0.8):
        pieces = np.linspace(*((-12, 13) if isinstance(noise, Laplace) else (-4, 5)), 80)
        expected = sum(
            integrate.quad(lambda x, u=u: max(law.pdf(x - u) - np.exp(eps) * law.pdf(x), 0.0), a, b, limit=100)[0]
            for a, b in pairwise(pieces)
        )
        assert dv.hockey_stick(noise, [u], eps) == pytest.approx(expected, abs=2e-6)
    assert dv.hockey_stick(noise, [0.0], eps) == 0 and dv.tv(noise, []) == 0
    assert dv.tv(noise, [0.3]) == dv.hockey_stick(noise, [-0.3], 0.0)


def test_total_variation_of_two_shifted_coordinates():
    shift = np.array([0.25, -0.1])
    gaussian = Cells(Gaussian(0.5), shift, 4.0).total(lambda q, p: abs(q - p) / 2)
    assert dv.tv(Gaussian(0.5), shift) == pytest.approx(gaussian, abs=1e-4)
    draws = Uniform(0.5).draw(np.random.default_rng(0), (200_000, 2))
    outside = np.mean((np.abs(draws + shift) > 0.5).any(1))
    assert dv.tv(Uniform(0.5), shift) == pytest.approx(outside, abs=4 * 0.5 / np.sqrt(200_000))


def test_infinite_divergence_is_the_largest_log_ratio():
    rng = np.random.default_rng(0)
    for noise in (Laplace(0.4), ExponentialLinf(0.4, dim=3)):
        shift = np.array([0.1, -0.3, 0.2])
        points = rng.normal(size=(200_000, 3)) * 3
        ratios = noise.log_density(points - shift) - noise.log_density(points)
        assert ratios.max() == pytest.approx(dv.infinite(noise, shift), rel=1e-9)
    assert dv.infinite(Laplace(0.4, dim=9), Ball(0.2, 2)) == pytest.approx(0.2 * 3 / 0.4)
    assert dv.infinite(ExponentialLinf(0.4, dim=9), Ball(0.2, inf)) == pytest.approx(0.5)
    assert [dv.infinite(n, [0.1]) for n in (Gaussian(1.0), GeneralizedGaussian(1.0, 1.1), Uniform(1.0))] == [inf] * 3


def test_mr_is_the_supremum_over_orders():
    assert dv.mr(Gaussian(0.5), [0.3, 0.4]) == pytest.approx(0.5)
    for noise in (Laplace(0.5), GeneralizedGaussian(0.5, 1.5)):
        for u in (0.1, 2.0, 10.0):
            found = dv.mr(noise, [u])
            assert found >= max(dv.renyi(noise, [u], o) / o for o in (1, 1.01, 1.2, 2, 3, 8, 40))
            assert found <= privacy.mr_of_pure(dv.infinite(noise, [u]))
    noise = GeneralizedGaussian(0.5, 3.0)
    assert dv.mr(noise, [0.2]) == inf
    grown = [dv.renyi(noise, [0.2], o) / o for o in (2, 8, 32)]
    assert grown[0] < grown[1] < grown[2]
    assert dv.mr(Uniform(0.5), [0.1]) == inf and dv.mr(noise, [0.0]) == 0


@pytest.mark.parametrize("noise", [Gaussian(0.5, 6), Laplace(0.5, 6), GeneralizedGaussian(0.5, 3.0, 6)], ids=str)
@pytest.mark.parametrize("norm", [1, 1.5, 2, 3, inf])
def test_no_shift_of_a_ball_has_a_larger_divergence(noise, norm):
    try:
        worst = dv.kl(noise, Ball(0.8, norm))
    except UnsupportedNoiseError as error:
        assert "is not known: give the shift" in str(error)
        return
    rng = np.random.default_rng(0)
    shifts = np.concatenate([rng.normal(size=(100, 6)) * rng.gamma(0.3, size=(100, 6)), np.eye(6), np.tri(6)])
    shifts *= 0.8 / np.linalg.norm(shifts, norm, axis=1)[:, None]
    found = [dv.kl(noise, shift) for shift in shifts]
    assert max(found) == pytest.approx(worst, rel=1e-12)


def test_divergences_meet_the_least_values_at_the_certified_radii():
    """What `between` gives at a bound's radius is what `least` asks for."""
    noise, point = Gaussian(0.5), (0.9, 1 - 0.9, 1 - 0.9, 0.9)
    at = {key: Ball(float(bounds.get(key).radius(noise, 0.9))) for key in ("kl-l2", "tv-l2", "hellinger-l2", "chi2-l2")}
    assert dv.kl(noise, at["kl-l2"]) == pytest.approx(float(dv.LeastKL.floats(*point)), rel=1e-11)
    assert dv.tv(noise, at["tv-l2"]) == pytest.approx(float(dv.LeastTV.floats(*point)), rel=1e-11)
    assert dv.bhattacharyya(noise, at["hellinger-l2"]) == pytest.approx(
        float(dv.LeastHellinger.floats(*point)), rel=1e-11
    )
    assert np.log1p(dv.chi2(noise, at["chi2-l2"])) == pytest.approx(float(dv.LeastChi2.floats(*point)), rel=1e-11)


@pytest.mark.parametrize("p_a", [0.6, 0.9, 0.999])
def test_the_best_hockey_stick_gives_the_exact_radius_for_two_classes(p_a):
    exact = float(bounds.get("cohen-l2").radius(Gaussian(1.0), p_a))
    eps = np.linspace(0, 20, 20_001)
    needed = dv.LeastHockeyStick.floats(eps, p_a, 1 - p_a, 1 - p_a, p_a)
    for factor, certified in ((1 - 1e-3, True), (1 + 1e-9, False)):
        assert (dv.gaussian_hockey_stick(exact * factor, eps) < needed).any() == certified


def test_what_is_not_coded_is_said():
    with pytest.raises(UnsupportedNoiseError, match=r"renyi of order 1 needs Gaussian, .* got PowerGaussian"):
        dv.kl(PowerGaussian.from_sigma(0.5, 16, k=2), [0.1])
    with pytest.raises(UnsupportedNoiseError, match="renyi of order 2 needs .* got ExponentialLinf"):
        dv.chi2(ExponentialLinf(0.5, dim=3), [0.1])
    with pytest.raises(UnsupportedNoiseError, match="the worst shift of Laplace.* at order 2 is not known"):
        dv.chi2(Laplace(0.5, dim=3), Ball(0.1, 2))
    with pytest.raises(UnsupportedNoiseError, match="coded for one shifted coordinate"):
        dv.tv(Laplace(0.5), [0.1, 0.1])
    with pytest.raises(UnsupportedNoiseError, match="hockey_stick is not coded for Laplace"):
        dv.tv(Laplace(0.5), Ball(0.1, 1))
    with pytest.raises(UnsupportedNoiseError, match="mr knows no worst shift of Laplace"):
        dv.mr(Laplace(0.5), Ball(0.1, 1))
    with pytest.raises(MissingDimensionError, match="needs the dimension: Laplace"):
        dv.kl(Laplace(0.5), Ball(0.1, 2))
    with pytest.raises(ValueError, match="eps must be at least 0, got eps=-1"):
        dv.hockey_stick(Gaussian(1.0), [0.1], -1)
    with pytest.raises(ValueError, match=r"a shift must be finite, got \[nan\]"):
        dv.kl(Gaussian(1.0), [np.nan])
    with pytest.raises(ValueError, match="a ball needs radius >= 0 and norm >= 1"):
        dv.kl(Gaussian(1.0), Ball(0.1, 0.5))
    with pytest.raises(ArithmeticError, match="order 4 of a shift by 6 scales at shape 31 did not settle"):
        dv.renyi(GeneralizedGaussian(1.0, 31.0), [6.0], 4)
    with pytest.raises(ValueError, match="order must be a number, got order=nan"):
        dv.renyi(Gaussian(1.0), [0.1], np.nan)


def hockey_stick_mp(length, eps):
    """Of Gaussian noise, as Balle and Wang print it, in digits enough for the difference."""
    with mpmath.workdps(500):
        m, e = mpmath.mpf(length), mpmath.mpf(eps)
        below = mpmath.exp(e) * mpmath.erfc((e / m + m / 2) / mpmath.sqrt(2)) / 2
        return mpmath.erfc((e / m - m / 2) / mpmath.sqrt(2)) / 2 - below


@pytest.mark.parametrize("length", [1e-100, 1e-15, 1e-8, 1e-3, 0.3, 1.0, 3.0, 40.0])
def test_gaussian_hockey_stick_equals_fifty_digits_however_small(length):
    for share in (0, 1e-8, 0.3, 3, 15, 35):
        eps = share * length + (length**2 / 2 if length > 1 else 0)
        exact = hockey_stick_mp(length, eps)
        found = dv.hockey_stick(Gaussian(1.0), [length], eps)
        assert abs(found - exact) <= 1e-12 * exact + 1e-300, (share, found, exact)


def test_small_hockey_sticks_and_distances_have_all_digits():
    assert dv.hockey_stick(Gaussian(1.0), [1e-8], 3e-8) == pytest.approx(3.8215432278e-12, rel=1e-10)
    assert dv.hockey_stick(Gaussian(1.0), [1e-15], 3e-15) == pytest.approx(3.82154317e-19, rel=1e-8)
    assert dv.tv(Gaussian(1.0), [1e-200]) == pytest.approx(1e-200 / np.sqrt(2 * np.pi), rel=1e-14)
    assert dv.tv(Gaussian(1.0), [3e-200, 4e-200]) == pytest.approx(5e-200 / np.sqrt(2 * np.pi), rel=1e-14)
    assert dv.tv(GeneralizedGaussian(1.0, 3.0), [1e-250]) == pytest.approx(1e-250 / 2 / 0.8929795115692493, rel=1e-14)
    assert dv.hockey_stick(Gaussian(1.0), [], 0.1) == 0 and dv.hockey_stick(Gaussian(1.0), [1e-300], 1.0) == 0


@pytest.mark.parametrize("s", [1.3, 3.0, 20.0, 300.0])
@pytest.mark.parametrize("u", [1e-30, 1e-3, 0.9, 2.0])
def test_hockey_stick_of_one_coordinate_equals_fifty_digits_however_small(u, s):
    with mpmath.workdps(80):
        shape, shift = mpmath.mpf(s), mpmath.mpf(u)

        def above(x):
            part = mpmath.gammainc(1 / shape, abs(x) ** shape) / mpmath.gamma(1 / shape) / 2
            return part if x >= 0 else 1 - part

        for share in (1e-6, 0.3, 4):
            eps = u * share if u < 1 else share
            low, high = shift / 2, max(shift, mpmath.mpf(1))
            while high**shape - (high - shift) ** shape < eps:
                high *= 2
            for _ in range(280):
                middle = (low + high) / 2
                loss = middle**shape - abs(middle - shift) ** shape
                low, high = (middle, high) if loss < eps else (low, middle)
            exact = above(low - shift) - mpmath.exp(eps) * above(low)
            found = dv.hockey_stick(GeneralizedGaussian(1.0, s), [u], eps)
            assert abs(found / exact - 1) < 1e-11, (share, found, exact)
