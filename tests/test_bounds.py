"""The battery: everything that is true of every bound, over all of them; a new bound is tested once it is listed."""

import csv
from fractions import Fraction
from operator import attrgetter

import mpmath
import numpy as np
import pytest
from scipy import stats

from rsexplore import bounds, compare, exact_radius, noises
from rsexplore.bound import MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.dual import Dual
from rsexplore.solve import Supremum
from rsexplore.table import rounded_down

Q_A = [0.4999999, 0.4, 0.1, 1e-3, 1e-9, 1e-17, 1e-100, 1e-300]
SHARES = [1 - 1e-9, 1 / 3, 1e-3, 1e-10]  # p_B as a share of 1 - p_A
SOLVED = [b for b in bounds.ALL if isinstance(b.formula, Supremum) or "order" in b.params]
CLOSED = [b for b in bounds.ALL if b not in SOLVED and not isinstance(b.formula, Dual)]  # Dual: tests/test_soap_dual.py
CERTIFYING = [b for b in bounds.ALL if b.certifies]


def noise_of(bound, sigma=0.37, dim=3072):
    if bound.key == "soap-dual-linf":
        return bound.noise.from_sigma(sigma, dim, k=0.1 * dim, power_norm=np.inf, tail_norm=np.inf)
    if bound.noise is noises.GeneralizedGaussian:
        return bound.noise.from_sigma(sigma, dim, shape=3.0)
    if bound.noise is noises.PowerGaussian:
        return bound.noise.from_sigma(sigma, dim, k=0.1 * dim)
    return bound.noise.from_sigma(sigma, dim)


def norm_of(bound):
    return 3.0 if bound.norm is None else None


def radius(bound, noise, **where):
    return bound.radius(noise, norm=norm_of(bound), **where)


def points():
    """(p_a or q_a, p_b) from ties to tails, two classes and more, also with p_A below 1/2."""
    grid = [({"q_a": q}, None) for q in Q_A]
    grid += [({"q_a": q}, q * s) for q in Q_A for s in SHARES if q * s > 1e-307]
    grid += [({"q_a": q}, 1e-300) for q in Q_A]
    below = [0.5, 0.45, 0.3, 0.01, 1e-6, 1e-20, 1e-100]
    return grid + [({"p_a": p}, p * s) for p in below for s in (1 - 1e-13, 1 - 1e-9, 0.999, 0.5, 1e-6)]


@pytest.mark.parametrize("bound", CLOSED + SOLVED, ids=attrgetter("key"))
def test_radii_equal_fifty_digits_from_below(bound):
    sample, tolerance = (points()[::4], 1e-8) if bound in SOLVED else (points(), 1e-12)
    for where, p_b in sample:
        noise = noise_of(bound)
        found = float(radius(bound, noise, **where, p_b=p_b))
        exact = bound.radius_mp(noise, **where, p_b=p_b, norm=norm_of(bound))
        error = (mpmath.mpf(found) - exact) / abs(exact) if exact else mpmath.mpf(found)
        assert abs(error) <= tolerance, (where, p_b, found, exact)
        if bound.certifies:
            assert error <= 0, f"rounding enlarged a certificate: {where}, {p_b}"


@pytest.mark.parametrize("order", [0.25, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 5.0])
def test_renyi_curve_equals_fifty_digits_at_every_order(order):
    bound, noise = bounds.get("renyi-l2"), noises.Gaussian(0.37)
    for where, p_b in points()[::2]:
        found = float(bound.radius(noise, **where, p_b=p_b, order=order))
        exact = bound.radius_mp(noise, **where, p_b=p_b, order=order)
        assert abs(found - exact) <= 1e-11 * exact, (where, p_b)
        assert found <= exact


def hostile(count, seed=0):
    """Random and hostile (q_A, p_B): both tails down to 1e-300, ties, p_A below 1/2 where there are more classes."""
    rng = np.random.default_rng(seed)
    tail = 10.0 ** rng.uniform(-300, np.log10(0.5), count // 4)
    middle = rng.uniform(0, 1, count // 4)
    near_tie = 0.5 - 10.0 ** rng.uniform(-16, -1, count // 4)
    ordinary = 10.0 ** rng.uniform(-6, 0, count - 3 * (count // 4))
    q_a = np.concatenate([tail, middle, near_tie, ordinary])
    top = np.minimum(q_a, 1 - q_a)  # p_B is at most 1 - p_A, and below p_A
    kind = rng.integers(0, 4, count)
    share = np.select(
        [kind == 0, kind == 1, kind == 2], [1.0, rng.uniform(0, 1, count), 1 - 10.0 ** rng.uniform(-15, -1, count)]
    )
    share = np.where(kind == 3, 10.0 ** rng.uniform(-300, 0, count), share)
    return q_a, np.maximum(top * share, np.minimum(top, 1e-300))


@pytest.mark.parametrize(
    "bound",
    [b for b in CERTIFYING if b.noise in (noises.Gaussian, noises.Laplace, noises.Uniform)],
    ids=attrgetter("key"),
)
def test_no_certificate_exceeds_the_exact_radius(bound):
    q_a, p_b = hostile(50_000 if bound in SOLVED else 1_000_000)
    noise = noise_of(bound)
    norm = 3.0 if bound.norm is None else bound.norm
    exact = exact_radius(noise, q_a=q_a, p_b=p_b, norm=norm)
    found = bound.radius(noise, q_a=q_a, p_b=p_b, norm=norm)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    # both were rounded towards 0 by 2.3e-13, after errors of some 1e-14
    assert (found <= exact * (1 + 1e-12)).all(), np.max(found / exact)


@pytest.mark.parametrize("bound", bounds.ALL, ids=attrgetter("key"))
def test_radius_is_monotone_and_scales_with_the_noise(bound):
    q_a = np.sort(10.0 ** np.linspace(-300, np.log10(0.499), 400))
    p_b = np.linspace(0, 0.7, 200)
    if isinstance(bound.formula, Dual):  # milliseconds a point
        q_a, p_b = q_a[-24::8], p_b[20::30]
    sign = -1 if bound.key == "li-l1-printed" else 1
    in_tail = sign * radius(bound, noise_of(bound), q_a=q_a)
    assert (np.diff(in_tail) <= 1e-13 * np.abs(in_tail[1:])).all()
    in_runner = sign * radius(bound, noise_of(bound), p_a=0.6, p_b=p_b)
    assert (np.diff(in_runner) <= 1e-13 * np.abs(in_runner[1:])).all()
    for factor in (2.0**-20, 2.0**20, 1e-6, 1e6):
        scaled = sign * radius(bound, noise_of(bound, 0.37 * factor), q_a=q_a)
        assert scaled == pytest.approx(factor * in_tail, rel=4e-15)


@pytest.mark.parametrize("bound", bounds.ALL, ids=attrgetter("key"))
def test_edges(bound):
    noise = noise_of(bound)
    assert float(radius(bound, noise, p_a=0.4, p_b=0.4)) == 0
    assert float(radius(bound, noise, p_a=0.4, p_b=0.9)) == 0
    assert float(radius(bound, noise, p_a=0.5)) == 0
    for bad in (np.nan, -0.1, 1.1, np.inf):
        assert np.isnan(radius(bound, noise, p_a=bad))
        assert np.isnan(radius(bound, noise, q_a=bad))
        assert np.isnan(radius(bound, noise, p_a=0.9, p_b=bad))
    certain = float(radius(bound, noise, p_a=1.0))
    assert not np.isnan(certain)
    assert radius(bound, noise, p_a=np.full((2, 1), 0.9), p_b=np.full(3, 0.05)).shape == (2, 3)
    assert radius(bound, noise, p_a=[]).shape == (0,)
    # p_B larger than 1 - p_A is impossible, so it means 1 - p_A
    assert float(radius(bound, noise, p_a=0.6, p_b=0.5)) == float(radius(bound, noise, p_a=0.6))


@pytest.mark.parametrize("sigma", [1e-6, 1e6])
@pytest.mark.parametrize("dim", [1, 150_528])
def test_no_overflow_at_any_scale_or_dimension(sigma, dim):
    every = hostile(2_000, seed=1)
    for bound in bounds.ALL:
        # a radius that is solved for takes milliseconds, and near certainty none is found at all
        q_a, p_b = (np.maximum(x[::700], 1e-12) for x in every) if isinstance(bound.formula, Dual) else every
        for norm in (np.inf,) if isinstance(bound.formula, Dual) else (1.0, 2.0, 7.0, np.inf):
            found = bound.radius(noise_of(bound, sigma, dim), q_a=q_a, p_b=p_b, norm=norm)
            assert np.isfinite(found).all(), bound


def test_other_norms_take_the_largest_ball_inside():
    noise = noises.Gaussian(1.0, dim=3072)
    kl = bounds.get("kl-l2")
    native = float(kl.radius(noise, p_a=0.9))
    assert float(kl.radius(noise, p_a=0.9, norm=1)) == native
    assert float(kl.radius(noise, p_a=0.9, norm=4)) == pytest.approx(native / 3072**0.25, rel=1e-14)
    assert float(kl.radius(noise, p_a=0.9, norm=np.inf)) == pytest.approx(native / 3072**0.5, rel=1e-14)
    assert kl.status_at(2) is Status.SOUND and bounds.get("cohen-l2").status_at(3) is Status.SOUND
    assert bounds.get("cohen-lp").status_at(3) is Status.TIGHT


def test_bounds_of_a_noise_state_each_theorem_once():
    noise = noises.Gaussian(1.0, dim=4)
    keys = {norm: [b.key for b in bounds.of(noise, norm)] for norm in (1, 2, 3, np.inf)}
    assert "cohen-l2" in keys[2] and "cohen-lp" not in keys[2] and "dmr-l2" in keys[2]
    assert "cohen-lp" in keys[3] and "cohen-l2" not in keys[3] and "dmr-l2" in keys[3]
    assert "dmr-linf" in keys[np.inf] and "dmr-l2" not in keys[np.inf]
    assert len({b.key for b in bounds.ALL}) == len(bounds.ALL)
    assert bounds.of(noises.GeneralizedGaussian(1.0, 0.5)) == ()


def test_as_printed_bounds_name_the_right_one():
    for bound in bounds.ALL:
        assert (bound.status is Status.AS_PRINTED) == bound.key.endswith("-printed")
        if bound.status is Status.AS_PRINTED:
            assert bounds.get(bound.corrected_by).status is not Status.AS_PRINTED
            assert bound.erratum


@pytest.mark.parametrize("bound", bounds.ALL, ids=attrgetter("key"))
def test_bad_input_gets_a_clear_error(bound):
    noise, wrong = noise_of(bound), noises.GeneralizedGaussian(0.5, 0.5)
    with pytest.raises(UnsupportedNoiseError, match=rf"{bound.key} \(.*\) needs .* noise, got GeneralizedGaussian"):
        bound.radius(wrong, p_a=0.9)
    with pytest.raises(TypeError, match="exactly one of p_a and q_a"):
        bound.radius(noise)
    with pytest.raises(TypeError, match="exactly one of p_a and q_a"):
        bound.radius_mp(noise, 0.9, q_a=0.1)
    with pytest.raises(TypeError, match=rf"{bound.key} takes parameters"):
        radius(bound, noise, p_a=0.9, temperature=3)
    with pytest.raises(ValueError, match="norm must be a number of at least 1, got norm=0.5"):
        bound.radius(noise, p_a=0.9, norm=0.5)
    assert bound.latex and str(bound.source) and bound.title


def test_missing_dimension_and_norm_are_named():
    noise = noises.Gaussian(0.5)
    with pytest.raises(MissingDimensionError, match=r"cohen-lp \(.*\) needs the dimension: Gaussian\(sigma=0.5"):
        bounds.get("cohen-lp").radius(noise, p_a=0.9, norm=np.inf)
    with pytest.raises(MissingDimensionError, match="kl-l2 .* in the l_inf norm needs the dimension"):
        bounds.get("kl-l2").radius(noise, p_a=0.9, norm=np.inf)
    with pytest.raises(UnsupportedNoiseError, match="cohen-lp .* holds for every norm: say which"):
        bounds.get("cohen-lp").radius(noises.Gaussian(0.5, dim=3), p_a=0.9)
    with pytest.raises(ValueError, match="dmr-l2: c must be positive and finite, got c=-1"):
        bounds.get("dmr-l2").radius(noise, p_a=0.9, c=-1)


@pytest.mark.parametrize("key", ["cohen-l2", "kl-l2", "tv-l2-printed", "renyi-l2"])
def test_many_points_at_once_are_the_points_one_part_at_a_time(key):
    bound, noise, rng = bounds.get(key), noises.Gaussian(0.37), np.random.default_rng(5)
    q = 10 ** rng.uniform(-300, 0.1, 40_000)  # some invalid, most ordinary; in three blocks
    q[::1000] = np.nan
    b = q * rng.uniform(0, 1.2, len(q))
    here = np.r_[0:50, 16_370:16_400, 32_760:32_770, len(q) - 20 : len(q)]
    with np.errstate(all="raise"):  # no block leaks a floating-point warning
        together = bound.radius(noise, q_a=q, p_b=b)
        alone = bound.radius(noise, q_a=q[here], p_b=b[here])
    np.testing.assert_array_equal(together[here], alone)


def test_bounds_are_listed_and_a_mistyped_key_is_answered_with_those_like_it():
    assert bounds.names() == tuple(bound.key for bound in bounds.ALL)
    assert bounds.get(bounds.get("kl-l2")) is bounds.get("kl-l2")
    for wrong, right in (("cohen", "cohen-l2 or cohen-lp"), ("Cohen-L2", "cohen-l2"), ("chi-l2", "chi2-l2")):
        with pytest.raises(KeyError, match=rf"no bound '{wrong}' \(did you mean .*{right}.*\?\); there are cohen-l2"):
            bounds.get(wrong)
    with pytest.raises(KeyError, match="no bound 'zzzzz'; there are"):
        bounds.get("zzzzz")


def test_inf_is_a_norm_in_words_too():
    noise = noises.Gaussian(1.0, 64)
    for function in (bounds.get("kl-l2").radius, exact_radius, bounds.get("cohen-lp").radius_mp):
        assert function(noise, 0.9, norm="inf") == function(noise, 0.9, norm=np.inf)
    assert bounds.of(noise, "inf") == bounds.of(noise, np.inf)
    for bad in ("max", "1", "infinity", "inf ", [1, 2], type(None), True):
        with pytest.raises(ValueError, match="norm must be a number of at least 1, got norm="):
            exact_radius(noise, 0.9, norm=bad)


# the vote that a radius needs


@pytest.mark.parametrize("bound", bounds.ALL, ids=attrgetter("key"))
def test_a_vote_is_the_least_that_has_the_radius(bound):
    noise, norm = noise_of(bound), norm_of(bound)
    if bound.key == "li-l1-printed":
        with pytest.raises(ValueError, match=r"li-l1-printed \(.*\): no vote is the least .* falls .*; take li-l1$"):
            bound.vote(noise, 0.1)
        return
    grid = [({"q_a": q}, None) for q in ((1e-3,) if isinstance(bound.formula, Dual) else (0.4999, *Q_A[1:]))]
    if not (bound.two_class or isinstance(bound.formula, Dual)):
        grid += [({"q_a": 1e-9}, 1e-30), ({"q_a": 0.4}, 0.01), ({"p_a": 0.3}, 0.01), ({"p_a": 1e-20}, 1e-40)]
    for where, p_b in grid:
        r = bound.radius(noise, **where, p_b=p_b, norm=norm)
        vote = bound.vote(noise, r, p_b=p_b, norm=norm)
        name = next(iter(where))  # both tails are told in full
        small = getattr(vote, name)
        more = 1 + 1e-12 if name == "q_a" else 1 - 1e-12
        assert r <= bound.radius(noise, **{name: small}, p_b=p_b, norm=norm) <= r * (1 + 1e-9), (where, p_b)
        assert bound.radius(noise, **{name: small * more}, p_b=p_b, norm=norm) < r, "no larger 1 - p_A has it"
        beyond = Fraction(vote.p_a) + Fraction(vote.q_a) - 1  # the larger one is rounded to the larger vote
        assert 0 <= (beyond if name == "q_a" else -beyond) <= 2**-52
        if bound in CLOSED:
            exact = bound.radius_mp(noise, **{name: small}, p_b=p_b, norm=norm)
            assert r * (1 - (0 if bound.certifies else 1e-12)) <= exact <= r * (1 + 1e-9), (where, p_b)


def test_where_no_vote_or_only_certainty_has_a_radius():
    noise = noises.Gaussian(0.5)
    ends = {"hellinger-l2": 2 * np.sqrt(np.log(2)), "tv-l2": 2 * stats.norm.ppf(0.75)}  # 1.665 and 1.349 sigma
    for key, end in ends.items():
        found = bounds.get(key).vote(noise, 0.5 * end * np.array([0.999, 1 - 1e-9, 1 + 1e-9, np.inf])).q_a
        assert found[0] > found[1] > 0 and np.isnan(found[2:]).all()
    cohen = bounds.get("cohen-l2")
    np.testing.assert_array_equal(cohen.vote(noise, [0.0, 20.0, np.inf, -0.1, np.nan]).q_a, [0.5, 0, 0, *[np.nan] * 2])
    assert cohen.vote(noise, 0.0, p_b=0.2).p_a == 0.2  # the tie
    assert cohen.vote(noise, 1e-9, p_b=0.8).p_a == pytest.approx(0.8)  # where the radius jumps to that of 0.8
    for bad in (-0.1, 1.0, 1.1, np.nan):
        assert np.isnan(cohen.vote(noise, 0.1, p_b=bad).q_a)


def test_votes_of_many_radii():
    cohen, noise = bounds.get("cohen-l2"), noises.Gaussian(0.5, dim=64)
    r = np.linspace(0.001, 18, 40_000)  # in three blocks
    vote = cohen.vote(noise, r)
    np.testing.assert_allclose(vote.q_a, stats.norm.sf(2 * r), rtol=1e-9)
    assert (np.diff(vote.q_a) < 0).all()
    here = cohen.vote(noise, r[16_380:16_390])
    np.testing.assert_array_equal(here.q_a, vote.q_a[16_380:16_390])
    assert cohen.vote(noise, r[:2, None], p_b=np.full(3, 0.05)).q_a.shape == (2, 3)
    assert cohen.vote(noise, []).p_a.shape == (0,) and isinstance(cohen.vote(noise, 1).q_a, float)
    assert cohen.vote(noise, Fraction(1, 10)).q_a <= cohen.vote(noise, np.nextafter(0.1, 0)).q_a
    in_cube = bounds.get("kl-l2").vote(noise, 0.05, norm="inf").q_a
    assert in_cube == pytest.approx(bounds.get("kl-l2").vote(noise, 0.4).q_a, rel=1e-9)
    assert bounds.get("renyi-l2").vote(noise, 0.4, order=1).q_a == pytest.approx(in_cube, rel=1e-9)
    with pytest.raises(TypeError, match="cohen-l2: r must be real numbers"):
        cohen.vote(noise, "0.1")


# the table of all bounds


def test_compare_puts_the_largest_first_and_states_shares():
    table = compare(noises.Gaussian(0.5, dim=3072), p_a=0.99)
    radii = [row.radius for row in table]
    assert radii == sorted(radii, reverse=True) and len(table) == len(bounds.of(noises.Gaussian(0.5), 2))
    by_key = {row.bound.key: row for row in table}
    assert by_key["cohen-l2"].share == 1 and by_key["cohen-l2"].status is Status.TIGHT
    assert by_key["tv-l2-printed"].share == pytest.approx(2)
    assert "tv-l2-printed" in str(table) and "<table>" in table._repr_html_() and "200.0%" in table._repr_html_()


def test_compare_carries_bounds_to_other_norms_and_passes_parameters():
    noise = noises.Gaussian(0.5, dim=3072)
    rows = {row.bound.key: row for row in compare(noise, q_a=1e-3, norm=np.inf, c=3, order=2)}
    assert rows["cohen-lp"].status is Status.TIGHT and rows["kl-l2"].status is Status.SOUND
    assert rows["dmr-linf"].radius == float(bounds.get("dmr-linf").radius(noise, q_a=1e-3, c=3))
    assert rows["renyi-l2"].radius == float(bounds.get("renyi-l2").radius(noise, q_a=1e-3, order=2, norm=np.inf))
    with pytest.raises(TypeError, match=r"no bound has parameters \['temperature'\]"):
        compare(noise, 0.9, temperature=1)


def test_two_class_theorems_are_not_called_tight_for_more_classes():
    rows = {row.bound.key: row for row in compare(noises.Laplace(1.0), 0.9, p_b=0.05, norm=1)}
    assert rows["teng-l1-binary"].status is Status.SOUND and rows["laplace-l1"].status is Status.TIGHT


def test_a_family_without_bounds_says_so():
    table = compare(noises.GeneralizedGaussian(1.0, 0.5), 0.9, norm=3)
    assert len(table) == 0 and "no bound for GeneralizedGaussian" in str(table)
    assert "no bound" in table._repr_html_()


@pytest.mark.parametrize(
    "radius, text",
    [(2.32639, "2.326"), (0.99999, "0.9999"), (1234.56, "1234"), (0, "0"), (np.inf, "inf"), (-3.91209, "-3.912"),
     (0.000123456, "0.0001234"), (1.23456e-9, "1.234e-9"), (123456.7, "123400"), (1.9999e12, "1.999e+12")],
)  # fmt: skip
def test_text_is_rounded_towards_zero(radius, text):
    assert rounded_down(radius) == text
    values = 10.0 ** np.random.default_rng(0).uniform(-12, 12, 5000)
    assert all(0.9989 * v <= float(rounded_down(v)) <= v for v in values)  # never certifies more


def test_without_a_dimension_the_bounds_that_need_it_are_named():
    table = compare(noises.Gaussian(0.5), p_a=0.99)
    assert [b.key for b in table.omitted] == ["lipschitz-dimension-l2"] and len(table) > 10
    assert "left out, for want of dim: lipschitz-dimension-l2" in str(table)
    assert "left out" in table._repr_html_()
    with pytest.raises(MissingDimensionError, match="needs the dimension"):
        compare(noises.Gaussian(0.5), p_a=0.99, norm=np.inf)


def test_arrays_of_votes_give_a_row_for_each_vote_and_bound(tmp_path):
    noise, votes = noises.Gaussian(0.5, dim=64), [0.9, 0.99, 0.6]
    table = compare(noise, p_a=votes, p_b=[0.05, 0.01, 0.3])
    count = len(bounds.of(noise, 2))
    assert len(table) == 3 * count
    for i, (p_a, p_b) in enumerate(zip(votes, [0.05, 0.01, 0.3], strict=True)):
        own = table[i * count : (i + 1) * count]
        assert {(row.p_a, row.q_a, row.p_b) for row in own} == {(p_a, None, p_b)}
        assert [row[:4] for row in own] == [row[:4] for row in compare(noise, p_a, p_b=p_b)]
    assert [row.radius for row in table["cohen-l2"]] == [bounds.get("cohen-l2").radius(noise, p, p_b=q) for p, q in
                                                        zip(votes, [0.05, 0.01, 0.3], strict=True)]  # fmt: skip
    assert str(table).startswith("p_a   p_b   bound") and str(table).count("cohen-l2") == 3
    with pytest.raises(ValueError, match=r"compare: p_a must lie in \[0, 1\], got p_a=1.5"):
        compare(noise, [0.9, 1.5])
    table.to_csv(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    assert [float(row["radius"]) for row in read] == [row.radius for row in table]
    assert read[0]["p_a"] == "0.9" and {row["bound"] for row in read} == {row.bound.key for row in table}
    assert table.to_dicts()[0].keys() == read[0].keys() and table.to_dicts()[0]["status"] == table[0].status.value


def test_one_vote_is_indexed_by_place_and_by_bound():
    table = compare(noises.Gaussian(0.5, dim=64), 0.99)
    assert table["cohen-l2"] is table[bounds.get("cohen-l2")] and table["cohen-l2"].share == 1
    assert table[0].bound.key == "tv-l2-printed" and table[-1] == list(table)[-1] and len(table[:2]) == 2
    with pytest.raises(KeyError, match="laplace-l1 is not in the table; there are tv-l2-printed, cohen-l2"):
        table["laplace-l1"]
    assert compare(noises.Gaussian(0.5, dim=64), 0.99, norm="inf").norm == np.inf


def test_the_error_of_eq_9_is_said_to_be_estimated_wherever_its_status_is():
    mixed, sharp = (noises.PowerGaussian(1.0, 2, 25, np.inf, tail) for tail in (2, np.inf))
    table = compare(mixed, 0.9)
    assert "tight (numerical error estimated, not bounded)" in str(table)
    assert "estimated" in table._repr_html_() and table.to_dicts()[0]["caveat"]
    assert "estimated" not in str(compare(sharp, 0.9)) + str(compare(noises.Gaussian(1.0, 2), 0.9))
