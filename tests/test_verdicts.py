"""The verdicts: that every row is there, what decides it computed anew, and that both pages are what is found.

One statement, one verdict: the errata, the list of figures, the notebooks and the pages agree row by row.
"""

import json
import re
from math import inf
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import optimize, stats

from reproduce import exact, statements, verdicts
from reproduce import soap_algorithms as soap
from reproduce.compare import Evidence, Outcome
from reproduce.printed import all_statements, inventory, printed
from rsexplore import bounds, noises, papers

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def rows(page, head):
    """Rows of the tables of a page whose head begins with a word, as dicts."""
    found, names = [], None
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            names = None
        elif cells[0] == head:
            names = cells
        elif names and set(cells[0]) != {"-"}:
            found.append(dict(zip(names, cells, strict=True)))
    return found


ERRATA = {row["key"].strip("`"): row for row in rows("errata.md", "key")}
FIGURES = {(row["document"], row["item"]): row for row in rows("figures.md", "document")}


@pytest.fixture(scope="module")
def table():
    return verdicts.table()


def test_every_printed_number_names_what_examines_it(table):
    keys = {v.key for v in table.verdicts} | {row.key for row in all_statements().values() if row.is_formula}
    for paper in papers.FIVE:
        assert {cell.by for cell in printed(paper.key)} <= keys | {"setting"}
    for row in all_statements().values():  # exactly one thing is said of each
        assert [bool(x) for x in (row.words, row.how, row.reason, row.is_formula)].count(True) == 1
        assert bool(row.printed) == bool(row.where) and (row.printed or row.cells or row.is_formula), row.key


def test_every_examination_is_of_a_statement():
    named = {row.name for row in all_statements().values() if row.words}
    examinations = {name for name, f in vars(statements).items() if getattr(f, "__module__", "") == statements.__name__
                    and f.__annotations__["return"] is Evidence}  # fmt: skip
    assert named == examinations


def test_keys_are_unique_and_nothing_is_left_blank(table):
    keys = [v.key for v in table.verdicts]
    assert len(set(keys)) == len(keys)
    for v in table.verdicts:
        assert v.printed and v.witness and "{" not in re.sub(r"_\{.*?\}", "", v.witness)
        assert v.right or v.outcome in (Outcome.HOLDS, Outcome.UNCHECKED, Outcome.NOT_REPRODUCIBLE), v.key


def test_bounds_that_certify_hold_and_what_exceeds_the_exact_radius_is_unsound(table):
    for bound in bounds.ALL:
        found = table[bound.key]
        if bound.certifies:
            assert found.outcome is Outcome.HOLDS, bound
        else:
            assert found.outcome in (Outcome.UNSOUND, Outcome.PRINT_FAULT, Outcome.HOLDS), bound
            assert (found.outcome is Outcome.UNSOUND) == (found.evidence.excess > 1), bound
    assert not table["dmr-l2"].statement and table["dmr-l2-printed"].statement == "corollary-11"


def test_no_right_form_is_one_that_does_not_certify(table):
    unproved = [b.latex for b in bounds.ALL if not b.certifies]
    for verdict in table.verdicts:
        assert verdict.right.removeprefix("$r = ").removesuffix("$") not in unproved, verdict.key
        assert not (verdict.printed.startswith("right form") and verdict.outcome is not Outcome.HOLDS), verdict.key


@pytest.fixture
def lengthen(monkeypatch):
    """Return a function that makes the radii of one bound longer, or shorter."""
    real = bounds.Bound.radius

    def change(key, times):
        def radius(bound, *args, **options):
            return real(bound, *args, **options) * (times if bound.key == key else 1)

        monkeypatch.setattr(bounds.Bound, "radius", radius)

    return change


@pytest.mark.parametrize("key", ["cohen-l2", "uniform-l1", "soap-dual", "teng-l1"])
def test_a_radius_that_is_too_large_would_be_found(lengthen, key):
    lengthen(key, 1.01)
    assert exact.examine(bounds.get(key)).outcome is not Outcome.HOLDS


def test_an_examination_that_finds_less_says_less(lengthen, table):
    assert table["corollary-11"].evidence.excess == pytest.approx(1.772, abs=5e-4)
    lengthen("dmr-l2-printed", 0.5)
    assert verdicts.examine(all_statements()["corollary-11"]).outcome is not Outcome.UNSOUND


def test_rows_on_one_coordinate_say_so_and_hold_by_sampling_in_more(lengthen, table):
    for key in ("dinf-linf", "pure-dp-linf"):
        assert "in one coordinate; sampled at d = 2, 5 and 20" in table[key].witness
    for times, kept in ((1, True), (1.2, False)):  # what is longer than the exact radius would be seen
        lengthen("pure-dp-linf", times)
        left, error = exact.sampled(bounds.get("pure-dp-linf"))
        assert (left > -error) is kept


def test_what_several_rows_say_is_counted_once(table):
    rows = {row[0]: row for row in table.summary.rows}
    unsound = table.only("unsound")
    known = ("local-constant", "definition-4", "corollary-11", "algorithm-1", "intersection", "tv-l2-printed")
    assert sorted(unsound.statements) == sorted(known)
    assert [v.key for v in unsound.verdicts if not v.statement] == ["dmr-l2", "dmr-linf"]
    assert rows["unsound"][2:] == ["6", "2"]
    assert sum(int(row[2]) for row in table.summary.rows) == len(table.statements)
    assert sum(int(row[3]) for row in table.summary.rows) == sum(not v.statement for v in table.verdicts)


@pytest.mark.parametrize(
    ("found", "word"),
    [({"known": False, "excess": 2}, "cannot be checked"), ({"excess": 1.1, "meant": True}, "unsound"),
     ({"holds": True, "excess": 1}, "holds"), ({"meant": True, "partly": True}, "print fault"),
     ({"partly": True, "excess": 1}, "holds with a condition"), ({}, "not reproducible")],
)  # fmt: skip
def test_the_gravest_word_of_the_pages_definitions_follows_from_the_evidence(found, word):
    assert Evidence("x", **found).outcome.value == word


def test_what_holds_needs_no_condition_and_unknown_keys_and_papers_are_named(table):
    for bad in ({"excess": 1.1}, {"partly": True}, {"meant": True}):
        with pytest.raises(ValueError, match="a statement that holds needs no condition"):
            Evidence("x", holds=True, **bad)
    with pytest.raises(KeyError, match="no verdict 'nothing'; there is"):
        table["nothing"]
    with pytest.raises(KeyError, match="no verdicts on 'nobody'"):
        verdicts.table("nobody")
    assert {v.source.paper.key for v in verdicts.table("lecture").verdicts} == {"lecture"}


def test_verdicts_that_need_no_logs_are_those_of_the_page(table):
    assert sorted(ERRATA) == sorted(v.key for v in table.verdicts)
    for key, row in ERRATA.items():
        said = row["verdict"].strip("*")
        assert table[key].outcome.value == said or "needs the published logs" in table[key].witness, key


@pytest.mark.parametrize("page", [verdicts.errata, verdicts.figures])
def test_the_pages_are_what_is_found(published_log, page):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    wanted = (ROOT / "docs" / f"{page.__name__}.md").read_text(encoding="utf-8")
    assert page() == wanted, "run: PYTHONPATH=notebooks python -m reproduce.verdicts"


# what decides single verdicts, computed again in another way


def test_numbers_that_decide_are_those_of_an_independent_computation(table):
    # Cohen et al.'s radius in one coordinate against the printed l_p exponent: 3072^(1/2)
    assert f"{3072**0.5:.1f} times" in table["lp-exponent"].witness
    with mpmath.workdps(30):
        gamma = [mpmath.gamma((d + 1) / 2) / mpmath.gamma(mpmath.mpf(d) / 2) for d in (3072 - 500, 3072)]
        mean = mpmath.sqrt(mpmath.mpf(3071) / 2571) * gamma[0] / gamma[1] - 1
        ratio = mpmath.gamma(1 + mpmath.mpf(1) / (9 * 150528)) ** 150528 / mpmath.gamma(1 + mpmath.mpf(1) / 9)
    assert f"{float(mean):.3e}" in table["sigma-matching"].witness
    assert "made 0.9904, printed above 0.99" in table["volume-ratio"].witness and f"{float(ratio):.4f}" == "0.9904"
    assert "0.00279" in table["corollary-11"].witness
    assert "printed 0.0068" in table["odd-shape-rate"].witness and "0.2706" in table["odd-shape-rate"].witness
    assert "made 32, printed 34" in table["soap-table-1"].witness
    assert table["alpha-of-logs"].witness.startswith("9 of 13")
    assert table["tv-l2-printed"].witness.startswith("2 of the exact radius")


def test_corollary_11_at_ordinary_votes_by_fifty_digits(table):
    quantile = lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)  # noqa: E731
    with mpmath.workdps(50):
        for p_a, p_b, c, wanted in (
            ("0.6", "0.01", 1, 1.122), ("0.4", "0.01", 1, 1.258), ("0.6", "1e-4", 1, 1.549),
            ("0.3", "1e-4", 1, 1.772), ("0.05", "1e-4", 3, 1.059),
        ):  # fmt: skip
            a, b = mpmath.mpf(p_a), mpmath.mpf(p_b)
            share = mpmath.sqrt(2) * mpmath.log(a / b) / (2 * (1 + c)) / ((quantile(a) - quantile(b)) / 2)
            assert float(share) == pytest.approx(wanted, abs=5e-4)
            assert f"{wanted} at ({float(a):g}, {float(b):g}), c = {c}" in table["corollary-11"].witness
    assert "1.126 at (0.501, 0.499), 1.034 at (0.55, 0.45), 1.075 at (0.6, 0.05)" in table["dmr-l2"].witness


def test_local_constant_as_a_lipschitz_constant_certifies_what_is_false(table):
    slope, normal = stats.norm.pdf(3.0), stats.norm
    secant = optimize.minimize_scalar(lambda y: -(normal.cdf(y) - normal.cdf(-3)) / (y + 3), bounds=(-2, 3))
    would = 0.98 / (2 * normal.pdf(normal.ppf(0.99)))
    words = table["local-constant"].witness
    assert f"L_x = {slope:.4f}" in words and f"slope {-secant.fun:.4f}" in words and f"certify {would:.3f} σ" in words
    assert (f"{slope:.4f}", f"{-secant.fun:.4f}", f"{would:.3f}") == ("0.0044", "0.2105", "18.385")


def test_lower_bounds_that_a_constant_mechanism_refutes_are_true_for_added_noise(table):
    """E||z||_inf > r ((d - 1) log 2 / eps - 1/2) for noise on all of R^d, here of two families that are exact."""
    for dim in (2, 10, 3072):
        for eps in (0.01, 1.0, 50.0, 1e4):
            # (2 r, D_inf, l_inf, eps / 2)-robust with r = 1: 2 / scale = eps / 2, or 2 d / lambda = eps / 2
            exponential = noises.ExponentialLinf(4 / eps, dim).mean_norm(inf)
            laplace = noises.Laplace(4 * dim / eps, dim).mean_norm(inf)
            assert min(exponential, laplace) > (dim - 1) * np.log(2) / eps - 0.5
    for key in ("theorem-12", "theorem-16", "theorem-17"):
        assert "the middle of the cube" in table[key].witness and "A may ignore x" in table[key].right


def test_figure_4_of_the_soap_bubbles_depends_on_what_is_not_printed(table):
    words = table["figure-4"].witness
    for gap in ("-0.0052 (λ = 4, k = 1, σ = 0.2)", "-0.0046 (λ = 4, k = 3, σ = 0.45)", "-0.0030 (λ = 2, k = 1"):
        assert gap in words
    noise = {norm: noises.PowerGaussian(0.2, 1.0, 5, norm, 2) for norm in (2, inf)}
    sampled = [soap.robustness(noise[norm], 0.1, lam=4.0, n=1_000_000) for norm in (inf, 2)]
    assert sampled[0] - sampled[1] == pytest.approx(-0.0052, abs=0.006)


def test_supremum_over_orders_is_not_that_of_a_grid(table):
    assert "up to 8.28 %" in table["order-above-1"].witness
    with mpmath.workdps(40):
        p = mpmath.mpf("1e-9")  # at p_B = 0: order 1 loses the most to the best one
        least = lambda a: -mpmath.log(1 - p + 2 * (p ** (1 - a) / 2) ** (1 / (1 - a))) / a  # noqa: E731
        best = max(least(mpmath.mpf(k) / 10_000) for k in range(7_500, 8_500))
        at_one = -mpmath.log(1 - p)
    assert float(mpmath.sqrt(best / at_one)) - 1 == pytest.approx(0.0828, abs=5e-5)


def test_times_and_images_are_those_of_the_logs(published_log, table):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert "made 150.9, printed 110" in table["lecture-experiments-imagenet-resnet-50-time-per-example"].witness
    words = table["figure-6"].witness
    assert "21.2 % (c = 1), 0.0 % (c = 3), 27.4 % (exact)" in words and "made 1.16/255, printed below 1/255" in words


@pytest.mark.parametrize("key", ["lecuyer-misquoted", "sphere-of-radius-one", "hoeffding-sentence", "dominate-lecuyer",
                                 "lemma-3-1-proof", "always-the-largest"])  # fmt: skip
def test_quoted_words_are_between_marks(key):
    assert re.search("“.+”", all_statements()[key].printed)


# one verdict on every page


def test_items_of_the_list_have_a_verdict_wherever_numbers_are_compared():
    for item in inventory():
        row = FIGURES[item.document, item.item]
        if item.check and not all_statements()[item.check].is_formula:
            assert row["verdict"] == f"{ERRATA[item.check]['verdict'].strip('*')} (`{item.check}`)"
        else:
            assert row["verdict"] == "" and "≠" not in row["largest difference from print"]


def test_notebook_of_the_errata_counts_what_the_page_counts():
    cells = json.loads((ROOT / "notebooks" / "08_errata.ipynb").read_text(encoding="utf-8"))["cells"]
    (shown,) = ("".join(output["data"]["text/plain"]) for cell in cells for output in cell.get("outputs", [])
                if "summary" in "".join(cell["source"]) and "text/plain" in output.get("data", {}))  # fmt: skip
    for row in rows("errata.md", "verdict"):
        line = next(line for line in shown.splitlines() if line.startswith(f"{row['verdict']}  "))
        assert line.split()[-2:] == [row["printed statements"], row["rows not in print"]]


# words that a row of the errata makes false, wherever a user may read them
FALSE = {
    "corollary-11": r"100,000 votes cannot come|no vote reaches that place|no published table is touched",
    "soap-table-3": r"not the best of all|every cell differs|no cell agrees|best of all its networks",
    "soap-table-3-ours": r"[Vv]otes under [^.:]* (?:were|are) not published",
    "always-the-largest": r"0\.95365|0\.95364",
    "rops-order-x": r"x up to 0\.97\b(?!\d)|up to x = 0\.97\b(?!\d)",
    "figure-4": r"distance of eq\. \(9\) is never below",
    "order-above-1": r"up to 6\.1 %",
    "proposition-1-item-1": r"items? 2 and 5 hold for the printed KL row only; 1, 3 and 6",
    "dominate-lecuyer": r"every distance but one",
    "odd-shape-rate": r"eq\. \(21\)[^.\n]{0,30}no certificate",
    "theorem-7": r"Theorem 7[^.\n]{0,40}unsound",
}
PAGES = [*NOTEBOOKS, ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_page_says_what_the_errata_makes_false(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
        text = "\n".join("".join(cell["source"]) for cell in cells)
    for key, words in FALSE.items():
        found = re.search(words, text)
        assert found is None, (
            f"{path.name} says {found[0]!r}; see {key} in docs/errata.md: {ERRATA[key]['what decides it']}"
        )
