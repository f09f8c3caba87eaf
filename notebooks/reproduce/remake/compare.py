"""The one rule that holds a made number against a printed one; the errata and the list of figures both ask it.

A number is the printed one if it rounds to the printed digits. Where the text says below, above, at most or at least,
nothing is rounded; where it says about, the last digit that is not 0 counts.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from math import isnan
from typing import NamedTuple

from reproduce.remake import formulas

RELATIONS = ("", "about", "below", "above", "at most", "at least", "exactly")
EXACT = 1e-12  # of itself: a printed formula has no digits to round to, only our arithmetic rounds
FORMULAS = {**formulas.HAYES_TABLE_2, **formulas.APPENDIX_D}  # printed values that are no decimals


class Outcome(Enum):
    """What an examination found; computed, never typed."""

    HOLDS = "holds"
    CONDITIONAL = "holds with a condition"
    PRINT_FAULT = "print fault"
    UNSOUND = "unsound"
    NOT_REPRODUCIBLE = "not reproducible"
    UNCHECKED = "cannot be checked"

    @property
    def meaning(self) -> str:
        """What the word stands for."""
        return MEANING[self]


MEANING = {
    Outcome.HOLDS: "as printed, to the digits given",
    Outcome.CONDITIONAL: "true only where the right form says so",
    Outcome.PRINT_FAULT: "not what is meant, and no false certificate follows",
    Outcome.UNSOUND: "a false certificate, or a false level of confidence, follows",
    Outcome.NOT_REPRODUCIBLE: "theory or the published logs give something else",
    Outcome.UNCHECKED: "what is needed was not published, or is not at hand",
}


class Pair(NamedTuple):
    """A made number and a printed one, such as "0.67" or "4/255", with what the text says of it (`RELATIONS`)."""

    made: float
    printed: str
    relation: str = ""
    name: str = ""

    @property
    def gap(self) -> float:
        """How far the made number is from what is printed, in units of 1/255 for "4/255"; 0 where a limit is kept."""
        above = (self.made - _value(self.printed)) * _denominator(self.printed)
        if isnan(above):
            return float("inf")
        sides = {"below": above, "at most": above, "above": -above, "at least": -above}
        return max(sides[self.relation], 0.0) if self.relation in sides else abs(above)

    @property
    def agrees(self) -> bool:
        """Whether the made number is what is printed."""
        if self.relation not in RELATIONS:
            raise ValueError(f"Pair needs a relation of {RELATIONS}, got {self.relation!r}")
        if self.relation in ("below", "above"):
            return self.gap == 0 and self.made != _value(self.printed)
        if self.relation == "exactly":
            return self.gap <= EXACT
        return self.gap <= (_rounding(self.printed, self.relation == "about") if self.relation in ("", "about") else 0)


Cases = Mapping[str, Sequence[Pair]]  # what was compared, for each reading of the text; "" if there is but one


def outcome(cases: Cases | None) -> Outcome:
    """What follows from comparisons: a text that leaves something open holds with the readings under which it does."""
    if cases is None:
        return Outcome.UNCHECKED
    kept = [all(pair.agrees for pair in pairs) for pairs in cases.values()]
    return Outcome.HOLDS if all(kept) else Outcome.CONDITIONAL if any(kept) else Outcome.NOT_REPRODUCIBLE


def agrees(made: float, printed: str, relation: str = "") -> bool:
    """Whether a number is the printed one; as `Pair.agrees`."""
    return Pair(float(made), printed, relation).agrees


def _denominator(printed: str) -> float:
    return float(printed.partition("/")[2] or 1) if printed not in FORMULAS else 1.0


def _value(printed: str) -> float:
    """Value of a printed number.

    Raises
    ------
    ValueError
        It is neither a decimal, a fraction of two, nor one of `FORMULAS`.
    """
    if printed in FORMULAS:
        return float(FORMULAS[printed]())
    if not re.fullmatch(r"[\d.]+(/[\d.]+)?", printed):
        raise ValueError(f"a printed number is a decimal, a fraction or one of {sorted(FORMULAS)}, got {printed!r}")
    return float(printed.partition("/")[0]) / _denominator(printed)


def _rounding(printed: str, about: bool) -> float:
    """Half a unit of the last digit; of the last that is not 0 for "about"."""
    if printed in FORMULAS:
        return EXACT * abs(_value(printed))
    number = Decimal(printed.partition("/")[0])
    last = (number.normalize() if about else number).as_tuple().exponent
    return 0.5 * 10.0 ** int(last) * (1 + 1e-9)
