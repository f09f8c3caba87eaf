"""Version 2 of our log: no flipped bit is read as another value, each field has one form, and version 1 is read."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from logs import sealed, version_1, write

from rsexplore import noises, records, thinning
from rsexplore.anytime import anytime_tail
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.records import Header, Row

FIXED = Header(noise=noises.to_dict(noises.Gaussian(0.25, 64)), n0=10, n=1000, alpha=0.001, seed=3)
STOP = {"rule": "beta-mixture, clopper-pearson at n", "radius": 0.25, "norm": 2.0, "bound": "cohen-l2", "q_a": 0.3}
FULL = dataclasses.replace(
    FIXED,
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


NEWLINE = b"\n"


def told(use):
    """What is read and what is said; None where it is refused."""
    with warnings.catch_warnings(record=True, action="always") as said:
        try:
            return use(), [str(one.message) for one in said]
        except ValueError:
            return None, []


@pytest.mark.parametrize(("header", "rows"), [(FULL, STOPPED[:2]), (FIXED, [])], ids=["rows", "header alone"])
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
                resumed, said = told(lambda: records.resume(log, header))
                assert resumed is None or (resumed[0], said) == (rows[:-1], cut_off), place
            file.seek(byte)
            file.write(whole[byte : byte + 1])
    assert accepted == (8 if rows else 0)
    assert (records.read(log).header.text(), list(records.read(log).rows)) == (header.text(), rows)


def test_a_row_belongs_to_its_header(tmp_path):
    mine = write(tmp_path / "mine.tsv", FULL, STOPPED).read_text().split("\n")
    other = write(tmp_path / "other.tsv", dataclasses.replace(FULL, seed=4), []).read_text()
    log = tmp_path / "mixed.tsv"
    log.write_text(other + mine[2] + "\n")
    with pytest.raises(ValueError, match="mixed.tsv: line 3 must be a row of votes, .*checksum"):
        records.read(log)


@pytest.mark.parametrize(
    ("index", "end", "words"),
    [
        (
            0,
            "at n",
            "end must be 'at n' where there are n=1000 draws, else 'certified' or 'given up', got 'at n' and 63",
        ),
        (0, "stopped", "end must be .*, got 'stopped' and 63"),
        (2, "certified", "end must be 'at n' where .*, got 'certified' and 1000"),
    ],
)
def test_an_end_that_the_votes_do_not_have_is_refused(tmp_path, index, end, words):
    log = write(tmp_path / "log.tsv", FULL, [dataclasses.replace(STOPPED[index], end=end)])
    with pytest.raises(ValueError, match=words):
        records.read(log)


def test_optional_fields_are_read_as_written(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", FULL, STOPPED))
    assert (found.header, found.header.info, list(found.rows)) == (FULL, FULL.info, STOPPED)
    assert [row.end for row in found.rows] == ["certified", "given up", "at n"]
    bare = records.read(write(tmp_path / "log.tsv", FIXED, STOPPED[2:])).header
    assert (bare.stop, bare.select, bare.training, bare.classes, bare.info) == (None,) * 5
    text = json.loads((tmp_path / "log.tsv").read_text().split("\n")[0])
    assert not {"stop", "select", "training", "classes", "info"} & set(text)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("select", "class", "select to be one of .'votes', 'label'., got select='class'"),
        ("n0", 0, "n0 to be a whole number from 1"),
        ("training", {}, "training to be an object that is not empty"),
        ("training", "90 epochs", "training to be an object that is not empty"),
        ("classes", ["cat"], "classes to be an array of two or more names"),
        ("classes", ["cat", ""], "classes to be an array of two or more names"),
        ("classes", {"0": "cat", "1": "dog"}, "classes to be an array of two or more names"),
        ("info", {"card": {"name": "H100"}}, "info to be an object of plain values"),
        ("info", ["H100"], "info to be an object of plain values"),
        ("smoothing", 1, "must have the fields .* but smoothing is unknown"),
    ],
)
def test_optional_fields_of_another_form_are_refused(tmp_path, field, value, words):
    log = write(tmp_path / "log.tsv", FIXED, STOPPED[2:])
    first, rest = log.read_text().split("\n", 1)
    log.write_text(sealed(json.dumps(json.loads(first) | {field: value}) + "\n" + rest))
    with pytest.raises(records.LogHeaderError, match=f"log.tsv: line 1, the header, .*{words}"):
        records.read(log)


def test_a_class_without_a_name_is_refused(tmp_path):
    log = write(tmp_path / "log.tsv", FULL, [dataclasses.replace(STOPPED[0], counts={1: 60, 3: 3})])
    with pytest.raises(ValueError, match="line 3 .*classes must be below 3, the number of their names, got 3"):
        records.read(log)


def test_information_is_compared_only_to_warn(tmp_path):
    log = write(tmp_path / "log.tsv", FULL, STOPPED)
    other = dataclasses.replace(FULL, info={"card": "A100", "cudnn": 90100, "numpy": "2"})
    with pytest.warns(UserWarning, match=r"log.tsv goes on in other .* begun in, card='H100' \(now 'A100'\)$"):
        rows, _, head = records.resume(log, other)
    assert rows == STOPPED and head == FULL.text()  # to which a further row must belong
    assert records.read(log, other).header == FULL
    for field, value in (("training", {"epochs": 1}), ("classes", ["a", "b", "c"]), ("select", "label")):
        with pytest.raises(records.LogHeaderError, match=f"belongs to another run.*{field}="):
            records.resume(log, dataclasses.replace(FULL, **{field: value}))


@pytest.mark.parametrize(
    ("clean", "same"),
    [
        ([[1, 7.41], [0, 0.02]], True),
        ([[1, 7.36], [0, 0.09]], True),  # sums in another order
        ([[1, 7.41], [2, 0.01]], True),  # and a tie that goes the other way
        ([[1, 6.9], [0, 0.02]], False),
        ([[2, 7.41], [0, 0.02]], False),
        ([[1, 7.41], [0, 0.9]], False),
        ([[1, None], [0, 0.02]], False),
        ([[1, 7.41]], False),
        ("cats", False),
    ],
)
def test_a_model_is_known_by_its_answers_within_rounding(tmp_path, clean, same):
    log = write(tmp_path / "log.tsv", FULL, STOPPED)
    other = dataclasses.replace(FULL, model=FULL.model | {"clean": clean})
    if same:
        assert records.resume(log, other)[0] == STOPPED
        return
    with pytest.raises(records.LogHeaderError, match="it has other answers of its model to clean images"):
        records.resume(log, other)


# ---- classes that no selection sample chose ----


def chosen_by(select, n0, rows, path, **changes):
    return records.read(write(path / "log.tsv", dataclasses.replace(FIXED, select=select, n0=n0, **changes), rows))


def test_a_class_may_be_the_label(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0, chosen=1), Row(1, 2, {}, {1: 900, 2: 100}, 0.0, chosen=2)]
    found = chosen_by("label", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 2] and found.count.tolist() == [900, 100] and list(found.rows) == rows
    assert np.array_equal(found.q_a(), clopper_pearson_tail([900, 100], 1000, 0.001))
    assert found.top_two()[0][0] == clopper_pearson_tail(900, 1000, 0.0005)
    log = write(tmp_path / "log.tsv", dataclasses.replace(FIXED, select="label"), [Row(0, 1, {0: 10}, {1: 1000}, 0.0)])
    with pytest.raises(ValueError, match="votes give predict=1 count=1000, got 0 and 0"):
        records.read(log)


def test_a_class_that_its_own_votes_chose_costs_half_the_level(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0), Row(1, 2, {}, {1: 500, 2: 500}, 0.0)]
    found = chosen_by("votes", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 1]  # a tie goes to the lowest class
    assert found.q_a().tolist() == [clopper_pearson_tail(900, 1000, 0.0005), 1.0]  # a half is no claim
    assert found.q_a(0.01)[0] == clopper_pearson_tail(900, 1000, 0.005)
    with pytest.raises(ValueError, match="top_two needs .*, but this run chose classes by these votes"):
        found.top_two()
    assert thinning.thinned(found, 100).q_a()[0] > found.q_a()[0]
    early = [Row(0, 1, {}, {1: 60, 0: 3}, 0.0, "certified")]
    assert chosen_by("votes", 0, early, tmp_path, stop=STOP).q_a()[0] == anytime_tail(60, 63, 0.001 / 4)


def test_the_level_holds_where_votes_choose_their_own_class(tmp_path):
    # two classes of 1/2 each: a bound on p above 1/2 for either is wrong, and comes twice as often as for one of them
    alpha, n = 0.1, 1000
    count = np.random.default_rng(0).binomial(n, 0.5, 20_000).tolist()
    rows = [Row(i, 0, {}, {0: k, 1: n - k}, 0.0) for i, k in enumerate(count)]
    header = dataclasses.replace(FIXED, n0=0, select="votes")
    wrong = (records.from_rows(header, rows).q_a(alpha) < 0.5).mean()
    assert 0.7 * alpha < wrong <= alpha + 3 * (alpha / 20_000) ** 0.5


# ---- version 1 ----


def old(path, header, rows):
    log = write(path / "log.tsv", header, rows)
    log.write_text(version_1(log.read_text()))
    return log


def test_version_1_is_read_as_it_was_written(tmp_path):
    stopped = dataclasses.replace(FIXED, stop=STOP)
    found = records.read(old(tmp_path, stopped, STOPPED))
    assert found.header == stopped and found.header.version == 1
    assert [(row.index, row.counts, row.end) for row in found.rows] == [
        (0, {1: 60, 0: 3}, None), (7, {0: 20, 2: 30}, None), (4, {0: 500, 1: 500}, "at n")]  # fmt: skip
    assert records.read(tmp_path / "log.tsv", stopped).index.tolist() == [0, 7, 4]


def test_going_on_with_version_1_is_refused_with_what_to_do(tmp_path):
    log = old(tmp_path, FIXED, STOPPED[2:])
    before = log.read_bytes()
    words = (
        "log.tsv is of version 1, whose rows have no checksums, .*records.read reads it; to go on, take the rsexplore"
    )
    with pytest.raises(records.LogHeaderError, match=words):
        records.resume(log, FIXED)
    assert log.read_bytes() == before


@pytest.mark.parametrize("field", ["select", "training", "classes", "info"])
def test_version_1_has_none_of_the_new_fields(tmp_path, field):
    values = {"select": "votes", "training": {"epochs": 1}, "classes": ["a", "b"], "info": {"card": "H100"}}
    log = old(tmp_path, dataclasses.replace(FIXED, **{field: values[field]}), STOPPED[2:])
    with pytest.raises(records.LogHeaderError, match=f"{field} is unknown"):
        records.read(log)
