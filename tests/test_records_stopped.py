"""Logs of runs that stopped at what they saw: read by the bound that holds there, and by no other; exports."""

import dataclasses
import json

import numpy as np
import pytest
from logs import write

import rsexplore as rs
from rsexplore import noises, records
from rsexplore.anytime import anytime_tail, stopped_tail
from rsexplore.confidence import clopper_pearson_tail, top_two
from rsexplore.records import Header, Row

FIXED = Header(noise=noises.to_dict(noises.Gaussian(0.5)), n0=10, n=1000, alpha=0.001, seed=3)
STOP = {"rule": "beta-mixture, clopper-pearson at n", "radius": 0.25, "norm": 2.0, "bound": "cohen-l2", "q_a": 0.3}
STOPPED = dataclasses.replace(FIXED, stop=STOP)
EARLY = [Row(0, 1, {1: 10}, {1: 60, 0: 3}, 0.25, "certified"), Row(1, 1, {1: 6, 0: 4}, {0: 500, 1: 500}, 0.5)]
WHOLE = [Row(0, 1, {1: 10}, {1: 990, 0: 6, 2: 4}, 0.25), Row(1, 2, {0: 6, 2: 4}, {0: 500, 2: 500}, 61.5),
         Row(7, 2, {2: 10}, {2: 1000}, 1.0)]  # fmt: skip
COHEN = rs.bounds.get("cohen-l2")


def test_a_stopped_log_is_read_as_written_and_by_the_anytime_bound(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", STOPPED, EARLY))
    assert found.header == STOPPED and list(found.rows) == EARLY
    assert found.draws.tolist() == [63, 1000]
    for alpha in (None, 0.05):
        level = 0.001 if alpha is None else alpha
        assert found.q_a(alpha)[0] == anytime_tail(60, 63, level / 2)
        assert found.q_a(alpha)[1] == clopper_pearson_tail(500, 1000, level / 2)  # the draws that were fixed beforehand
        assert (found.q_a(alpha) > clopper_pearson_tail([60, 500], [63, 1000], level)).all()


def test_certified_accuracy_of_a_stopped_log_uses_that_bound(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", STOPPED, EARLY))
    radius = COHEN.radius(found.noise, q_a=stopped_tail(60, 63, 1000, 0.001))
    assert radius > 0.2
    assert rs.accuracy.certified(found, COHEN, [radius, np.nextafter(radius, 9)]).tolist() == [0.5, 0.0]


def test_votes_of_a_log_without_a_stop_must_be_complete(tmp_path):
    log = write(tmp_path / "log.tsv", FIXED, EARLY)
    with pytest.raises(ValueError, match="line 3 .*counts must add up to n=1000, got 63"):
        records.read(log)
    log = write(tmp_path / "log.tsv", dataclasses.replace(STOPPED, n=999), EARLY)
    with pytest.raises(ValueError, match="line 4 .*counts must add up to at most n=999, got 1000"):
        records.read(log)


def test_stopped_and_whole_logs_are_not_mixed(tmp_path):
    for mine, other in (
        (FIXED, STOPPED),
        (STOPPED, FIXED),
        (STOPPED, dataclasses.replace(STOPPED, stop=STOP | {"radius": 0.5})),
    ):
        log = write(tmp_path / "log.tsv", other, [])
        with pytest.raises(records.LogHeaderError, match="belongs to another run.*stop="):
            records.resume(log, mine)


@pytest.mark.parametrize("stop", [{"rule": "first success"}, "x", STOP | {"rule": "looked"}, STOP | {"more": 1}, {}])
def test_a_stop_that_is_unknown_is_refused(stop, tmp_path):
    log = write(tmp_path / "log.tsv", STOPPED, EARLY)
    first, rest = log.read_text().split("\n", 1)
    log.write_text(json.dumps(json.loads(first) | {"stop": stop}) + "\n" + rest)
    with pytest.raises(
        records.LogHeaderError,
        match="header, needs stop to be a rule of .'beta-mixture, clopper-pearson at n'. with its fields",
    ):
        records.read(log)


def test_a_log_that_is_older_than_stops_is_read(tmp_path):
    log = write(tmp_path / "log.tsv", FIXED, WHOLE)
    assert "stop" not in json.loads(log.read_text().split("\n", 1)[0])
    assert records.read(log).header.stop is None


def test_bilateral_bounds_come_from_the_votes(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", FIXED, WHOLE))
    q_a, p_b = found.top_two()
    dense = [[6, 990, 4], [500, 0, 500], [0, 0, 1000]]
    assert np.array_equal([q_a, p_b], top_two(dense, [1, 0, 2], 0.001))
    assert COHEN.radius(found.noise, q_a=q_a[0], p_b=p_b[0]) > COHEN.radius(found.noise, q_a=found.q_a()[0])
    stopped = records.read(write(tmp_path / "log.tsv", STOPPED, EARLY))
    with pytest.raises(ValueError, match="top_two needs .* fixed number of draws, but this run stopped at what it saw"):
        stopped.top_two()


# ---- the columns of others ----


def test_an_export_is_read_back_with_the_same_certified_accuracy(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", FIXED, WHOLE))
    records.export(found, tmp_path / "theirs.tsv", COHEN)
    text = (tmp_path / "theirs.tsv").read_text()
    first, second, third, fourth = text.splitlines()
    assert first == "idx\tlabel\tpredict\tradius\tcorrect\ttime"
    radius = COHEN.radius(found.noise, q_a=found.q_a())
    assert second == f"0\t1\t1\t{radius[0]}\t1\t0:00:00.250000"
    assert third == "1\t2\t-1\t0.0\t0\t0:01:01.500000"
    assert fourth.split("\t")[:3] == ["7", "2", "2"]
    theirs = records.read(tmp_path / "theirs.tsv", dataclasses.replace(FIXED, radius_format="all digits"))
    assert np.array_equal(theirs.radius, np.where(radius > 0, radius, 0)) and theirs.predict.tolist() == [1, -1, 2]
    at = [0.0, radius[0], radius[2]]
    assert rs.accuracy.certified(theirs, None, at).tolist() == rs.accuracy.certified(found, COHEN, at).tolist()


def test_no_exported_radius_is_above_that_of_the_votes(tmp_path):
    rng = np.random.default_rng(0)
    counts = rng.integers(500, 1001, size=200)
    rows = [Row(i, 0, {0: 10}, {0: int(c), 1: 1000 - int(c)}, 0.0) for i, c in enumerate(counts)]
    found = records.from_rows(FIXED, rows)
    records.export(found, tmp_path / "theirs.tsv", COHEN, alpha=0.01)
    printed = [float(line.split("\t")[3]) for line in (tmp_path / "theirs.tsv").read_text().splitlines()[1:]]
    assert np.array_equal(printed, COHEN.radius(found.noise, q_a=found.q_a(0.01)))


def test_a_bound_that_is_no_certificate_is_not_exported(tmp_path):
    found = records.from_rows(FIXED, WHOLE)
    with pytest.raises(ValueError, match="export needs a proved bound, got kl-l2-printed"):
        records.export(found, tmp_path / "theirs.tsv", rs.bounds.get("kl-l2-printed"))
    assert not (tmp_path / "theirs.tsv").exists()
