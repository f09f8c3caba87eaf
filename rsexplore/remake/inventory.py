"""Every figure and table of the five documents: how far it is made again, where, and how far it is from print."""

import csv
import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rsexplore import papers
from rsexplore.remake.checks import CHECKS
from rsexplore.table import Table

STATUSES = ("exact", "part", "stand-in", "not possible")
MEANING = """\
* **exact**: the paper's formula and settings, or its authors' log. A number is the largest difference from what is
  printed, as computed when this page was written.
* **exact, unprinted**: the same, but no number is printed to compare with: a curve or a drawing whose picture we do not
  have, or a schematic. What is exact is the formula, not an agreement with print.
* **part**: some of its curves or cells, or settings of ours where none are printed.
* **stand-in**: another network, other data or another attack. No reproduction.
* **not possible**: it needs what was not published.

≠ marks a difference that is more than the print's own rounding. "In [k]" is the number that the cell has when its
notebook is run from top to bottom.
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
    def difference(self) -> float | None:
        """Largest difference from print; None where nothing is printed or the logs are not at hand."""
        return CHECKS[self.check].measure() if self.check else None

    @property
    def shown(self) -> str:
        """The status, with a word where it is exact and has nothing to be compared with."""
        return "exact, unprinted" if self.status == "exact" and not self.check else self.status

    @property
    def compared(self) -> str:
        """The difference with its unit, marked where it is more than rounding."""
        if not self.check:
            return "no number in print"
        gap, check = self.difference, CHECKS[self.check]
        if gap is None:
            return "needs the logs"
        if 0 < gap <= check.most < 1e-6:  # rounding of the machine, not to be shown digit by digit
            return f"below {check.most:.0e} {check.unit}"
        return f"{gap:.2g} {check.unit}" + (" ≠" if gap > check.most else "")


@lru_cache
def inventory() -> tuple[Item, ...]:
    """Every item, in the order of the documents."""
    text = files("rsexplore").joinpath("printed", "inventory.csv").read_text(encoding="utf-8")
    return tuple(Item(**row) for row in csv.DictReader(text.splitlines()))


def confirm(document: str, item: str) -> float | None:
    """Largest difference of an item from what is printed; None where the logs that it needs are not at hand.

    Raises
    ------
    KeyError
        There is no such item, or no number is printed to compare it with.
    AssertionError
        It is more than the print's own rounding.
    """
    found = [one for one in inventory() if (one.document, one.item) == (document, item) and one.check]
    if not found:
        known = [f"{one.document}, {one.item}" for one in inventory() if one.check]
        raise KeyError(f"confirm: nothing is printed to compare {document}, {item} with; it knows {known}")
    gap, check = found[0].difference, CHECKS[found[0].check]
    if gap is not None and not gap <= check.most:
        raise AssertionError(f"{document}, {item}: {gap:.3g} {check.unit} from print, allowed are {check.most:.3g}")
    return gap


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
    head = ("document", "item", "status", "notebook", "cell", "function", "largest difference from print", "remark")
    return Table(head, [_row(item, notebooks) for item in inventory() if document in (None, item.document)])


def _row(item: Item, notebooks: Path | None) -> tuple[str, ...]:
    place = f"In [{cell_number(item, notebooks)}]" if notebooks and item.cell else item.cell
    return item.document, item.item, item.shown, item.notebook, place, item.function, item.compared, item.reason


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
        "Written by `RSEXPLORE_DATA=<folder of the logs> python -m rsexplore.remake notebooks > docs/figures.md`;",
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
