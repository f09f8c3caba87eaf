"""The papers whose statements are coded here, and the numbers that they print."""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple


@dataclass(frozen=True)
class Paper:
    """A document that is cited; `key` names it in file names and in `printed`, `bibtex` is its entry in papers.bib."""

    key: str
    short: str
    title: str
    authors: str
    year: int
    bibtex: str

    def at(self, where: str) -> "Source":
        """Return the citation of one numbered statement, e.g. ``cohen2019.at("Theorem 1")``."""
        return Source(self, where)


@dataclass(frozen=True)
class Source:
    """One numbered statement of one paper."""

    paper: Paper
    where: str

    def __str__(self) -> str:
        return f"{self.paper.short}, {self.where}"


class PrintedCell(NamedTuple):
    """One number that a paper prints; all fields are text, as transcribed."""

    location: str
    kind: str
    row: str
    column: str
    value: str
    unit: str
    note: str
    relation: str = ""  # what the text says of the value: about, below, above, at most, at least; "" for is


# in papers.bib a line with the short name is before each entry; BibTeX passes over it
ENTRY = re.compile(
    r"^(.+)\n(@misc{(\w+),\n  title = {(.+)},\n  author = {(.+)},\n  year = {(\d+)},\n(?:  .+\n)*})", re.MULTILINE
)
ENTRIES = ENTRY.findall(files("rsexplore").joinpath("papers.bib").read_text(encoding="utf-8"))
ALL = tuple(
    Paper(key, short, title, authors, int(year), bibtex) for short, bibtex, key, title, authors, year in ENTRIES
)
FIVE = lecture, unified, laplace, soap, hayes = ALL[:5]  # the documents that the notebooks re-make
cohen2019, lecuyer2019, li2019, yang2020, bun2016, balle2018, canonne2020, ours = ALL[5:]


@lru_cache
def _cells(key: str) -> tuple[PrintedCell, ...]:
    text = files("rsexplore").joinpath("printed", f"{key}.csv").read_text(encoding="utf-8")
    return tuple(PrintedCell(**row) for row in csv.DictReader(text.splitlines(), restval=""))


def printed(paper: str, location: str | None = None) -> list[PrintedCell]:
    """Numbers that a paper prints.

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
    known = [x.key for x in FIVE]
    if paper not in known:
        raise KeyError(f"printed() needs one of {known}, got {paper!r}")
    cells = [cell for cell in _cells(paper) if location in (None, cell.location)]
    if not cells:
        places = sorted({cell.location for cell in _cells(paper)})
        raise KeyError(f"{paper} prints nothing at {location!r}; there is {places}")
    return cells
