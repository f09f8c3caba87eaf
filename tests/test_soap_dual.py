"""Exact radii of the soap-bubble families against closed forms, tables, another route in 40 digits, and samples."""

import csv
from math import inf
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import special

from rsexplore import bounds, exact_radius
from rsexplore.bound import UnsupportedNoiseError
from rsexplore.dual import distance, law_of, mixed, total_variation, worst_case
from rsexplore.dual.cube import clearance, pair_of_points
from rsexplore.dual.law import solved
from rsexplore.dual.mixed import few, many
from rsexplore.noises import Gaussian, PowerGaussian

P_A = np.array([0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.99999])
# eq. (9) times sqrt(dim) at sigma0 = 1, mode matched; computed independently of this package
NINE = {
    (3072, 20): [0.25193242, 0.52152002, 0.83708805, 1.27483854, 1.63643851, 2.31497772, 3.07591381, 4.24676796],
    (3072, 250): [0.11918036, 0.25968390, 0.44168626, 0.72329503, 0.97848984, 1.50250760, 2.14373324, 3.20431639],
    (3072, 500): [0.05770240, 0.13033060, 0.23017571, 0.39538361, 0.55483974, 0.90705252, 1.37600911, 2.22286824],
    (150_528, 250): [0.24994483, 0.51746671, 0.83069257, 1.26532025, 1.62444295, 2.29855849, 3.05484051, 4.21905782],
    (150_528, 50_000): [0.00368896, 0.00844421, 0.01514533, 0.02659852, 0.03804895, 0.06462644, 0.10262935, 0.17856982],
}


@pytest.mark.parametrize("dim, norm", [(3072, 2), (150_528, 2), *((d, inf) for d in (2, 3, 5, 19, 20, 50, 3072))])
def test_k_0_is_the_gaussian(dim, norm):
    """In l2 by eq. (8), and in l_inf by eq. (9)."""
    found = bounds.get("soap-dual" if norm == 2 else "soap-dual-linf").radius(
        PowerGaussian(0.5, 0.0, dim, norm, 2), P_A
    )
    exact = exact_radius(Gaussian(0.5, dim), P_A, norm=norm)
    assert found == pytest.approx(exact, rel=1e-12 if norm == 2 else 3e-9) and (found <= exact).all()


@pytest.mark.parametrize("dim, k", NINE)
def test_table_of_eq_9(dim, k):
    noise = PowerGaussian.matched(1.0, k, dim, power_norm=inf)
    found = np.sqrt(dim) * bounds.get("soap-dual-linf").radius(noise, P_A)
    assert found == pytest.approx(NINE[dim, k], rel=5e-8, abs=6e-9)
    assert (found <= np.array(NINE[dim, k]) + 6e-9).all()


def bound_of(noise):
    return bounds.get("soap-dual" if noise.power_norm == 2 else "soap-dual-linf")


def grid():
    """Rows (family, dim, k, q_a, radius at scale 1) of soap_radii.csv.

    Made in ball arithmetic of 51 digits: a quadrature in log t with the exact edges, the cosine by incomplete beta
    functions, and Newton's method on 1/2 - F(-l) and 1 - q - F(l) until its steps fell below 1e-16.
    """
    with (Path(__file__).parent / "soap_radii.csv").open() as file:
        for row in csv.DictReader(file):
            yield int(row["family"]), int(row["dim"]), float(row["k"]), float(row["q_a"]), mpmath.mpf(row["radius"])


@pytest.mark.parametrize("family", [8, 10])
@pytest.mark.parametrize("dim", [1, 2, 5, 50, 3072, 150_528])
def test_the_whole_grid_lies_below_50_digits_by_1e_9_at_most(family, dim):
    """k in {0.1, d/2, d-1, d-0.01} and 0, p from 0.5001 to 1 - 1e-12; eqs. (8) and (10) are one for d = 1."""
    norm, rows = (2 if family == 8 else inf), [row for row in grid() if row[:2] == (family, dim)]
    assert len(rows) >= 12 or (family, dim) == (10, 1)
    for _, _, k, q, exact in rows:
        noise = PowerGaussian(1.0, k, dim, norm, norm)
        error = (float(bound_of(noise).radius(noise, q_a=q)) - exact) / exact
        assert -1e-9 <= error <= 0, (k, q, float(error))


@pytest.mark.parametrize("norm", [2, inf])
def test_radii_too_small_for_floats_are_0(norm):
    """d - k = 0.01 near p = 1/2: the mass below the radius is about r^0.01, so that r is below 1e-700."""
    assert bound_of(noise := PowerGaussian(1.0, 4.99, 5, norm, norm)).radius(noise, q_a=0.4999) == 0


@pytest.mark.parametrize("dim, k, norm", [
    (5, 2.5, 2), (1, 0.5, 2), (5, 2.5, inf), (1, 0.5, inf),
    *(pytest.param(3072, k, norm, marks=pytest.mark.slow) for k, norm in ((500.0, 2), (3071.0, 2), (250.0, inf))),
])  # fmt: skip
def test_reference_of_22_digits_agrees(dim, k, norm):
    """`radius_mp`, in one dimension for both norms."""
    noise = PowerGaussian(1.0, k, dim, norm, norm)
    for q in (0.1, 1e-12) if dim == 3072 else (0.4999, 1e-6):
        exact = bound_of(noise).radius_mp(noise, q_a=q)
        assert -1e-10 <= (float(bound_of(noise).radius(noise, q_a=q)) - exact) / exact <= 0


@pytest.mark.parametrize("dim, k, norm, loss", [(5, 2.5, 2, 2e-9), (3072, 500.0, 2, 2e-9), (5, 2.5, inf, 4e-8)])
def test_many_classes_near_a_tie_join_two_classes(dim, k, norm, loss):
    """p_B a hair below 1 - p_A takes the other route; the loss is that of doubles, and on the safe side."""
    noise, q = PowerGaussian(1.0, k, dim, norm, norm), np.array([0.4999, 0.4, 1e-6])
    two, many = (bound_of(noise).radius(noise, q_a=q, p_b=p_b) for p_b in (None, q * (1 - 1e-14)))
    assert many == pytest.approx(two, rel=loss) and many[0] <= two[0]
    assert many[1:] == pytest.approx(two[1:], rel=2e-11)


def test_distance_between_the_points_where_the_axis_is_on_a_level():
    k, r, gap = 0.7, 0.3, 0.4
    (u1, u2, level), axis = (
        pair_of_points(np.array(gap), np.array(r), k),
        lambda u: k * np.log1p(r / u) + r * u + r * r / 2,
    )
    assert u2 - u1 == pytest.approx(gap, rel=1e-14) and axis(u1) == pytest.approx(axis(u2)) == pytest.approx(level)
    for a, u, other in ((u1 / 3, u1, -gap), (1.01 * u2, u2, gap), (30 * u2, u2, gap)):
        b = a + r - clearance(np.array([a]), np.array([u]), np.array([other]), np.array([r]), k)
        assert k * np.log(b / a) + (b - a) * (b + a) / 2 == pytest.approx(level, rel=1e-13)


def test_what_the_reference_lacks_is_named():
    with pytest.raises(NotImplementedError, match="two classes"):
        bounds.get("soap-dual").radius_mp(PowerGaussian(1.0, 10.0, 300), 0.9, p_b=0.01)
    with pytest.raises(NotImplementedError, match="no reference for eq. .9."):
        bounds.get("soap-dual-linf").radius_mp(PowerGaussian(1.0, 10.0, 300, inf, 2), 0.9)


@pytest.mark.parametrize("dim, k", [(2, 1.9), (5, 4.99), (50, 49.6), (3072, 3071.99), (150_528, 150_527.99)])
def test_k_next_to_dim_of_eq_9_is_refused(dim, k):
    noise = PowerGaussian(1.0, k, dim, inf, 2)
    with pytest.raises(UnsupportedNoiseError, match="k <= dim - 0.5"):
        bounds.get("soap-dual-linf").radius(noise, 0.9)
    with pytest.raises(NotImplementedError, match="k this near dim"):
        law_of(dim, k, inf, 2.0)
    assert bounds.get("soap-dual-linf").supports(PowerGaussian(1.0, k, dim, inf, inf))


@pytest.mark.parametrize(
    "norms, norm, k", [((2, 2), 2, 500.0), ((inf, 2), inf, 250.0), ((inf, inf), inf, 250.0)], ids=str
)
def test_full_vectors_agree_at_the_certified_radius(norms, norm, k):
    """At d = 3072: P(L <= l) = p and P(L <= -l) = 1/2 at the radius, within three standard errors."""
    dim, count, p = 3072, 20_000, 0.9
    noise = PowerGaussian(1.0, k, dim, *norms)
    key = "soap-dual" if norm == 2 else "soap-dual-linf"
    r = float(bounds.get(key).radius(noise, p))
    shift = r * np.eye(1, dim)[0] if norm == 2 else np.full(dim, r)
    rng, ratios = np.random.default_rng(5), []
    for _ in range(count // 1000):
        z = noise.draw(rng, (1000, dim))
        ratios.append(noise.log_density(z - shift) - noise.log_density(z))
    ratio = np.concatenate(ratios)
    law = law_of(dim, k, *(float(x) for x in norms))
    one = np.ones(1)
    for level in (-0.8, -0.3, 0.4, 0.8):
        expected = float(law.lower(level * one, r * one, 30 * one)[0])
        error = np.sqrt(expected * (1 - expected) / count)
        assert abs((ratio <= level).mean() - expected) < 3 * error, (level, expected)
    # the classifier {L <= l} of probability p falls to 1/2 when the noise moves by the radius
    level = np.quantile(ratio, p)
    assert (ratio > -level).mean() == pytest.approx(0.5, abs=3 * 1.5 * np.sqrt(0.25 / count + p * (1 - p) / count))


def test_many_classes():
    noise = PowerGaussian.matched(1.0, 500, 3072)
    found = bounds.get("soap-dual").radius(noise, [0.6, 0.9], p_b=[0.1, 0.01])
    assert found == pytest.approx([0.76745072, 1.80401727], abs=1e-8)
    gauss = bounds.get("soap-dual").radius(PowerGaussian(1.0, 0.0, 3072), [0.6, 0.3], p_b=[0.1, 1e-3])
    exact = exact_radius(Gaussian(1.0), [0.6, 0.3], p_b=[0.1, 1e-3])
    assert gauss == pytest.approx(exact, rel=1e-11) and (gauss <= exact).all()


@pytest.mark.parametrize("dim", [2, 50, 3072, 150_528])
def test_worst_case_of_the_gaussian(dim):
    q, r = np.array([0.3, 0.01, 1e-9]), np.array([0.2, 1.5, 4.0])
    found = worst_case(law_of(dim, 0.0, 2, 2), q, r)
    assert found == pytest.approx(special.ndtr(-special.ndtri(q) - r), rel=2e-12)
    assert float(total_variation(law_of(dim, 0.0, 2, 2), 1.3)) == pytest.approx(2 * special.ndtr(0.65) - 1, abs=1e-12)


def test_weak_duality_and_its_attainment():
    """V(p, r) = max over lambda of lambda p - D(lambda), and 0 <= D <= lambda (Theorem 1)."""
    law, r, p = law_of(3072, 500.0, 2, 2), 1.1, 0.95
    lam = np.exp(np.linspace(-6, 6, 4001))
    d = distance(law, lam, r)
    assert (d >= -1e-14).all() and (d <= lam).all()
    best = (lam * p - d).max()
    value = float(worst_case(law, 1 - p, r))
    assert best <= value * (1 + 1e-12) and best == pytest.approx(value, abs=1e-5)


def test_other_norms_follow():
    noise = PowerGaussian(0.3, 40.0, 400)
    r = float(bounds.get("soap-dual").radius(noise, 0.9))
    assert float(bounds.get("soap-dual-lp").radius(noise, 0.9, norm=inf)) == pytest.approx(
        r / 20, rel=1e-14
    )  # Theorem 3
    assert float(bounds.get("soap-dual-lp").radius(noise, 0.9, norm=1)) == pytest.approx(r, rel=1e-14)
    assert float(exact_radius(noise, 0.9)) == r
    with pytest.raises(UnsupportedNoiseError, match="needs PowerGaussian with power_norm=inf .* noise"):
        bounds.get("soap-dual-linf").radius(noise, 0.9)
    assert [b.key for b in bounds.of(noise, 2)] == ["soap-dual"]


@pytest.mark.parametrize("dim, k, q_a", [
    (3072, 2700.0, 3.66265094177746e-07),  # what Newton's last step may lack is 9e-12 here, and is taken off
    (2, 1.97, 5.6036e-12), (2, 1.9507, 9.174060971721417e-13),  # where slopes are noise, a step may be small
])  # fmt: skip
def test_newton_s_answer_is_not_above_the_exact_radius(dim, k, q_a):
    noise, bound = PowerGaussian(1.0, k, dim), bounds.get("soap-dual")
    found, exact = bound.radius(noise, q_a=q_a), bound.radius_mp(noise, q_a=q_a)
    assert 0.999_999 * exact < found <= exact


# ---------------------------------------------------------------- eq. (9) by a route of its own

ONE = np.ones(1)


def tails(dim, k, level, r):
    """F(level), and S(level)."""
    law = law_of(dim, k, inf, 2.0)
    return (float(f(level * ONE, r * ONE, 30 * ONE)[0]) for f in (law.lower, law.upper))


@pytest.mark.parametrize("dim, k, r, level, value, error", [
    # the coordinates by their range w and midrange c: ||z||_inf is w/2 + |c| and ||z - r||_inf is w/2 + |c - r|, so
    # that given c and the coordinates' sum L passes a level at one w, in closed form; quadratures in 18 digits
    (2, 1.0, 0.53, 0.7, 0.1592642041026807, 1e-11), (2, 1.0, 0.53, -0.7, 0.34875901627766814, 1e-11),
    (2, 0.1, 2.0, 3.0, 0.006740552274707949, 1e-11),
    # the sum's law from its transform on the imaginary axis, by Faddeeva's function; else Gauss rules in floats
    (3072, 250.0, 0.0554, 4.0, 0.0009046823156708506, 2e-10), (50, 25.0, 0.07, 0.5, 0.18368971573654672, 1e-12),
    (10, 5.0, 0.2, 0.5, 0.19113036049714016, 3e-12),
])  # fmt: skip
def test_tails_equal_those_of_other_routes(dim, k, r, level, value, error):
    assert tuple(tails(dim, k, level, r))[1] == pytest.approx(value, rel=error)


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
        inner = few(np.full(len(z), count), np.full_like(z, low[i]), np.full_like(z, high[i]), x[i] - z, r)
        whole = (
            (high[i] - low[i])
            / 2
            * (np.exp(-(((low[i] + high[i]) / 2 + (high[i] - low[i]) / 2 * node) ** 2) / 2) @ weight)
        )
        expected = inner @ density / whole
        assert few(np.full(3, count + 1), low, high, x, r)[:, i] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("r", [1e-3, 0.4, 3.0])
def test_the_two_ways_to_a_sum_agree(r):
    """The density piece by piece and the transform, where the sum has enough coordinates for both."""
    low, high = np.array([-1.5, -2.5, 0.3, -0.2]), np.array([1.5, 2.5, 1.4, 0.2])
    x = 19 * ((low + high) / 2 + np.array([0.05, -0.1, 0.03, 0.01]))
    assert many(np.full(4, 19), low, high, x, r) == pytest.approx(
        few(np.full(4, 19), low, high, x, r), rel=2e-11, abs=1e-13
    )


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


@pytest.mark.parametrize("dim, k", [(3072, 307.2), (200, 100.0), (50, 25.0)])
def test_what_is_read_from_a_table_lies_below_what_is_solved_for(dim, k):
    """A polynomial through radii is right to some digits only: its error is taken off, not put on."""
    noise, q_a = PowerGaussian.from_sigma(1.0, dim, k=k), np.geomspace(1e-6, 0.49, 200)
    table = bounds.get("soap-dual").radius(noise, q_a=q_a)
    alone = np.array([bounds.get("soap-dual").radius(noise, q_a=q) for q in q_a[::10]])
    # what is solved for is lowered itself, by up to its last step
    assert (table[::10] <= alone * (1 + 1e-11)).all() and table[::10] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("dim, k", [(5, 1.25), (64, 16.0), (3072, 768.0)])
def test_the_table_lies_below_single_votes_and_tails_go_on_to_1e_250(dim, k):
    noise, q_a = PowerGaussian(1.0, k, dim, inf, 2), np.geomspace(0.45, 1e-9, 60)
    curve = bounds.get("soap-dual-linf").radius(noise, q_a=q_a)
    for vote in (0, 19, 55):
        single = bounds.get("soap-dual-linf").radius(noise, q_a=q_a[vote])
        # what is solved for is lowered itself, by a share of its last step
        assert -1e-10 < 1 - curve[vote] / single < 4e-9
    far = bounds.get("soap-dual-linf").radius(noise, q_a=np.array([1e-40, 1e-100, 1e-249, 1e-300]))
    assert (np.diff(far) > 0).all()


@pytest.mark.parametrize("dim, k", [(2, 1.0), (3, 0.3), (12, 3.0), (64, 60.0), (3072, 3060.0)])
def test_a_radius_of_eq_9_is_where_the_class_keeps_half_the_votes(dim, k):
    """A rule of few nodes finds the level, the best for the shift: V from any other is less."""
    law, z = law_of(dim, k, inf, 2.0), np.array([0.01, 1.0, 12.0, 30.0])
    s, g = solved(law, z, *law.start(z))
    assert (law.needed(s, g + 0.01) >= z * (1 - 1e-9)).all() and (law.needed(s, g - 0.01) >= z * (1 - 1e-9)).all()
    for change, side in ((-5e-9, 1), (5e-9, -1)):
        assert (side * (worst_case(law, special.ndtr(-z), np.exp(s) * (1 + change)) - 0.5) > 0).all()


@pytest.mark.parametrize("dim, k, q_a", [(1000, 999.25, 1e-205), (200, 199.25, 1e-100), (3072, 3068.0, 1e-250)])
def test_deep_tails_of_eq_9_with_k_near_dim(dim, k, q_a, monkeypatch):
    """What a rule of far more nodes needs at the radius is the vote: it was up to 1e-5 of the radius too large."""
    monkeypatch.setitem(mixed.NODES, "many", ((48, 20), (96, 24)))
    law, z = law_of(dim, k, inf, 2.0), -special.ndtri(np.array([q_a]))
    s, g = solved(law, z, *law.start(z))
    assert mixed.Mixed(dim, k, "many").needed(s, g) == pytest.approx(z, rel=1e-9)


def test_the_vote_that_a_radius_of_eq_9_needs():
    noise, bound = PowerGaussian.matched(1.0, 20, 3072, power_norm=inf), bounds.get("soap-dual-linf")
    r = NINE[3072, 20][3] / np.sqrt(3072)  # of p_A = 0.9
    q_a = bound.vote(noise, r).q_a
    assert q_a == pytest.approx(0.1, rel=3e-7)
    assert r <= bound.radius(noise, q_a=q_a) <= r * (1 + 1e-9)
    assert bound.radius(noise, q_a=q_a * (1 + 1e-11)) < r


@pytest.mark.parametrize("dim, k, norm, q_a, exact", [  # above the exact or far below it with too few nodes
    (499, 449.0, 2, 1e-250, 16.84568533016333), (499, 479.0, 2, 1e-120, 6.024630481919347),
    (50, 30.0, 2, 1e-120, 21.16611000324591),
    (500, 490.0, 2, 1e-250, 8.549314208047068), (200, 2.0, 2, 1e-250, 33.74292107429735),
    (1500, 1499.0, 2, 1e-250, 0.7179103177610935),
    (150_528, 150_527.0, 2, 1e-250, 0.058679050624973784), (499, 489.0, inf, 1e-250, 6.053206071904563),
])  # fmt: skip
def test_the_deepest_tails(dim, k, norm, q_a, exact):
    """Against adaptive quadrature over the norm, by code of its own, the cosine's law by its series."""
    noise = PowerGaussian(1.0, k, dim, norm, norm)
    assert -1e-10 <= float(bound_of(noise).radius(noise, q_a=q_a)) / exact - 1 <= 0
    if dim in (200, 499, 500) and q_a == 1e-250:
        assert float(bound_of(noise).radius_mp(noise, q_a=q_a)) == pytest.approx(exact, rel=1e-11)
