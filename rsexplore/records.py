"""The log of a certification run: votes per image, from which every radius derives; and the logs of others.

Our log is text. Line 1 is the header, in JSON: what was run. Line 2 names the columns. Each further line is one image,
tab separated; votes are written ``class:count,class:count``, without the classes that got none.
Logs of others hold a printed radius in place of the votes; what it tells of them is in `rounding.py`.
"""

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import noises
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.rounding import Printed, checked

FORMAT, VERSION = "rsexplore-counts", 1
COLUMNS = "index label predict count counts0 counts seconds".split()
FOREIGN_COLUMNS = "idx label predict radius correct time".split()
ABSTAINED = -1  # the class that logs of others give to an image without a prediction


class LogHeaderError(ValueError):
    """A log does not belong to the run that wants to write it, or is no log of ours."""


@dataclass(frozen=True)
class Header:
    """What a run did; two logs with different headers are never mixed."""

    noise: Mapping[str, Any]  # as `noises.to_dict` gives it
    n0: int  # draws that select the class
    n: int  # draws that count its votes
    alpha: float  # failure probability of one image's bound
    seed: int | None = None
    model: Any = None
    data: Any = None
    versions: Any = None
    radius_format: str | None = None  # how a log of others prints radii: one of `rounding.FORMATS`

    def text(self) -> str:
        """Return the first line of our log."""
        entries = asdict(self)
        del entries["radius_format"]
        return json.dumps({"format": FORMAT, "version": VERSION, **entries}, ensure_ascii=True)

    @classmethod
    def parse(cls, text: str, owner: object) -> "Header":
        """Return the header that `text` wrote; `owner` is named in errors.

        Raises
        ------
        LogHeaderError
            The line is not the header of a log of this version.
        """
        try:
            entries = json.loads(text)
            kind = (entries.pop("format"), entries.pop("version"))
            header = cls(**entries)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LogHeaderError(f"{owner}: line 1 must be the header of a {FORMAT} log, got {text[:60]!r}") from error
        if kind != (FORMAT, VERSION):
            raise LogHeaderError(f"{owner}: needs {FORMAT} version {VERSION}, got {kind[0]} version {kind[1]}")
        return header

    def check(self, other: "Header", owner: object) -> None:
        """Raise LogHeaderError, naming every field that differs, unless `other` (of `owner`) is the same header."""
        mine, theirs = json.loads(self.text()), json.loads(other.text())
        if wrong := [f"{key}={theirs[key]!r} (needed {mine[key]!r})" for key in mine if mine[key] != theirs[key]]:
            raise LogHeaderError(f"{owner} belongs to another run, and is left as it is: it has {'; '.join(wrong)}")


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

    def text(self) -> str:
        """Return one line of our log, without its end."""
        votes = (",".join(f"{label}:{n}" for label, n in sorted(c.items()) if n) for c in (self.counts0, self.counts))
        return "\t".join(map(str, (self.index, self.label, self.predict, self.count, *votes, f"{self.seconds:.3f}")))

    @classmethod
    def parse(cls, text: str) -> "Row":
        """Return the row that `text` wrote.

        Raises
        ------
        ValueError
            It is no row, or prediction and count are not what its votes say.
        """
        index, label, predict, count, *votes, seconds = text.split("\t")
        counts0, counts = ({int(c): int(n) for c, n in (v.split(":") for v in part.split(","))} for part in votes)
        row = cls(int(index), int(label), counts0, counts, float(seconds))
        if (row.predict, row.count) != (int(predict), int(count)):
            raise ValueError(f"votes give predict={row.predict} count={row.count}, got {predict} and {count}")
        return row


@dataclass(frozen=True, eq=False)
class Records:
    """A log as arrays, one entry an image: ours has `count` and `rows`, those of others have `radius`."""

    header: Header
    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predict: NDArray[np.int64]  # -1 where a log of others abstained
    seconds: NDArray[np.float64]  # nan in logs of others
    count: NDArray[np.int64] | None = None
    radius: NDArray[np.float64] | None = None  # as printed, in units of the input
    rows: tuple[Row, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def noise(self) -> noises.Noise:
        """Smoothing noise of the run."""
        return noises.from_dict(dict(self.header.noise))

    @property
    def printed(self) -> Printed:
        """What is known of the votes behind the printed radii; logs of others only."""
        if self.radius is None:
            raise ValueError("records: printed radii are in logs of others only, this log has counts")
        abstained, header = self.predict == ABSTAINED, self.header
        return Printed(self.radius, abstained, self.noise, header.n, header.alpha, header.radius_format)

    def q_a(self, alpha: float | None = None, rounding: str = "printed") -> NDArray[np.float64]:
        """Upper bounds on the probability that a noisy image is not put into the predicted class.

        Parameters
        ----------
        alpha : float in (0, 1), optional
            Failure probability of each bound; that of the header if absent.
        rounding : {"printed", "lower", "upper"}
            For logs of others, what a printed radius stands for: itself, or the least or the largest radius that is
            printed so. "lower" never leads to a larger radius than the unrounded log would, "upper" to no smaller one.

        Returns
        -------
        ndarray, shape (images,)
            Above 1/2 where nothing is certified; 1 where a log of others abstained ("upper": the least possible).

        Raises
        ------
        ValueError
            `rounding` is none of the three, or `alpha` is out of range.
        """
        if self.count is None:
            return self.printed.q_a(alpha, rounding)
        checked(rounding)  # although counts are not rounded
        return clopper_pearson_tail(self.count, self.header.n, self.header.alpha if alpha is None else alpha)


def from_rows(header: Header, rows: Iterable[Row]) -> Records:
    """Records of a run of ours."""
    rows = tuple(rows)
    table = np.array([(row.index, row.label, row.predict, row.count) for row in rows], dtype=np.int64).reshape(-1, 4)
    index, label, predict, count = table.T.copy()
    seconds = np.array([row.seconds for row in rows], dtype=float)
    return Records(header, index, label, predict, seconds, count=count, rows=rows)


def read(path: str | os.PathLike[str], header: Header | None = None) -> Records:
    """Records of a log, ours or in the columns ``idx label predict radius correct time``; gzip where it ends in .gz.

    Parameters
    ----------
    path : path
        The log. A last line that was cut off, as in a killed run, is left out.
    header : Header, optional
        For a log of others: what was run, with `radius_format`. For a log of ours: what it must say.

    Raises
    ------
    LogHeaderError
        A log of ours has another header, or the file is no log.
    ValueError
        A line is not as it must be.
    """
    path = Path(path)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if header is not None and header.radius_format is not None:
        return _foreign(path, raw, header)
    found, rows, _ = _parse(path, raw)
    if header is not None:
        header.check(found, path)
    return from_rows(found, rows)


def resume(path: str | os.PathLike[str], header: Header) -> tuple[list[int], int]:
    """Where an interrupted run goes on.

    Returns
    -------
    finished : list of int
        Indices that are in the log.
    offset : int
        Where to cut the file, for a killed run may have left half a line; 0 where the header has to be written.

    Raises
    ------
    LogHeaderError, ValueError
        The file is the log of another run, or no log; a line before the last one is damaged.
    """
    path = Path(path)
    raw = path.read_bytes() if path.exists() else b""
    head = _head(header)
    if len(raw) < len(head) and head.startswith(raw):
        return [], 0
    found, rows, offset = _parse(path, raw)
    header.check(found, path)
    return [row.index for row in rows], offset


def write_header(file: BinaryIO, header: Header) -> None:
    """Write the first two lines of our log to a binary file, and see them onto the disk."""
    _write(file, _head(header))


def write_row(file: BinaryIO, row: Row) -> None:
    """Append one image to our log, and see it onto the disk."""
    _write(file, f"{row.text()}\n".encode())


def alpha_of(records: Records, candidates: ArrayLike = (0.001, 0.01, 0.05)) -> float | None:
    """Smallest of the candidate levels at which every printed radius of a log of others can occur; None if none does.

    A large radius names its level: the largest ones that n votes can give lie further apart than they are rounded.
    """
    levels = (float(alpha) for alpha in np.sort(np.ravel(candidates)))
    return next((alpha for alpha in levels if records.printed.possible(alpha).all()), None)


def _head(header: Header) -> bytes:
    return f"{header.text()}\n{chr(9).join(COLUMNS)}\n".encode()


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def _parse(path: Path, raw: bytes) -> tuple[Header, list[Row], int]:
    """Return header, rows and length of what is complete in our log."""
    whole = raw[: raw.rfind(b"\n") + 1]
    lines = whole.decode("utf-8", errors="replace").split("\n")[:-1]
    header = Header.parse(lines[0] if lines else raw[:60].decode("utf-8", errors="replace"), path)
    if lines[1:2] != ["\t".join(COLUMNS)]:
        raise LogHeaderError(f"{path}: line 2 must name the columns {' '.join(COLUMNS)}, got {lines[1:2]}")
    rows, seen = [], set[int]()
    for number, line in enumerate(lines[2:], start=3):
        try:
            row = Row.parse(line)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: line {number} must be a row of votes, got {line[:60]!r} ({error})") from None
        if row.index in seen:
            raise ValueError(f"{path}: line {number} must be another image, got index {row.index} again")
        seen.add(row.index)
        rows.append(row)
    return header, rows, len(whole)


def _foreign(path: Path, raw: bytes, header: Header) -> Records:
    first, *lines = raw.decode("utf-8", errors="replace").splitlines()
    names = " ".join(FOREIGN_COLUMNS)
    if first.split() != names.split():
        raise LogHeaderError(f"{path}: line 1 must name the columns {names}, got {first[:60]!r}")
    try:
        index, label, predict, radius, correct = np.array([line.split("\t")[:5] for line in lines], dtype=float).T
    except ValueError as error:
        raise ValueError(f"{path}: every line must have the columns {names} ({error})") from None
    if len(np.unique(index)) != len(index) or np.any(correct != (label == predict)) or not np.all(radius >= 0):
        raise ValueError(f"{path}: needs different indices, correct = (label == predict) and radius >= 0")
    index, label, predict = (column.astype(np.int64) for column in (index, label, predict))
    return Records(header, index, label, predict, np.full(len(index), np.nan), radius=radius)
