"""One line of a certification log: the votes of one image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

COLUMNS = "index label predict count counts0 counts seconds".split()
LARGEST = 2**63 - 1  # of int64, in which records keep their numbers


@dataclass(frozen=True)
class Row:
    """The votes of one image."""

    index: int
    label: int
    counts0: Mapping[int, int]  # votes of the selection sample, by class
    counts: Mapping[int, int]  # votes of the estimation sample, by class
    seconds: float

    @property
    def predict(self) -> int:
        """Class with the most selection votes; the lowest one on ties."""
        return min(self.counts0, key=lambda label: (-self.counts0[label], label))

    @property
    def count(self) -> int:
        """Estimation votes of the predicted class."""
        return self.counts.get(self.predict, 0)

    @property
    def draws(self) -> int:
        """Size of the estimation sample."""
        return sum(self.counts.values())

    def text(self) -> str:
        """Return one line of our log, without its end."""
        votes = (",".join(f"{label}:{n}" for label, n in sorted(c.items()) if n) for c in (self.counts0, self.counts))
        return "\t".join(map(str, (self.index, self.label, self.predict, self.count, *votes, f"{self.seconds:.3f}")))

    @classmethod
    def parse(cls, text: str, n0: int, n: int, *, stopped: bool = False) -> "Row":
        """Return the row that `text` wrote, of a run with `n0` and `n` draws, or with up to `n` if it may be `stopped`.

        Raises
        ------
        ValueError
            It is no row, its votes do not add up to the draws, or prediction and count are not what its votes say.
        """
        fields = text.split("\t")
        if len(fields) != len(COLUMNS):
            raise ValueError(f"needs the columns {' '.join(COLUMNS)}")
        index, label, predict, count = (whole(name, fields[at]) for at, name in enumerate(COLUMNS[:4]))
        counts0, counts = _votes("counts0", fields[4], "n0", n0), _votes("counts", fields[5], "n", n, stopped)
        row = cls(index, label, counts0, counts, float(fields[6]))
        if not (isfinite(row.seconds) and row.seconds >= 0):
            raise ValueError(f"seconds must be finite and at least 0, got {fields[6]}")
        if (row.predict, row.count) != (predict, count):
            raise ValueError(f"votes give predict={row.predict} count={row.count}, got {predict} and {count}")
        return row


def whole(name: str, text: str) -> int:
    """Whole number from 0 to 2^63 - 1, written in plain digits; `name` is named in the error."""
    # int() would also take 9_9, blanks, signs and the digits of every script
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > LARGEST:
        raise ValueError(f"{name} must be a whole number from 0 to {LARGEST}, got {text[:40]!r}")
    return int(text)


def _votes(column: str, text: str, draws_name: str, draws: int, fewer: bool = False) -> dict[int, int]:
    votes: dict[int, int] = {}
    for part in text.split(","):
        label, _, number = part.partition(":")
        key = whole(f"a class in {column}", label)
        if key in votes:
            raise ValueError(f"{column} has class {key} twice")
        votes[key] = whole(f"the votes in {column}", number)
    total = sum(votes.values())
    if not (1 <= total <= draws if fewer else total == draws):
        raise ValueError(f"{column} must add up to {'at most ' * fewer}{draws_name}={draws}, got {total}")
    return votes
