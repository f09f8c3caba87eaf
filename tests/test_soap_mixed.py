"""Family (9) in few dimensions and for k near dim, against routes of their own and samples."""

from math import inf

import numpy as np
import pytest
from mixed_reference import upper, upper_2
from scipy import special

from rsexplore import bounds
from rsexplore.dual import law_of
from rsexplore.dual.mixed import Smooth
from rsexplore.dual.panels import Panels
from rsexplore.dual.pieces import interval, tail
from rsexplore.dual.wide import Wide
from rsexplore.noises import PowerGaussian
from rsexplore.noises.largest_coordinate import support

ONE = np.ones(1)
TAILS = np.array([0.4999, 0.4, 0.1, 1e-3, 1e-6, 1e-12])


def above(law, level, r):
    return float(law.value(level * ONE, r * ONE, 30 * ONE)[0])


@pytest.mark.parametrize("dim", [2, 3, 5, 19, 20, 50])
def test_k_0_is_the_gaussian_in_l_inf(dim):
    found = bounds.get("soap-dual-linf").radius(PowerGaussian(0.5, 0.0, dim, inf, 2), q_a=TAILS[1:])
    exact = -0.5 * special.ndtri(TAILS[1:]) / np.sqrt(dim)
    assert found == pytest.approx(exact, rel=3e-9) and (found <= exact).all()


@pytest.mark.slow
@pytest.mark.parametrize("k, r, level", [(1.0, 0.53, 0.7), (1.0, 0.53, -0.7), (0.1, 2.0, 3.0)])
def test_two_dimensions_equal_another_route(k, r, level):
    assert above(Panels(2, k), level, r) == pytest.approx(float(upper_2(level, r, k)), rel=1e-12)


@pytest.mark.parametrize(
    "dim, k, r, level, panels, lines, error",
    [
        (3072, 250.0, 0.0554, 4.0, (12, 8), 450, 2e-10),
        (50, 25.0, 0.07, 0.5, (20, 10), 100, 1e-12),
        (10, 5.0, 0.2, 0.5, (30, 20), 150, 3e-8),
        pytest.param(10, 5.0, 0.2, 0.5, (40, 40), 200, 3e-12, marks=pytest.mark.slow),
        pytest.param(5, 2.5, 0.344, 0.9, (80, 24), 400, 5e-8, marks=pytest.mark.slow),
    ],
)
def test_many_dimensions_equal_the_transform_on_the_real_axis(dim, k, r, level, panels, lines, error):
    reference = upper(level, r, dim, k, *support(dim, k, 45.0), panels=panels, lines=lines)
    assert above(law_of(dim, k, inf, 2.0), level, r) == pytest.approx(reference, rel=error)


@pytest.mark.parametrize("dim, k", [(3072, 250.0), (150_528, 50_000.0)])
def test_the_two_ways_agree_far_out(dim, k):
    smooth, panels = Smooth(dim, k), Wide(dim, k)
    z = np.array([1.0, 4.0, 7.0])
    r, level = smooth.start(z)
    budget = np.full(3, 40.0)
    assert panels.value(level, r, budget) == pytest.approx(smooth.value(level, r, budget), rel=2e-12)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_sums_of_few_cut_off_normals(count):
    """The recursion P(sum of n > x) = E P(sum of n - 1 > x - z), with knots apart."""
    low, high = np.array([-1.3, 0.2, -3.0]), np.array([2.0, 2.1, 4.0])
    x = (count + 1) * low + 0.6 * (count + 1) * (high - low)
    node, weight = np.polynomial.legendre.leggauss(40)
    for i in range(3):
        knots = x[i] - count * low[i] - np.arange(count + 1) * (high[i] - low[i])
        edges = np.unique(np.clip([low[i], high[i], *knots], low[i], high[i]))
        z = ((edges[:-1] + edges[1:])[:, None] / 2 + np.diff(edges)[:, None] / 2 * node).ravel()
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / interval(low[i : i + 1], high[i : i + 1])
        inner = tail(count, np.full_like(z, low[i]), np.full_like(z, high[i]), x[i] - z, "upper")[0]
        expected = (np.diff(edges)[:, None] / 2 * weight).ravel() @ (density * inner)
        assert tail(count + 1, low, high, x, "upper")[0][i] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("dim, k", [(2, 1.0), (3, 1.5), (5, 2.5), (5, 4.5), (12, 6.0), (19, 18.0), (30, 29.0)])
def test_draws_agree_and_both_tails_fit(dim, k):
    law, count = law_of(dim, k, inf, 2.0), 100_000
    r = 0.3 / np.sqrt(dim) * (dim - k) / dim
    z = PowerGaussian(1.0, k, dim, inf, 2).draw(np.random.default_rng(3), (count, dim))
    ratio = k * np.log(np.abs(z).max(1) / np.abs(z - r).max(1)) + r * (z.sum(1) - dim * r / 2)
    for share in (0.05, 0.5, 0.95):
        level = float(np.quantile(ratio, share))
        here = above(law, level, r)
        assert (1 - share - here) / np.sqrt(here * (1 - here) / count) == pytest.approx(0, abs=3.5)
        assert here + float(law.lower(level * ONE, r * ONE, 30 * ONE)[0]) == pytest.approx(1, abs=2e-12)


@pytest.mark.parametrize("dim, k, r, level", [(2, 1.0, 0.5, 0.3), (5, 2.5, 0.34, -0.9), (50, 25.0, 0.07, 0.5)])
def test_slopes(dim, k, r, level):
    law, h = law_of(dim, k, inf, 2.0), 1e-5
    _, by_level, by_r = (float(x[0]) for x in law.upper(level * ONE, r * ONE, 30 * ONE))
    assert by_level == pytest.approx((above(law, level + h, r) - above(law, level - h, r)) / (2 * h), rel=1e-7)
    assert by_r == pytest.approx((above(law, level, r + h * r) - above(law, level, r - h * r)) / (2 * h * r), rel=1e-7)
