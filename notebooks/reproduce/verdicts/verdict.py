"""What may be said of a printed statement, and the list of everything that was examined."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reproduce.remake.compare import MEANING, Outcome
from rsexplore.papers import Source
from rsexplore.table import Table

__all__ = ["MEANING", "Claim", "Claims", "Evidence", "Outcome", "Verdict", "VerdictTable"]


@dataclass(frozen=True)
class Evidence:
    """What an examination found, from which the outcome follows.

    `holds` is whether the statement is true as printed, wherever it is said; `partly` whether it is true under a
    condition that is not printed; `meant` whether something else is plainly meant, on which the document goes on to
    rest. `excess` is how many times too large a certified radius, or a chance of failure, is that follows from the
    statement: inf where every radius would be certified, 0 where none follows. `known` is False where nothing could be
    examined.
    """

    words: str
    holds: bool = False
    partly: bool = False
    meant: bool = False
    excess: float = 0.0
    known: bool = True

    def __post_init__(self) -> None:
        if self.holds and (self.excess > 1 or self.partly or self.meant):
            raise ValueError(f"a statement that holds needs no condition and allows no excess, got {self}")

    @property
    def outcome(self) -> Outcome:
        """The gravest word whose meaning the evidence has."""
        for found, word in (
            (not self.known, Outcome.UNCHECKED),
            (self.excess > 1, Outcome.UNSOUND),
            (self.holds, Outcome.HOLDS),
            (self.meant, Outcome.PRINT_FAULT),
            (self.partly, Outcome.CONDITIONAL),
        ):
            if found:
                return word
        return Outcome.NOT_REPRODUCIBLE


@dataclass(frozen=True)
class Verdict:
    """A printed statement, the numbers that decide it, and the right form (empty if it holds).

    `statement` is the key of the printed statement that it is about, by which statements are counted: several rows may
    share one, and it is empty for what is not in print.
    """

    key: str
    source: Source
    printed: str
    evidence: Evidence
    right: str = ""
    statement: str = ""

    @property
    def outcome(self) -> Outcome:
        """What was found."""
        return self.evidence.outcome

    @property
    def witness(self) -> str:
        """The numbers that decide it, in words."""
        return self.evidence.words


@dataclass(frozen=True)
class Claim:
    """A statement with its examination."""

    key: str
    source: Source
    printed: str
    right: str
    examine: Callable[[], Evidence]

    def verdict(self) -> Verdict:
        """Examine the statement."""
        found = self.examine()
        right = "" if found.outcome in (Outcome.HOLDS, Outcome.UNCHECKED) else self.right
        return Verdict(self.key, self.source, self.printed, found, right, self.key)


Examination = Callable[[], Evidence]


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
    def statements(self) -> tuple[str, ...]:
        """Keys of the printed statements that the rows are about, each once; rows on what is not in print have none."""
        return tuple(dict.fromkeys(v.statement for v in self.verdicts if v.statement))

    @property
    def summary(self) -> Table:
        """How many printed statements there are of each outcome, each once, and rows on what is not in print."""
        rows = []
        for outcome in Outcome:
            found = self.only(outcome)
            other = sum(not v.statement for v in found.verdicts)
            rows.append((outcome.value, outcome.meaning, len(found.statements), other))
        return Table(("verdict", "meaning", "printed statements", "rows not in print"), rows)
