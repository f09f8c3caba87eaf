"""Logs of others: read as they are, refused with the number of the line where they cannot be; what a radius tells."""

import dataclasses
import gzip
import re

import numpy as np
import pytest
from scipy import stats
from test_log import STOP

from rsexplore import accuracy, bounds, noises, records
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.foreign import Printed, _ends
from rsexplore.log import Header, LogHeaderError, resume

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


@pytest.mark.parametrize(("old", "new", "words"), DAMAGED_OTHERS)
def test_a_damaged_log_of_others_is_named(tmp_path, old, new, words):
    with pytest.raises(ValueError, match=f"log.tsv: {words}"):
        read(tmp_path / "log.tsv", TEXT.replace(old, new))


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
    assert records.alpha_of(read(tmp_path / "log.tsv", TEXT.replace("1.91", "1.96"))) == 0.01


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


@pytest.mark.parametrize(("old", "new", "words"), DAMAGED_COUNTS)
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
    assert not records.can_thin(found, 100)
    words = r"log.tsv is a log of others, with counts of votes.*header=Header\(noise, n0, n, alpha\)$"
    with pytest.raises(LogHeaderError, match=words):
        records.read(tmp_path / "log.tsv")
    for field in ({"stop": STOP}, {"select": "votes"}):
        with pytest.raises(LogHeaderError, match="stop and select are of our logs alone"):
            records.read(tmp_path / "log.tsv", dataclasses.replace(RUN, **field))


# ---- printed radii: what they stand for, tested on logs whose votes are known ----

PRINTERS = {"3 significant digits": "{:.3}", "4 decimals": "{:.4f}"}


def printed_log(path, sigma=0.5, n=1000, alpha=0.001, radius_format="4 decimals", images=2000):
    """Write a log as others do, from votes that we know; return its records and the votes."""
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.uniform(0.4, 1, images // 2), 1 - 10 ** rng.uniform(-6, -1, images // 2)])
    count = rng.binomial(n, truth)
    p_a = stats.beta.ppf(alpha, np.maximum(count, 1), n - count + 1)  # as their programs compute it, not ours
    radius = np.where(p_a < 0.5, 0.0, sigma * stats.norm.ppf(p_a))
    lines = ["idx\tlabel\tpredict\tradius\tcorrect\ttime"]
    for index, value in enumerate(radius):
        label = index % 10
        predict = -1 if p_a[index] < 0.5 else label
        text = PRINTERS[radius_format].format(float(value))
        lines.append(f"{index}\t{label}\t{predict}\t{text}\t{int(predict == label)}\t0:00:01")
    path.write_text("\n".join(lines) + "\n")
    noise = noises.to_dict(noises.Gaussian(sigma, 3072))
    header = Header(noise, n0=100, n=n, alpha=alpha, radius_format=radius_format)
    return records.read(path, header), count


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
    assert records.alpha_of(log) == alpha
    assert log.printed.possible(alpha).all()
    assert not log.printed.possible(0.05).all()
    assert records.alpha_of(log, candidates=[0.05, 0.2]) is None


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
    with pytest.raises(ValueError, match="radius_format to be one of .*'4 decimals', 'all digits'.*, got None"):
        one(0.5, radius_format=None)
    with pytest.raises(TypeError, match="Gaussian noise only, got Laplace"):
        Printed(np.zeros(1), np.zeros(1, bool), noises.Laplace(0.5), 100, 0.001, "4 decimals")
