"""Family (9) against routes of its own, samples, and what any law must obey."""

from math import inf

import numpy as np
import pytest
from mixed_reference import upper, upper_2

from rsexplore import bounds
from rsexplore.dual import law_of
from rsexplore.dual.mixed import few, many
from rsexplore.noises import PowerGaussian
from rsexplore.noises.largest_coordinate import support

ONE = np.ones(1)


def tails(dim, k, level, r):
    """F(level), and S(level)."""
    law = law_of(dim, k, inf, 2.0)
    return (float(f(level * ONE, r * ONE, 30 * ONE)[0]) for f in (law.lower, law.upper))


@pytest.mark.slow
@pytest.mark.parametrize("k, r, level", [(1.0, 0.53, 0.7), (1.0, 0.53, -0.7), (0.1, 2.0, 3.0)])
def test_two_dimensions_equal_another_route(k, r, level):
    assert tuple(tails(2, k, level, r))[1] == pytest.approx(float(upper_2(level, r, k)), rel=1e-11)


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
    assert tuple(tails(dim, k, level, r))[1] == pytest.approx(reference, rel=error)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_sums_of_few_cut_off_normals(count):
    """The recursion P(sum of n <= x) = E P(sum of n - 1 <= x - z), with knots apart, also of exp(r (sum - x))."""
    low, high, r = np.array([-1.3, 0.2, -3.0]), np.array([2.0, 2.1, 4.0]), 0.7
    x = (count + 1) * low + 0.6 * (count + 1) * (high - low)
    node, weight = np.polynomial.legendre.leggauss(40)
    for i in range(3):
        knots = x[i] - count * low[i] - np.arange(count + 1) * (high[i] - low[i])
        edges = np.unique(np.clip([low[i], high[i], *knots], low[i], high[i]))
        z = ((edges[:-1] + edges[1:])[:, None] / 2 + np.diff(edges)[:, None] / 2 * node).ravel()
        density = (np.diff(edges)[:, None] / 2 * weight).ravel() * np.exp(-(z**2) / 2)
        inner = few(count, np.full_like(z, low[i]), np.full_like(z, high[i]), x[i] - z, r)
        whole = (
            (high[i] - low[i])
            / 2
            * (np.exp(-(((low[i] + high[i]) / 2 + (high[i] - low[i]) / 2 * node) ** 2) / 2) @ weight)
        )
        expected = inner @ density / whole
        assert few(count + 1, low, high, x, r)[:, i] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("r", [1e-3, 0.4, 3.0])
def test_the_two_ways_to_a_sum_agree(r):
    """The density piece by piece and the transform, where the sum has enough coordinates for both."""
    low, high = np.array([-1.5, -2.5, 0.3, -0.2]), np.array([1.5, 2.5, 1.4, 0.2])
    x = 19 * ((low + high) / 2 + np.array([0.05, -0.1, 0.03, 0.01]))
    assert many(19, low, high, x, r) == pytest.approx(few(19, low, high, x, r), rel=2e-11, abs=1e-13)


@pytest.mark.parametrize(
    "dim, k", [(2, 1.0), (3, 1.5), (5, 4.5), (12, 6.0), (19, 18.0), (20, 5.0), (64, 60.0), (3072, 768.0)]
)
def test_draws_and_the_symmetry_of_the_pair_of_noises_agree(dim, k):
    """S(l) follows from e^L over {L <= -l}: it is sampled, and F(0) + S(0) = 1 from two integrals."""
    count, r = 100_000 if dim < 100 else 4_000, 0.3 / np.sqrt(dim) * (dim - k) / dim
    z = PowerGaussian(1.0, k, dim, inf, 2).draw(np.random.default_rng(3), (count, dim))
    ratio = k * np.log(np.abs(z).max(1) / np.abs(z - r).max(1)) + r * (z.sum(1) - dim * r / 2)
    for share in (0.05, 0.5, 0.95):
        level = float(np.quantile(ratio, share))
        below, above = tails(dim, k, level, r)
        assert (1 - share - above) / np.sqrt(above * (1 - above) / count) == pytest.approx(0, abs=3.5)
        assert below + above == pytest.approx(1, abs=2e-12)
    below, above = (
        f(-1e-300 * s * ONE, r * ONE, ONE)[0]
        for s, f in ((1, law_of(dim, k, inf, 2.0).lower), (-1, law_of(dim, k, inf, 2.0).upper))
    )
    assert below + above == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("dim, k", [(5, 1.25), pytest.param(64, 16.0, marks=pytest.mark.slow)])
def test_the_table_lies_below_single_votes_and_tails_go_on_to_1e_250(dim, k):
    noise, q_a = PowerGaussian(1.0, k, dim, inf, 2), np.geomspace(0.45, 1e-9, 30)
    curve = bounds.get("soap-dual-linf").radius(noise, q_a=q_a)
    single = bounds.get("soap-dual-linf").radius(noise, q_a=q_a[9])
    assert -1e-11 <= 1 - curve[9] / single < 5e-10
    far = bounds.get("soap-dual-linf").radius(noise, q_a=np.array([1e-40, 1e-100, 1e-249, 1e-300]))
    assert (np.diff(far) > 0).all()
