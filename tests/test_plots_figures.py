"""The list of every figure and table, the tables made again, and what the figures of the notebooks draw."""

import ast
from math import inf
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

import rsexplore as rs
from reproduce import figures, remake
from reproduce.remake.checks import CHECKS
from reproduce.remake.inventory import STATUSES, cell_number, page
from rsexplore import papers
from rsexplore.noises import Gaussian, Laplace

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def axes():
    return Figure().subplots()


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
            assert item.function and cell_number(item, NOTEBOOKS) >= 1  # a LookupError says where it is


def test_functions_of_the_list_are_called_in_their_notebooks():
    for item in remake.inventory():
        text = (NOTEBOOKS / f"{item.notebook}.ipynb").read_text(encoding="utf-8")
        assert item.function.split(".")[-1] + "(" in text or not item.cell


def test_a_cell_that_is_missing_or_there_twice_is_refused():
    item = remake.inventory()[0]
    for cell in ("no cell says this", "rs."):
        with pytest.raises(LookupError, match="should have .* in one code cell"):
            cell_number(item._replace(cell=cell), NOTEBOOKS)


def test_functions_of_the_list_exist():
    for item in remake.inventory():
        found = rs
        for name in filter(None, item.function.split(".")):
            found = getattr(found, name)


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


def test_moments_follow_the_gamma_law():
    grown, shrunk = figures.soap.moments(axes(), dim=100)
    draws = np.linalg.norm(Gaussian(1.0).draw(np.random.default_rng(0), (200_000, 100)), axis=1)
    start = grown.get_xydata()[0]
    assert start == pytest.approx([draws.mean(), draws.var()], rel=0.01)
    assert np.allclose(shrunk.get_ydata() / shrunk.get_xdata() ** 2, start[1] / start[0] ** 2)


def test_eq_8_certifies_the_gaussians_radius_at_equal_votes():
    lines = figures.soap.shares(axes(), dim=3072, powers=(500,), points=5)
    assert np.abs(lines[0].get_ydata()).max() < 1e-3


def test_overlap_of_l1_balls_by_hand():
    # along an axis the overlap of two unit diamonds 1 apart is a diamond of half the size; along a side it is half
    assert figures.laplace.ball_overlaps(Figure().subplots(1, 2)) == pytest.approx([0.5, 1.0], abs=0.02)


def test_lines_of_figure_6_cross_where_the_radii_do():
    ours, _, cohen = figures.laplace.radii(axes())
    ahead = ours.get_xdata()[np.flatnonzero(ours.get_ydata() > cohen.get_ydata() + 1e-12)]
    assert ahead.min() == pytest.approx(0.9536, abs=1e-3)


def test_trade_off_goes_through_the_printed_points():
    printed = figures.hayes.trade_off(axes(), 3, scales=(1.0,))[0]
    x, y = printed.get_data()
    assert (round(float(x[-1]), 2), round(float(y[-1]), 2), round(float(x[0]), 2)) == (0.86, 0.86, 1.44)


def test_envelope_of_the_exponential_mechanism_is_its_own_formula():
    line = figures.unified.envelope(axes(), 3072, sigmas=(1.0,))[1]
    scale = Gaussian(1.0, 3072).mean_norm(inf) / 3072
    most = 0.001 ** (1 / 100_000)
    assert line.get_ydata()[-1] == pytest.approx(255 * scale * np.log(most / (1 - most)) / 2, rel=1e-6)


def test_radii_against_the_dimension_have_the_slopes_of_the_laws():
    lines = figures.dimensions.radii(axes(), norm=inf, dims=(192, 3072, 50_000))
    slopes = [np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0] for line in lines]
    assert slopes == pytest.approx([-0.5, -1, -1, -0.5, -0.5, -1], abs=0.01)


@pytest.mark.parametrize("norm", [1.0, 2.0, 4.0, inf])
def test_only_radii_that_some_classifier_attains_are_labelled_tight(norm):
    # exact in every norm: Gaussian noise, and eq. (8), whose law is round; in l_1 alone: Laplace, uniform
    attained = {"Gaussian", "eq. (8), k = d/6"} | ({"Laplace", "uniform"} if norm == 1 else set())
    lines = figures.dimensions.radii(axes(), norm=norm, dims=(12, 192))
    words = {name: rest.split(", slope")[0] for name, rest in (line.get_label().rsplit(": ", 1) for line in lines)}
    assert {name for name, word in words.items() if word == "tight"} == attained and set(words.values()) > {"sound"}


def test_labels_of_the_laplace_papers_figure_are_true_in_l1():
    labels = [line.get_label() for line in figures.laplace.radii(axes())]
    assert [label.rsplit(": ", 1)[1] for label in labels] == ["tight", "sound", "tight"]


@pytest.mark.parametrize(
    ("c", "p_a", "p_b", "share"),
    [(1, 0.6, 0.01, 1.122), (1, 0.4, 0.01, 1.258), (1, 0.6, 1e-4, 1.549), (1, 0.3, 1e-4, 1.772),
     (3, 0.05, 1e-4, 1.059)],
)  # fmt: skip
def test_corollary_11_exceeds_the_exact_radius_with_more_classes(c, p_a, p_b, share):
    from mpmath import mp, mpf

    normal = lambda p: mp.sqrt(2) * mp.erfinv(2 * mpf(str(p)) - 1)  # noqa: E731
    right = mp.log(mpf(str(p_a)) / mpf(str(p_b))) / (1 + c) / mp.sqrt(2) / ((normal(p_a) - normal(p_b)) / 2)
    lines = figures.unified.corollary_11_rivals(axes(), rivals=(0.1, 0.01, 1e-4))
    (line,) = (one for one in lines if one.get_label() == f"c = {c}, $p_B$ = {p_b:g}")
    assert float(right) == pytest.approx(share, abs=5e-4)
    assert np.interp(p_a, *line.get_data()) == pytest.approx(float(right), rel=1e-3)


def test_the_figure_of_false_certificates_begins_at_a_tie():
    for log in (True, False):
        (heuristic,) = figures.errata.shares_of_exact(axes(), ["dmr-l2"], log=log)
        p_a = 1 - heuristic.get_xdata() if log else heuristic.get_xdata()
        share = heuristic.get_ydata()
        assert p_a.min() < 0.50001 and share.max() == pytest.approx(2 / np.sqrt(np.pi), abs=1e-4)
        assert np.interp([0.501, 0.55], p_a, share) == pytest.approx([1.126, 1.034], abs=5e-4)
        above = p_a[share > 1]
        assert above.max() == pytest.approx(0.573, abs=2e-3) and (share[p_a < 0.572] > 1).all()


def test_figures_of_published_votes_are_read_at_one_level():
    lines = figures.unified.certified(axes(), "cifar10", 1.0)
    ends = {line.get_label(): line.get_xdata().max() for line in lines}
    # c = 1: as printed, the most that 100,000 votes give at 0.001 is 1.694, at 0.01 it would be 1.765
    assert max(x for name, x in ends.items() if name.startswith("trained")) == pytest.approx(1.694, abs=1e-3)
    assert "α = 0.001" in lines[0].axes.get_legend().get_title().get_text()
    found = remake.framework_curves("cifar10", 1.0)
    assert {curve.alpha for curve in found} == {0.01, 0.001}  # as logged, where nobody asks for a level
    assert {curve.alpha for curve in remake.framework_curves("cifar10", 1.0, alpha=0.01)} == {0.01}
    assert {curve.alpha for curve in remake.other_sigma(("cohen-l2", "kl-l2"), alpha=0.001)} == {0.001}


def test_a_coarse_curve_is_never_above_the_fine_one():
    header = rs.records.Header(rs.noises.to_dict(Laplace(0.2, 4)), 10, 1000, 0.001)
    counts = np.array([1000, 990, 900, 700, 510])
    columns = (np.arange(5), np.zeros(5, int), np.zeros(5, int), np.zeros(5), counts)
    log = rs.records.Records(header, *columns)
    bound, at = rs.bounds.get("laplace-l1"), np.linspace(0, 1.5, 50)
    assert (remake.coarse(log, bound, 1.0).at(at) <= rs.accuracy.curve(log, bound).at(at) + 1e-12).all()


def test_modules_of_figures_stay_free_of_pyplot():
    for name in ("soap", "hayes", "laplace", "unified", "dimensions"):
        tree = ast.parse((ROOT / "rsexplore" / "plots" / f"{name}.py").read_text(encoding="utf-8"))
        assert "pyplot" not in ast.dump(tree)
