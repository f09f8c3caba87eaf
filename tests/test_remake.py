"""Printed tables made again, with and without the logs."""

import mpmath
import pytest

from rsexplore import laplace_law, papers, remake
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
    with pytest.raises(AssertionError, match="from print, allowed are"):
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


def test_what_has_no_number_in_print_cannot_be_confirmed():
    with pytest.raises(KeyError, match="nothing is printed to compare soap, Figure 1 with"):
        remake.confirm("soap", "Figure 1")
