"""The list of every figure and table, the tables made again, and what stands behind the figures of the notebooks."""

from math import inf
from pathlib import Path
from pydoc import locate

import numpy as np
import pytest

import rsexplore as rs
from reproduce import remake
from reproduce.remake.checks import CHECKS
from reproduce.remake.inventory import STATUSES, cell_number, page
from rsexplore import papers
from rsexplore.noises import Laplace

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def test_the_list_has_every_document_and_no_item_twice():
    items = remake.inventory()
    assert {item.document for item in items} == {paper.key for paper in papers.FIVE}
    assert len({(item.document, item.item) for item in items}) == len(items) == 52
    assert all(item.status in STATUSES for item in items)


def test_every_numbered_figure_and_table_of_the_papers_is_in_the_list():
    wanted = {
        "unified": ["Table 1", *(f"Figure {i}" for i in range(1, 7))],
        "laplace": ["Table 1", *(f"Figure {i}" for i in (1, 3, 4, 5, 6, 7, 8, 10, 11))],
        "soap": [*(f"Table {i}" for i in range(1, 5)), *(f"Figure {i}" for i in range(1, 6))],
        "hayes": ["Table 1", "Table 2", *(f"Figure {i}" for i in range(1, 6))],
        "lecture": ["Table 2", "Figure 1", "Figure 6"],
    }
    for document, names in wanted.items():
        listed = [item.item for item in remake.inventory() if item.document == document]
        missing = [name for name in names if not any(f"{item} ".startswith(f"{name} ") for item in listed)]
        assert missing == []


def test_what_is_not_exact_says_why_and_every_item_is_in_one_cell_of_its_notebook():
    for item in remake.inventory():
        assert item.status == "exact" or item.reason
        if item.status in ("missing", "not possible"):  # what has no picture names no cell
            assert not item.cell and not item.function and (NOTEBOOKS / f"{item.notebook}.ipynb").exists()
        else:
            assert cell_number(item, NOTEBOOKS) >= 1  # a LookupError says where it is


def test_functions_of_the_list_exist_and_are_called_in_their_notebooks():
    for item in (item for item in remake.inventory() if item.function):
        assert callable(locate(f"rsexplore.{item.function}") or locate(f"reproduce.{item.function}")), item
        text = (NOTEBOOKS / f"{item.notebook}.ipynb").read_text(encoding="utf-8")
        assert item.function.split(".")[-1] + "(" in text, item


def test_a_cell_that_is_missing_or_there_twice_is_refused():
    item = remake.inventory()[0]
    for cell in ("no cell says this", "rs."):
        with pytest.raises(LookupError, match="should have .* in one code cell"):
            cell_number(item._replace(cell=cell), NOTEBOOKS)


def test_checks_of_the_list_exist_and_none_is_left_over():
    assert {item.check for item in remake.inventory()} - {""} == set(CHECKS)


def test_the_list_refuses_a_document_that_is_not_there():
    with pytest.raises(KeyError, match="inventory_table needs one of"):
        remake.inventory_table("nobody")


@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"soap-table-3", "attack-ratio"}))
def test_what_is_exact_is_within_the_prints_rounding(name):
    check = CHECKS[name]
    gap = check.measure()
    assert gap is not None and gap >= 0
    exact = {item.check: item for item in remake.inventory() if item.status == "exact"}
    assert check.outcome.value in ("holds", "holds with a condition") or name not in exact


@pytest.mark.parametrize(
    ("name", "gap"),
    [("eq-26-points", {"": 0.0046}), ("proposition-1-end", {"": 8.8e-5}), ("twenty-percent", {"c = 1": 1, "c = 3": 20}),
     ("table-1", {"all at fixed E‖z‖_inf": 1, "each at fixed E‖z‖_inf or fixed σ": 0}),
     ("figure-6", {"c = 1": 0.16, "c = 3": 0}), ("ten-to-twenty", {"c = 1": 0, "c = 3": 4.747}),
     ("rops-order", {"every radius": 0.188, "radii up to 0.490": 0}), ("soap-table-1", {"best σ at each radius": 2}),
     ("soap-table-2", {"best σ at each radius": 0.415}), ("soap-table-4", {"best σ at each radius": 2})],
)  # fmt: skip
def test_differences_from_print(name, gap):
    assert CHECKS[name].gaps == pytest.approx(gap, rel=0.02, abs=1e-12)


def test_items_with_nothing_printed_say_so():
    shown = {(item.document, item.item): item.shown for item in remake.inventory()}
    assert shown["soap", "Figure 1"] == "exact, unprinted" and shown["hayes", "Figure 3 a and b"] == "part"
    assert shown["hayes", "Figure 5"] == "stand-in"
    assert sum(word == "exact, unprinted" for word in shown.values()) == 10


def test_without_the_logs_table_3_and_the_attacks_say_so(monkeypatch, tmp_path):
    monkeypatch.delenv("RSEXPLORE_DATA", raising=False)
    monkeypatch.setenv("RSEXPLORE_CACHE", str(tmp_path))
    assert "needs the published logs" in str(remake.best_table("Table 3"))
    assert CHECKS["soap-table-3"].measure() is None and remake.attacked(0.5) is None
    assert CHECKS["attack-ratio"].measure() is None and remake.confirm("hayes", "Figure 5") is None


def test_page_of_figures_is_as_committed(published_log):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert (ROOT / "docs" / "figures.md").read_text(encoding="utf-8") == page(NOTEBOOKS)


def test_attacks_never_contradict_a_certified_radius(published_log):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    found = remake.attacked(0.5)
    assert found.contradictions == 0 and 2 < found.ratio < 2.5
    assert found.surely_outside(*remake.printed_ratios()).sum() == 55 and len(found.radius) == 323
    assert CHECKS["attack-ratio"].measure() == pytest.approx(19.34, abs=0.01)


def test_what_an_attack_says_about_a_ratio_by_hand():
    radius, broken = np.array([1.0, 1.0, 1.0, 0.1, 1.0]), np.array([1.5, 2.0, 3.0, 0.5, inf])
    found = remake.Attacked(0.5, radius, broken, (0.5, 1.5, 2.0, 3.0))
    # below; at the lower end; from 2 to 3 unknown; at most 5 and above 0 unknown; above 3
    assert found.surely_outside(2.0, 2.5).tolist() == [True, False, False, False, True]


def test_figures_of_published_votes_are_read_at_one_level():
    read = {level: remake.framework_curves("cifar10", 1.0, alpha=level) for level in (None, 0.01, 0.001)}
    levels = {level: {curve.alpha for curve in found} for level, found in read.items()}
    assert levels == {None: {0.01, 0.001}, 0.01: {0.01}, 0.001: {0.001}}  # None: as logged, where nobody asks
    # c = 1: as printed, the most that 100,000 votes give at 0.001 is 1.694, at 0.01 it would be 1.765
    assert max(curve.radii.max() for curve in read[0.001]) == pytest.approx(1.694, abs=1e-3)
    assert {curve.alpha for curve in remake.other_sigma(("cohen-l2", "kl-l2"), alpha=0.001)} == {0.001}


def test_a_coarse_curve_is_never_above_the_fine_one():
    header = rs.records.Header(rs.noises.to_dict(Laplace(0.2, 4)), 10, 1000, 0.001)
    counts = np.array([1000, 990, 900, 700, 510])
    columns = (np.arange(5), np.zeros(5, int), np.zeros(5, int), np.zeros(5), counts)
    log = rs.records.Records(header, *columns)
    bound, at = rs.bounds.get("laplace-l1"), np.linspace(0, 1.5, 50)
    assert (remake.coarse(log, bound, 1.0).at(at) <= rs.accuracy.curve(log, bound).at(at) + 1e-12).all()
