"""Every figure and table of the five documents: how far it is made again, where, and how far it is from print."""

import csv
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from reproduce.remake.checks import CHECKS, Check, differing
from reproduce.remake.compare import EXACT, Outcome, Pair, outcome
from rsexplore import papers
from rsexplore.table import Table

STATUSES = ("exact", "part", "stand-in", "missing", "not possible")
MEANING = """\
* **exact**: the paper's formula and settings, or its authors' log. A number is the largest difference from what is
  printed, as computed when this page was written.
* **exact, unprinted**: the same, but no number is printed to compare with: a curve or a drawing whose picture we do not
  have, or a schematic. What is exact is the formula, not an agreement with print.
* **part**: a picture or a table of some of its curves or cells, or with settings of ours where none are printed.
* **stand-in**: a picture of another network, other data or another attack. No reproduction.
* **missing**: it has no picture here, though some of it could be made.
* **not possible**: it needs what was not published.

The verdict is that of [errata.md](errata.md), in the row whose key is given: both pages compare by one rule
(`notebooks/reproduce/remake/compare.py`). A number is the printed one if it rounds to the printed digits; for "below", "above",
"at most" and "at least" nothing is rounded; for "about" the last digit counts that is not 0. Where the text leaves a
value open, such as c, each reading is given. ≠ marks what is not as printed. "In [k]" is the number that the cell has
when its notebook is run from top to bottom.
"""


class Item(NamedTuple):
    """One figure or table; all fields are text, as in printed/inventory.csv."""

    document: str
    item: str
    status: str
    notebook: str
    cell: str  # text that only the notebook's cell has
    function: str
    check: str
    reason: str

    @property
    def shown(self) -> str:
        """The status, with a word where it is exact and has nothing to be compared with."""
        return "exact, unprinted" if self.status == "exact" and not self.check else self.status

    @property
    def verdict(self) -> str:
        """Outcome and key of the row of the errata that compares the same numbers; empty where there is none."""
        if not self.check or CHECKS[self.check].formula:
            return ""
        return f"{CHECKS[self.check].outcome.value} (`{self.check}`)"

    @property
    def compared(self) -> str:
        """The differences with their unit, marked where they are more than rounding."""
        if not self.check:
            return "no number in print"
        check = CHECKS[self.check]
        cases = check.cases()
        if cases is None:
            return "needs the logs"
        return "; ".join(_compared(name, pairs, check) for name, pairs in cases.items())


def _compared(name: str, pairs: Sequence[Pair], check: Check) -> str:
    """What one reading of the text gives, e.g. "c = 1: 0.16 of 1/255 too large ≠"."""
    gap, wrong = max(one.gap for one in pairs), len(differing(pairs))
    size = f"below {EXACT:.0e}" if 0 < gap <= EXACT else f"{gap:.2g}"
    kept = f", {len(pairs) - wrong} of {len(pairs)} as printed" if len(pairs) > 2 else ""
    shown = f"{size} {check.unit}{kept}" if check.unit else kept.removeprefix(", ")
    return f"{name}{': ' if name else ''}{shown}" + (" ≠" if wrong else "")


@lru_cache
def inventory() -> tuple[Item, ...]:
    """Every item, in the order of the documents."""
    text = files("rsexplore").joinpath("printed", "inventory.csv").read_text(encoding="utf-8")
    return tuple(Item(**row) for row in csv.DictReader(text.splitlines()))


def confirm(document: str, item: str) -> float | None:
    """Largest difference of an item from what is printed; None where the logs that it needs are not at hand.

    Where the text leaves a value open, it is that of the reading that comes nearest.

    Raises
    ------
    KeyError
        There is no such item, or no number is printed to compare it with.
    AssertionError
        It is more than the print's own rounding, with every reading of the text.
    """
    found = [one for one in inventory() if (one.document, one.item) == (document, item) and one.check]
    if not found:
        known = [f"{one.document}, {one.item}" for one in inventory() if one.check]
        raise KeyError(f"confirm: nothing is printed to compare {document}, {item} with; it knows {known}")
    check = CHECKS[found[0].check]
    if outcome(check.cases()) is Outcome.NOT_REPRODUCIBLE:
        raise AssertionError(f"{document}, {item}: {found[0].compared} from print, more than its rounding")
    return check.measure()


def inventory_table(document: str | None = None, notebooks: Path | None = None) -> Table:
    """Items of one document, or of all five; with the folder of the notebooks also the number of each cell.

    Raises
    ------
    KeyError
        There is no such document.
    """
    known = [paper.key for paper in papers.FIVE]
    if document not in (None, *known):
        raise KeyError(f"inventory_table needs one of {known}, got {document!r}")
    head = ("document", "item", "status", "notebook", "cell", "function", "largest difference from print",
            "verdict", "remark")  # fmt: skip
    return Table(head, [_row(item, notebooks) for item in inventory() if document in (None, item.document)])


def _row(item: Item, notebooks: Path | None) -> tuple[str, ...]:
    place = f"In [{cell_number(item, notebooks)}]" if notebooks and item.cell else item.cell
    return (
        item.document,
        item.item,
        item.shown,
        item.notebook,
        place,
        item.function,
        item.compared,
        item.verdict,
        item.reason,
    )


def cell_number(item: Item, notebooks: Path) -> int:
    """Number, from 1, of the one code cell with the item's text.

    Raises
    ------
    LookupError
        No code cell has it, or more than one.
    """
    text = (notebooks / f"{item.notebook}.ipynb").read_text(encoding="utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    found = [place for place, source in enumerate(cells, 1) if item.cell in source]
    if len(found) != 1:
        raise LookupError(f"{item.notebook} should have {item.cell!r} in one code cell, it is in {found}")
    return found[0]


def page(notebooks: Path) -> str:
    """The table as a page of Markdown; `notebooks` is the folder with the notebooks."""
    table = inventory_table(notebooks=notebooks)
    shown = [item.shown for item in inventory()]
    count = [f"{shown.count(status)} {status}" for status in ("exact", "exact, unprinted", *STATUSES[1:])]
    lines = [
        "# Every figure and table of the five documents",
        "",
        "Written by `RSEXPLORE_DATA=<folder of the logs> python -m reproduce.remake notebooks > docs/figures.md`;",
        "differences are computed, not typed in.",
        "",
        MEANING,
        f"{len(table)} items: " + "; ".join(count) + ".",
        "",
        "| " + " | ".join(table.head) + " |",
        "|" + " --- |" * len(table.head),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows),
    ]
    return "\n".join(lines) + "\n"
