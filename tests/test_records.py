"""Records: what votes certify, however they were counted; a random part of them; and the columns of others."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from logs import write
from scipy import stats
from test_log import STOP

import rsexplore as rs
from rsexplore import noises, records
from rsexplore.confidence import anytime_tail, clopper_pearson_tail, stopped_tail, top_two
from rsexplore.records import Header, Row, from_rows, thinned

FIXED = Header(noise=noises.to_dict(noises.Gaussian(0.5, 64)), n0=10, n=1000, alpha=0.001, seed=3)
STOPPED = dataclasses.replace(FIXED, stop=STOP)
EARLY = [Row(0, 1, {1: 10}, {1: 60, 0: 3}, 0.25, "certified"), Row(1, 1, {1: 6, 0: 4}, {0: 500, 1: 500}, 0.5)]
WHOLE = [Row(0, 1, {1: 10}, {1: 990, 0: 6, 2: 4}, 0.25), Row(1, 2, {0: 6, 2: 4}, {0: 500, 2: 500}, 61.5),
         Row(7, 2, {2: 10}, {2: 1000}, 1.0)]  # fmt: skip
COHEN = rs.bounds.get("cohen-l2")


def test_votes_give_q_a_at_any_level():
    found = from_rows(FIXED, WHOLE)
    assert np.array_equal(found.q_a(), clopper_pearson_tail([990, 500, 1000], 1000, 0.001))
    assert np.array_equal(found.q_a(0.05, "lower"), clopper_pearson_tail([990, 500, 1000], 1000, 0.05))
    assert repr(found) == "Records(3 images, Gaussian(sigma=0.5, dim=64), n=1000, alpha=0.001)"
    with pytest.raises(ValueError, match="rounding must be one of .*, got 'down'"):
        found.q_a(rounding="down")
    with pytest.raises(ValueError, match="printed radii are in logs of others only"):
        records.alpha_of(found)


def test_a_stopped_log_is_read_by_the_anytime_bound(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", STOPPED, EARLY))
    assert found.draws.tolist() == [63, 1000]
    for alpha in (None, 0.05):
        level = 0.001 if alpha is None else alpha
        assert found.q_a(alpha)[0] == anytime_tail(60, 63, level / 2)
        assert found.q_a(alpha)[1] == clopper_pearson_tail(500, 1000, level / 2)  # the draws that were fixed beforehand
        assert (found.q_a(alpha) > clopper_pearson_tail([60, 500], [63, 1000], level)).all()
    radius = COHEN.radius(found.noise, q_a=stopped_tail(60, 63, 1000, 0.001))
    assert radius > 0.2
    assert rs.accuracy.certified(found, COHEN, [radius, np.nextafter(radius, 9)]).tolist() == [0.5, 0.0]


def test_bilateral_bounds_come_from_the_votes_of_a_fixed_number():
    found = from_rows(FIXED, WHOLE)
    q_a, p_b = found.top_two()
    dense = [[6, 990, 4], [500, 0, 500], [0, 0, 1000]]
    assert np.array_equal([q_a, p_b], top_two(dense, [1, 0, 2], 0.001))
    assert COHEN.radius(found.noise, q_a=q_a[0], p_b=p_b[0]) > COHEN.radius(found.noise, q_a=found.q_a()[0])
    with pytest.raises(ValueError, match="top_two needs .* fixed number of draws, but this run stopped at what it saw"):
        from_rows(STOPPED, EARLY).top_two()


def test_a_class_number_costs_no_memory():
    found = from_rows(FIXED, [Row(0, 1, {1: 10}, {1: 900, 300_000_000: 100}, 0.0)])
    tracemalloc.start()
    bounds = found.top_two()
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert np.array_equal(np.ravel(bounds), top_two([100, 900], 1, 0.001))


# ---- classes that no selection sample chose ----


def chosen_by(select, n0, rows, path, **changes):
    return records.read(write(path / "log.tsv", dataclasses.replace(FIXED, select=select, n0=n0, **changes), rows))


def test_a_class_may_be_the_label(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0, chosen=1), Row(1, 2, {}, {1: 900, 2: 100}, 0.0, chosen=2)]
    found = chosen_by("label", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 2] and found.count.tolist() == [900, 100] and list(found.rows) == rows
    assert np.array_equal(found.q_a(), clopper_pearson_tail([900, 100], 1000, 0.001))
    assert found.top_two()[0][0] == clopper_pearson_tail(900, 1000, 0.0005)
    with pytest.raises(ValueError, match="votes give predict=1 count=1000, got 0 and 0"):
        chosen_by("label", 10, [Row(0, 1, {0: 10}, {1: 1000}, 0.0)], tmp_path)


def test_a_class_that_its_own_votes_chose_costs_half_the_level(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0), Row(1, 2, {}, {1: 500, 2: 500}, 0.0)]
    found = chosen_by("votes", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 1]  # a tie goes to the lowest class
    assert found.q_a().tolist() == [clopper_pearson_tail(900, 1000, 0.0005), 1.0]  # a half is no claim
    assert found.q_a(0.01)[0] == clopper_pearson_tail(900, 1000, 0.005)
    with pytest.raises(ValueError, match="top_two needs .*, but this run chose classes by these votes"):
        found.top_two()
    assert thinned(found, 100).q_a()[0] > found.q_a()[0]
    early = [Row(0, 1, {}, {1: 60, 0: 3}, 0.0, "certified")]
    assert chosen_by("votes", 0, early, tmp_path, stop=STOP).q_a()[0] == anytime_tail(60, 63, 0.001 / 4)


def test_the_level_holds_where_votes_choose_their_own_class():
    # two classes of 1/2 each: a bound on p above 1/2 for either is wrong, and comes twice as often as for one of them
    alpha, n = 0.1, 1000
    count = np.random.default_rng(0).binomial(n, 0.5, 20_000).tolist()
    rows = [Row(i, 0, {}, {0: k, 1: n - k}, 0.0) for i, k in enumerate(count)]
    wrong = (from_rows(dataclasses.replace(FIXED, n0=0, select="votes"), rows).q_a(alpha) < 0.5).mean()
    assert 0.7 * alpha < wrong <= alpha + 3 * (alpha / 20_000) ** 0.5


# ---- a random part of the votes ----


def run(rows, n, **options):
    return from_rows(dataclasses.replace(FIXED, n=n, data={"name": "a"}, **options), rows)


def same(images, counts):
    return [Row(i, 0, {0: 10}, counts, 0.1) for i in range(images)]


def p_of_fit(seen, law):
    """Probability of a fit as bad as this or worse; rare values are put together."""
    grid = np.arange(law.support()[0], law.support()[1] + 1)
    expected = law.pmf(grid) * len(seen)
    often = expected >= 10
    got = np.array([np.sum(seen == value) for value in grid[often]] + [np.sum(~np.isin(seen, grid[often]))])
    wanted = np.append(expected[often], len(seen) - expected[often].sum())
    return stats.chisquare(got[wanted > 0], wanted[wanted > 0]).pvalue


def test_given_the_votes_a_part_is_hypergeometric():
    part = thinned(run(same(4000, {0: 30, 3: 8, 7: 2}), 40), 15)
    for label, count in ((0, 30), (3, 8), (7, 2)):
        seen = np.array([row.counts.get(label, 0) for row in part.rows])
        assert p_of_fit(seen, stats.hypergeom(40, count, 15)) > 1e-3
    assert {row.draws for row in part.rows} == {15}


def test_of_a_run_a_part_has_the_law_of_a_smaller_run():
    rng = np.random.default_rng(1)
    rows = [Row(i, 0, {0: 10}, {0: k, 1: 40 - k}, 0.1) for i, k in enumerate(rng.binomial(40, 0.8, 4000).tolist())]
    part = thinned(run(rows, 40), 12)
    assert p_of_fit(part.count, stats.binom(12, 0.8)) > 1e-3
    # the level is kept: seldom is the bound on 1 - p_A below the true 0.2
    assert np.mean(part.q_a(0.05) < 0.2) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_all_votes_are_all_votes_and_the_rest_is_kept():
    whole = run([Row(5, 1, {0: 9, 2: 1}, {0: 20, 2: 20}, 0.5)], 40)
    assert thinned(whole, 40) is whole
    part = thinned(whole, 1)
    assert part.predict.tolist() == [0] and part.index.tolist() == [5] and part.rows[0].counts0 == {0: 9, 2: 1}
    assert part.header.n == 1 and part.header.data == {"of": {"name": "a"}, "thinned_from": 40, "thinning_seed": 0}
    assert thinned(whole, 10, seed=0).rows == thinned(whole, 10).rows


def test_an_images_part_does_not_depend_on_the_others():
    rows = same(30, {0: 500, 1: 300, 2: 200})
    parts = thinned(run(rows, 1000), 100).rows
    assert thinned(run(rows[17:18], 1000), 100).rows[0] == parts[17]
    assert len({tuple(row.counts.items()) for row in parts}) > 20


def test_what_cannot_be_had_is_said():
    for found, n in ((run(same(2, {0: 40}), 40), 0), (run(same(2, {0: 40}), 40), 41), (from_rows(STOPPED, EARLY), 10)):
        assert not records.can_thin(found, n)
        with pytest.raises(ValueError, match=rf"thinned needs the votes .* 1 <= n <= that number, got .* n={n}"):
            thinned(found, n)


# ---- the columns of others ----


def test_an_export_is_read_back_with_the_same_certified_accuracy(tmp_path):
    found = from_rows(FIXED, WHOLE)
    records.export(found, tmp_path / "theirs.tsv", "cohen-l2")
    first, second, third, fourth = (tmp_path / "theirs.tsv").read_text().splitlines()
    assert first == "idx\tlabel\tpredict\tradius\tcorrect\ttime"
    radius = COHEN.radius(found.noise, q_a=found.q_a())
    assert second == f"0\t1\t1\t{radius[0]}\t1\t0:00:00.250000"
    assert third == "1\t2\t-1\t0.0\t0\t0:01:01.500000"
    assert fourth.split("\t")[:3] == ["7", "2", "2"]
    theirs = records.read(tmp_path / "theirs.tsv", dataclasses.replace(FIXED, radius_format="all digits"))
    assert np.array_equal(theirs.radius, np.where(radius > 0, radius, 0)) and theirs.predict.tolist() == [1, -1, 2]
    at = [0.0, radius[0], radius[2]]
    assert rs.accuracy.certified(theirs, None, at).tolist() == rs.accuracy.certified(found, COHEN, at).tolist()


def test_exported_radii_are_those_of_the_votes_to_the_last_bit(tmp_path):
    counts = np.random.default_rng(0).integers(500, 1001, size=200).tolist()
    rows = [Row(i, 0, {0: 10}, {0: count, 1: 1000 - count}, 0.0) for i, count in enumerate(counts)]
    found = from_rows(FIXED, rows)
    records.export(found, tmp_path / "theirs.tsv", COHEN, alpha=0.01)
    printed = [float(line.split("\t")[3]) for line in (tmp_path / "theirs.tsv").read_text().splitlines()[1:]]
    assert np.array_equal(printed, COHEN.radius(found.noise, q_a=found.q_a(0.01)))


def test_a_bound_that_is_no_certificate_is_not_exported(tmp_path):
    with pytest.raises(ValueError, match="export needs a proved bound, got kl-l2-printed"):
        records.export(from_rows(FIXED, WHOLE), tmp_path / "theirs.tsv", "kl-l2-printed")
    assert not (tmp_path / "theirs.tsv").exists()
