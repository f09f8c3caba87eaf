"""Logs of others: read as they are, and refused with the number of the line where they cannot be."""

import dataclasses
import gzip

import numpy as np
import pytest

from rsexplore import noises, records
from rsexplore.records import Header

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
    assert found.index.dtype == found.predict.dtype == np.int64 and found.radius.dtype == np.float64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("idx", "index", "line 1 must name the columns idx label predict radius correct time"),
        ("7\t7\t0.0734", "7\t0.0734", "line 3: every line must have the columns .*, got 5"),
        ("20\t7\t7", "0\t7\t7", "line 3: needs different indices, got idx 0 again"),
        ("\t1\t0:00", "\t0\t0:00", "line 3: needs correct = "),
        ("\t1\t0:00", "\ttrue\t0:00", "line 3: needs correct = .*, got 'true'"),
        *(
            ("0.0734", radius, "line 3: needs a finite radius >= 0, got ")
            for radius in ("large", "-1", "nan", "inf", "1e400", "0.07_34", "")
        ),
        (
            "0.0734",
            "2.2",
            "line 3: radius 2.2 is more than 100000 of 100000 votes give under Gaussian .* level below 1/2",
        ),
        ("1.91", "1e+300", "line 4: radius 1e.300 is more than 100000 of 100000 votes give"),
        ("20\t7\t7", "20\t1.7\t7", "line 3: label must be a whole number from 0 to .*, got '1.7'"),
        ("20\t7\t7", "20\t7\t-5", "line 3: predict .if not -1. must be a whole number from 0 to .*, got '-5'"),
        ("20\t7\t7", "99999999999999999999\t7\t7", "line 3: idx must be a whole number"),
        ("-1\t0.0", "-1\t0.1", "line 2: an abstention .predict -1. must have radius 0, got 0.1"),
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
    words = r"log.tsv is a log of others.*to read it, say what was run: header=Header\(.*radius_format="
    for header in (None, dataclasses.replace(FOREIGN, radius_format=None)):
        with pytest.raises(records.LogHeaderError, match=words):
            records.read(path, header)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "line 1 must name the columns .*, got ''"), (TEXT.split("\n")[0], "needs one image at least")],
)
def test_an_empty_log_of_others_is_named(tmp_path, text, words):
    path = tmp_path / "log.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"log.tsv: {words}"):
        records.read(path, FOREIGN)


def test_a_radius_at_the_wrong_level_is_read_so_that_the_right_one_can_be_found(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text(TEXT.replace("1.91", "1.96"))  # from 0.5 * 3.9105: n votes of n at the level 0.01
    assert records.alpha_of(records.read(path, FOREIGN)) == 0.01


def test_records_of_others_are_told_in_one_line(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text(TEXT)
    assert repr(records.read(path, FOREIGN)) == "Records(3 images, Gaussian(sigma=0.5), n=100000, alpha=0.001)"
