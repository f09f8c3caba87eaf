"""Every number that the five documents print (`papers.printed`), beside the one made again from theory or from logs.

A rule says for some of the cells how their number is made, which claim is about them, or why they cannot be checked.
Settings of experiments claim nothing and get no verdict; a test holds that every printed cell has a rule.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import floor, sqrt

import sympy as sp
from scipy import optimize
from sympy.parsing.sympy_parser import implicit_multiplication as implicit
from sympy.parsing.sympy_parser import parse_expr, standard_transformations

from rsexplore import accuracy, bounds, data, papers, records, remake, tradeoff
from rsexplore.divergences.generalized_gaussian import coefficient
from rsexplore.noises import Gaussian, GeneralizedGaussian
from rsexplore.papers import PrintedCell
from rsexplore.verdicts.verdict import Outcome, Verdict

NETWORKS = "depends on the votes of networks that were not published"
SETTING = "a setting"
LOGS = "needs the published logs, which are not at hand"


@dataclass(frozen=True)
class Rule:
    """How the cells of one place are examined: exactly one of `made`, `claim` and `reason` is given."""

    paper: str
    location: str
    row: str = ""  # regular expressions, matched anywhere
    column: str = ""
    made: Callable[[PrintedCell], float | None] | None = None
    claim: str = ""  # key of the verdict that is about these cells
    reason: str = ""
    how: str = ""

    def covers(self, paper: str, cell: PrintedCell) -> bool:
        """Whether the rule is about a cell."""
        here = (self.paper, self.location) == (paper, cell.location)
        return here and bool(re.search(self.row, cell.row)) and bool(re.search(self.column, cell.column))


def last_number(text: str) -> float:
    """Return the last number of a text, e.g. the radius of "linf radius 8/255" (0.0314)."""
    first, _, second = re.findall(r"[\d./]+", text)[-1].partition("/")
    return float(first) / float(second or 1)


@lru_cache
def _best(source: str, dataset: str) -> tuple[accuracy.Curve, ...]:
    """Curves of a source's Gaussian networks, each certified at its training noise, on the 500 images of the tables."""
    found = []
    for name, facts in accuracy.shipped():
        own = (facts["source"], facts["dataset"]) == (source, dataset)
        if own and facts["train_sigma"] == facts["certify_sigma"] and facts["split"] == "test":
            found.append(accuracy.read_shipped(name))
    return tuple(found)


def best_of_cohen(dataset: str) -> Callable[[PrintedCell], float]:
    """Return the percentage that the best of the published Gaussian networks certifies at a cell's l2 radius."""

    def made(cell: PrintedCell) -> float:
        at = last_number(cell.column) if "radius" in cell.column else last_number(cell.row)
        return 100 * max(float(curve.at(at)) for curve in _best("locuslab-smoothing", dataset))

    return made


def table_2(cell: PrintedCell) -> float:
    """Certified accuracy of the lecture's Table 2."""
    at = (float(cell.row.split("=")[1]), last_number(cell.column))
    return next(made.remade for made in _table_2().cells if (made.sigma, made.radius) == at)


@lru_cache
def _table_2() -> remake.Remade:
    return remake.certified_accuracy_table("lecture", "Table 2", "locuslab-smoothing", "imagenet")


def at_hand() -> bool:
    """Whether the logs are in a folder: verdicts download nothing."""
    return bool(os.environ.get("RSEXPLORE_DATA"))


@lru_cache
def _salman() -> tuple[accuracy.Curve, ...] | None:
    """Curves of the networks of its method (no extra data, no pretraining), None without the logs."""
    if not at_hand():
        return None
    entries = data.logs(source="smoothing-adversarial", kind="certify", dataset="cifar10")
    logs = (records.read(data.fetch(entry), entry.header) for entry in entries if entry.method.startswith("smoothadv"))
    return tuple(accuracy.curve(log) for log in logs)


def best_of_salman(cell: PrintedCell) -> float | None:
    """Percentage certified in l_inf by the best published adversarially trained network: its l2 radius over sqrt(d)."""
    curves = _salman()
    return None if curves is None else 100 * max(float(c.at(last_number(cell.column) * sqrt(3072))) for c in curves)


def imagenet_ceiling(cell: PrintedCell) -> float:
    """Largest l_inf radius at sigma = 0.5 that 100,000 votes can give."""
    return 0.5 * remake.ceilings()[0.001] / sqrt(150_528)


def equal_radii(cell: PrintedCell) -> float:
    """Radius with eps_3 = eps_1 of eq. (26), scale 1, p_1 = 0.99."""
    return tradeoff.printed_equal(GeneralizedGaussian(1.0, 3.0, 3072), 0.99)


def far_end(cell: PrintedCell) -> float:
    """Radius eps_1 of eq. (26) as eps_3 goes to 0."""
    return float(tradeoff.printed_frontier(GeneralizedGaussian(1.0, 3.0, 3072), 0.99).at(0.0))


def crossing_of_item_5(cell: PrintedCell) -> float:
    """Vote up to which the printed Hellinger radius exceeds the printed KL radius."""
    noise, pair = Gaussian(1.0), (bounds.get("hellinger-l2"), bounds.get("kl-l2-printed"))

    def excess(q_a: float) -> float:
        first, second = (float(bound.radius(noise, q_a=q_a)) for bound in pair)
        return first - second

    return 1 - float(optimize.brentq(excess, 1e-6, 0.4, xtol=1e-15))


def kl_coefficient(cell: PrintedCell) -> float:
    """Coefficient of a power of the shift in the printed KL divergence, e.g. of the l1 term at s = 3."""
    return float(coefficient(last_number(cell.column.replace("term", "")), last_number(cell.row)))


COHEN = "locuslab's logs, best of the noise levels at each radius"
RULES = (
    Rule("lecture", "Table 2", made=table_2, how="locuslab's logs"),
    Rule("lecture", "Table 2 caption", made=lambda cell: 1 / 1000, how="1,000 classes"),
    Rule("lecture", "Experiments", column="time", reason="depends on the authors' machine"),
    Rule("lecture", "Experiments", reason=SETTING),
    Rule("lecture", "Training the base classifier", reason=SETTING),
    Rule("unified", "Table 1", claim="table-1"),
    Rule("unified", "Section 1", made=best_of_cohen("imagenet"), how=COHEN),
    Rule("unified", "Section 4.2", row="Gaussian mechanism", reason=f"{NETWORKS}, and c is not stated"),
    Rule(
        "unified",
        "Section 4.2",
        row="footnote",
        made=lambda cell: floor(255 / sqrt(3072)) / 255,
        how="255/√d, rounded down",
    ),
    Rule("unified", "Section 4.2", column="ratio|exponential", claim="ten-to-twenty"),
    Rule("unified", "Section 4.2", reason=SETTING),
    Rule("unified", "Figure 6", column="upper bound", made=imagenet_ceiling, how="3.81 σ over √d, σ = 0.5"),
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
    Rule("laplace", "Appendix D", column="largest", claim="rops-interval"),
    Rule("laplace", "Appendix D", reason=NETWORKS),
    *(Rule("laplace", place, reason=SETTING) for place in ("Figure 11", "Figure 3", "Section 5.2", "Figures")),
    Rule("soap", "Table 1", row="Cohen", made=best_of_cohen("cifar10"), how=COHEN),
    Rule("soap", "Table 2", row="Cohen", made=best_of_cohen("imagenet"), how=f"{COHEN}, under radii 0.5 to 3.5"),
    Rule("soap", "Table 4", row="Cohen", made=best_of_cohen("cifar10"), how=COHEN),
    Rule("soap", "Table 3", row="Salman", made=best_of_salman, how="best of all published networks, l_2 over √d"),
    Rule("soap", "Table 3", row="OURS", column="(8|10|12)/255", claim="table-3-reach"),
    *(Rule("soap", f"Table {i}", reason=NETWORKS) for i in (1, 2, 3, 4)),
    Rule("soap", "Section 5", column="sigma", claim="sigma-matching"),
    *(Rule("soap", place, reason=SETTING) for place in ("Section 5", "Figure 1", "Figure 4", "Figure 5", "Lemma 1")),
    Rule("hayes", "Section 3.2", column="eps_3 = eps_1", made=equal_radii, how="eq. (26)"),
    Rule("hayes", "Section 3.2", made=far_end, how="eq. (26)"),
    Rule("hayes", "Section 3.3", column="ratio", claim="volume-ratio"),
    Rule("hayes", "Section 3.3", column="^p$", made=lambda cell: 9 * 3 * 224 * 224, how="9 × 3 × 224 × 224"),
    Rule("hayes", "Section 3.3", column="^d$", made=lambda cell: 3 * 224 * 224, how="3 × 224 × 224"),
    Rule("hayes", "Section 3.4", column="ratio|norm", reason="needs an attack on networks that were not published"),
    Rule("hayes", "Section 3.4", reason=SETTING),
    *(Rule("hayes", place, reason=SETTING) for place in ("Section 3", "Figure 1", "Figure 3")),
    Rule("hayes", "Proposition 1", row="item 5", column="upper", made=crossing_of_item_5, how="the two printed radii"),
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


def agrees(made: float, printed: str) -> bool:
    """Whether a number is the printed one, such as "0.67" or "4/255", to the printed digits."""
    if "Gamma" in printed:  # e.g. "6 Gamma(3/4)/Gamma(1/4)"
        return (
            abs(made / float(parse_expr(printed, {"Gamma": sp.gamma}, (*standard_transformations, implicit))) - 1)
            < 1e-12
        )
    above, _, below = printed.partition("/")
    half = 0.5 * 10.0 ** -len(above.partition(".")[2])
    return abs(made * float(below or 1) - float(above)) <= half * (1 + 1e-9)


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
    key = re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
    printed = f"{named}: {', '.join(cell.value for cell in cells[:9])}{' …' if len(cells) > 9 else ''} {cells[0].unit}"
    source = paper.at(rule.location)
    if rule.made is None:
        return Verdict(key, source, printed, Outcome.UNCHECKED, rule.reason)
    made = [x for cell in cells if (x := rule.made(cell)) is not None]
    if len(made) < len(cells):
        return Verdict(key, source, printed, Outcome.UNCHECKED, LOGS)
    differ = [(cell, x) for cell, x in zip(cells, made, strict=True) if not agrees(float(x), cell.value)]
    told = f"{len(cells) - len(differ)} of {len(cells)} as made from {rule.how}"
    told += "".join(f"; {cell.column}: made {x:.4g}, printed {cell.value}" for cell, x in differ)
    return Verdict(key, source, printed, Outcome.NOT_REPRODUCIBLE if differ else Outcome.HOLDS, told)
