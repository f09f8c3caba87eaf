"""Every number that the five documents print (`papers.printed`), beside the one made again from theory or from logs.

A rule says for some of the cells how their number is made, which claim is about them, or why they cannot be checked.
What the list of figures compares too is taken from there (`remake.checks`), so that both say the same. Settings of
experiments claim nothing and get no verdict; a test holds that every printed cell has a rule.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, sqrt

import numpy as np

from reproduce.remake.best import LOCUSLAB, SIGMAS, best_at, framework_curves
from reproduce.remake.checks import CHECKS, CONSTANTS, differing, pair
from reproduce.remake.compare import Cases, Outcome, Pair, outcome
from reproduce.remake.tables import curve, seconds
from reproduce.verdicts.verdict import Evidence, Verdict
from rsexplore import bounds, papers
from rsexplore.divergences.generalized_gaussian import coefficient
from rsexplore.papers import PrintedCell

NETWORKS = "depends on the paper's own votes, which were not published"
SETTING = "a setting"
LOGS = "needs the published logs, which are not at hand"


@dataclass(frozen=True)
class Rule:
    """How the cells of one place are examined: exactly one of `made`, `check`, `claim` and `reason` is given."""

    paper: str
    location: str
    row: str = ""  # regular expressions, matched anywhere
    column: str = ""
    made: Callable[[PrintedCell], float | None] | None = None
    check: str = ""  # name of a comparison of `remake.checks`, which is the key of the verdict too
    claim: str = ""  # key of the verdict that is about these cells
    reason: str = ""
    how: str = ""
    right: str = ""
    more: Callable[[], str] | None = None  # what else there is to say

    def covers(self, paper: str, cell: PrintedCell) -> bool:
        """Whether the rule is about a cell."""
        here = (self.paper, self.location) == (paper, cell.location)
        return here and bool(re.search(self.row, cell.row)) and bool(re.search(self.column, cell.column))


def last_number(text: str) -> float:
    """Return the last number of a text, e.g. the radius of "linf radius 8/255" (0.0314)."""
    first, _, second = re.findall(r"[\d./]+", text)[-1].partition("/")
    return float(first) / float(second or 1)


def best_of_cohen(cell: PrintedCell) -> float:
    """Percentage that the best of the published Gaussian networks for ImageNet certifies at a cell's l2 radius."""
    curves = [curve(LOCUSLAB, "imagenet", s, s) for s in SIGMAS["imagenet"]]
    return best_at(curves, [last_number(cell.column)])[0]


def seconds_per_example(cell: PrintedCell) -> float | None:
    """Mean time of an image in the authors' logs; None where they are not at hand."""
    return seconds("cifar10" if "CIFAR" in cell.row else "imagenet")


def above_a_pixel() -> str:
    """Shares of images that are right with an l_inf radius of more than 1/255, as printed and exact."""
    above = np.nextafter(1 / 255, 1)
    printed = {f"c = {c:g}": framework_curves("imagenet", c, inf, train=(0.5,))[0] for c in CONSTANTS}
    exact = curve(LOCUSLAB, "imagenet", 0.5, 0.5).rescore(bounds.get("cohen-lp"), norm=inf)
    shares = {name: 100 * float(found.at(above)) for name, found in {**printed, "exact": exact}.items()}
    return "; right and above it: " + ", ".join(f"{share:.1f} % ({name})" for name, share in shares.items())


def kl_coefficient(cell: PrintedCell) -> float:
    """Coefficient of a power of the shift in the printed KL divergence, e.g. of the l1 term at s = 3."""
    return float(coefficient(last_number(cell.column.replace("term", "")), last_number(cell.row)))


TIMES = "the times in the logs of Cohen et al., mean of all images"
COHEN = "locuslab's logs, best of the noise levels at each radius"
RULES = (
    Rule("lecture", "Table 2", check="lecture-table-2", how="locuslab's logs"),
    Rule("lecture", "Table 2 caption", made=lambda cell: 1 / 1000, how="1,000 classes"),
    *(
        Rule(
            "lecture",
            "Experiments",
            row=row,
            column="time",
            made=seconds_per_example,
            how=TIMES,
            right="the logs say it",
        )
        for row in ("CIFAR", "ImageNet")
    ),
    Rule("lecture", "Experiments", reason=SETTING),
    Rule("lecture", "Training the base classifier", reason=SETTING),
    Rule(
        "unified",
        "Table 1",
        check="table-1",
        how="the radii and limits",
        right="O(1) in l_2 is the growth at fixed σ; the l_inf cells are at fixed E‖z‖_inf, where l_2 falls too",
    ),
    Rule("unified", "Section 1", made=best_of_cohen, how=COHEN),
    Rule(
        "unified",
        "Section 4.2",
        row="Gaussian mechanism",
        check="twenty-percent",
        how="locuslab's logs at σ = 0.5, best training noise, the radius as printed",
        right="with c = 1 and the best training noise; with c = 3 no image is certified at 1.0",
    ),
    Rule(
        "unified",
        "Section 4.2",
        row="footnote",
        made=lambda cell: 1 / sqrt(3072),
        how="1/√d, which allows at least what is printed",
    ),
    Rule(
        "unified",
        "Section 4.2",
        column="ratio|exponential",
        check="ten-to-twenty",
        how="Theorems 18 and 13 as printed at equal E‖z‖_inf, where their ratio is the same for all votes",
        right="with c = 1; with c = 3 it is half of that",
    ),
    Rule("unified", "Section 4.2", reason=SETTING),
    Rule(
        "unified",
        "Figure 6",
        column="upper bound",
        check="figure-6",
        how="locuslab's log, trained and certified at 0.5, by Theorem 18 as printed",
        right="with c = 3; not with c = 1, nor for the exact radius",
        more=above_a_pixel,
    ),
    *(Rule("unified", f"Figure {i}", reason=SETTING) for i in range(1, 7)),
    Rule("unified", "Theorem 10", row="Equation", claim="equation-5"),
    Rule("unified", "Theorem 10", claim="corollary-11"),
    Rule("unified", "Corollary 11", row="l2", claim="corollary-11-units"),
    Rule("unified", "Corollary 11", claim="corollary-11"),
    Rule("unified", "Theorem 13", claim="dinf-linf"),
    Rule("unified", "Theorem 18", claim="dmr-linf-printed"),
    Rule("laplace", "Table 1", row="Our", claim="teng-l1-binary"),
    Rule("laplace", "Table 1", row="Lecuyer", claim="lecuyer-l1"),
    Rule("laplace", "Table 1", row="Cohen", claim="cohen-l2"),
    Rule("laplace", "Section 5.1", reason=SETTING),
    Rule("laplace", "Appendix D", column="largest", check="rops-at-zero", how="the vote of the ball classifier"),
    Rule("laplace", "Appendix D", reason=NETWORKS),
    *(Rule("laplace", place, reason=SETTING) for place in ("Figure 11", "Figure 3", "Section 5.2", "Figures")),
    Rule("soap", "Table 1", row="Cohen", check="soap-table-1", how="locuslab's logs"),
    Rule("soap", "Table 2", row="Cohen", check="soap-table-2", how="locuslab's logs, under radii 0.5 to 3.5"),
    Rule("soap", "Table 4", row="Cohen", check="soap-table-4", how="locuslab's logs"),
    Rule(
        "soap",
        "Table 3",
        row="Salman",
        check="soap-table-3",
        how="the logs of Salman et al., l_2 over √d",
        right="which of the published networks are meant is not stated; five of six cells are those of the attack on"
        " the base classifier",
    ),
    Rule("soap", "Table 3", row="OURS", column="(8|10|12)/255", claim="table-3-reach"),
    *(Rule("soap", f"Table {i}", reason=NETWORKS) for i in (1, 2, 3, 4)),
    Rule("soap", "Section 5", column="sigma", claim="sigma-matching"),
    *(Rule("soap", place, reason=SETTING) for place in ("Section 5", "Figure 1", "Figure 4", "Figure 5", "Lemma 1")),
    Rule("hayes", "Section 3.2", check="eq-26-points", how="eq. (26)"),
    Rule(
        "hayes",
        "Section 3.3",
        column="ratio",
        check="volume-ratio",
        how="Γ(1 + 1/p)^d / Γ(1 + d/p)",
        right="p = 9 d suffices; the least p is 8.811 d",
    ),
    Rule("hayes", "Section 3.3", column="^p$", made=lambda cell: 9 * 3 * 224 * 224, how="9 × 3 × 224 × 224"),
    Rule("hayes", "Section 3.3", column="^d$", made=lambda cell: 3 * 224 * 224, how="3 × 224 × 224"),
    Rule("hayes", "Section 3.4", column="ratio|norm", check="attack-ratio"),
    Rule("hayes", "Section 3.4", reason=SETTING),
    *(Rule("hayes", place, reason=SETTING) for place in ("Section 3", "Figure 1", "Figure 3")),
    Rule(
        "hayes", "Proposition 1", row="item 5", column="upper", check="proposition-1-end", how="the two printed radii"
    ),
    Rule("hayes", "Proposition 1", claim="proposition-1-item-2"),
    Rule("hayes", "Table 2", made=kl_coefficient, how="eq. (14)"),
    Rule("hayes", "Table 1", row="total variation", claim="tv-l2-printed"),
    Rule("hayes", "Table 1", row="KL", claim="kl-l2-printed"),
    Rule("hayes", "Section 3.1", claim="li-l1-printed"),
)


def rule_of(paper: str, cell: PrintedCell) -> Rule:
    """Return the first rule that covers a cell.

    Raises
    ------
    LookupError
        There is none: a number was transcribed that nothing examines.
    """
    for rule in RULES:
        if rule.covers(paper, cell):
            return rule
    raise LookupError(f"no rule says how to check {paper}, {cell.location}: {cell.row!r}, {cell.column!r}")


def verdicts(only: str | None = None) -> Iterator[Verdict]:
    """One for every rule and place that make a number or say why there is none."""
    for paper in (p.key for p in papers.FIVE if only in (None, p.key)):
        cells = [(rule_of(paper, cell), cell) for cell in papers.printed(paper)]
        for rule, group in groupby(sorted(cells, key=lambda x: RULES.index(x[0])), key=lambda x: x[0]):
            if not rule.claim and rule.reason != SETTING:
                yield _verdict(rule, [cell for _, cell in group])


def _verdict(rule: Rule, cells: list[PrintedCell]) -> Verdict:
    paper = next(p for p in papers.FIVE if p.key == rule.paper)
    rows = sorted({cell.row for cell in cells})
    named = rows[0] if len(rows) == 1 else f"{len(rows)} rows"
    words = [rule.paper, rule.location, rows[0] if len(rows) == 1 else "", cells[0].column if len(cells) == 1 else ""]
    key = rule.check or re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
    key += "-others" if not rule.check and key in CHECKS else ""
    shown = ", ".join(f"{cell.relation} {cell.value}".strip() for cell in cells[:9])
    printed = f"{named}: {shown}{' …' if len(cells) > 9 else ''} {cells[0].unit}".strip()
    found = _evidence(rule, cells)
    right = "" if found.outcome in (Outcome.HOLDS, Outcome.UNCHECKED) else rule.right
    return Verdict(key, paper.at(rule.location), printed, found, right, key)


def _evidence(rule: Rule, cells: list[PrintedCell]) -> Evidence:
    """What a rule finds."""
    if rule.reason:
        return Evidence(rule.reason, known=False)
    more = rule.more() if rule.more else ""
    return of_check(rule.check, rule.how, more) if rule.check else _compared(_made(rule, cells), rule.how, more)


def of_check(name: str, how: str, more: str = "") -> Evidence:
    """What a comparison of the list of figures gives."""
    check = CHECKS[name]
    if check.other:
        share = check.measure()
        return Evidence(check.other + (f" {share:.0f} {check.unit}" if share is not None else f": {LOGS}"), known=False)
    return _compared(check.cases(), how, more)


def _compared(cases: Cases | None, how: str, more: str = "") -> Evidence:
    if cases is None:
        return Evidence(LOGS, known=False)
    found = outcome(cases)
    told = f"{'; '.join(_told(*case) for case in cases.items())}, from {how}{more}"
    return Evidence(told, holds=found is Outcome.HOLDS, partly=found is Outcome.CONDITIONAL)


def _made(rule: Rule, cells: list[PrintedCell]) -> Cases | None:
    assert rule.made is not None
    made = [rule.made(cell) for cell in cells]
    pairs = [pair(x, cell) for x, cell in zip(made, cells, strict=True) if x is not None]
    return {"": pairs} if len(pairs) == len(cells) else None


def _told(name: str, pairs: Sequence[Pair]) -> str:
    """What one reading gives, e.g. "c = 1: made 1.16/255, printed below 1/255"."""
    wrong, many = differing(pairs), len(pairs) > 2
    parts = [f"{one.name}{': ' if one.name and one.relation != 'exactly' else ''}{made_and_printed(one)}"
             if len(pairs) > 1 else made_and_printed(one) for one in (wrong if many else pairs)]  # fmt: skip
    shown = "; ".join(parts)
    if many:
        shown = f"{len(pairs) - len(wrong)} of {len(pairs)} as printed" + (f" (not {shown})" if shown else "")
    return f"{name}: {shown}" if name else shown


def made_and_printed(one: Pair) -> str:
    """E.g. "made 1.16/255, printed below 1/255"."""
    if one.relation == "exactly":
        return ""
    _, slash, below = one.printed.partition("/")
    scale = float(below) if slash and below.isdigit() else 1.0
    made = one.made * scale
    shown = f"{made:.0f}" if made == round(made) else f"{made:.4g}"
    return " ".join(f"made {shown}{'/' + below if scale != 1 else ''}, printed {one.relation} {one.printed}".split())
