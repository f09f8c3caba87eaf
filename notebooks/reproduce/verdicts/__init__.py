"""What is right, wrong or unknown of everything that the five documents print: examined, not typed.

`formulas` holds every coded bound against the exact radius, `numbers` every printed number against theory and logs, and
a module for each document the statements that are neither.
"""

from functools import lru_cache

from reproduce.verdicts import formulas, hayes, laplace, lecture, numbers, soap, unified
from reproduce.verdicts.verdict import Claim, Outcome, Verdict, VerdictTable

__all__ = ["Claim", "Outcome", "Verdict", "VerdictTable", "table"]

CLAIMS = (*lecture.CLAIMS, *unified.CLAIMS, *laplace.CLAIMS, *soap.CLAIMS, *hayes.CLAIMS)


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
    claims = [claim for claim in CLAIMS if paper in (None, claim.source.paper.key)]
    found = [claim.verdict() for claim in claims]
    found += [*formulas.verdicts(paper), *numbers.verdicts(paper)]
    if not found:
        raise KeyError(f"no verdicts on {paper!r}; there are some on {sorted({c.source.paper.key for c in CLAIMS})}")
    return VerdictTable(found)
