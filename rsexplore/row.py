"""One line of a certification log: the votes of one image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from rsexplore.header import Header

COLUMNS = {1: "index label predict count counts0 counts seconds".split()}  # by version of the log
COLUMNS[2] = [*COLUMNS[1], "end"]  # and the checksum, which is the whole line's
LARGEST = 2**63 - 1  # of int64, in which records keep their numbers
AT_N, CERTIFIED, GIVEN_UP = ENDS = ("at n", "certified", "given up")


@dataclass(frozen=True)
class Row:
    """The votes of one image."""

    index: int
    label: int
    counts0: Mapping[int, int]  # votes of the selection sample, by class; none if there was no such sample
    counts: Mapping[int, int]  # votes of the estimation sample, by class
    seconds: float  # the image's share of the run's time: its copies, times the mean time of a copy up to its end
    end: str | None = AT_N  # one of `ENDS`; the last two before n draws, as a wanted radius is decided on. None: unsaid
    chosen: int | None = None  # class that was fixed beforehand; None if votes chose it

    @property
    def predict(self) -> int:
        """Class fixed beforehand, else the one with the most selection votes (estimation, if none); lowest on ties."""
        if self.chosen is not None:
            return self.chosen
        votes = self.counts0 or self.counts
        return min(votes, key=lambda label: (-votes[label], label))

    @property
    def count(self) -> int:
        """Estimation votes of the predicted class."""
        return self.counts.get(self.predict, 0)

    @property
    def draws(self) -> int:
        """Size of the estimation sample."""
        return sum(self.counts.values())

    def text(self) -> str:
        """Return one line of our log, without its checksum and its end."""
        votes = (",".join(f"{label}:{n}" for label, n in sorted(c.items()) if n) for c in (self.counts0, self.counts))
        fields = (self.index, self.label, self.predict, self.count, *votes, f"{self.seconds:.3f}", self.end)
        return "\t".join(map(str, fields))

    @classmethod
    def parse(cls, text: str, header: Header) -> "Row":
        """Return the row that `text` wrote, in a log with this header.

        Raises
        ------
        ValueError
            It is no row, its votes do not add up to the draws, or prediction, count and end are not what they say.
        """
        columns, fields, may_stop = COLUMNS[header.version], text.split("\t"), header.stop is not None
        if len(fields) != len(columns):
            raise ValueError(f"needs the columns {' '.join(columns)}")
        index, label, predict, count = (whole(name, fields[at]) for at, name in enumerate(columns[:4]))
        counts0 = _votes("counts0", fields[4], "n0", header.n0)
        counts = _votes("counts", fields[5], "n", header.n, may_stop)
        unsaid = None if sum(counts.values()) < header.n else AT_N
        row = cls(
            index,
            label,
            counts0,
            counts,
            float(fields[6]),
            end=unsaid if header.version == 1 else fields[7],
            chosen=label if header.select == "label" else None,
        )
        if not (isfinite(row.seconds) and row.seconds >= 0):
            raise ValueError(f"seconds must be finite and at least 0, got {fields[6]}")
        if (row.predict, row.count) != (predict, count):
            raise ValueError(f"votes give predict={row.predict} count={row.count}, got {predict} and {count}")
        row._check(header)
        return row

    def _check(self, header: Header) -> None:
        whole_sample = self.draws == header.n
        if self.end not in ((AT_N,) if whole_sample else (CERTIFIED, GIVEN_UP)) and (header.version > 1):
            raise ValueError(
                f"end must be {AT_N!r} where there are n={header.n} draws, else {CERTIFIED!r} or {GIVEN_UP!r}, got "
                f"{str(self.end)[:40]!r} and {self.draws}"
            )
        last = max(self.predict, *self.counts0, *self.counts)
        if header.classes is not None and last >= len(header.classes):
            raise ValueError(f"classes must be below {len(header.classes)}, the number of their names, got {last}")


def whole(name: str, text: str) -> int:
    """Whole number from 0 to 2^63 - 1, written in plain digits; `name` is named in the error."""
    # int() would also take 9_9, blanks, signs and the digits of every script
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > LARGEST:
        raise ValueError(f"{name} must be a whole number from 0 to {LARGEST}, got {text[:40]!r}")
    return int(text)


def _votes(column: str, text: str, draws_name: str, draws: int, fewer: bool = False) -> dict[int, int]:
    votes: dict[int, int] = {}
    for part in text.split(",") if text or draws else ():
        label, _, number = part.partition(":")
        key = whole(f"a class in {column}", label)
        if key in votes:
            raise ValueError(f"{column} has class {key} twice")
        votes[key] = whole(f"the votes in {column}", number)
    total = sum(votes.values())
    if not (1 <= total <= draws if fewer else total == draws):
        raise ValueError(f"{column} must add up to {'at most ' * fewer}{draws_name}={draws}, got {total}")
    return votes
