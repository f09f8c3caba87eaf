"""The papers whose statements are coded here."""

import re
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Paper:
    """A document that is cited; `key` names it, in file names too, `bibtex` is its entry in papers.bib."""

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


# in papers.bib a line with the short name is before each entry; BibTeX passes over it
ENTRY = re.compile(
    r"^(.+)\n(@misc{(\w+),\n  title = {(.+)},\n  author = {(.+)},\n  year = {(\d+)},\n(?:  .+\n)*})", re.MULTILINE
)
ENTRIES = ENTRY.findall(files("rsexplore").joinpath("papers.bib").read_text(encoding="utf-8"))
ALL = tuple(
    Paper(key, short, title, authors, int(year), bibtex) for short, bibtex, key, title, authors, year in ENTRIES
)
FIVE = lecture, unified, laplace, soap, hayes = ALL[:5]  # the documents that the notebooks re-make
cohen2019, lecuyer2019, li2019, yang2020, bun2016, balle2018, canonne2020, levine2021, ours = ALL[5:]
