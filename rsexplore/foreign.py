"""Logs of others: a printed radius an image, or the count of its votes; and what a printed radius tells of its votes.

With radii: the columns ``idx label predict radius correct time``. With counts: ``idx label predict count``, any others,
and ``correct time`` at the end, as in logs of Kumar et al. (2020) of generalized Gaussian noise. An abstention is
predict = -1; its count is that of a class that is not said.

Logs with radii print sigma PhiInv(p_A) to a few digits, where p_A is the Clopper-Pearson bound of a count that they do
not keep. A printed radius is an interval of radii, so an interval of p_A, so a short run of counts, and another
confidence level is applied to these.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.confidence import ABSTAINED, clopper_pearson_tail
from rsexplore.log import Header, LogHeaderError, left_out, natural
from rsexplore.noises import Gaussian, Noise, from_dict

COLUMNS = "idx label predict radius correct time".split()
COUNTED = "idx label predict count".split()  # and, after any others, the last two of `COLUMNS`
FORMS = " ".join(COLUMNS), f"{' '.join(COUNTED)} ... {' '.join(COLUMNS[-2:])}"  # of line 1
RADII, COUNTS = "printed radii", "counts of votes"  # kinds of log
_RADIUS = re.compile(r"[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?")  # as Python prints a float; none of its inf, nan, 1_0
# how a program prints a radius, coarse ones first; "all digits" is Python's own, as `records.export` writes it
FORMATS: dict[str, Callable[[float], str]] = {
    f"{digits} {kind}": f"{{:.{digits}{code}}}".format
    for digits in range(1, 17)
    for kind, code in (("significant digits", ""), ("decimals", "f"))
} | {"all digits": repr}
ROUNDINGS = ("printed", "lower", "upper")
# In units of sigma. The interval of a printed radius is widened by this at both ends, to cover the errors of floating
# point in the program that printed it and in ours (`confidence.SHAVE` moves PhiInv by less than 1.2e-9).
SLACK = 5e-9
# A bound rounds its radius towards 0 (`bound.SHAVE`), which would take an image off the very radius that is printed for
# it. A printed radius is no certificate to the last digit, so as printed it is read a trifle high instead.
NUDGE = 2.0**-40


def kind(first_line: str) -> str | None:
    """Which kind of log of others this first line begins, `RADII` or `COUNTS`; None if none."""
    names = first_line.split()
    if names == COLUMNS:
        return RADII
    return COUNTS if (names[:4], names[4:][-2:]) == (COUNTED, COLUMNS[-2:]) else None


def columns(path: Path, text: str, header: Header, again: bool = False) -> dict[str, Any]:
    """What a log says, one entry an image, by the names that `records.Records` has: with a radius or a count.

    An image may come again only if `again`. A last line that was cut off before its last column, or is empty, is left
    out, and a UserWarning has its number.

    Raises
    ------
    LogHeaderError
        Line 1 does not name the columns, or the header says what no log of others has.
    ValueError
        There is no image, or a line is not as it must be; the message has its number.
    """
    first, *lines = text.splitlines() or [""]
    if kind(first) is None:
        raise LogHeaderError(f"{path}: line 1 must name the columns {', or '.join(FORMS)}, got {first[:60]!r}")
    if (header.stop, header.select) != (None, None):
        raise LogHeaderError(f"{path}: stop and select are of our logs alone, got {header.stop=} {header.select=}")
    names = first.split()
    rows: list[tuple[float, ...]] = []
    seen: set[float] = set()
    correct: list[str] = []
    for number, line in enumerate(_whole(path, lines, len(names)), start=2):
        fields = line.split("\t")
        try:
            row = _row(fields, names, header)
            if row[0] in seen and not again:
                raise ValueError(f"needs different indices, got idx {row[0]} again")
        except ValueError as error:
            raise ValueError(f"{path}: line {number}: {error}, in {line[:60]!r}") from None
        seen.add(row[0])
        rows.append(row)
        correct.append(fields[-2])
    if not rows:
        raise ValueError(f"{path}: needs one image at least, got only the names of the columns")
    table = dict(zip(("index", "label", "predict", names[3]), zip(*rows, strict=True), strict=True))
    found = {name: np.array(told, dtype=float if name == "radius" else np.int64) for name, told in table.items()}
    right = found["label"] == found["predict"]
    plain, *others = (column.astype(str).tolist() for column in (right.astype(int), right.cumsum(), right))
    if correct not in (plain, *others):
        at = next(at for at, (one, other) in enumerate(zip(correct, plain, strict=True)) if one != other)
        needed = "needs correct = (label == predict), or how often that was so up to here"
        raise ValueError(f"{path}: line {at + 2}: {needed}, got {correct[at][:40]!r}")
    noise = from_dict(dict(header.noise))
    if names[3] == "radius" and isinstance(noise, Gaussian):
        abstained = found["predict"] == ABSTAINED
        printed = Printed(found["radius"], abstained, noise, header.n, header.alpha, header.radius_format)
        beyond = printed.interval[0] > printed.ceiling(0.5)
        if beyond.any():
            at = int(np.argmax(beyond))
            radius, most = found["radius"][at], f"{header.n} of {header.n} votes give under {noise.label}"
            wrong = f"radius {radius:g} is more than {most} at any level below 1/2; is it the noise of this log?"
            raise ValueError(f"{path}: line {at + 2}: {wrong}")
    return found


def radius_format(text: str) -> str:
    """Coarsest of `FORMATS` in which the text of a log prints every radius; the last one if none is it."""
    radii = {fields[3] for line in text.splitlines()[1:] if len(fields := line.split("\t")) > 3 and fields[2] != "-1"}
    plain = {radius: float(radius) for radius in radii if _RADIUS.fullmatch(radius)}
    fits = (name for name, show in FORMATS.items() if all(show(value) == shown for shown, value in plain.items()))
    return next(fits, "all digits")


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


def _whole(path: Path, lines: list[str], width: int) -> list[str]:
    """Return the lines without empty ones at the end and a last one that was cut off."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if end < len(lines):
        left_out(path, len(lines) + 1, "is empty")
    if end and lines[end - 1].count("\t") < width - 1:
        end -= 1
        left_out(path, end + 2, f"was cut off ({lines[end][:60]!r})")
    return lines[:end]


def _row(fields: list[str], names: list[str], header: Header) -> tuple[float, ...]:
    if len(fields) != len(names):
        raise ValueError(f"every line must have the columns {' '.join(names)}, got {len(fields)}")
    index, label = natural("idx", fields[0]), natural("label", fields[1])
    predict = ABSTAINED if fields[2] == str(ABSTAINED) else natural(f"predict (if not {ABSTAINED})", fields[2])
    if names[3] == "count":
        count = natural("count", fields[3])
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
        raise ValueError(f"radius in {header.radius_format} is printed {needed}, got {fields[3]}; is it the format?")
    return index, label, predict, radius


@dataclass(frozen=True, eq=False)
class Printed:
    """Printed l2 radii under Gaussian noise."""

    radius: NDArray[np.float64]  # (images,) as printed, in units of the input
    abstained: NDArray[np.bool_]  # (images,)
    noise: Noise
    n: int
    alpha: float  # level at which they were computed
    radius_format: str | None

    def __post_init__(self) -> None:
        as_printed(0.0, self.radius_format)
        if not isinstance(self.noise, Gaussian):
            raise TypeError(f"printed radii are read back for Gaussian noise only, got {self.noise}")

    def radii(self, rounding: str = "printed") -> NDArray[np.float64]:
        """Radii as printed, or the least or the largest ones that are printed so; no larger than n votes can give."""
        chosen = dict(zip(ROUNDINGS, (self.radius, *self.interval), strict=True))[known_rounding(rounding)]
        return chosen if rounding == "printed" else np.minimum(chosen, self.ceiling())

    def ceiling(self, alpha: float | None = None) -> float:
        """Radius of n votes out of n, which no radius exceeds."""
        q_a = clopper_pearson_tail(self.n, self.n, self.alpha if alpha is None else alpha)
        return float(-self.noise.sigma * special.ndtri(q_a))

    def q_a(self, alpha: float | None = None, rounding: str = "printed") -> NDArray[np.float64]:
        """Upper bounds on 1 - p_A, as described at `records.Records.q_a`."""
        low, high = self._standard()
        if alpha is None or alpha == self.alpha:
            value = {"printed": self.radius / self.noise.sigma, "lower": low, "upper": high}[known_rounding(rounding)]
            value = value + NUDGE * (1 + value) if rounding == "printed" else value
            q_a = np.maximum(special.ndtr(-value), clopper_pearson_tail(self.n, self.n, self.alpha))
        else:
            q_a = clopper_pearson_tail(self._count(known_rounding(rounding)), self.n, alpha)
        # an abstention leaves no bound on p_A from below
        return q_a if rounding == "upper" else np.where(self.abstained, 1.0, q_a)

    def possible(self, alpha: float | None = None) -> NDArray[np.bool_]:
        """Whether some count, at level `alpha`, has a radius that is printed so; True where they abstained."""
        _, first, last = self._fitting(alpha)
        return self.abstained | (first <= last)

    def rounded_up(self, alpha: float | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a radius is printed above all the radii of counts, at level `alpha`, that are printed so; above some.

        False where no count is printed so.
        """
        quantiles, first, last = self._fitting(alpha)
        counted, value = ~self.abstained & (first <= last), self.radius / self.noise.sigma - SLACK
        some, every = (counted & (quantiles[np.clip(at, 0, len(quantiles) - 1)] < value) for at in (first, last))
        return every, some

    def _fitting(self, alpha: float | None = None) -> tuple[NDArray, ...]:
        """PhiInv of the bounds of n // 2, ..., n votes; places of the first and last printed so, crossed if none is."""
        quantiles = _quantiles(self.n, self.alpha if alpha is None else alpha)
        low, high = self._standard()
        return quantiles, np.searchsorted(quantiles, low), np.searchsorted(quantiles, high, "right") - 1

    def _count(self, rounding: str) -> NDArray[np.int64]:
        quantiles, first, last = self._fitting()
        # where no count fits (the level is not the one stated), these are its two neighbours, in the other order
        least, most = np.minimum(first, last), np.maximum(first, last)
        nearest = np.searchsorted((quantiles[1:] + quantiles[:-1]) / 2, self.radius / self.noise.sigma)
        found = {"printed": np.clip(nearest, least, most), "lower": least, "upper": most}[rounding]
        return np.clip(found + self.n // 2, 0, self.n)

    def _standard(self) -> tuple[NDArray, NDArray]:
        """Ends of PhiInv(p_A)."""
        low, high = (x / self.noise.sigma for x in self.interval)
        low, high = np.maximum(low - SLACK, 0), high + SLACK
        return np.where(self.abstained, -np.inf, low), np.where(self.abstained, -SLACK, high)

    @cached_property
    def interval(self) -> tuple[NDArray, NDArray]:
        """Ends of the radii that are printed so."""
        values, where = np.unique(self.radius, return_inverse=True)
        ends = np.array([_ends(float(value), self.radius_format) for value in values]).reshape(-1, 2)
        return ends[where, 0], ends[where, 1]


def _ends(value: float, radius_format: str | None) -> tuple[float, float]:
    # a float of at most 17 digits has the printed decimal as its repr, and decimals are exact
    decimal = Decimal(repr(value))
    digits, kind = (radius_format or "").split(" ", 1)
    if kind == "decimals":
        below = above = Decimal(5).scaleb(-int(digits) - 1)
    elif not value or radius_format == "all digits":
        below = above = Decimal(0)
    else:
        above = Decimal(5).scaleb(decimal.adjusted() - int(digits))
        power_of_ten = decimal == Decimal(1).scaleb(decimal.adjusted())
        below = above / 10 if power_of_ten else above  # digits are finer below a power of ten
    return max(float(decimal - below), 0.0), float(decimal + above)


@lru_cache(maxsize=16)
def _quantiles(n: int, alpha: float) -> NDArray[np.float64]:
    """PhiInv of the Clopper-Pearson bounds of n // 2, ..., n votes: increasing; no fewer votes give a radius."""
    quantiles = -special.ndtri(clopper_pearson_tail(np.arange(n // 2, n + 1), n, alpha))
    quantiles.setflags(write=False)
    return quantiles


def known_rounding(rounding: str) -> str:
    """Return `rounding`, or raise ValueError if it is none of `ROUNDINGS`."""
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be one of {ROUNDINGS}, got {rounding!r}")
    return rounding


def as_printed(radius: float, radius_format: str | None) -> str:
    """Return a radius as a log of that format prints it, or raise ValueError if there is no such format."""
    if radius_format not in FORMATS:
        known = "'3 significant digits', '4 decimals' (or another number of them) or 'all digits'"
        raise ValueError(f"printed radii need radius_format to be {known}, got {radius_format!r}")
    return FORMATS[radius_format](radius)
