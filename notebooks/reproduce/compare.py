"""The one rule that holds a made number against a printed one, what follows from it, and the words for both.

A number is the printed one if it rounds to the printed digits. Where the text says below, above, at most or at least,
nothing is rounded; where it says about, the last digit that is not 0 counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from math import inf, isnan
from typing import Any, NamedTuple

from reproduce.printed import PrintedCell, formula

LIMITS = {"below": 1, "at most": 1, "above": -1, "at least": -1}  # and the sign of what exceeds it
RELATIONS = ("", "about", *LIMITS, "exactly")
EXACT = 1e-12  # of itself: a printed formula has no digits to round to, only our arithmetic rounds
SLACK = 1e-9  # an excess of no more than this is rounding
NUMBER = re.compile(r"([\d.]+)(?:/([\d.]+))?")  # a decimal or a fraction of two


class Outcome(Enum):
    """What an examination found, and what the word stands for; computed, never typed."""

    meaning: str

    HOLDS = "holds", "as printed, to the digits given"
    CONDITIONAL = "holds with a condition", "true only where the right form says so"
    PRINT_FAULT = "print fault", "not what is meant, and no false certificate follows"
    UNSOUND = "unsound", "a false certificate, or a false level of confidence, follows"
    NOT_REPRODUCIBLE = "not reproducible", "theory or the published logs give something else"
    UNCHECKED = "cannot be checked", "what is needed was not published, or is not at hand"

    def __new__(cls, word: str, meaning: str) -> "Outcome":
        found = object.__new__(cls)
        found._value_, found.meaning = word, meaning
        return found


@dataclass(frozen=True)
class Evidence:
    """What an examination found, from which the outcome follows.

    `numbers` are those that decide it, for the places in its words. `holds` is whether the statement is true as
    printed, wherever it is said; `partly` whether it is true under a condition that is not printed; `meant` whether
    something else is plainly meant, on which the document goes on to rest. `excess` is how many times too large a
    certified radius, or a chance of failure, is that follows from the statement: inf where every radius would be
    certified, 0 where none follows, at most 1 where it is true. `known` is False where nothing could be examined.
    """

    words: str = ""
    numbers: tuple[object, ...] = ()
    holds: Any = False  # a bool of Python or NumPy, like the next two
    partly: Any = False
    meant: Any = False
    excess: float = 0.0
    known: bool = True

    def __post_init__(self) -> None:
        if self.holds and (self.excess > 1 + SLACK or self.partly or self.meant):
            raise ValueError(f"a statement that holds needs no condition and allows no excess, got {self}")

    @property
    def outcome(self) -> Outcome:
        """The gravest word whose meaning the evidence has."""
        words = (Outcome.UNCHECKED, Outcome.UNSOUND, Outcome.HOLDS, Outcome.PRINT_FAULT, Outcome.CONDITIONAL)
        found = (not self.known, self.excess > 1 + SLACK, self.holds, self.meant, self.partly)
        return next((word for word, said in zip(words, found, strict=True) if said), Outcome.NOT_REPRODUCIBLE)


def evidence(*numbers: object, **found: Any) -> Evidence:
    """Evidence that has numbers and no words yet."""
    return Evidence(numbers=numbers, **found)


class Pair(NamedTuple):
    """A made number and a printed one, such as "0.67" or "4/255", with what the text says of it (`RELATIONS`)."""

    made: float
    printed: str
    relation: str = ""
    name: str = ""

    @property
    def gap(self) -> float:
        """How far the made number is from what is printed, in units of 1/255 for "4/255"; 0 where a limit is kept."""
        value, unit = _read(self.printed)
        above = (self.made - value) * unit
        if isnan(above):
            return inf
        return max(LIMITS[self.relation] * above, 0.0) if self.relation in LIMITS else abs(above)

    @property
    def agrees(self) -> bool:
        """Whether the made number is what is printed."""
        if self.relation not in RELATIONS:
            raise ValueError(f"Pair needs a relation of {RELATIONS}, got {self.relation!r}")
        if self.relation in ("below", "above"):
            return self.gap == 0 and self.made != _read(self.printed)[0]
        room = EXACT if self.relation == "exactly" else _rounding(self.printed, self.relation == "about")
        return self.gap <= (0 if self.relation in LIMITS else room)

    def __str__(self) -> str:
        """E.g. "made 1.16/255, printed below 1/255"; empty where it only is so or not."""
        if self.relation == "exactly":
            return ""
        unit = _read(self.printed)[1]
        made = self.made * unit
        shown = f"{made:.0f}" if made == round(made) else f"{made:.4g}"
        below = f"/{unit:g}" if unit != 1 else ""
        return " ".join(f"made {shown}{below}, printed {self.relation} {self.printed}".split())


Cases = Mapping[str, Sequence[Pair]]  # what was compared, for each reading of the text; "" if there is but one


def compared(made: Iterable[Any], cells: Sequence[PrintedCell]) -> list[Pair]:
    """Made numbers beside printed cells."""
    return [Pair(float(x), cell.value, cell.relation, cell.column) for x, cell in zip(made, cells, strict=True)]


def outcome(cases: Cases | None) -> Outcome:
    """What follows from comparisons: a text that leaves something open holds with the readings under which it does."""
    if cases is None:
        return Outcome.UNCHECKED
    kept = [not differing(pairs) for pairs in cases.values()]
    return Outcome.HOLDS if all(kept) else Outcome.CONDITIONAL if any(kept) else Outcome.NOT_REPRODUCIBLE


def differing(pairs: Iterable[Pair]) -> list[Pair]:
    """Those that are not as printed."""
    return [pair for pair in pairs if not pair.agrees]


def gaps(cases: Cases) -> dict[str, float]:
    """Largest difference from print of each reading."""
    return {name: max(pair.gap for pair in pairs) for name, pairs in cases.items()}


def told(cases: Cases) -> str:
    """What each reading gives, e.g. "c = 1: made 1.16/255, printed below 1/255"."""
    parts = []
    for name, pairs in cases.items():
        wrong, many = differing(pairs), len(pairs) > 2
        named = [f"{pair.name}{': ' if pair.name and str(pair) else ''}{pair}" for pair in (wrong if many else pairs)]
        shown = "; ".join(named if len(pairs) > 1 else map(str, pairs))
        if many:
            shown = f"{len(pairs) - len(wrong)} of {len(pairs)} as printed" + (f" (not {shown})" if shown else "")
        parts.append(f"{name}: {shown}" if name else shown)
    return "; ".join(parts)


def differences(cases: Cases, unit: str) -> str:
    """How far each reading is from print, e.g. "c = 1: 0.16 of 1/255 too large ≠"; ≠ marks more than rounding."""
    parts = []
    for (name, pairs), gap in zip(cases.items(), gaps(cases).values(), strict=True):
        wrong, size = len(differing(pairs)), f"below {EXACT:.0e}" if 0 < gap <= EXACT else f"{gap:.2g}"
        kept = f", {len(pairs) - wrong} of {len(pairs)} as printed" if len(pairs) > 2 else ""
        shown = f"{size} {unit}{kept}" if unit else kept.removeprefix(", ")
        parts.append(f"{name}{': ' if name else ''}{shown}{' ≠' if wrong else ''}")
    return "; ".join(parts)


def _read(printed: str) -> tuple[float, float]:
    """Value of a printed number, and the denominator of a fraction: 1 for decimals and formulas.

    Raises
    ------
    ValueError
        It is none of the three.
    """
    if number := NUMBER.fullmatch(printed):
        below = float(number[2] or 1)
        return float(number[1]) / below, below
    try:
        return float(formula(printed).evalf(30)), 1.0
    except (SyntaxError, TypeError) as error:
        raise ValueError(f"a printed number is a decimal, a fraction or a formula of both, got {printed!r}") from error


def _rounding(printed: str, about: bool) -> float:
    """Half a unit of the last digit; of the last that is not 0 for "about"."""
    if not NUMBER.fullmatch(printed):
        return EXACT * abs(_read(printed)[0])
    number = Decimal(printed.partition("/")[0])
    last = (number.normalize() if about else number).as_tuple().exponent
    return 0.5 * 10.0 ** int(last) * (1 + 1e-9)
