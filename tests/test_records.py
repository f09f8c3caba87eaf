"""Our log: what is written is read, what is cut off is found, and what is another run's is left alone."""

import dataclasses
import gzip
import json

import numpy as np
import pytest

from rsexplore import noises, records
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.records import Header, Row

HEADER = Header(
    noise=noises.to_dict(noises.Laplace(0.25, 64)),
    n0=10,
    n=100,
    alpha=0.001,
    seed=3,
    model={"name": "net", "digest": "ab"},
    data={"name": "digits"},
    versions={"torch": "2"},
)
ROWS = [
    Row(4, 7, {7: 8, 1: 2}, {7: 90, 1: 10}, 0.25),
    Row(0, 1, {2: 5, 1: 5}, {1: 60, 2: 40}, 0.5),  # a tie goes to the lowest class
    Row(9, 3, {5: 10}, {3: 100}, 0.125),  # the selected class got no vote
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.tsv"
    with path.open("wb") as file:
        records.write_header(file, HEADER)
        for row in ROWS:
            records.write_row(file, row)
    return path


def test_a_log_is_read_as_written(log):
    found = records.read(log)
    assert (found.header, list(found.rows), len(found)) == (HEADER, ROWS, 3)
    assert found.noise == noises.Laplace(0.25, 64)
    assert found.index.tolist() == [4, 0, 9]
    assert found.predict.tolist() == [7, 1, 5]
    assert found.count.tolist() == [90, 60, 0]
    assert found.seconds.tolist() == [0.25, 0.5, 0.125]
    assert found.radius is None
    assert records.read(log, HEADER).header == HEADER


def test_the_file_is_plain_text(log):
    first, second, third, *_ = log.read_text().split("\n")
    assert json.loads(first)["format"] == "rsexplore-counts"
    assert json.loads(first)["noise"] == {"family": "Laplace", "scale": 0.25, "dim": 64}
    assert second.split("\t") == ["index", "label", "predict", "count", "counts0", "counts", "seconds"]
    assert third.split("\t") == ["4", "7", "7", "90", "1:2,7:8", "1:10,7:90", "0.250"]


def test_votes_give_q_a_at_any_level(log):
    found = records.read(log)
    assert np.array_equal(found.q_a(), clopper_pearson_tail([90, 60, 0], 100, 0.001))
    assert np.array_equal(found.q_a(0.05, rounding="lower"), clopper_pearson_tail([90, 60, 0], 100, 0.05))
    with pytest.raises(ValueError, match="rounding must be one of .*, got 'down'"):
        found.q_a(rounding="down")


def test_resuming_at_every_byte_keeps_the_whole_lines(log):
    raw = log.read_bytes()
    ends = [at + 1 for at, byte in enumerate(raw) if byte == ord("\n")]
    for cut in range(len(raw) + 1):
        log.write_bytes(raw[:cut])
        finished, offset = records.resume(log, HEADER)
        whole = [end for end in ends if end <= cut]
        assert offset == (whole[-1] if len(whole) >= 2 else 0), cut
        assert finished == [4, 0, 9][: max(len(whole) - 2, 0)], cut
        if len(whole) >= 2:
            assert records.read(log).index.tolist() == finished


def test_resuming_without_a_log(tmp_path):
    assert records.resume(tmp_path / "none.tsv", HEADER) == ([], 0)


def test_a_header_survives_its_own_text():
    header = dataclasses.replace(HEADER, alpha=0.1 + 0.2, model={"name": "Größe\t", "digest": None})
    assert Header.parse(header.text(), "log") == header
    assert "\n" not in header.text()


@pytest.mark.parametrize(("field", "value"), [("seed", 4), ("n", 101), ("alpha", 0.01), ("noise", {"family": "x"})])
def test_the_log_of_another_run_is_refused_and_left_as_it_is(log, field, value):
    before = log.read_bytes()
    for use in (records.resume, records.read):
        with pytest.raises(records.LogHeaderError, match=f"log.tsv belongs to another run.*{field}="):
            use(log, dataclasses.replace(HEADER, **{field: value}))
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda raw: b"hello\n" + raw, records.LogHeaderError, "line 1 must be the header of a rsexplore-counts log"),
        (lambda raw: b"hello", records.LogHeaderError, "line 1 must be the header"),
        (lambda raw: b"[1]\n" + raw, records.LogHeaderError, "line 1 must be the header"),
        (lambda raw: b"\xff\xfe" + raw, records.LogHeaderError, "line 1 must be the header"),
        (
            lambda raw: raw.replace(b'version": 1', b'version": 2'),
            records.LogHeaderError,
            "needs .* version 1, got .* 2",
        ),
        (lambda raw: raw.replace(b"index\t", b"idx\t"), records.LogHeaderError, "line 2 must name the columns"),
        (lambda raw: raw.replace(b"7:90", b"7:9x"), ValueError, "line 3 must be a row of votes"),
        (lambda raw: raw.replace(b"7:90", b"7:91"), ValueError, "line 3 .*votes give predict=7 count=91"),
        (lambda raw: raw.replace(b"\n0\t", b"\n4\t"), ValueError, "line 4 must be another image, got index 4 again"),
        (lambda raw: raw.replace(b"\n0\t", b"\n\n0\t"), ValueError, "line 4 must be a row of votes"),
    ],
)
def test_a_damaged_log_is_named(log, change, error, words):
    log.write_bytes(change(log.read_bytes()))
    for use in (lambda: records.read(log), lambda: records.resume(log, HEADER)):
        with pytest.raises(error, match=words):
            use()


FOREIGN = Header(
    noises.to_dict(noises.Gaussian(0.5)), n0=100, n=100_000, alpha=0.001, radius_format="3 significant digits"
)
TEXT = (
    "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"
    "0\t3\t-1\t0.0\t0\t0:00:13.7\n"
    "20\t7\t7\t0.0734\t1\t0:00:13.8\n"
    "40\t4\t5\t1.91\t0\t0:00:13.9\n"
)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".tsv", ".tsv.gz"])
def test_logs_of_others_are_read(tmp_path, ends, suffix):
    path = tmp_path / f"log{suffix}"
    raw = TEXT.replace("\n", ends).encode()
    path.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    found = records.read(path, FOREIGN)
    assert found.index.tolist() == [0, 20, 40]
    assert found.predict.tolist() == [-1, 7, 5]
    assert found.radius.tolist() == [0, 0.0734, 1.91]
    assert found.count is None
    assert found.q_a()[0] == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("idx", "index", "line 1 must name the columns idx label predict radius correct time"),
        ("0.0734", "large", "every line must have the columns"),
        ("7\t7\t0.0734", "7\t0.0734", "every line must have the columns"),
        ("20\t", "0\t", "needs different indices"),
        ("\t1\t0:00", "\t0\t0:00", "correct = "),
        ("0.0734", "-1", "radius >= 0"),
        ("0.0734", "nan", "radius >= 0"),
    ],
)
def test_a_damaged_log_of_others_is_named(tmp_path, old, new, words):
    path = tmp_path / "log.tsv"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=words):
        records.read(path, FOREIGN)


def test_a_log_of_others_needs_a_header(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text(TEXT)
    with pytest.raises(records.LogHeaderError, match="line 1 must be the header of a rsexplore-counts log"):
        records.read(path)


def test_our_logs_print_no_radii(log):
    with pytest.raises(ValueError, match="printed radii are in logs of others only"):
        records.alpha_of(records.read(log))
