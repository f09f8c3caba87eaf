"""Printed tables made again, with and without the logs."""

import pytest

from rsexplore import remake
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
