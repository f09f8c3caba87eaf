"""Logs of others: a printed radius an image, in the columns ``idx label predict radius correct time``."""

import re
from datetime import timedelta
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsexplore.confidence import ABSTAINED
from rsexplore.header import Header, LogHeaderError
from rsexplore.noises import Gaussian, from_dict
from rsexplore.rounding import Printed
from rsexplore.row import whole

COLUMNS = "idx label predict radius correct time".split()
_RADIUS = re.compile(r"[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?")  # as Python prints a float; none of its inf, nan, 1_0

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def is_foreign(first_line: str) -> bool:
    """Whether a log with this first line is one of others."""
    return first_line.split() == COLUMNS


def columns(path: Path, text: str, header: Header) -> Columns:
    """Index, label, prediction and radius of every line.

    Raises
    ------
    LogHeaderError
        Line 1 does not name the columns.
    ValueError
        There is no image, or a line is not as it must be; the message has its number.
    """
    first, *lines = text.splitlines() or [""]
    if not is_foreign(first):
        raise LogHeaderError(f"{path}: line 1 must name the columns {' '.join(COLUMNS)}, got {first[:60]!r}")
    if not lines:
        raise ValueError(f"{path}: needs one image at least, got only the names of the columns")
    rows: dict[int, tuple[int, int]] = {}
    radii: list[float] = []
    for number, line in enumerate(lines, start=2):
        try:
            index, label, predict, radius = _row(line)
            if index in rows:
                raise ValueError(f"needs different indices, got idx {index} again")
        except ValueError as error:
            raise ValueError(f"{path}: line {number}: {error}, in {line[:60]!r}") from None
        rows[index] = (label, predict)
        radii.append(radius)
    labels, predictions = np.array(list(rows.values()), dtype=np.int64).T.copy()
    printed = np.array(radii)
    _check_ceiling(path, printed, predictions, header)
    return np.array(list(rows), dtype=np.int64), labels, predictions, printed


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


def _row(line: str) -> tuple[int, int, int, float]:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise ValueError(f"every line must have the columns {' '.join(COLUMNS)}, got {len(fields)}")
    index, label = whole("idx", fields[0]), whole("label", fields[1])
    predict = ABSTAINED if fields[2] == str(ABSTAINED) else whole(f"predict (if not {ABSTAINED})", fields[2])
    radius = float(fields[3]) if _RADIUS.fullmatch(fields[3]) else np.nan
    if not isfinite(radius):
        raise ValueError(f"needs a finite radius >= 0, got {fields[3][:40]!r}")
    if predict == ABSTAINED and radius > 0:
        raise ValueError(f"an abstention (predict {ABSTAINED}) must have radius 0, got {fields[3]}")
    if fields[4] != str(int(label == predict)):
        raise ValueError(f"needs correct = (label == predict), got {fields[4][:40]!r}")
    return index, label, predict, radius


def _check_ceiling(path: Path, radius: NDArray, predict: NDArray, header: Header) -> None:
    noise = from_dict(dict(header.noise))
    if not isinstance(noise, Gaussian):
        return
    beyond = Printed(radius, predict == ABSTAINED, noise, header.n, header.alpha, header.radius_format).beyond()
    if beyond.any():
        at = int(np.argmax(beyond))
        raise ValueError(
            f"{path}: line {at + 2}: radius {radius[at]:g} is more than {header.n} of {header.n} votes give under "
            f"{noise.label} at any level below 1/2; is it the noise of this log?"
        )
