"""Our log: what is written is read, what is cut off is found, and what is another run's is left alone."""

import dataclasses
import json
import warnings
import zlib

import numpy as np
import pytest
from logs import sealed, write

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
    return write(tmp_path / "log.tsv", HEADER, ROWS)


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
    *names, checksum = second.split("\t")
    assert names == ["index", "label", "predict", "count", "counts0", "counts", "seconds", "end"]
    assert third.split("\t")[:8] == ["4", "7", "7", "90", "1:2,7:8", "1:10,7:90", "0.250", "at n"]
    assert checksum == f"crc32:{zlib.crc32((first + chr(10) + chr(9).join(names)).encode()):08x}"
    assert third.split("\t")[8] == f"{zlib.crc32((first + chr(10) + third[:-9]).encode()):08x}"


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
        whole = [end for end in ends if end <= cut]
        with warnings.catch_warnings(record=True, action="always") as told:
            rows, offset, head = records.resume(log, HEADER)
        torn = [f"{log}: line {len(whole) + 1}, the last, was cut off, and is left out"] * (cut not in (0, *ends))
        assert [str(one.message) for one in told] == torn, cut
        assert head == HEADER.text()
        finished = [row.index for row in rows]
        assert offset == (whole[-1] if len(whole) >= 2 else 0), cut
        assert rows == ROWS[: max(len(whole) - 2, 0)], cut
        if len(whole) >= 2:
            with warnings.catch_warnings(record=True, action="always") as told:
                assert records.read(log).index.tolist() == finished
            assert [str(one.message) for one in told] == torn, cut


def test_resuming_without_a_log(tmp_path):
    assert records.resume(tmp_path / "none.tsv", HEADER) == ([], 0, HEADER.text())


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
            lambda raw: raw.replace(b'version": 2', b'version": 3'),
            records.LogHeaderError,
            "needs .* version 1 or 2, got .* 3",
        ),
        (lambda raw: raw.replace(b"index\t", b"idx\t"), records.LogHeaderError, "line 2 must name the columns"),
        (lambda raw: raw.replace(b"7:90", b"7:9x"), ValueError, "line 3 must be a row of votes"),
        (lambda raw: raw.replace(b"7:90", b"7:91"), ValueError, "line 3 .*counts must add up to n=100, got 101"),
        (
            lambda raw: raw.replace(b"\t90\t", b"\t91\t"),
            ValueError,
            "line 3 .*votes give predict=7 count=90, got 7 and 91",
        ),
        (
            lambda raw: sealed(raw.decode().replace("\n0\t", "\n4\t")).encode(),
            ValueError,
            "line 4 must be another image, got index 4 again",
        ),
        (lambda raw: raw.replace(b"\n0\t", b"\n5\t"), ValueError, "line 4 .*its checksum is not '.*': the line was"),
        (
            lambda raw: raw.replace(b'"scale": 0.25', b'"scale": 8.25'),
            records.LogHeaderError,
            "line 1, the header, was changed",
        ),
        (lambda raw: raw.replace(b"\n0\t", b"\n\n0\t"), ValueError, "line 4 must be a row of votes"),
    ],
)
def test_a_damaged_log_is_named(log, change, error, words):
    log.write_bytes(change(log.read_bytes()))
    for use in (lambda: records.read(log), lambda: records.resume(log, HEADER)):
        with pytest.raises(error, match=words):
            use()


def test_our_logs_print_no_radii(log):
    with pytest.raises(ValueError, match="printed radii are in logs of others only"):
        records.alpha_of(records.read(log))


def test_records_are_told_in_one_line(log):
    assert repr(records.read(log)) == "Records(3 images, Laplace(scale=0.25, dim=64), n=100, alpha=0.001)"


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_an_editor_makes_of_a_log_is_read_and_gone_on_with(log, start, end):
    raw = start + log.read_bytes().replace(b"\n", end)
    log.write_bytes(raw + b"5\t7\t")
    with pytest.warns(UserWarning, match="line 6, the last, was cut off"):
        assert list(records.read(log).rows) == ROWS
    with pytest.warns(UserWarning, match="line 6, the last, was cut off"):
        assert records.resume(log, HEADER) == (ROWS, len(raw), HEADER.text())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        # a hundred votes of a hundred, by way of minus a hundred for another class
        ("7:90", "7:100,8:-10", "the votes in counts must be a whole number from 0 to .*, got '-10'"),
        ("1:2,7:8", "1:3,7:8", "counts0 must add up to n0=10, got 11"),
        ("1:2,7:8", "7:8", "counts0 must add up to n0=10, got 8"),
        ("1:10,7:90", "1:5,1:10,7:90", "counts has class 1 twice"),
        ("1:10,7:90", "-1:10,7:90", "a class in counts must be a whole number from 0 to .*, got '-1'"),
        ("1:10,7:90", "", "a class in counts must be a whole number"),
        ("1:10,7:90", "7", "the votes in counts must be .*, got ''"),
        ("7:90", "7:9_0", "the votes in counts must be .*, got '9_0'"),
        ("7:90", "7:٩٠", "the votes in counts must be .*, got '٩٠'"),
        ("7:90", "7: 90", "the votes in counts must be .*, got ' 90'"),
        ("4\t7\t7", "4\t-7\t7", "label must be a whole number from 0 to .*, got '-7'"),
        ("4\t7\t7", "-4\t7\t7", "index must be a whole number from 0 to .*, got '-4'"),
        ("4\t7\t7", "+4\t7\t7", "index must be .*, got '.4'"),
        ("4\t7\t7", "9223372036854775808\t7\t7", "index must be .* 9223372036854775807, got '9223372036854775808'"),
        ("4\t7\t7", "4\t7\t7\t7", "needs the columns index label predict count counts0 counts seconds end"),
        ("0.250", "nan", "seconds must be finite and at least 0, got nan"),
        ("0.250", "-1", "seconds must be finite"),
        ("0.250", "soon", "could not convert"),
    ],
)
def test_votes_that_no_run_wrote_are_refused(log, old, new, words):
    text = log.read_text(encoding="utf-8")
    assert text.count(old) == 1
    log.write_text(text.replace(old, new), encoding="utf-8")
    for use in (records.read, lambda path: records.resume(path, HEADER)):
        with pytest.raises(ValueError, match=f"log.tsv: line 3 must be a row of votes, .*{words}"):
            use(log)


def test_the_largest_index_is_read(log):
    log.write_text(sealed(log.read_text().replace("4\t7\t7", f"{2**63 - 1}\t7\t7")))
    assert records.read(log).index[0] == 2**63 - 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        *(
            ("n", value, f"needs n to be a whole number from 1 .*, got n={value!r}")
            for value in ("100", 100.0, -1, True)
        ),
        ("n", None, "needs n to be a whole number from 1 .*, got n=None"),
        ("n", 2**60, "needs n to be a whole number from 1 to 9007199254740992"),
        ("n0", 0, "needs n0 to be a whole number from 1 .*, got n0=0"),
        *(
            ("alpha", value, f"needs alpha to be a number between 0 and 1, got alpha={value!r}")
            for value in (None, "x", 0.0, 1, float("nan"))
        ),
        *(("seed", value, f"needs seed to be a whole number .*, got seed={value!r}") for value in (-1, 0.5, "0")),
        ("noise", "G", "needs noise to be a family with its fields, got noise='G'"),
        ("noise", {"family": "Cauchy"}, "needs a noise that is known here .*'Cauchy'"),
        ("noise", {"family": "Laplace", "scale": "1"}, "needs a noise that is known here .*scale"),
        ("noise", {"family": "Laplace", "scale": 1.0, "dim": float("inf")}, "needs a noise that is known here"),
        ("radius_format", "4 decimals", "must have the fields .* but radius_format is unknown"),
    ],
)
def test_a_header_of_wrong_types_is_refused(log, field, value, words):
    first, rest = log.read_text().split("\n", 1)
    log.write_text(json.dumps(json.loads(first) | {field: value}) + "\n" + rest)
    with pytest.raises(records.LogHeaderError, match=f"log.tsv: line 1, the header, {words}"):
        records.read(log)


def test_a_header_without_a_field_is_refused(log):
    log.write_text(log.read_text().replace('"seed": 3, ', ""))
    with pytest.raises(records.LogHeaderError, match="log.tsv: line 1, the header, .* but seed is missing"):
        records.read(log)
