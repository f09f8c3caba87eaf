"""Logs: what is written is read, no damage is read as another value, and what is another run's is left alone.

Logs of others are read as they are, or refused with the number of the line; what a printed radius tells is an interval.
"""

import dataclasses
import errno
import gzip
import hashlib
import json
import re
import signal
import subprocess
import sys
import tracemalloc
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from logs import PRINTERS, STOP, printed_log, sealed, version_1, write

from rsexplore import accuracy, bounds, noises, records
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.foreign import Printed, _ends
from rsexplore.log import Header, LogHeaderError, LogInUseError, Row, kept, resume

MODEL, HERE = {"name": "Größe\t", "digest": None}, {"torch": "2"}
LAPLACE, GAUSSIAN = (noises.to_dict(family(0.25, 64)) for family in (noises.Laplace, noises.Gaussian))
HEADER = Header(LAPLACE, 10, 100, 0.1 + 0.2, 3, model=MODEL, data={"name": "digits"}, versions=HERE)
ROWS = [
    Row(4, 7, {7: 8, 1: 2}, {7: 90, 1: 10}, 0.25),
    Row(0, 1, {2: 5, 1: 5}, {1: 60, 2: 40}, 0.5),  # a tie goes to the lowest class
    Row(9, 3, {5: 10}, {3: 100}, 0.125),  # the selected class got no vote
]
FULL = Header(
    noise=noises.to_dict(noises.Gaussian(0.25, 64)),
    n0=10,
    n=1000,
    alpha=0.001,
    seed=3,
    model={"name": "net", "digest": None, "clean": [[1, 7.41], [0, 0.02]]},
    stop=STOP,
    training={"noise": "Gaussian", "sigma": 0.25, "epochs": 90},
    classes=["cat", "dog", "Größe"],
    info={"card": "H100", "matmul.tf32": False, "cudnn": 90100},
)
STOPPED = [
    Row(0, 1, {1: 10}, {1: 60, 0: 3}, 0.25, "certified"),
    Row(7, 2, {0: 6, 2: 4}, {0: 20, 2: 30}, 0.5, "given up"),
    Row(4, 1, {1: 10}, {0: 500, 1: 500}, 1.5, "at n"),
]
PILOTED = dataclasses.replace(FULL, stop={"rule": "pilot 1", "precision": 0.1, "norm": 2.0, "bound": "cohen-l2"})
USES = (records.read, lambda path: resume(path, HEADER))
NEWLINE = b"\n"


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "log.tsv", HEADER, ROWS)


def told(use):
    """What is read and what is said; None where it is refused."""
    with warnings.catch_warnings(record=True, action="always") as said:
        try:
            return use(), [str(one.message) for one in said]
        except ValueError:
            return None, []


def with_field(log, field, value):
    """Change the header of a log as someone does who knows how to make a checksum."""
    first, rest = log.read_text().split("\n", 1)
    log.write_text(sealed(json.dumps(json.loads(first) | {field: value}) + "\n" + rest))


@pytest.mark.parametrize(
    ("header", "rows", "digest"),
    [(HEADER, ROWS, "64b8eeaef233966d"), (FULL, STOPPED, "f638aef6a564aaac"), (FULL, [], "acbea421ba091858")],
    ids=["plain", "full", "header alone"],
)
def test_a_log_is_read_as_written_and_its_bytes_are_those_of_old(tmp_path, header, rows, digest):
    log = write(tmp_path / "log.tsv", header, rows)
    found = records.read(log, header)
    assert (found.header, found.header.info, list(found.rows)) == (header, header.info, rows)
    assert found.noise == noises.from_dict(header.noise) and found.radius is None
    assert [*zip(found.index, found.label, found.predict, found.count, found.seconds, strict=True)] == [
        (row.index, row.label, row.predict, row.count, row.seconds) for row in rows
    ]
    assert hashlib.sha256(log.read_bytes()).hexdigest()[:16] == digest
    left_out = {name for name in ("stop", "select", "training", "classes", "info") if getattr(header, name) is None}
    assert not left_out & set(json.loads(log.read_text().split("\n")[0]))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_an_editor_makes_of_a_log_is_read_and_gone_on_with(log, start, end):
    raw = start + log.read_bytes().replace(b"\n", end)
    log.write_bytes(raw + b"5\t7\t")
    with pytest.warns(UserWarning, match="line 6, the last, was cut off"):
        assert list(records.read(log).rows) == ROWS
    with pytest.warns(UserWarning, match="line 6, the last, was cut off"):
        assert resume(log, HEADER) == (ROWS, len(raw), HEADER.text())


# ---- damage ----


@pytest.mark.parametrize(("header", "rows"), [(FULL, STOPPED[:2]), (HEADER, [])], ids=["rows", "header alone"])
def test_of_all_single_bit_flips_none_is_read_as_another_value_without_a_word(tmp_path, header, rows):
    log = write(tmp_path / "log.tsv", header, rows)
    whole = log.read_bytes()
    cut_off = [f"{log}: line {whole.count(NEWLINE)}, the last, was cut off, and is left out"]
    accepted = 0
    with log.open("r+b", buffering=0) as file:
        for place in range(8 * len(whole)):
            byte, bit = divmod(place, 8)
            file.seek(byte)
            file.write(bytes([whole[byte] ^ 1 << bit]))
            found, said = told(lambda: records.read(log))
            if found is not None:  # the last line has lost its end
                accepted += 1
                assert (found.header.text(), list(found.rows), said) == (header.text(), rows[:-1], cut_off), place
            if bit == byte % 8:  # going on reads in the same way
                resumed, said = told(lambda: resume(log, header))
                assert resumed is None or (resumed[0], said) == (rows[:-1], cut_off), place
            file.seek(byte)
            file.write(whole[byte : byte + 1])
    assert accepted == (8 if rows else 0)
    assert (records.read(log).header.text(), list(records.read(log).rows)) == (header.text(), rows)


NO_VOTES = [
    # a hundred votes of a hundred, by way of minus a hundred for another class
    ("7:90", "7:100,8:-10", "the votes in counts must be a whole number from 0 to .*, got '-10'"),
    ("7:90", "7:91", "counts must add up to n=100, got 101"),
    ("\t90\t", "\t91\t", "votes give predict=7 count=90, got 7 and 91"),
    ("1:2,7:8", "1:3,7:8", "counts0 must add up to n0=10, got 11"),
    ("1:10,7:90", "1:5,1:10,7:90", "counts has class 1 twice"),
    ("1:10,7:90", "-1:10,7:90", "a class in counts must be a whole number from 0 to .*, got '-1'"),
    ("1:10,7:90", "7", "the votes in counts must be .*, got ''"),
    ("7:90", "7:9_0", "the votes in counts must be .*, got '9_0'"),
    ("7:90", "7:٩٠", "the votes in counts must be .*, got '٩٠'"),
    ("4\t7\t7", "4\t-7\t7", "label must be a whole number from 0 to .*, got '-7'"),
    ("4\t7\t7", "+4\t7\t7", "index must be .*, got '.4'"),
    ("4\t7\t7", "9223372036854775808\t7\t7", "index must be .* 9223372036854775807, got '9223372036854775808'"),
    ("4\t7\t7", "4\t7\t7\t7", "needs the columns index label predict count counts0 counts seconds end"),
    ("\n4\t7\t7", "\n\n4\t7\t7", "needs the columns"),
    ("0.250", "nan", "seconds must be finite and at least 0, got nan"),
    ("0.250", "soon", "could not convert"),
    ("4\t7\t7", "5\t7\t7", "its checksum is not '.*': the line was changed"),
]


@pytest.mark.parametrize(("old", "new", "words"), NO_VOTES)
def test_votes_that_no_run_wrote_are_refused(log, old, new, words):
    text = log.read_text(encoding="utf-8")
    assert text.count(old) == 1
    log.write_text(text.replace(old, new), encoding="utf-8")
    for use in USES:
        with pytest.raises(ValueError, match=f"log.tsv: line 3 must be a row of votes, .*{words}"):
            use(log)


DAMAGED = [
    (lambda raw: b"hello\n" + raw, LogHeaderError, "line 1 must be the header of a rsexplore-counts log"),
    (lambda raw: b"hello", LogHeaderError, "line 1 must be the header"),
    (lambda raw: b"\xff\xfe" + raw, LogHeaderError, "line 1 must be the header"),
    (lambda raw: raw.replace(b'version": 2', b'version": 3'), LogHeaderError, "needs .* version 1 or 2, got .* 3"),
    (lambda raw: raw.replace(b"index\t", b"idx\t"), LogHeaderError, "line 2 must name the columns"),
    (lambda raw: raw.replace(b'scale": 0', b'scale": 8'), LogHeaderError, "line 1, the header, was changed"),
    (lambda raw: raw.replace(b'"seed": 3, ', b""), LogHeaderError, "line 1, the header, .* but seed is missing"),
    (lambda raw: sealed(raw.decode().replace("\n0\t", "\n4\t")).encode(), ValueError,
     "line 4 must be another image, got index 4 again"),
    *(
        (lambda raw, code=code: raw.decode().encode(code), LogHeaderError,
         "log.tsv must be text in UTF-8, .* UTF-16; save it as UTF-8")
        for code in ("utf-16", "utf-16-le", "utf-32")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "words"), DAMAGED)
def test_a_damaged_log_is_named(log, change, error, words):
    log.write_bytes(change(log.read_bytes()))
    for use in USES:
        with pytest.raises(error, match=words):
            use(log)


def test_a_row_belongs_to_its_header(tmp_path):
    mine = write(tmp_path / "mine.tsv", FULL, STOPPED).read_text().split("\n")
    other = write(tmp_path / "mixed.tsv", dataclasses.replace(FULL, seed=4), [])
    other.write_text(other.read_text() + mine[2] + "\n")
    with pytest.raises(ValueError, match="mixed.tsv: line 3 must be a row of votes, .*checksum"):
        records.read(other)


def test_the_largest_index_is_read(log):
    log.write_text(sealed(log.read_text().replace("4\t7\t7", f"{2**63 - 1}\t7\t7")))
    assert records.read(log).index[0] == 2**63 - 1


NO_HEADER = [
    *(("n", value, f"needs n to be a whole number from 1 .*, got n={value!r}")
      for value in ("100", 100.0, -1, True, None)),
    ("n", 2**60, "needs n to be a whole number from 1 to 9007199254740992"),
    ("n0", 0, "needs n0 to be a whole number from 1 .*, got n0=0"),
    *(("alpha", value, f"needs alpha to be a number between 0 and 1, got alpha={value!r}")
      for value in (None, "x", 0.0, 1, float("nan"))),
    *(("seed", value, f"needs seed to be a whole number .*, got seed={value!r}") for value in (-1, 0.5, "0")),
    ("noise", "G", "needs noise to be a family with its fields, got noise='G'"),
    ("noise", {"family": "Cauchy"}, "needs a noise that is known here .*'Cauchy'"),
    ("noise", {"family": "Laplace", "scale": "1"}, "needs a noise that is known here .*scale"),
    ("noise", {"family": "Laplace", "scale": 1.0, "dim": float("inf")}, "needs a noise that is known here"),
    ("radius_format", "4 decimals", "must have the fields .* but radius_format is unknown"),
    ("smoothing", 1, "must have the fields .* but smoothing is unknown"),
    ("select", "class", "needs select to be one of .'votes', 'label'., got select='class'"),
    ("training", {}, "needs training to be an object that is not empty"),
    ("training", "90 epochs", "needs training to be an object that is not empty"),
    *(("classes", value, "needs classes to be an array of two or more names")
      for value in (["cat"], ["cat", ""], {"0": "cat", "1": "dog"})),
    *(("info", value, "needs info to be an object of plain values") for value in ({"card": {"a": 1}}, ["H100"])),
    *(("stop", value, "needs stop to be a rule of .'beta-mixture, clopper-pearson at n', .*'pilot 1'. with its fields")
      for value in ({"rule": "first success"}, "x", STOP | {"rule": "looked"}, STOP | {"more": 1}, {})),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "words"), NO_HEADER)
def test_a_header_that_cannot_be_is_refused(log, field, value, words):
    with_field(log, field, value)
    with pytest.raises(LogHeaderError, match=f"log.tsv: line 1, the header, {words}"):
        records.read(log)


NOT_ALLOWED = [
    (FULL, dataclasses.replace(STOPPED[0], end="at n"),
     "end must be 'certified' or 'given up' at 63 of n=1000 draws, got 'at n'"),
    (FULL, dataclasses.replace(STOPPED[0], end="stopped"), "end must be .*, got 'stopped'"),
    (FULL, dataclasses.replace(STOPPED[2], end="certified"), "end must be 'at n' at 1000 of .*, got 'certified'"),
    (PILOTED, dataclasses.replace(STOPPED[0], end="certified"), "end must be 'precise' at 63 of .*, got 'certified'"),
    (PILOTED, dataclasses.replace(STOPPED[0], counts={}, end="precise"), "end must be 'given up' at 0 of n=1000"),
    (FULL, dataclasses.replace(STOPPED[0], counts={1: 60, 3: 3}), "classes must be below 3, .* got 3"),
    (dataclasses.replace(FULL, stop=None), STOPPED[0], "counts must add up to n=1000, got 63"),
    (dataclasses.replace(FULL, n=999), STOPPED[2], "counts must add up to at most n=999, got 1000"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "row", "words"), NOT_ALLOWED)
def test_rows_that_their_header_does_not_allow_are_refused(tmp_path, header, row, words):
    with pytest.raises(ValueError, match=f"line 3 .*{words}"):
        records.read(write(tmp_path / "log.tsv", header, [row]))


# ---- files that are packed, or far larger than they look ----


def test_a_packed_log_is_known_by_its_bytes_too(log):
    log.write_bytes(gzip.compress(log.read_bytes()))
    assert list(records.read(log).rows) == ROWS
    with pytest.raises(LogHeaderError, match="line 1 must be the header"):  # nothing is written to it
        resume(log, HEADER)


def test_a_small_packed_file_cannot_fill_the_memory(tmp_path):
    path = tmp_path / "log.tsv.gz"
    path.write_bytes(gzip.compress(bytes(2**20), 1) * 300)
    assert path.stat().st_size < 2**21
    tracemalloc.start()
    words = "log.tsv.gz must hold at most 256 MiB when .* got a gzip file of [0-9,]* bytes"
    with pytest.raises(ValueError, match=words):
        records.read(path)
    assert tracemalloc.get_traced_memory()[1] < 600 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-9], lambda raw: raw[:20] + b"!" + raw[21:], lambda raw: b"no" + raw]
)
def test_a_damaged_gzip_file_is_named(log, damage):
    path = log.with_suffix(".tsv.gz")
    path.write_bytes(damage(gzip.compress(log.read_bytes())))
    with pytest.raises(ValueError, match="log.tsv.gz must be a whole gzip file, got a damaged one"):
        records.read(path)


# ---- going on ----


def test_resuming_at_every_byte_keeps_the_whole_lines(log):
    raw = log.read_bytes()
    ends = [at + 1 for at, byte in enumerate(raw) if byte == ord("\n")]
    for cut in range(len(raw) + 1):
        log.write_bytes(raw[:cut])
        whole = [end for end in ends if end <= cut]
        torn = [f"{log}: line {len(whole) + 1}, the last, was cut off, and is left out"] * (cut not in (0, *ends))
        (rows, offset, head), said = told(lambda: resume(log, HEADER))
        assert (rows, head, said) == (ROWS[: max(len(whole) - 2, 0)], HEADER.text(), torn), cut
        assert offset == (whole[-1] if len(whole) >= 2 else 0), cut
        if len(whole) >= 2:
            found, said = told(lambda: records.read(log))
            assert (list(found.rows), said) == (rows, torn), cut
    log.unlink()
    assert resume(log, HEADER) == ([], 0, HEADER.text())


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", 4), ("n", 1001), ("alpha", 0.01), ("noise", {"family": "x"}), ("stop", None), ("select", "label"),
     ("stop", STOP | {"radius": 0.5}), ("training", {"epochs": 1}), ("classes", ["a", "b", "c"])],
)  # fmt: skip
def test_the_log_of_another_run_is_refused_and_left_as_it_is(tmp_path, field, value):
    log = write(tmp_path / "log.tsv", FULL, STOPPED)
    before, other = log.read_bytes(), dataclasses.replace(FULL, **{field: value})
    for use in (resume, records.read):
        with pytest.raises(LogHeaderError, match=f"log.tsv belongs to another run.*{field}="):
            use(log, other)
    assert log.read_bytes() == before


ANSWERS = (
    # the same, sums in another order, and a tie that goes the other way
    [[1, 7.41], [0, 0.02]], [[1, 7.36], [0, 0.09]], [[1, 7.41], [2, 0.01]],
    # of another model
    [[1, 6.9], [0, 0.02]], [[2, 7.41], [0, 0.02]], [[1, 7.41], [0, 0.9]], [[1, None], [0, 0.02]], [[1, 7.41]], "cats",
)  # fmt: skip


@pytest.mark.parametrize(("clean", "same"), [*zip(ANSWERS, [True] * 3 + [False] * 6, strict=True)])
def test_a_model_is_known_by_its_answers_within_rounding(tmp_path, clean, same):
    log = write(tmp_path / "log.tsv", FULL, STOPPED)
    words = "it has other answers of its model to clean images"
    with nullcontext() if same else pytest.raises(LogHeaderError, match=words):
        assert resume(log, dataclasses.replace(FULL, model=FULL.model | {"clean": clean}))[0] == STOPPED


# ---- version 1 ----


BARE = {"training": None, "classes": None, "info": None}  # what version 1 has no field for


def old(path, header, rows):
    log = write(path / "log.tsv", header, rows)
    log.write_text(version_1(log.read_text()))
    return log


def test_version_1_is_read_as_it_was_written_and_not_gone_on_with(tmp_path):
    stopped = dataclasses.replace(FULL, **BARE)
    log = old(tmp_path, stopped, STOPPED)
    found = records.read(log, stopped)
    assert found.header == stopped and found.header.version == 1
    assert [(row.index, row.counts, row.end) for row in found.rows] == [
        (0, {1: 60, 0: 3}, None), (7, {0: 20, 2: 30}, None), (4, {0: 500, 1: 500}, "at n")]  # fmt: skip
    before = log.read_bytes()
    with pytest.raises(LogHeaderError, match="log.tsv is of version 1, whose rows have no checksums, .*to go on, take"):
        resume(log, stopped)
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("select", "votes"), ("training", {"epochs": 1}), ("classes", ["a", "b"]), ("info", {"card": "H100"})],
)
def test_version_1_has_none_of_the_new_fields(tmp_path, field, value):
    with pytest.raises(LogHeaderError, match=f"{field} is unknown"):
        records.read(old(tmp_path, dataclasses.replace(HEADER, **{field: value}), []))


# ---- one log, one writer ----

WRITER = """
import sys, time
from pathlib import Path
from test_log import HEADER, ROWS, kept
with kept(HEADER, Path(sys.argv[1]), {}) as (rows, keep):
    for row in ROWS[:2]:
        keep(row)
    print("waiting", flush=True)
    time.sleep(100)
"""
LABELS = {row.index: row.label for row in ROWS}


def test_two_processes_do_not_write_one_log_and_a_killed_one_leaves_no_lock(tmp_path, request):
    log = tmp_path / "log.tsv"
    command = [sys.executable, "-c", WRITER, str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=request.path.parent) as writer:
        assert writer.stdout.readline() == "waiting\n"
        before = log.read_bytes()
        with pytest.raises(LogInUseError, match="certify: .*log.tsv is being written by another run, in another pro"):
            with kept(HEADER, log, LABELS):
                pass
        assert log.read_bytes() == before and len(records.read(log)) == 2  # reading is free
        writer.send_signal(signal.SIGKILL)
    with kept(HEADER, log, LABELS) as (rows, keep):
        assert rows == ROWS[:2]
        with pytest.raises(LogInUseError, match="or in this one"):
            with kept(HEADER, log, LABELS):
                pass
        keep(ROWS[2])
    assert log.read_bytes() == write(tmp_path / "whole.tsv", HEADER, ROWS).read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
def test_where_files_cannot_be_locked_a_run_goes_on_with_a_warning(log, monkeypatch):
    def without_locks(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", without_locks)
    with pytest.warns(RuntimeWarning, match="log.tsv cannot be locked here .*start no second run on it"):
        with kept(HEADER, log, LABELS) as (rows, _):
            assert rows == ROWS


FOREIGN = Header(
    noises.to_dict(noises.Gaussian(0.5)), n0=100, n=100_000, alpha=0.001, radius_format="3 significant digits"
)
TEXT = (
    "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"
    "0\t3\t-1\t0.0\t0\t0:00:13.7\n"
    "20\t7\t7\t0.0734\t1\t0:00:13.8\n"
    "40\t4\t5\t1.91\t0\t0:00:13.9\n"
)


def read(path, text, header=FOREIGN):
    path.write_text(text)
    return records.read(path, header)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".tsv", ".tsv.gz"])
def test_logs_of_others_are_read(tmp_path, ends, suffix):
    path = tmp_path / f"log{suffix}"
    raw = TEXT.replace("\n", ends).encode("utf-8-sig" if ends == "\n" else "utf-8")
    path.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    found = records.read(path, FOREIGN)
    assert found.index.tolist() == [0, 20, 40] and found.predict.tolist() == [-1, 7, 5]
    assert found.radius.tolist() == [0, 0.0734, 1.91] and found.count is None and found.q_a()[0] == 1
    assert found.index.dtype == found.predict.dtype == np.int64 and found.radius.dtype == np.float64
    assert repr(found) == "Records(3 images, Gaussian(sigma=0.5), n=100000, alpha=0.001)"


DAMAGED_OTHERS = [
    (TEXT, "", "line 1 must name the columns .*, got ''"),
    (TEXT, TEXT.split("\n")[0], "needs one image at least"),
    ("idx", "index", "line 1 must name the columns idx label predict radius correct time"),
    ("7\t7\t0.0734", "7\t0.0734", "line 3: every line must have the columns .*, got 5"),
    ("20\t7\t7", "0\t7\t7", "line 3: needs different indices, got idx 0 again"),
    ("\t1\t0:00", "\t0\t0:00", "line 3: needs correct = "),
    ("\t1\t0:00", "\ttrue\t0:00", "line 3: needs correct = .*, got 'true'"),
    *(("0.0734", radius, "line 3: needs a finite radius >= 0, got ")
      for radius in ("large", "-1", "nan", "inf", "1e400", "0.07_34", "")),
    ("0.0734", "2.2", "line 3: radius 2.2 is more than 100000 of 100000 votes give under Gaussian .* below 1/2"),
    ("1.91", "1e+300", "line 4: radius 1e.300 is more than 100000 of 100000 votes give"),
    ("20\t7\t7", "20\t1.7\t7", "line 3: label must be a whole number from 0 to .*, got '1.7'"),
    ("20\t7\t7", "20\t7\t-5", "line 3: predict .if not -1. must be a whole number from 0 to .*, got '-5'"),
    ("20\t7\t7", "99999999999999999999\t7\t7", "line 3: idx must be a whole number"),
    ("-1\t0.0", "-1\t0.1", "line 2: an abstention .predict -1. must have radius 0, got 0.1"),
    ("13.9\n", "13.9\n\n80\t4\t4\t1.9\t1\t0:00:1\n", "line 5: every line must have the columns"),
    ("13.9\n", "13.9\n60\t4\t5\t1.9\n80\t4\t4\t1.9\t1\t0:00:1\n", "line 5: every line must have the columns"),
]  # fmt: skip


def test_a_log_of_others_needs_a_header_and_no_run_goes_on_with_it(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text(TEXT)
    words = r"log.tsv is a log of others.*to read it, say what was run: header=Header\(.*radius_format="
    for header in (None, dataclasses.replace(FOREIGN, radius_format=None)):
        with pytest.raises(LogHeaderError, match=words):
            records.read(path, header)
    with pytest.raises(LogHeaderError, match="line 1 must be the header of a rsexplore-counts log, got 'idx"):
        resume(path, FOREIGN)


def test_a_radius_at_the_wrong_level_is_read_so_that_the_right_one_can_be_found(tmp_path):
    # from 0.5 * 3.9105: n votes of n at the level 0.01
    printed = read(tmp_path / "log.tsv", TEXT.replace("1.91", "1.96")).printed
    assert printed.possible(0.01).all() and not printed.possible(0.001).all()


# ---- what a format cannot have printed ----


FORMATS = [
    ("4 decimals", "1.23", "1.2300"),
    ("4 decimals", "0.05", "0.0500"),
    ("4 decimals", "1.23456", "1.2346"),
    ("3 significant digits", "1.2345", "1.23"),
    ("3 significant digits", "0.05120", "0.0512"),
    ("3 significant digits", "1.0", None),
    ("3 significant digits", "1.19e-05", None),
    ("4 decimals", "1.2300", None),
    ("all digits", "1.2345678901234567", None),
    ("all digits", "1.2345678901234567890", "1.2345678901234567"),
]


@pytest.mark.parametrize(("radius_format", "radius", "printed"), FORMATS)
def test_a_radius_that_its_format_cannot_have_printed_is_refused(tmp_path, radius_format, radius, printed):
    header, text = dataclasses.replace(FOREIGN, radius_format=radius_format), TEXT.replace("0.0734", radius)
    text = text.replace("40\t4\t5\t1.91\t0\t0:00:13.9\n", "")
    if printed is None:
        assert read(tmp_path / "log.tsv", text, header).radius.tolist() == [0, float(radius)]
        return
    words = f"line 3: radius in {radius_format} is printed {printed}, got {radius}; is it the format?"
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "log.tsv", text, header)


# ---- what the programs of others make of a column, and of the last line ----


@pytest.mark.parametrize(
    ("column", "line"),
    [("0 1 0", None), ("0 1 1", None), ("False True False", None),
     ("0 0 1", 3), ("0 1 2", 4), ("1 1 1", 2), ("0 True 0", 3)],
)  # fmt: skip
def test_correct_is_of_the_row_or_a_total(tmp_path, column, line):
    rows = [row.split("\t") for row in TEXT.splitlines()[1:]]
    lines = ["\t".join([*row[:4], told, row[5]]) for row, told in zip(rows, column.split(), strict=True)]
    text = "\n".join([TEXT.split("\n")[0], *lines, ""])
    if line is None:
        assert read(tmp_path / "log.tsv", text).label.tolist() == [3, 7, 4]
        return
    words = f"line {line}: needs correct = .label == predict., or how often that was so up to here"
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "log.tsv", text)


ENDS = [
    ("\n", "line 5, the last, is empty, and is left out"),
    ("\n\n  \n", "line 7, the last, is empty, and is left out"),
    ("60\t4\t5\t1.9", "line 5, the last, was cut off .'60.*1.9'., and is left out"),
    ("60\t4\t5\t1.91\t0", "line 5, the last, was cut off"),
    ("\0\0\0\0", "line 5, the last, was cut off"),  # a file system that lost power
]


@pytest.mark.parametrize(("end", "said"), ENDS)
def test_an_empty_or_torn_last_line_is_left_out_and_said(tmp_path, end, said):
    with pytest.warns(UserWarning, match=f"log.tsv: {said}"):
        assert read(tmp_path / "log.tsv", TEXT + end).index.tolist() == [0, 20, 40]


def test_a_line_without_an_end_is_read_where_nothing_is_missing(tmp_path):
    assert read(tmp_path / "log.tsv", TEXT + "60\t4\t4\t1.9\t1\t0:00:1").index.tolist() == [0, 20, 40, 60]


# ---- logs with counts ----

# rows of our own, but for the first, in the form of the logs of Kumar et al. 2020
COUNTED = (
    "idx\tlabel\tpredict\tcount\tany_iid_distribution_bound\tgeneralized_gaussian_bound_over_sqrt(c)\tcorrect\ttime\n"
    "0\t3\t3\t68513\t0.043032\t0.073487\t1\t0:00:16.2\n"
    "7\t4\t-1\t46000\t0.0\t0.0\t0\t0:00:16.2\n"
    "9\t2\t4\t100000\t2.9263\t0.21292\t0\t0:00:16.2\n"
)
GG6 = noises.GeneralizedGaussian.from_sigma(0.5, 3072, shape=6)
RUN = Header(noises.to_dict(GG6), n0=100, n=100_000, alpha=0.001)


def test_a_log_of_counts_is_read(tmp_path):
    found = read(tmp_path / "log.tsv", COUNTED, RUN)
    assert found.index.tolist() == [0, 7, 9] and found.label.tolist() == [3, 4, 2]
    assert found.predict.tolist() == [3, -1, 4] and found.count.tolist() == [68513, 46000, 100_000]
    assert found.radius is None and found.noise == GG6 and found.draws.tolist() == [100_000] * 3
    assert np.array_equal(found.q_a(), clopper_pearson_tail([68513, 46000, 100_000], 100_000, 0.001))
    # the log's own column says it too: .5 / sqrt(2 q_a) / 3072^(1/2 - 1/6)
    assert found.q_a()[0] == pytest.approx((0.5 / 0.043032 / 3072 ** (1 / 3)) ** 2 / 2, rel=5e-5)
    assert repr(found).startswith("Records(3 images, GeneralizedGaussian(")
    abstained = read(tmp_path / "log.tsv", COUNTED.replace("46000", "99000"), RUN)
    assert abstained.count[1] == 99_000 and abstained.q_a()[1] > 0.5  # of many votes, and certifies nothing


def test_any_bound_certifies_from_counts(tmp_path):
    noise = noises.Laplace.from_sigma(0.5, 3072)
    found = read(tmp_path / "log.tsv", COUNTED, dataclasses.replace(RUN, noise=noises.to_dict(noise)))
    bound = bounds.get("teng-l1")
    radius = bound.radius(noise, q_a=clopper_pearson_tail(68513, 100_000, 0.001))
    shares = accuracy.certified(found, bound, [0.0, radius, np.nextafter(radius, 9)])
    assert shares.tolist() == [1 / 3, 1 / 3, 0.0]  # one is right; an abstention never is
    assert accuracy.certified(found, bound, 0.0, alpha=0.4) == 1 / 3
    with pytest.raises(ValueError, match="certified needs a bound for a log of counts"):
        accuracy.certified(found)


def test_a_gaussian_log_of_counts_has_one_more_column(tmp_path):
    text = COUNTED.replace("\tcorrect", "\texact_radius\tcorrect")
    text = re.sub(r"\t([01])\t0:00", r"\t0.1\t\1\t0:00", text)
    found = read(tmp_path / "log.tsv", text, dataclasses.replace(RUN, noise=FOREIGN.noise))
    assert found.count.tolist() == [68513, 46000, 100_000]


DAMAGED_COUNTS = [
    ("100000\t2", "100001\t2", "line 4: count must be at most n=100000, got 100001; is it the n of this log?"),
    ("68513", "50000", "line 2: a prediction needs more than half of n=100000 votes, got 50000"),
    ("68513", "6.8e4", "line 2: count must be a whole number"),
    ("\t0\t0:00:16.2\n9", "\t1\t0:00:16.2\n9", "line 3: needs correct = "),
    ("\t0.0\t0.0\t0\t", "\t0.0\t0\t", "line 3: every line must have the columns .* count .*, got 7"),
    ("idx\tlabel\tpredict\tcount\t", "idx\tlabel\tcount\tpredict\t", "line 1 must be the header|line 1 must name"),
]


CHANGED = [*((TEXT, FOREIGN, *case) for case in DAMAGED_OTHERS), *((COUNTED, RUN, *case) for case in DAMAGED_COUNTS)]


@pytest.mark.parametrize(("text", "header", "old", "new", "words"), CHANGED)
def test_a_damaged_log_of_others_is_named(tmp_path, text, header, old, new, words):
    assert old in text
    with pytest.raises(ValueError, match=f"log.tsv: {words}"):
        read(tmp_path / "log.tsv", text.replace(old, new, 1), header)


def test_what_a_log_of_counts_does_not_tell_is_refused(tmp_path):
    found = read(tmp_path / "log.tsv", COUNTED, RUN)
    with pytest.raises(ValueError, match="top_two needs the votes .*, but a log of others holds no votes of other"):
        found.top_two()
    with pytest.raises(ValueError, match="printed radii are in logs of others only, this log has counts"):
        _ = found.printed
    assert not records.can_thin(found, 100)
    words = r"log.tsv is a log of others, with counts of votes.*header=Header\(noise, n0, n, alpha\)$"
    with pytest.raises(LogHeaderError, match=words):
        records.read(tmp_path / "log.tsv")
    for field in ({"stop": STOP}, {"select": "votes"}):
        with pytest.raises(LogHeaderError, match="stop and select are of our logs alone"):
            records.read(tmp_path / "log.tsv", dataclasses.replace(RUN, **field))


# ---- printed radii: what they stand for, tested on logs whose votes are known ----


@pytest.mark.parametrize("radius_format", PRINTERS)
@pytest.mark.parametrize(("sigma", "n"), [(0.12, 100_000), (0.25, 100_000), (1.0, 100_000), (0.5, 1000), (0.5, 101)])
@pytest.mark.parametrize("alpha", [None, 0.001, 0.01, 1e-6, 0.2])
def test_the_true_value_lies_between_lower_and_upper(tmp_path, radius_format, sigma, n, alpha):
    log, count = printed_log(tmp_path / "log.tsv", sigma=sigma, n=n, alpha=0.001, radius_format=radius_format)
    truth = clopper_pearson_tail(count, n, 0.001 if alpha is None else alpha)
    assert (log.q_a(alpha, "lower") >= truth).all()
    assert (log.q_a(alpha, "upper") <= truth).all()
    has_radius = log.predict >= 0
    middle = log.q_a(alpha)[has_radius]
    assert (log.q_a(alpha, "lower")[has_radius] >= middle).all()
    assert (log.q_a(alpha, "upper")[has_radius] <= middle).all()


def test_the_interval_is_no_wider_than_the_rounding(tmp_path):
    log, count = printed_log(tmp_path / "log.tsv", sigma=1.0, n=100_000, alpha=0.001, radius_format="4 decimals")
    few = (count > 99_900) & (count < 100_000)
    # next to n votes the counts lie further apart than 4 decimals, so the count itself comes back
    assert few.sum() > 100
    for rounding in ("lower", "printed", "upper"):
        assert np.array_equal(log.q_a(0.01, rounding)[few], clopper_pearson_tail(count[few], 100_000, 0.01))


@pytest.mark.parametrize("radius_format", PRINTERS)
@pytest.mark.parametrize("alpha", [0.001, 0.01])
def test_a_log_tells_its_level(tmp_path, radius_format, alpha):
    log, _ = printed_log(tmp_path / "log.tsv", sigma=0.5, n=100_000, alpha=alpha, radius_format=radius_format)
    assert [level for level in (0.001, 0.01, 0.05, 0.2) if log.printed.possible(level).all()] == [alpha]


def one(radius, alpha=0.001, sigma=1.0, radius_format="3 significant digits", abstained=False):
    return Printed(np.array([radius]), np.array([abstained]), noises.Gaussian(sigma), 100_000, alpha, radius_format)


def test_no_radius_is_larger_than_n_votes_give():
    assert one(3.81).ceiling() == pytest.approx(3.8115, abs=5e-5)
    assert one(3.91, alpha=0.01).ceiling() == pytest.approx(3.9105, abs=5e-5)
    ceiling = one(0.953, sigma=0.25)  # rounded up: 0.952864 is the largest
    assert ceiling.radii()[0] == 0.953
    assert ceiling.radii("upper")[0] == ceiling.ceiling() < 0.953
    for rounding in ("printed", "upper"):
        assert ceiling.q_a(None, rounding) == clopper_pearson_tail(100_000, 100_000, 0.001)
    # at a level where it cannot occur, it is taken for the largest that can
    assert one(3.91).q_a(0.01, "lower") == clopper_pearson_tail(100_000, 100_000, 0.01)


INTERVALS = [
    (0.457, "3 significant digits", 0.4565, 0.4575),
    (1.0, "3 significant digits", 0.9995, 1.005),  # finer digits below a power of ten
    (1.19e-05, "3 significant digits", 1.185e-05, 1.195e-05),
    (0.0, "3 significant digits", 0.0, 0.0),
    (0.0, "4 decimals", 0.0, 0.00005),
]


@pytest.mark.parametrize(("value", "radius_format", "low", "high"), INTERVALS)
def test_ends_of_what_is_printed_so(value, radius_format, low, high):
    assert _ends(value, radius_format) == (low, high)
    if low > 0:
        inside = np.nextafter([low, high], value).tolist()
        assert [float(PRINTERS[radius_format].format(x)) for x in inside] == [value, value]


def test_an_abstention_has_no_bound_but_its_own():
    lost = one(0.0, abstained=True)
    assert lost.q_a() == lost.q_a(0.2) == lost.q_a(0.2, "lower") == 1
    assert lost.q_a(None, "upper") > 0.5
    assert 0.49 < lost.q_a(0.2, "upper") < 0.5  # at a looser level it may not have abstained
    assert lost.possible().all()


def test_printed_radius_of_a_half_is_no_abstention():
    assert 0.5 - 1e-12 < one(0.0).q_a() <= 0.5
    assert one(0.0).q_a(None, "lower") == 0.5


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"rounding must be one of .*'printed', 'lower', 'upper'.*, got 'down'"):
        one(0.5).q_a(None, "down")
    with pytest.raises(ValueError, match="radius_format to be .*'4 decimals' .* or 'all digits', got None"):
        one(0.5, radius_format=None)
    with pytest.raises(TypeError, match="Gaussian noise only, got Laplace"):
        Printed(np.zeros(1), np.zeros(1, bool), noises.Laplace(0.5), 100, 0.001, "4 decimals")
