"""Logs of others: a printed radius an image, or the count of its votes.

With radii: the columns ``idx label predict radius correct time``. With counts: ``idx label predict count``, any others,
and ``correct time`` at the end, as Levine and Feizi's logs of generalized Gaussian noise have them. An abstention is
predict = -1; its count is that of a class that is not said.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsexplore.confidence import ABSTAINED
from rsexplore.header import Header, LogHeaderError
from rsexplore.noises import Gaussian, from_dict
from rsexplore.rounding import Printed, as_printed
from rsexplore.row import whole

COLUMNS = "idx label predict radius correct time".split()
COUNTED = "idx label predict count".split()  # and, after any others, the last two of `COLUMNS`
RADII, COUNTS = "printed radii", "counts of votes"  # kinds of log
_RADIUS = re.compile(r"[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?")  # as Python prints a float; none of its inf, nan, 1_0


@dataclass(frozen=True, eq=False)
class Columns:
    """What a log says, one entry an image; it has a radius or a count."""

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predict: NDArray[np.int64]
    radius: NDArray[np.float64] | None = None
    count: NDArray[np.int64] | None = None


def kind(first_line: str) -> str | None:
    """Which kind of log of others this first line begins, `RADII` or `COUNTS`; None if none."""
    names = first_line.split()
    if names == COLUMNS:
        return RADII
    return COUNTS if (names[:4], names[4:][-2:]) == (COUNTED, COLUMNS[-2:]) else None


def columns(path: Path, text: str, header: Header) -> Columns:
    """Index, label, prediction, and radius or count, of every line.

    A last line that was cut off before its last column, or is empty, is left out, and a UserWarning has its number.

    Raises
    ------
    LogHeaderError
        Line 1 does not name the columns, or the header says what no log of others has.
    ValueError
        There is no image, or a line is not as it must be; the message has its number.
    """
    first, *lines = text.splitlines() or [""]
    if (sort := kind(first)) is None:
        raise LogHeaderError(
            f"{path}: line 1 must name the columns {' '.join(COLUMNS)}, or {' '.join(COUNTED)} ... "
            f"{' '.join(COLUMNS[-2:])}, got {first[:60]!r}"
        )
    if (header.stop, header.select) != (None, None):
        raise LogHeaderError(f"{path}: stop and select are of our logs alone, got {header.stop=} {header.select=}")
    names = first.split()
    rows: dict[int, list[float]] = {}
    correct: list[str] = []
    for number, line in enumerate(_whole(path, lines, len(names)), start=2):
        try:
            index, *values = _row(line.split("\t"), names, header)
            if index in rows:
                raise ValueError(f"needs different indices, got idx {index} again")
        except ValueError as error:
            raise ValueError(f"{path}: line {number}: {error}, in {line[:60]!r}") from None
        rows[int(index)] = values
        correct.append(line.split("\t")[-2])
    if not rows:
        raise ValueError(f"{path}: needs one image at least, got only the names of the columns")
    label, predict, told = zip(*rows.values(), strict=True)
    _check_correct(path, correct, [one == other for one, other in zip(label, predict, strict=True)])
    images, labels, predictions = (np.array(column, dtype=np.int64) for column in (list(rows), label, predict))
    if sort == COUNTS:
        return Columns(images, labels, predictions, count=np.array(told, dtype=np.int64))
    found = Columns(images, labels, predictions, radius=np.array(told, dtype=float))
    _check_ceiling(path, found, header)
    return found


def left_out(path: Path, number: int, why: str) -> None:
    """Warn that the last line of a log is not read."""
    warnings.warn(f"{path}: line {number}, the last, {why}, and is left out", stacklevel=4)


def text(index: NDArray, label: NDArray, predict: NDArray, radius: NDArray, seconds: NDArray) -> str:
    """Return a log in these columns, with every radius to its last bit: a rounded one might be no certificate.

    An image without a radius (nan, or a prediction that is `ABSTAINED`) is written as an abstention of radius 0.
    """
    lines = ["\t".join(COLUMNS)]
    for one, truth, chosen, reach, took in zip(index, label, predict, radius, seconds, strict=True):
        kept = chosen != ABSTAINED and reach >= 0
        shown, known = (int(chosen), float(reach)) if kept else (ABSTAINED, 0.0)
        time = timedelta(seconds=float(took) if isfinite(took) else 0.0)
        lines.append("\t".join(map(str, (int(one), int(truth), shown, known, int(truth == shown), time))))
    return "\n".join(lines) + "\n"


def _whole(path: Path, lines: list[str], columns: int) -> list[str]:
    """Return the lines without empty ones at the end and a last one that was cut off."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if end < len(lines):
        left_out(path, len(lines) + 1, "is empty")
    if end and lines[end - 1].count("\t") < columns - 1:
        end -= 1
        left_out(path, end + 2, f"was cut off ({lines[end][:60]!r})")
    return lines[:end]


def _row(fields: list[str], names: list[str], header: Header) -> tuple[float, ...]:
    if len(fields) != len(names):
        raise ValueError(f"every line must have the columns {' '.join(names)}, got {len(fields)}")
    index, label = whole("idx", fields[0]), whole("label", fields[1])
    predict = ABSTAINED if fields[2] == str(ABSTAINED) else whole(f"predict (if not {ABSTAINED})", fields[2])
    if names[3] == "count":
        count = whole("count", fields[3])
        if count > header.n:
            raise ValueError(f"count must be at most n={header.n}, got {count}; is it the n of this log?")
        if predict != ABSTAINED and 2 * count <= header.n:
            raise ValueError(f"a prediction needs more than half of n={header.n} votes, got {count}; is it the n?")
        return index, label, predict, count
    radius = float(fields[3]) if _RADIUS.fullmatch(fields[3]) else np.nan
    if not isfinite(radius):
        raise ValueError(f"needs a finite radius >= 0, got {fields[3][:40]!r}")
    if predict == ABSTAINED and radius > 0:
        raise ValueError(f"an abstention (predict {ABSTAINED}) must have radius 0, got {fields[3]}")
    if predict != ABSTAINED and (needed := as_printed(radius, header.radius_format)) != fields[3]:
        raise ValueError(
            f"a radius with {header.radius_format} is printed {needed}, got {fields[3]}; is it the radius_format?"
        )
    return index, label, predict, radius


def _check_correct(path: Path, printed: Sequence[str], right: Sequence[bool]) -> None:
    """Raise ValueError unless the column is 1 or True where label and prediction agree, or their number so far."""
    plain = [str(int(one)) for one in right]
    totals = [str(total) for total in accumulate(map(int, right))]
    if list(printed) in (plain, totals, [str(one) for one in right]):
        return
    at = next(place for place, (one, other) in enumerate(zip(printed, plain, strict=True)) if one != other)
    raise ValueError(
        f"{path}: line {at + 2}: needs correct = (label == predict), or how often that was so up to here, got "
        f"{printed[at][:40]!r}"
    )


def _check_ceiling(path: Path, found: Columns, header: Header) -> None:
    noise = from_dict(dict(header.noise))
    if not isinstance(noise, Gaussian) or found.radius is None:
        return
    abstained = found.predict == ABSTAINED
    beyond = Printed(found.radius, abstained, noise, header.n, header.alpha, header.radius_format).beyond()
    if beyond.any():
        at = int(np.argmax(beyond))
        raise ValueError(
            f"{path}: line {at + 2}: radius {found.radius[at]:g} is more than {header.n} of {header.n} votes give "
            f"under {noise.label} at any level below 1/2; is it the noise of this log?"
        )
