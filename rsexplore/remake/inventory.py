"""Every figure and table of the five documents: how far it is made again, where, and how far it is from print."""

import csv
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from rsexplore import papers
from rsexplore.remake.checks import CHECKS
from rsexplore.table import Table

STATUSES = ("exact", "part", "stand-in", "not possible")


class Item(NamedTuple):
    """One figure or table; all fields are text, as in printed/inventory.csv."""

    document: str
    item: str
    status: str
    notebook: str
    function: str
    check: str
    reason: str

    @property
    def difference(self) -> float | None:
        """Largest difference from print; None where nothing is printed or the logs are not at hand."""
        return CHECKS[self.check]() if self.check else None


@lru_cache
def inventory() -> tuple[Item, ...]:
    """Every item, in the order of the documents."""
    text = files("rsexplore").joinpath("printed", "inventory.csv").read_text(encoding="utf-8")
    return tuple(Item(**row) for row in csv.DictReader(text.splitlines()))


def inventory_table(document: str | None = None) -> Table:
    """Items of one document, or of all five.

    Raises
    ------
    KeyError
        There is no such document.
    """
    known = [paper.key for paper in papers.FIVE]
    if document not in (None, *known):
        raise KeyError(f"inventory_table needs one of {known}, got {document!r}")
    head = ("document", "item", "status", "notebook", "function", "largest difference from print", "remark")
    return Table(head, [_row(item) for item in inventory() if document in (None, item.document)])


def _row(item: Item) -> tuple[str, ...]:
    gap = item.difference
    shown = "no number in print" if not item.check else "needs the logs" if gap is None else f"{gap:.2g}"
    return item.document, item.item, item.status, item.notebook, item.function, shown, item.reason


def page() -> str:
    """The table as a page of Markdown."""
    table = inventory_table()
    count = {status: sum(item.status == status for item in inventory()) for status in STATUSES}
    lines = [
        "# Every figure and table of the five documents",
        "",
        "Written by `python -m rsexplore.remake > docs/figures.md`; differences are computed, not typed in.",
        "",
        f"{len(table)} items: " + ", ".join(f"{number} {status}" for status, number in count.items()) + ".",
        "",
        "| " + " | ".join(table.head) + " |",
        "|" + " --- |" * len(table.head),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows),
    ]
    return "\n".join(lines) + "\n"
