"""What is right, wrong or unknown of everything that the five documents print: examined, not typed.

`exact` holds every coded bound against the exact radius, `remake` every printed number against theory and logs, and
`statements` examines what is neither. `RSEXPLORE_DATA=<folder of the logs> python -m reproduce.verdicts` writes all of
it to docs/errata.md, and the list of figures and tables to docs/figures.md, each under its head in `data/`.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from reproduce import exact, remake, statements
from reproduce.compare import Evidence, Outcome, differences, outcome, told
from reproduce.printed import STATUSES, Item, Statement, all_statements, inventory, markdown, template
from rsexplore import bounds, papers, runs
from rsexplore.table import Table

NOTEBOOKS = Path(__file__).parents[1]
HEAD = "key", "where", "printed", "verdict", "what decides it", "right form"
SETTLED = (Outcome.HOLDS, Outcome.UNCHECKED)  # there is no right form
# several rows are about one printed statement
SHARED = {"dmr-l2-printed": "corollary-11", "dmr-linf-printed": "corollary-11", "cohen-lp": "lp-exponent"}


class Verdict(NamedTuple):
    """A printed statement, the numbers that decide it, and the right form (empty if it holds).

    `statement` is the key of the printed statement that it is about, by which statements are counted: several rows may
    share one, and it is empty for what is not in print.
    """

    key: str
    source: papers.Source
    printed: str
    evidence: Evidence
    right: str
    statement: str

    @property
    def outcome(self) -> Outcome:
        """What was found."""
        return self.evidence.outcome

    @property
    def witness(self) -> str:
        """The numbers that decide it, in words."""
        return self.evidence.words


class VerdictTable(Table):
    """Verdicts as a table, one row each."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        rows = [(v.source, v.printed, v.outcome.value, v.witness, v.right) for v in self.verdicts]
        super().__init__(("where", "printed", "verdict", "what decides it", "right form"), rows)

    def __getitem__(self, key: str) -> Verdict:
        if key not in (found := {v.key: v for v in self.verdicts}):
            raise KeyError(f"no verdict {key!r}; there is {sorted(found)}")
        return found[key]

    def only(self, outcome: Outcome | str) -> "VerdictTable":
        """Those of one outcome, e.g. "unsound"."""
        word = Outcome(outcome)  # type: ignore[call-arg, arg-type]  # which takes its signature for that of __new__
        return VerdictTable(v for v in self.verdicts if v.outcome is word)

    @property
    def statements(self) -> tuple[str, ...]:
        """Keys of the printed statements that the rows are about, each once; rows on what is not in print have none."""
        return tuple(dict.fromkeys(v.statement for v in self.verdicts if v.statement))

    @property
    def summary(self) -> Table:
        """How many printed statements there are of each outcome, each once, and rows on what is not in print."""
        found = {word: self.only(word) for word in Outcome}
        other = {word: sum(not v.statement for v in rows.verdicts) for word, rows in found.items()}
        rows = [(word.value, word.meaning, len(found[word].statements), other[word]) for word in Outcome]
        return Table(("verdict", "meaning", "printed statements", "rows not in print"), rows)


@lru_cache
def table(paper: str | None = None) -> VerdictTable:
    """Verdicts on every statement, formula and number; about a minute.

    Parameters
    ----------
    paper : str, optional
        Key of one paper (`papers.ALL`), e.g. "hayes"; all if absent.

    Returns
    -------
    VerdictTable
        Numbers that need the published logs read "cannot be checked" unless RSEXPLORE_DATA names their folder.

    Raises
    ------
    KeyError
        No such paper was examined.
    """
    rows = [row for row in all_statements().values() if paper in (None, row.paper.key) and not row.is_formula]
    found = [on_statement(row) for row in rows if row.printed]
    found += [on_bound(bound) for bound in bounds.ALL if paper in (None, bound.source.paper.key)]
    found += [on_statement(row) for row in rows if not row.printed]
    if not found:
        known = sorted({row.paper.key for row in all_statements().values()})
        raise KeyError(f"no verdicts on {paper!r}; there are some on {known}")
    return VerdictTable(found)


def on_bound(bound: bounds.Bound) -> Verdict:
    """The verdict on a coded bound."""
    label, found = exact.label(bound), exact.examine(bound)
    right = "" if found.outcome in SETTLED else exact.right(bound)
    statement = "" if label else SHARED.get(bound.key, bound.key)
    return Verdict(bound.key, bound.source, f"{label}$r = {bound.latex}$", found, right, statement)


def on_statement(row: Statement) -> Verdict:
    """The verdict on a statement, or on the printed cells that it is about."""
    where, shown = row.where, row.printed
    if not shown:
        cells, names = row.cells, {cell.row for cell in row.cells}
        where, unit = cells[0].location, cells[0].unit
        values = ", ".join(f"{cell.relation} {cell.value}".strip() for cell in cells[:9])
        rows = cells[0].row if len(names) == 1 else f"{len(names)} rows"
        shown = f"{rows}: {values}{' …' if len(cells) > 9 else ''} {unit}".strip()
    found = examine(row)
    right = "" if found.outcome in SETTLED else row.right
    return Verdict(row.key, row.paper.at(where), shown, found, right, row.key)


def examine(row: Statement) -> Evidence:
    """What the examination of a statement, or the comparison of numbers, gives."""
    if row.reason:
        return Evidence(row.reason, known=False)
    if row.words:
        found = getattr(statements, row.name)(*row.args)
        return replace(found, words=row.words.format(*found.numbers))
    cases = remake.cases(row.key)
    if cases is None:
        return Evidence(remake.LOGS, known=False)
    more = getattr(remake, row.more)() if row.more else ""
    kept = outcome(cases)
    words = f"{told(cases)}, from {row.how}{more}"
    return Evidence(words, holds=kept is Outcome.HOLDS, partly=kept is Outcome.CONDITIONAL)


# pages


def errata() -> str:
    """The page of the verdicts on all papers, in the order of `papers.ALL`."""
    found, order = table(), list(Outcome)
    rows = Counter(v.statement for v in found.verdicts if v.statement)
    shared = ", ".join(f"`{key}` has {number}" for key, number in rows.items() if number > 1)
    text = template("errata").format(shared=shared) + markdown(found.summary.rows)
    for paper in papers.ALL:
        own = [v for v in found.verdicts if v.source.paper is paper]
        own.sort(key=lambda v: (v.outcome in SETTLED, order.index(v.outcome)))
        if own:
            cells = (
                (f"`{v.key}`", v.source.where, v.printed, f"**{v.outcome.value}**", v.witness, v.right) for v in own
            )
            text += f"\n## {paper.short}: {paper.title}\n\n{markdown(cells, HEAD)}"
    return text


def figures() -> str:
    """The page of every figure and table: how far it is made again, where, and how far from print."""
    shown = [status(item) for item in inventory()]
    kinds = ("exact", "exact, unprinted", *STATUSES[1:])
    count = f"{len(shown)} items: " + "; ".join(f"{shown.count(kind)} {kind}" for kind in kinds)
    rows = []
    for item in inventory():
        place = f"In [{cell_number(item)}]" if item.cell else ""
        made = (status(item), item.notebook, place, item.function, *comparison(item))
        rows.append((item.document, item.item, *made, "; ".join(filter(None, (item.reason, lacking(item))))))
    return template("figures").format(count=count) + markdown(rows)


def status(item: Item) -> str:
    """How far an item is made again, with a word where it is exact and has nothing to be compared with."""
    return "exact, unprinted" if item.status == "exact" and not item.check else item.status


def comparison(item: Item) -> tuple[str, str]:
    """An item's differences with their unit, and the verdict and key of the row of the errata on the same numbers."""
    if not item.check:
        return "no number in print", ""
    row, cases = all_statements()[item.check], remake.cases(item.check)
    shown = "needs the logs" if cases is None else differences(cases, row.unit)
    return shown, "" if row.is_formula else f"{table()[item.check].outcome.value} (`{item.check}`)"


def lacking(item: Item) -> str:
    """The runs that an item needs and nobody published, and what they cost; empty if there are none."""
    try:
        wanted = [one for one in runs.experiments(item.document, item.item) if not one.published]
    except LookupError:
        return ""
    return f"needs {remake.needs(wanted)}" if wanted else ""


def cell_number(item: Item) -> int:
    """Number, from 1, of the one code cell with the item's text.

    Raises
    ------
    LookupError
        No code cell has it, or more than one.
    """
    text = (NOTEBOOKS / f"{item.notebook}.ipynb").read_text(encoding="utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    found = [place for place, source in enumerate(cells, 1) if item.cell in source]
    if len(found) != 1:
        raise LookupError(f"{item.notebook} should have {item.cell!r} in one code cell, it is in {found}")
    return found[0]


if __name__ == "__main__":
    for page in (errata, figures):
        (NOTEBOOKS.parent / "docs" / f"{page.__name__}.md").write_text(page(), encoding="utf-8")
