"""Logs of others: read as they are, and refused with the number of the line where they cannot be."""

import dataclasses
import gzip

import numpy as np
import pytest

from rsexplore import accuracy, bounds, noises, records, thinning
from rsexplore.confidence import clopper_pearson_tail
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


# ---- what a format cannot have printed ----


def read(path, text, header=FOREIGN):
    path.write_text(text)
    return records.read(path, header)


@pytest.mark.parametrize(
    ("radius_format", "radius", "printed"),
    [
        ("4 decimals", "1.23", "1.2300"),
        ("4 decimals", "0.05", "0.0500"),
        ("4 decimals", "1.23456", "1.2346"),
        ("4 decimals", "1", "1.0000"),
        ("3 significant digits", "1.2345", "1.23"),
        ("3 significant digits", "1.230", "1.23"),
        ("3 significant digits", "0.05120", "0.0512"),
        ("3 significant digits", "1.0", None),
        ("3 significant digits", "1.19e-05", None),
        ("4 decimals", "0.0512", None),
        ("4 decimals", "1.2300", None),
        ("all digits", "1.2345678901234567", None),
        ("all digits", "1.2345678901234567890", "1.2345678901234567"),
        ("all digits", "1.2300", "1.23"),
    ],
)
def test_a_radius_that_its_format_cannot_have_printed_is_refused(tmp_path, radius_format, radius, printed):
    header, text = dataclasses.replace(FOREIGN, radius_format=radius_format), TEXT.replace("0.0734", radius)
    text = text.replace("40\t4\t5\t1.91\t0\t0:00:13.9\n", "")
    if printed is None:
        assert read(tmp_path / "log.tsv", text, header).radius.tolist() == [0, float(radius)]
        return
    words = f"line 3: a radius with {radius_format} is printed {printed}, got {radius}; is it the radius_format?"
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "log.tsv", text, header)


def test_an_unknown_format_is_named(tmp_path):
    with pytest.raises(ValueError, match="radius_format to be one of .*'4 decimals', 'all digits'.*, got '2 decimals'"):
        read(tmp_path / "log.tsv", TEXT, dataclasses.replace(FOREIGN, radius_format="2 decimals"))


# ---- what the programs of others make of a column, and of the last line ----


@pytest.mark.parametrize("column", [["0", "1", "0"], ["0", "1", "1"], ["False", "True", "False"]])
def test_correct_may_be_of_the_row_or_a_total(tmp_path, column):
    rows = [line.split("\t") for line in TEXT.splitlines()[1:]]
    lines = ["\t".join([*row[:4], told, row[5]]) for row, told in zip(rows, column, strict=True)]
    found = read(tmp_path / "log.tsv", "\n".join([TEXT.split("\n")[0], *lines, ""]))
    assert (found.predict == found.label).tolist() == [False, True, False]


@pytest.mark.parametrize(("column", "line"), [("001", 3), ("012", 4), ("111", 2), (["0", "True", "0"], 3)])
def test_a_total_that_does_not_add_up_is_refused(tmp_path, column, line):
    rows = [row.split("\t") for row in TEXT.splitlines()[1:]]
    lines = ["\t".join([*row[:4], told, row[5]]) for row, told in zip(rows, column, strict=True)]
    words = f"line {line}: needs correct = .label == predict., or how often that was so up to here"
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "log.tsv", "\n".join([TEXT.split("\n")[0], *lines, ""]))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("\n", "line 5, the last, is empty, and is left out"),
        ("\n\n  \n", "line 7, the last, is empty, and is left out"),
        ("60\t4\t5\t1.9", "line 5, the last, was cut off .'60.*1.9'., and is left out"),
        ("60", "line 5, the last, was cut off"),
        ("60\t4\n", "line 5, the last, was cut off"),
        ("60\t4\t5\t1.91\t0", "line 5, the last, was cut off"),
        ("\0\0\0\0", "line 5, the last, was cut off"),  # a file system that lost power
    ],
)
def test_an_empty_or_torn_last_line_is_left_out_and_said(tmp_path, end, said):
    with pytest.warns(UserWarning, match=f"log.tsv: {said}"):
        assert read(tmp_path / "log.tsv", TEXT + end).index.tolist() == [0, 20, 40]


def test_a_line_without_an_end_is_read_where_nothing_is_missing(tmp_path):
    assert read(tmp_path / "log.tsv", TEXT + "60\t4\t4\t1.9\t1\t0:00:1").index.tolist() == [0, 20, 40, 60]


@pytest.mark.parametrize("middle", ["\n", "60\t4\t5\t1.9\n"])
def test_an_empty_or_torn_line_elsewhere_is_refused(tmp_path, middle):
    with pytest.raises(ValueError, match="line 5: every line must have the columns"):
        read(tmp_path / "log.tsv", TEXT + middle + "80\t4\t4\t1.9\t1\t0:00:1\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_in_utf_16_is_named(tmp_path, encoding):
    path = tmp_path / "log.tsv"
    path.write_bytes(TEXT.encode(encoding))
    for header in (None, FOREIGN):
        with pytest.raises(
            records.LogHeaderError, match="log.tsv must be text in UTF-8, .* UTF-16 .*; save it as UTF-8"
        ):
            records.read(path, header)
    path.write_bytes(TEXT.encode("utf-8-sig"))
    assert len(records.read(path, FOREIGN)) == 3


# ---- logs with counts ----

# rows of our own, but for the first, in the form of Levine and Feizi's logs
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


def test_an_abstention_of_many_votes_certifies_nothing(tmp_path):
    found = read(tmp_path / "log.tsv", COUNTED.replace("46000", "99000"), RUN)
    assert found.count[1] == 99_000 and found.q_a()[1] > 0.5


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
    text = COUNTED.replace("\tcorrect", "\texact_radius\tcorrect").replace("\t0:00", "\t0.1\t0:00")
    text = "\n".join("\t".join([*row[:-3], row[-2], row[-3], row[-1]]) if at else "\t".join(row)
                     for at, row in enumerate(line.split("\t") for line in text.splitlines()))  # fmt: skip
    found = read(tmp_path / "log.tsv", text, dataclasses.replace(RUN, noise=FOREIGN.noise))
    assert found.count.tolist() == [68513, 46000, 100_000]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("100000\t2", "100001\t2", "line 4: count must be at most n=100000, got 100001; is it the n of this log?"),
        ("68513", "50000", "line 2: a prediction needs more than half of n=100000 votes, got 50000"),
        ("68513", "6.8e4", "line 2: count must be a whole number"),
        ("\t0\t0:00:16.2\n9", "\t1\t0:00:16.2\n9", "line 3: needs correct = "),
        ("\t0.0\t0.0\t0\t", "\t0.0\t0\t", "line 3: every line must have the columns .* count .*, got 7"),
        ("idx\tlabel\tpredict\tcount\t", "idx\tlabel\tcount\tpredict\t", "line 1 must be the header|line 1 must name"),
    ],
)
def test_a_damaged_log_of_counts_is_named(tmp_path, old, new, words):
    assert old in COUNTED
    with pytest.raises(ValueError, match=f"log.tsv: {words}"):
        read(tmp_path / "log.tsv", COUNTED.replace(old, new, 1), RUN)


def test_what_a_log_of_counts_does_not_tell_is_refused(tmp_path):
    found = read(tmp_path / "log.tsv", COUNTED, RUN)
    with pytest.raises(ValueError, match="top_two needs the votes .*, but a log of others holds no votes of other"):
        found.top_two()
    with pytest.raises(ValueError, match="printed radii are in logs of others only, this log has counts"):
        _ = found.printed
    assert not thinning.can_thin(found, 100)
    words = r"log.tsv is a log of others, with counts of votes.*header=Header\(noise, n0, n, alpha\)$"
    with pytest.raises(records.LogHeaderError, match=words):
        records.read(tmp_path / "log.tsv")
    stopped = {"rule": "beta-mixture, clopper-pearson at n", "radius": 1, "norm": 2, "bound": "cohen-l2", "q_a": 0.3}
    for field in ({"stop": stopped}, {"select": "votes"}):
        with pytest.raises(records.LogHeaderError, match="stop and select are of our logs alone"):
            records.read(tmp_path / "log.tsv", dataclasses.replace(RUN, **field))
