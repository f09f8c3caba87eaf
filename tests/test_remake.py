"""Printed tables made again, with and without the logs."""

import mpmath
import pytest

from reproduce import laplace_law, remake
from reproduce.remake import compare
from rsexplore import papers
from rsexplore.noises import Laplace
from rsexplore.table import Table


def lecture_table():
    return remake.certified_accuracy_table("lecture", "Table 2", "locuslab-smoothing", "imagenet")


def test_table_2_of_the_lecture_from_the_shipped_curves(monkeypatch, tmp_path):
    monkeypatch.delenv("RSEXPLORE_DATA", raising=False)
    monkeypatch.setenv("RSEXPLORE_CACHE", str(tmp_path))
    table = lecture_table()
    assert table.agree == len(table.cells) == 21
    assert "0.372 (0.37)" in str(table) and "≠" not in str(table)


def test_table_2_of_the_lecture_from_the_logs(published_log):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert "sha256" not in remake.curve("locuslab-smoothing", "imagenet", 0.5, 0.5).provenance
    assert lecture_table().agree == 21


def test_a_cell_that_differs_is_marked():
    cell = remake.Cell(sigma=0.25, radius=0.5, printed=0.34, remade=0.32, digits=2)
    assert remake.Remade([cell]).agree == 0 and "0.320 (0.34) ≠" in str(remake.Remade([cell]))


def test_nine_of_thirteen_logs_were_made_at_another_level():
    rows = remake.levels().rows
    assert len(rows) == 13
    assert sum(row[-1] == "0.01, not 0.001" for row in rows) == 9
    assert remake.ceilings() == pytest.approx({0.001: 3.8115, 0.01: 3.9105}, abs=5e-5)


def test_rescoring_at_the_stated_level_moves_five_cells_of_table_2():
    moved = remake.rescored("lecture", "Table 2", "locuslab-smoothing", "imagenet", 0.001)
    assert len(moved) == 5 and ["σ = 1.00, r = 2.5", "0.148", "0.144"] in moved.rows


def test_tables_print_as_text_and_as_html():
    table = Table(("a", "b"), [(1, "<x>"), (22, "y")])
    assert str(table) == "a   b\n1   <x>\n22  y" and len(table) == 2
    assert ">&lt;x&gt;</td>" in table._repr_html_()


# printed cells that reproduce: (document, item of the list, place of the cell, its column, another value that is wrong)
PERTURBED = [
    ("lecture", "Table 2", "Table 2", "l2 radius 1.0", "0.38"),
    ("hayes", "Figure 3 a and b", "Section 3.2", "eps_3 = eps_1", "0.87"),
    ("hayes", "Figure 3 a and b", "Section 3.2", "eps_1 when eps_3 tends to 0", "1.45"),
    ("hayes", "Figure 1", "Proposition 1", "upper end of p1", "0.997"),
    ("hayes", "text of Section 3.3", "Section 3.3", "p", "1204224"),
    ("soap", "Table 2", "Table 2", "l2 radius 1.5", "30"),
    ("unified", "text of Section 4.2: 20 % at l2 = 1.0", "Section 4.2", "certified accuracy at l2 radius 1.0", "30"),
    ("unified", "text of Section 4.2: 10 to 20 times", "Section 4.2",
     "Gaussian radii / exponential radii, lower end", "12"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "item", "location", "column", "value"), PERTURBED)
def test_a_printed_number_that_is_changed_is_no_longer_confirmed(
    monkeypatch, document, item, location, column, value
):  # fmt: skip
    assert remake.confirm(document, item) >= 0
    cells = papers.printed(document, location)
    changed = [cell._replace(value=value) if cell.column == column else cell for cell in cells]
    assert changed != cells
    real = papers.printed
    monkeypatch.setattr(
        papers, "printed", lambda key, place=None: changed if (key, place) == (document, location) else real(key, place)
    )
    with pytest.raises(AssertionError, match="from print, more than its rounding"):
        remake.confirm(document, item)


FORMULAS = {
    "laplace_table_1": "LAPLACE_TABLE_1",
    "hayes_table_1": "HAYES_TABLE_1",
    "hayes_table_2": "HAYES_TABLE_2",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_that_is_changed_is_found(monkeypatch, name):
    table = getattr(remake.formulas, FORMULAS[name])
    assert getattr(remake.formulas, name)() < 1e-12
    for key, entry in table.items():
        entry = entry if isinstance(entry, tuple) else (entry,)
        for place, part in enumerate(entry):
            if not callable(part) or (key, place) == ("kl-l2-printed", 1):
                continue  # the KL divergence of Gaussian noise is the one formula that is not ours
            wrong = (*entry[:place], lambda *x, part=part: 1.001 * part(*x), *entry[place + 1 :])
            monkeypatch.setitem(table, key, wrong if len(entry) > 1 else wrong[0])
            assert getattr(remake.formulas, name)() > 1e-5
            monkeypatch.undo()


def test_a_cell_with_another_text_is_a_formula_that_nobody_wrote_out(monkeypatch):
    cells = [cell._replace(value="-lambda log(1 - pA)") for cell in papers.printed("laplace", "Table 1")]
    monkeypatch.setattr(papers, "printed", lambda *_: cells)
    with pytest.raises(KeyError, match="-lambda log"):
        remake.confirm("laplace", "Table 1")


def test_the_printed_kl_divergence_is_twice_the_true_one():
    assert remake.formulas.kl_fault() == pytest.approx(2)


def test_roots_of_remark_2_are_where_the_two_terms_cross():
    noise = Laplace(1.0)
    for p_a in (0.55, 0.8, 0.95):
        with mpmath.workdps(30):
            p = mpmath.mpf(p_a)
            root = mpmath.findroot(
                lambda b, p=p: mpmath.log(p / b) / 2 + mpmath.log(1 - p + b), ((1 - p) ** 2, 1 - p), solver="anderson"
            )
        assert laplace_law.remark_2_interval(p_a)[0] == pytest.approx(float(root), rel=1e-12)
        old, new = laplace_law.theorem_1_terms(noise, p_a, float(root) * 1.01)
        assert new > old


@pytest.mark.parametrize(
    ("made", "printed", "relation", "agrees"),
    [
        (0.8646, "0.86", "", True), (0.8651, "0.86", "", False), (0.3125, "0.312", "", True),
        (4.4 / 255, "4/255", "", True), (4.6 / 255, "4/255", "", False), (49.5, "49", "", True),
        (1.16 / 255, "1/255", "below", False), (1.2525 / 255, "1/255", "below", False),
        (1 / 255, "1/255", "below", False), (0.58 / 255, "1/255", "below", True),
        (1.0000001, "1", "at most", False), (1.0, "1", "at most", True), (0.9999999, "1", "at least", False),
        (0.99, "0.99", "above", False), (0.9904, "0.99", "above", True), (0.9899, "0.99", "above", False),
        (19.0, "20", "about", True), (24.9, "20", "about", True), (14.9, "20", "about", False), (13.4, "20", "", False),
        (1e-13, "0", "exactly", True), (1e-11, "0", "exactly", False), (float("nan"), "1", "", False),
        (float("nan"), "1", "below", False), (float("inf"), "1", "", False), (float("inf"), "1", "above", True),
    ],
)  # fmt: skip
def test_the_rule_of_all_comparisons_rounds_as_print_does_and_never_a_limit(made, printed, relation, agrees):
    assert compare.agrees(made, printed, relation) is agrees


def test_printed_formulas_are_compared_to_rounding_of_the_machine():
    third = 3 / float(mpmath.gamma(mpmath.mpf(1) / 3))
    assert compare.agrees(third, "3/Gamma(1/3)") and not compare.agrees(third * (1 + 1e-10), "3/Gamma(1/3)")
    for text in ("Gamma(1/3)", "3 apples", ""):
        with pytest.raises(ValueError, match="a printed number is a decimal, a fraction or one of"):
            compare.agrees(1.0, text)
    with pytest.raises(ValueError, match="Pair needs a relation of .* got 'near'"):
        compare.agrees(1.0, "1", "near")


def test_a_text_that_leaves_a_value_open_holds_with_the_readings_under_which_it_does():
    good, bad = [compare.Pair(1.0, "1")], [compare.Pair(1.6, "1")]
    for cases, word in (({"": good}, "holds"), ({"c = 1": good, "c = 3": bad}, "holds with a condition"),
                        ({"c = 1": bad, "c = 3": bad}, "not reproducible"), (None, "cannot be checked")):  # fmt: skip
        assert compare.outcome(cases).value == word


def test_both_ways_of_reading_a_limit_say_the_same_as_the_table():
    assert remake.confirm("unified", "Figure 6 right") == 0  # c = 3
    with pytest.raises(AssertionError, match="soap, Table 1: .* 8 of 9 as printed ≠ from print"):
        remake.confirm("soap", "Table 1")
    (table,) = (item for item in remake.inventory() if (item.document, item.item) == ("unified", "Figure 6 right"))
    assert table.compared == "c = 1: 0.16 of 1/255 too large ≠; c = 3: 0 of 1/255 too large"


def test_table_3_says_which_networks_it_is_made_of(published_log):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    table = remake.best_table("Table 3")
    made = {row[-1]: row[1:-1] for row in table.rows if row[0] == "Salman et al. (2019), made again"}
    assert made["attack on the base classifier, 16 logs"] == ["58.2", "42.4", "31.2", "22.2 ≠", "18.0", "13.2"]
    assert made["attack on the smoothed classifier, 454 logs"][0] == "62.4 ≠"
    assert made["more data or pretraining, 38 logs"][0] == "69.2 ≠"
    assert (table.agree, table.largest) == (5, 3)


def test_what_has_no_number_in_print_cannot_be_confirmed():
    with pytest.raises(KeyError, match="nothing is printed to compare soap, Figure 1 with"):
        remake.confirm("soap", "Figure 1")
