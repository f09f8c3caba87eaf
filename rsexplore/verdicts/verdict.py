"""What may be said of a printed statement, and the list of everything that was examined."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from rsexplore.papers import Source
from rsexplore.table import Table


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


@dataclass(frozen=True)
class Verdict:
    """A printed statement, what was found, the numbers that decide it, and the right form (empty if it holds)."""

    key: str
    source: Source
    printed: str
    outcome: Outcome
    witness: str
    right: str = ""


@dataclass(frozen=True)
class Claim:
    """A statement with its examination, which returns the outcome and the numbers that decide it."""

    key: str
    source: Source
    printed: str
    right: str
    examine: Callable[[], tuple[Outcome, str]]

    def verdict(self) -> Verdict:
        """Examine the statement."""
        outcome, witness = self.examine()
        right = "" if outcome in (Outcome.HOLDS, Outcome.UNCHECKED) else self.right
        return Verdict(self.key, self.source, self.printed, outcome, witness, right)


Examination = Callable[[], tuple[Outcome, str]]


class Claims(list[Claim]):
    """The statements of one paper, in the order in which they are written down."""

    def add(self, key: str, source: Source, printed: str, right: str = "") -> Callable[[Examination], Examination]:
        """Return a decorator that enters an examination."""

        def enter(examine: Examination) -> Examination:
            self.append(Claim(key, source, printed, right, examine))
            return examine

        return enter


class VerdictTable(Table):
    """Verdicts as a table, one row each."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        rows = [(v.source, v.printed, v.outcome.value, v.witness, v.right) for v in self.verdicts]
        super().__init__(("where", "printed", "verdict", "what decides it", "right form"), rows)

    def __getitem__(self, key: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.key == key:
                return verdict
        raise KeyError(f"no verdict {key!r}; there is {sorted(v.key for v in self.verdicts)}")

    def only(self, outcome: Outcome | str) -> "VerdictTable":
        """Those of one outcome, e.g. "unsound"."""
        return VerdictTable(v for v in self.verdicts if v.outcome is Outcome(outcome))

    @property
    def summary(self) -> Table:
        """How many there are of each outcome."""
        rows = [(o.value, o.meaning, len(self.only(o))) for o in Outcome]
        return Table(("verdict", "meaning", "number"), rows)
