"""The verdicts: that every row is there, what it says, and that the page is what the package finds."""

from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import stats

from reproduce import verdicts
from reproduce.verdicts import formulas, numbers
from reproduce.verdicts.verdict import Evidence, Outcome
from rsexplore import bounds, papers

PAGE = Path(__file__).parents[1] / "docs" / "errata.md"
WANTED = {
    "tv-l2-printed": Outcome.UNSOUND,
    "kl-l2-printed": Outcome.PRINT_FAULT,
    "proposition-1-item-2": Outcome.NOT_REPRODUCIBLE,  # false with the right radii everywhere
    "proposition-1-item-3": Outcome.CONDITIONAL,
    "proposition-1-item-5": Outcome.NOT_REPRODUCIBLE,
    "order-above-1": Outcome.CONDITIONAL,
    "li-l1-printed": Outcome.PRINT_FAULT,
    "li-tightest": Outcome.CONDITIONAL,
    "odd-shape-kl": Outcome.CONDITIONAL,
    "odd-shape-rate": Outcome.CONDITIONAL,
    "gg-kl-lp-printed": Outcome.HOLDS,  # sound, only smaller
    "intersection": Outcome.UNSOUND,
    "corollary-11": Outcome.UNSOUND,
    "dmr-l2-printed": Outcome.UNSOUND,
    "equation-5": Outcome.CONDITIONAL,
    "sigma-matching": Outcome.PRINT_FAULT,
    "eq-9-gain": Outcome.NOT_REPRODUCIBLE,
    "eq-8-gain": Outcome.NOT_REPRODUCIBLE,
    "table-3-reach": Outcome.NOT_REPRODUCIBLE,
    "theorem-7": Outcome.PRINT_FAULT,  # no certificate needs the side that it forgets
    "theorem-1-iii": Outcome.PRINT_FAULT,
    "algorithm-1": Outcome.UNSOUND,
    "algorithm-2": Outcome.CONDITIONAL,
    "alpha-of-logs": Outcome.NOT_REPRODUCIBLE,
    "soap-table-1": Outcome.NOT_REPRODUCIBLE,
    "soap-table-3": Outcome.NOT_REPRODUCIBLE,
    "c-p": Outcome.PRINT_FAULT,
    "lp-exponent": Outcome.HOLDS,  # the slide says p >= 2
    "twenty-percent": Outcome.CONDITIONAL,
    "ten-to-twenty": Outcome.CONDITIONAL,
    "figure-6": Outcome.CONDITIONAL,
    "rops-order": Outcome.CONDITIONAL,
    "rops-order-x": Outcome.CONDITIONAL,
    "definition-4": Outcome.UNSOUND,
    "theorem-12": Outcome.NOT_REPRODUCIBLE,
    "theorem-16": Outcome.NOT_REPRODUCIBLE,
    "theorem-17": Outcome.NOT_REPRODUCIBLE,
    "growth-of-section-4-2": Outcome.PRINT_FAULT,
    "gaussian-density": Outcome.PRINT_FAULT,
    "gamma-mean": Outcome.PRINT_FAULT,
    "local-constant": Outcome.UNSOUND,
    "local-constant-falls": Outcome.CONDITIONAL,
    "empirical-average": Outcome.PRINT_FAULT,
    "lecture-experiments-imagenet-resnet-50-time-per-example": Outcome.NOT_REPRODUCIBLE,
    "always-the-largest": Outcome.CONDITIONAL,
    "lemma-3-1-proof": Outcome.PRINT_FAULT,
    "lecuyer-misquoted": Outcome.PRINT_FAULT,
    "k-below-d": Outcome.CONDITIONAL,
    "sphere-of-radius-one": Outcome.PRINT_FAULT,
    "table-2-head": Outcome.PRINT_FAULT,
    "theorem-3-proof": Outcome.PRINT_FAULT,
    "theorem-4-proof": Outcome.PRINT_FAULT,
    "equation-22": Outcome.PRINT_FAULT,
    "hoeffding-sentence": Outcome.PRINT_FAULT,
    "equation-1": Outcome.PRINT_FAULT,
    "volume-ratio": Outcome.CONDITIONAL,
    "laplace-tight": Outcome.CONDITIONAL,
    "figure-4": Outcome.UNCHECKED,
}


@pytest.fixture(scope="module")
def table():
    return verdicts.table()


NEED_LOGS = ("soap-table-3", "lecture-experiments-imagenet-resnet-50-time-per-example")


@pytest.mark.parametrize("key", WANTED)
def test_known_faults_are_found(table, key, request):
    if key in NEED_LOGS:
        request.getfixturevalue("published_log")("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert table[key].outcome is WANTED[key], table[key].witness


def test_every_printed_number_has_a_rule():
    for paper in papers.FIVE:
        for cell in papers.printed(paper.key):
            rule = numbers.rule_of(paper.key, cell)
            assert [bool(rule.made), bool(rule.check), bool(rule.claim), bool(rule.reason)].count(True) == 1


def test_rules_name_verdicts_that_there_are(table):
    for rule in numbers.RULES:
        if rule.claim or rule.check:
            assert table[rule.claim or rule.check]


def test_keys_are_unique_and_nothing_is_left_blank(table):
    keys = [v.key for v in table.verdicts]
    assert len(set(keys)) == len(keys)
    for v in table.verdicts:
        assert v.printed and v.witness
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
    assert "made 0.9904, printed above 0.99" in table["volume-ratio"].witness and f"{float(ratio):.4f}" == "0.9904"
    assert "2.78e-03" in table["corollary-11"].witness or "0.00279" in table["corollary-11"].witness
    assert "printed 0.0068" in table["odd-shape-rate"].witness and "0.2706" in table["odd-shape-rate"].witness
    assert "made 32, printed 34" in table["soap-table-1"].witness
    assert table["alpha-of-logs"].witness.startswith("9 of 13")


def test_what_several_rows_say_is_counted_once(table):
    rows = {tuple(row[:1]): row for row in table.summary.rows}
    unsound = table.only("unsound")
    printed = ("local-constant", "definition-4", "corollary-11", "algorithm-1", "intersection", "tv-l2-printed")
    assert sorted(unsound.statements) == sorted(printed)
    assert [v.key for v in unsound.verdicts if not v.statement] == ["dmr-l2", "dmr-linf"]
    assert rows[("unsound",)][2:] == ["6", "2"]
    assert sum(int(row[2]) for row in table.summary.rows) == len(table.statements)
    assert sum(int(row[3]) for row in table.summary.rows) == sum(not v.statement for v in table.verdicts)


def by_definition(evidence):
    """The word that the page's definitions give to what was found, written out again."""
    if not evidence.known:
        return "cannot be checked"
    if evidence.excess > 1:  # a false certificate, or a false level of confidence, follows
        return "unsound"
    if evidence.holds:
        return "holds"
    if evidence.meant:  # not what is meant, and no false certificate follows
        return "print fault"
    return "holds with a condition" if evidence.partly else "not reproducible"


def test_every_verdict_follows_from_its_evidence_by_the_pages_definitions(table):
    for verdict in table.verdicts:
        assert verdict.outcome.value == by_definition(verdict.evidence), verdict.key
    for bad in ({"excess": 1.1}, {"partly": True}, {"meant": True}):
        with pytest.raises(ValueError, match="a statement that holds needs no condition"):
            Evidence("x", holds=True, **bad)


def test_an_examination_that_finds_less_says_less(monkeypatch, table):
    assert table["corollary-11"].evidence.excess == pytest.approx(1.772, abs=5e-4)
    honest = type(bounds.get("dmr-l2-printed")).radius
    shorter = lambda self, *a, **k: honest(self, *a, **k) * (0.5 if self.key == "dmr-l2-printed" else 1)  # noqa: E731
    monkeypatch.setattr(type(bounds.get("dmr-l2-printed")), "radius", shorter)
    assert verdict_of("corollary-11").outcome is not Outcome.UNSOUND


def verdict_of(key):
    return next(claim for claim in verdicts.CLAIMS if claim.key == key).verdict()


def test_unknown_keys_and_papers_are_named(table):
    with pytest.raises(KeyError, match="no verdict 'nothing'; there is"):
        table["nothing"]
    with pytest.raises(KeyError, match="no verdicts on 'nobody'"):
        verdicts.table("nobody")
    assert {v.source.paper.key for v in verdicts.table("lecture").verdicts} == {"lecture"}


def test_the_page_is_what_the_package_finds(published_log):
    """`RSEXPLORE_DATA=<folder> python -m reproduce.verdicts > docs/errata.md` writes it anew."""
    from reproduce.verdicts.page import page

    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert PAGE.read_text(encoding="utf-8") == page()
