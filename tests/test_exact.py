"""Exact radii against what does not use their formulas: witnesses, and brute-force Neyman-Pearson on a grid."""

import mpmath
import numpy as np
import pytest

from rsexplore import bounds, exact_radius, noises
from rsexplore.bound import UnsupportedNoiseError

NORMS = {"Gaussian": (1, 2, 3, np.inf), "Laplace": (1,), "Uniform": (1,)}


def cdf(noise, x):
    """Distribution function of one coordinate, at mpmath's precision."""
    x = mpmath.mpf(x)
    if isinstance(noise, noises.Gaussian):
        return mpmath.erfc(-x / noise.sigma / mpmath.sqrt(2)) / 2
    if isinstance(noise, noises.Laplace):
        half = mpmath.exp(-abs(x) / noise.scale) / 2
        return half if x < 0 else 1 - half
    return min(max((x + noise.scale) / (2 * noise.scale), mpmath.mpf(0)), mpmath.mpf(1))


def quantile(noise, p):
    low, high = -mpmath.mpf(60) * noise.sigma, mpmath.mpf(60) * noise.sigma
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(noise, middle) < p else (low, middle)
    return low


@pytest.mark.parametrize("noise", [noises.Gaussian(0.7), noises.Laplace(0.7), noises.Uniform(0.7)], ids=str)
@pytest.mark.parametrize("p_a, p_b", [(0.9, 0.1), (0.9, 0.05), (0.45, 0.2), (0.999, 1e-6), (0.51, 0.49)])
def test_half_lines_attain_the_exact_radius(noise, p_a, p_b):
    """A = {z <= a} and B = {z > b}: moving the noise by the radius makes them exactly equal."""
    with mpmath.workdps(30):
        norm = NORMS[noise.family][0]
        moved = mpmath.mpf(float(exact_radius(noise, p_a, p_b=p_b, norm=norm)))
        a, b = quantile(noise, mpmath.mpf(p_a)), quantile(noise, 1 - mpmath.mpf(p_b))
        class_a, class_b = cdf(noise, a - moved), 1 - cdf(noise, b - moved)
        assert class_a >= class_b  # the certificate holds at its radius
        assert class_a - class_b < 1e-11  # and nothing larger would


def test_vertex_half_space_attains_the_gaussian_lp_radius():
    noise, dim = noises.Gaussian(0.5, dim=3072), 3072
    for norm in (2, 3, 4, np.inf):
        r = float(exact_radius(noise, 0.99, norm=norm))
        spread = np.full(dim, r / dim ** (0 if norm == np.inf else 1 / norm))  # l_norm length r, on a diagonal
        assert np.linalg.norm(spread, norm) == pytest.approx(r)
        assert np.linalg.norm(spread) == pytest.approx(0.5 * 2.3263478740408408)  # where a half-space flips
    assert float(exact_radius(noise, 0.99, norm=1)) == pytest.approx(0.5 * 2.3263478740408408)


class Grid:
    """A noise in the plane cut into cells, so that the Neyman-Pearson lemma is a sort."""

    def __init__(self, noise, reach, cells=801):
        axis = np.linspace(-reach, reach, cells)
        self.step = axis[1] - axis[0]
        points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        self.mass = np.exp(noise.log_density(points))
        self.mass /= self.mass.sum()

    def after(self, shift, p_a, p_b):
        """Least P(A) and largest P(B) after a shift of whole cells, over all sets with P(A) >= p_a and P(B) <= p_b."""
        rows, columns = shift
        moved = np.zeros_like(self.mass)
        size = self.mass.shape[0]
        moved[rows:, columns:] = self.mass[: size - rows, : size - columns]
        before, moved = self.mass.ravel(), moved.ravel()
        lost = 1 - moved.sum()  # what left the grid lies where the class may be lost or gained: count both ways
        with np.errstate(divide="ignore", invalid="ignore"):
            order = np.argsort(np.where(before > 0, moved / before, np.inf), kind="stable")
        below = np.concatenate([[0], np.cumsum(before[order])])
        carried = np.concatenate([[0], np.cumsum(moved[order])])
        least_a = np.interp(p_a, below, carried)
        most_b = 1 - np.interp(1 - p_b, below, carried)
        return least_a, most_b + lost


PLANE = [
    (noises.Gaussian(1.0, dim=2), "cohen-l2", 2, 6.0),
    (noises.Gaussian(1.0, dim=2), "cohen-lp", np.inf, 6.0),
    (noises.Gaussian(1.0, dim=2), "cohen-lp", 1, 6.0),
    (noises.Laplace(1.0, dim=2), "laplace-l1", 1, 14.0),
    (noises.Uniform(1.0, dim=2), "uniform-l1", 1, 3.0),
    (noises.ExponentialLinf(1.0, dim=2), "pure-dp-linf", np.inf, 16.0),
    (noises.GeneralizedGaussian(1.0, 3.0, dim=2), "gg-kl-exact-lp", 3, 4.0),
    (noises.GeneralizedGaussian(1.0, 1.5, dim=2), "gg-kl-exact-lp", 1, 8.0),
]


@pytest.mark.parametrize("noise, key, norm, reach", PLANE, ids=lambda x: str(x) if isinstance(x, str) else "")
@pytest.mark.parametrize("p_a, p_b", [(0.8, 0.2), (0.7, 0.1), (0.4, 0.25)])
def test_brute_force_neyman_pearson_in_the_plane(noise, key, norm, reach, p_a, p_b):
    """No shift inside the radius flips the class; for a tight bound some shift just outside does."""
    grid, bound = Grid(noise, reach), bounds.get(key)
    radius = float(bound.radius(noise, p_a, p_b=p_b, norm=norm))
    flips = []
    for angle in np.linspace(0, np.pi / 2, 7):
        direction = np.array([np.cos(angle), np.sin(angle)])
        direction /= np.linalg.norm(direction, norm)
        for factor in (0.985, 1.03):
            shift = direction * radius * factor
            cells = np.floor(shift / grid.step + 1e-9) if factor < 1 else np.ceil(shift / grid.step - 1e-9)
            least_a, most_b = grid.after(cells.astype(int), p_a, p_b)
            if factor < 1:
                assert least_a > most_b - 1e-4, (angle, least_a, most_b)
            else:
                flips.append(least_a < most_b)
    if bound.status.value == "tight":
        assert any(flips)


def test_values_that_others_computed():
    """Closed forms at deviation 1 and p_A = 0.6, 0.9, 0.99, 0.999, 0.99999."""
    p_a = [0.6, 0.9, 0.99, 0.999, 0.99999]
    uniform = exact_radius(noises.Uniform(1.0), p_a, norm=1)
    assert uniform == pytest.approx([0.2, 0.8, 0.98, 0.998, 0.99998], abs=1e-9)
    laplace = exact_radius(noises.Laplace(1.0), p_a, norm=1)
    assert laplace == pytest.approx([0.22314355, 1.60943791, 3.91202301, 6.21460810, 10.81977828], abs=1e-8)
    gaussian = exact_radius(noises.Gaussian(1.0), p_a)
    assert gaussian == pytest.approx([0.25334710, 1.28155157, 2.32634787, 3.09023231, 4.26489079], abs=1e-8)
    # density exp(-||z||_inf), d = 3072: the exact radius on the diagonal, which the pure-DP one approaches from below
    diagonal = np.array([0.00012575, 0.00090699, 0.00220459, 0.00350220, 0.00609742])
    noise = noises.ExponentialLinf.from_sigma(1.0, dim=3072)
    found = bounds.get("pure-dp-linf").radius(noise, p_a)
    assert (found <= diagonal + 5e-9).all()
    assert found == pytest.approx(diagonal, rel=2e-4)


@pytest.mark.parametrize(
    "p_a, p_b, exact, theorem_1",
    [(0.9, 0.05, 1.9560115027, 1.8971199849), (0.99, 0.001, 5.0633155519, 4.5098600062), (0.6, 0.2, 0.5697, 0.5493)],
)
def test_theorem_1_of_teng_is_not_tight_with_three_classes(p_a, p_b, exact, theorem_1):
    noise = noises.Laplace(1.0)
    assert float(exact_radius(noise, p_a, p_b=p_b, norm=1)) == pytest.approx(exact, abs=5e-5)
    assert float(bounds.get("teng-l1").radius(noise, p_a, p_b=p_b)) == pytest.approx(theorem_1, abs=5e-5)


def test_exact_radius_says_where_it_is_proved():
    with pytest.raises(UnsupportedNoiseError, match=r"proved for Gaussian .* got Laplace\(scale=0.5.* in the l2 norm"):
        exact_radius(noises.Laplace(0.5), p_a=0.9, norm=2)
    with pytest.raises(UnsupportedNoiseError, match="exact_radius is proved for"):
        exact_radius(noises.GeneralizedGaussian(0.5, 3.0), p_a=0.9, norm=3)


@pytest.mark.parametrize("noise", [noises.Gaussian(1.0), noises.Laplace(1.0), noises.Uniform(1.0)], ids=str)
def test_neighbouring_votes_have_a_radius_that_no_sound_bound_exceeds(noise):
    """p_B a few units in the last place below p_A < 1/2: the difference of quantiles is less than their rounding."""
    rng, norm = np.random.default_rng(0), noise.natural_norm
    p_a = np.concatenate([rng.uniform(1e-3, 0.5, 20_000), 10.0 ** rng.uniform(-280, -3, 20_000)])
    p_b = p_a.copy()
    for _ in range(3):
        p_b = np.nextafter(p_b, 0)
        exact = exact_radius(noise, p_a, p_b=p_b)
        assert (exact > 0).all()
        for bound in bounds.of(noise, norm):
            if bound.certifies and bound.key not in ("lecuyer-l2", "renyi-l2", "li-renyi-l2", "lipschitz-dimension-l2"):
                assert (bound.radius(noise, p_a, p_b=p_b, norm=norm) <= exact * (1 + 1e-11)).all(), bound
    p_a, p_b = float.fromhex("0x1.334d1590fd142p-3"), float.fromhex("0x1.334d1590fd141p-3")
    if noise.family == "Gaussian":
        found, right = exact_radius(noise, p_a, p_b=p_b), bounds.get("cohen-l2").radius_mp(noise, p_a, p_b=p_b)
        assert found <= right and found == pytest.approx(5.950770308e-17, rel=1e-9) == float(right)
