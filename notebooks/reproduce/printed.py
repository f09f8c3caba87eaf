"""What the five documents print, as data: numbers and formulas, statements, and the list of figures and tables.

`data/<document>.csv` has every printed number and formula, each with the key of what examines it (`by`);
`data/statements.toml` has what is examined, by key: what is printed, the words for what is found, the right form; and
`data/inventory.csv` every figure and table. Whether any of it is true stands nowhere here: that is computed. Texts of
the generated pages, with places for what is computed, are in `data/<page>.md`.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from tomllib import loads
from typing import Any, NamedTuple

import sympy as sp
from sympy.parsing import sympy_parser as parser

from rsexplore import papers

DATA = Path(__file__).parent / "data"
STATUSES = ("exact", "part", "stand-in", "missing", "not possible")
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "PhiInv": lambda p: sp.sqrt(2) * sp.erfinv(2 * p - 1),
    "Phi": lambda x: (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "Gamma": sp.gamma,
}


class PrintedCell(NamedTuple):
    """One number or formula that a paper prints; all fields are text, as transcribed."""

    location: str
    kind: str
    row: str
    column: str
    value: str
    unit: str
    note: str
    relation: str  # what the text says of the value: about, below, above, at most, at least; "" for is
    by: str  # key of what examines it; "setting" where nothing is claimed


class Statement(NamedTuple):
    """What is examined: a statement, or the printed cells whose `by` is its key.

    `where` and `printed` are empty for cells, which say both. `words` tell what was found of a statement, with places
    for the numbers; `how` from what a number is made, and the function `more` the rest of it; `unit` of which size its
    difference is. `function` makes or examines it, given `args` (by default the function with the key's name, - as _).
    Where nothing can be examined `reason` says why; where printed formulas are compared with ours, which is no verdict
    on them, `is_formula`.
    """

    paper: papers.Paper
    key: str
    where: str = ""
    printed: str = ""
    words: str = ""
    right: str = ""
    how: str = ""
    unit: str = ""
    more: str = ""
    function: str = ""
    args: tuple[Any, ...] = ()
    reason: str = ""
    is_formula: bool = False

    @property
    def cells(self) -> list[PrintedCell]:
        """Printed cells that it is about."""
        return [cell for cell in printed(self.paper.key) if cell.by == self.key]

    @property
    def name(self) -> str:
        """Name of the function that makes or examines it."""
        return self.function or self.key.replace("-", "_")


class Item(NamedTuple):
    """One figure or table; all fields are text."""

    document: str
    item: str
    status: str
    notebook: str
    cell: str  # text that only the notebook's cell has
    function: str
    check: str  # key of the numbers that are compared with print
    reason: str


def rows(name: str) -> list[dict[str, str]]:
    """Rows of ``data/<name>.csv``, as text."""
    return list(csv.DictReader((DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def template(name: str) -> str:
    """Text of ``data/<name>.md``, a page or its head, with places for what is computed."""
    return (DATA / f"{name}.md").read_text(encoding="utf-8")


def markdown(rows: Iterable[Iterable[object]], head: Sequence[object] = ()) -> str:
    """Lines of a table in Markdown, one a row, under a head if there is one; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows] if head else rows
    cells = ((str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) for row in lines)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


@lru_cache
def cells(paper: str) -> tuple[PrintedCell, ...]:
    """Every number and formula of one document."""
    return tuple(PrintedCell(**row) for row in rows(paper))


@lru_cache
def all_statements() -> dict[str, Statement]:
    """What is examined, by key."""
    found = loads((DATA / "statements.toml").read_text(encoding="utf-8"))
    return {key: Statement(getattr(papers, paper), key, **fields)
            for paper, own in found.items() for key, fields in own.items()}  # fmt: skip


def inventory() -> tuple[Item, ...]:
    """Every figure and table, in the order of the documents."""
    return tuple(Item(**row) for row in rows("inventory"))


def printed(paper: str, location: str | None = None) -> list[PrintedCell]:
    """Numbers and formulas that a paper prints.

    Parameters
    ----------
    paper : str
        Key of one of the five documents: lecture, unified, laplace, soap, hayes.
    location : str, optional
        Where in the paper, e.g. "Table 2"; everything if absent.

    Raises
    ------
    KeyError
        There is no such document, or nothing is printed at that place; the message lists what there is.
    """
    if paper not in (known := [x.key for x in papers.FIVE]):
        raise KeyError(f"printed() needs one of {known}, got {paper!r}")
    if not (found := [cell for cell in cells(paper) if location in (None, cell.location)]):
        places = sorted({cell.location for cell in cells(paper)})
        raise KeyError(f"{paper} prints nothing at {location!r}; there is {places}")
    return found


def formula(text: str) -> sp.Expr:
    """SymPy expression of a printed formula, e.g. "-lambda log(2 (1 - pA))", evaluated by none of our own code.

    Raises
    ------
    SyntaxError
        It cannot be read.
    """
    # names that Python can read
    text = re.sub(r"\|(.+?)\|", r"Abs(\1)", text).replace("Phi^-1", "PhiInv").replace("lambda", "scale")
    implicit = (parser.implicit_multiplication, parser.implicit_application)  # 2 sigma, log 2
    rules = (*parser.standard_transformations, *implicit, parser.convert_xor)
    return parser.parse_expr(text, local_dict=dict(FUNCTIONS), transformations=rules)
