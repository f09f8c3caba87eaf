"""The log of a certification run: votes per image, from which every radius derives; and the logs of others.

Our log is text. Line 1 is the header, in JSON: what was run. Line 2 names the columns. Each further line is one image,
tab separated; votes are written ``class:count,class:count``, without the classes that got none. Lines end in LF; the
CRLF and the byte order mark of an editor are read as well.
Logs of others (`foreign.py`) hold a printed radius in place of the votes; what it tells of them is in `rounding.py`.
"""

import gzip
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import foreign, noises
from rsexplore.anytime import stopped_tail
from rsexplore.bound import Bound
from rsexplore.check import named
from rsexplore.confidence import ABSTAINED, clopper_pearson_tail, top_two
from rsexplore.header import Header, LogHeaderError
from rsexplore.rounding import Printed, checked
from rsexplore.row import COLUMNS, Row

__all__ = [
    "ABSTAINED",
    "Header",
    "LogHeaderError",
    "Records",
    "Row",
    "alpha_of",
    "export",
    "from_rows",
    "read",
    "resume",
    "write_header",
    "write_row",
]


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """A log as arrays, one entry an image: ours has `count` and `rows`, those of others have `radius`."""

    header: Header
    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predict: NDArray[np.int64]  # -1 where a log of others abstained
    seconds: NDArray[np.float64]  # nan in logs of others
    count: NDArray[np.int64] | None = None
    radius: NDArray[np.float64] | None = None  # as printed, in units of the input
    rows: tuple[Row, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        fields = dict(self.header.noise)
        family = fields.pop("family", "noise")
        told = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
        return f"Records({len(self)} images, {family}({told}), n={self.header.n}, alpha={self.header.alpha:g})"

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
        level = self.header.alpha if alpha is None else alpha
        if self.header.stop is None:
            return clopper_pearson_tail(self.count, self.header.n, level)
        return stopped_tail(self.count, self.draws, self.header.n, level)

    @cached_property
    def draws(self) -> NDArray[np.int64]:
        """Size of each image's estimation sample, shape (images,); `header.n` unless the run could stop earlier."""
        if self.header.stop is None:
            return np.full(len(self), self.header.n, dtype=np.int64)
        return np.array([row.draws for row in self.rows], dtype=np.int64)

    def top_two(self, alpha: float | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Upper bounds q_a on 1 - p_A and p_b on every other class's probability, shape (images,), holding together.

        See `confidence.top_two`: each half has alpha / 2. What a bilateral radius takes.

        Raises
        ------
        ValueError
            The log holds no votes, or the run stopped at what it saw.
        """
        if self.count is None or self.header.stop is not None:
            lack = "a log of others holds no votes" if self.count is None else "this run stopped at what it saw"
            raise ValueError(f"top_two needs the votes of a run with a fixed number of draws, but {lack}")
        classes = 1 + max(2, *(max((row.predict, *row.counts)) for row in self.rows)) if self.rows else 2
        votes = np.zeros((len(self), classes), dtype=np.int64)
        for line, row in zip(votes, self.rows, strict=True):
            line[list(row.counts)] = list(row.counts.values())
        return top_two(votes, self.predict, self.header.alpha if alpha is None else alpha)


def from_rows(header: Header, rows: Iterable[Row]) -> Records:
    """Records of a run of ours."""
    rows = tuple(rows)
    table = np.array([(row.index, row.label, row.predict, row.count) for row in rows], dtype=np.int64).reshape(-1, 4)
    index, label, predict, count = table.T.copy()
    seconds = np.array([row.seconds for row in rows], dtype=float)
    return Records(header, index, label, predict, seconds, count=count, rows=rows)


def read(path: str | os.PathLike[str], header: Header | None = None) -> Records:
    """Records of a log, ours or in the columns ``idx label predict radius correct time``; gzip where its name says .gz.

    Parameters
    ----------
    path : path
        The log. In one of ours, a last line that was cut off, as in a killed run, is left out.
    header : Header, optional
        For a log of others: what was run, with `radius_format`. For a log of ours: what it must say.

    Raises
    ------
    LogHeaderError
        A log of ours has another header, or the file is no log.
    ValueError
        A line is not as it must be, or the gzip file is damaged.
    """
    path = Path(path)
    raw = _decompressed(path) if path.suffix == ".gz" else path.read_bytes()
    if header is not None and header.radius_format is not None:
        index, label, predict, radius = foreign.columns(path, raw.decode("utf-8-sig", errors="replace"), header)
        return Records(header, index, label, predict, np.full(len(index), np.nan), radius=radius)
    found, rows, _ = _parse(path, raw)
    if header is not None:
        header.check(found, path)
    return from_rows(found, rows)


def resume(path: str | os.PathLike[str], header: Header) -> tuple[list[Row], int]:
    """Where an interrupted run goes on.

    Returns
    -------
    finished : list of Row
        Images that are in the log.
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
    return rows, offset


def write_header(file: BinaryIO, header: Header) -> None:
    """Write the first two lines of our log to a binary file, and see them onto the disk."""
    _write(file, _head(header))


def write_row(file: BinaryIO, row: Row) -> None:
    """Append one image to our log, and see it onto the disk."""
    _write(file, f"{row.text()}\n".encode())


def export(
    records: Records,
    path: str | os.PathLike[str],
    bound: Bound | str,
    *,
    alpha: float | None = None,
    norm: float | None = None,
    **params: float | None,
) -> None:
    """Write a log in the columns ``idx label predict radius correct time``, which the tools of others read.

    An image is an abstention where nothing is certified. Radii are written to the last bit, not rounded.

    Parameters
    ----------
    records : Records
        A log, ours or one of others.
    path : path
        Where to write; a file that is there is replaced.
    bound : Bound or str
        What turns votes into radii, or its key.
    alpha, norm, **params
        As in `accuracy.certified`.

    Raises
    ------
    ValueError
        The bound is no certificate.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    if not (bound := named(bound)).certifies:
        raise ValueError(f"export needs a proved bound, got {bound.key}, which is {bound.status.value}")
    q_a = records.q_a(alpha, "lower")
    radius = bound.radius(records.noise, q_a=q_a, norm=norm, **params)
    predict = np.where(q_a < 0.5, records.predict, ABSTAINED)
    text = foreign.text(records.index, records.label, predict, radius, records.seconds)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def alpha_of(records: Records, candidates: ArrayLike = (0.001, 0.01, 0.05)) -> float | None:
    """Smallest of the candidate levels at which every printed radius of a log of others can occur; None if none does.

    A large radius names its level: the largest ones that n votes can give lie further apart than they are rounded.
    """
    levels = (float(alpha) for alpha in np.sort(np.ravel(candidates)))
    return next((alpha for alpha in levels if records.printed.possible(alpha).all()), None)


def _head(header: Header) -> bytes:
    return f"{header.text()}\n{chr(9).join(COLUMNS)}\n".encode()


def _write(file: BinaryIO, line: bytes) -> None:
    left = memoryview(line)
    while left:  # a file without a buffer may take a part of it
        left = left[file.write(left) :]
    file.flush()
    os.fsync(file.fileno())


def _decompressed(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} must be a whole gzip file, as its name says, got a damaged one ({error})") from None


def _parse(path: Path, raw: bytes) -> tuple[Header, list[Row], int]:
    """Return header, rows and length of what is complete in our log."""
    whole = raw[: raw.rfind(b"\n") + 1]
    lines = [line.removesuffix("\r") for line in whole.decode("utf-8-sig", errors="replace").split("\n")[:-1]]
    first = lines[0] if lines else raw[:200].decode("utf-8-sig", errors="replace")
    if foreign.is_foreign(first):
        raise LogHeaderError(
            f"{path} is a log of others, with printed radii, got the columns {first!r}; to read it, say what was run: "
            "header=Header(noise, n0, n, alpha, radius_format=...)"
        )
    header = Header.parse(first, path)
    if lines[1:2] != ["\t".join(COLUMNS)]:
        raise LogHeaderError(f"{path}: line 2 must name the columns {' '.join(COLUMNS)}, got {lines[1:2]}")
    rows, seen = [], set[int]()
    for number, line in enumerate(lines[2:], start=3):
        try:
            row = Row.parse(line, header.n0, header.n, stopped=header.stop is not None)
        except ValueError as error:
            raise ValueError(f"{path}: line {number} must be a row of votes, got {line[:60]!r} ({error})") from None
        if row.index in seen:
            raise ValueError(f"{path}: line {number} must be another image, got index {row.index} again")
        seen.add(row.index)
        rows.append(row)
    return header, rows, len(whole)
