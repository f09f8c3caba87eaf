"""The verdicts: that every row is there, what it says, and that the page is what the package finds."""

from math import inf
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import stats

from rsexplore import bounds, papers, verdicts
from rsexplore.verdicts import formulas, numbers
from rsexplore.verdicts.verdict import Outcome

PAGE = Path(__file__).parents[1] / "docs" / "errata.md"
WANTED = {
    "tv-l2-printed": Outcome.UNSOUND,
    "kl-l2-printed": Outcome.PRINT_FAULT,
    "proposition-1-item-2": Outcome.CONDITIONAL,
    "proposition-1-item-5": Outcome.CONDITIONAL,
    "order-above-1": Outcome.CONDITIONAL,
    "li-l1-printed": Outcome.PRINT_FAULT,
    "li-tightest": Outcome.CONDITIONAL,
    "odd-shape-kl": Outcome.CONDITIONAL,
    "odd-shape-rate": Outcome.PRINT_FAULT,
    "intersection": Outcome.UNSOUND,
    "corollary-11": Outcome.UNSOUND,
    "dmr-l2-printed": Outcome.UNSOUND,
    "equation-5": Outcome.CONDITIONAL,
    "sigma-matching": Outcome.PRINT_FAULT,
    "eq-9-gain": Outcome.NOT_REPRODUCIBLE,
    "eq-8-gain": Outcome.NOT_REPRODUCIBLE,
    "table-3-reach": Outcome.NOT_REPRODUCIBLE,
    "theorem-7": Outcome.UNSOUND,
    "theorem-1-iii": Outcome.PRINT_FAULT,
    "algorithm-1": Outcome.UNSOUND,
    "algorithm-2": Outcome.CONDITIONAL,
    "alpha-of-logs": Outcome.NOT_REPRODUCIBLE,
    "soap-table-1-cohen-et-al-2019": Outcome.NOT_REPRODUCIBLE,
    "c-p": Outcome.PRINT_FAULT,
    "lp-exponent": Outcome.CONDITIONAL,
    "volume-ratio": Outcome.CONDITIONAL,
    "laplace-tight": Outcome.CONDITIONAL,
    "figure-4": Outcome.NOT_REPRODUCIBLE,
}


@pytest.fixture(scope="module")
def table():
    return verdicts.table()


@pytest.mark.parametrize("key", WANTED)
def test_known_faults_are_found(table, key):
    assert table[key].outcome is WANTED[key], table[key].witness


def test_every_printed_number_has_a_rule():
    for paper in papers.FIVE:
        for cell in papers.printed(paper.key):
            rule = numbers.rule_of(paper.key, cell)
            assert [bool(rule.made), bool(rule.claim), bool(rule.reason)].count(True) == 1


def test_rules_name_verdicts_that_there_are(table):
    for rule in numbers.RULES:
        if rule.claim:
            assert table[rule.claim]


def test_keys_are_unique_and_nothing_is_left_blank(table):
    keys = [v.key for v in table.verdicts]
    assert len(set(keys)) == len(keys)
    for v in table.verdicts:
        assert v.printed and v.witness
        assert v.right or v.outcome in (Outcome.HOLDS, Outcome.UNCHECKED, Outcome.NOT_REPRODUCIBLE), v.key


def test_bounds_that_certify_hold_and_printed_ones_do_not(table):
    for bound in bounds.ALL:
        found = table[bound.key].outcome
        if bound.certifies:
            assert found is Outcome.HOLDS, bound
        else:
            assert found in (Outcome.UNSOUND, Outcome.PRINT_FAULT), bound


def test_an_exact_radius_that_is_too_large_would_be_found(monkeypatch):
    cohen = bounds.get("cohen-l2")
    honest = type(cohen).radius
    monkeypatch.setattr(type(cohen), "radius", lambda self, *a, **k: 1.0001 * honest(self, *a, **k))
    assert formulas.verdict(cohen).outcome is not Outcome.HOLDS


def test_total_variation_is_twice_the_exact_radius(table):
    assert table["tv-l2-printed"].witness.startswith("2 of the exact radius")
    p = np.array([0.6, 0.9, 0.99])
    np.testing.assert_allclose(2 * stats.norm.ppf(p), 2 * stats.norm.ppf((2 * p - 1) / 2 + 0.5), rtol=1e-12)


def test_numbers_that_decide_are_those_of_an_independent_computation(table):
    # Cohen et al.'s radius in one coordinate against the printed l_p exponent: 3072^(1/2)
    assert f"{3072**0.5:.1f} times" in table["lp-exponent"].witness
    with mpmath.workdps(30):
        gamma = [mpmath.gamma((d + 1) / 2) / mpmath.gamma(mpmath.mpf(d) / 2) for d in (3072 - 500, 3072)]
        mean = mpmath.sqrt(mpmath.mpf(3071) / 2571) * gamma[0] / gamma[1] - 1
        ratio = mpmath.gamma(1 + mpmath.mpf(1) / (9 * 150528)) ** 150528 / mpmath.gamma(1 + mpmath.mpf(1) / 9)
    assert f"{float(mean):.3e}" in table["sigma-matching"].witness
    assert f"{float(ratio):.4f} at p = 9 d" in table["volume-ratio"].witness
    assert "1326257.58" in table["volume-ratio"].witness
    assert "2.78e-03" in table["corollary-11"].witness or "0.00279" in table["corollary-11"].witness
    assert "printed 0.0068" in table["odd-shape-rate"].witness and "0.2706" in table["odd-shape-rate"].witness
    assert "made 32, printed 34" in table["soap-table-1-cohen-et-al-2019"].witness
    assert table["alpha-of-logs"].witness.startswith("9 of 13")


def test_gamma_expressions_and_fractions_are_compared():
    assert numbers.agrees(3 / float(mpmath.gamma(mpmath.mpf(1) / 3)), "3/Gamma(1/3)")
    assert numbers.agrees(4.4 / 255, "4/255") and not numbers.agrees(4.6 / 255, "4/255")
    assert numbers.agrees(0.8646, "0.86") and not numbers.agrees(0.8651, "0.86")
    assert not numbers.agrees(inf, "1")


def test_unknown_keys_and_papers_are_named(table):
    with pytest.raises(KeyError, match="no verdict 'nothing'; there is"):
        table["nothing"]
    with pytest.raises(KeyError, match="no verdicts on 'nobody'"):
        verdicts.table("nobody")
    assert {v.source.paper.key for v in verdicts.table("lecture").verdicts} == {"lecture"}


def test_the_page_is_what_the_package_finds(published_log):
    """`RSEXPLORE_DATA=<folder> python -m rsexplore.verdicts > docs/errata.md` writes it anew."""
    from rsexplore.verdicts.page import page

    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert PAGE.read_text(encoding="utf-8") == page()
