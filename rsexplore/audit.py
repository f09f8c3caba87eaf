"""What the text of a certification log proves of the log: its level, its rounding, its images.

The radii that n votes can give at a level are a known, discrete set, and a printed radius is an interval. If none of
the set is in it, the radius was not computed at that level; if it is above all of the set that are in it, it was
rounded up. Large radii lie far apart, so that they tell one level from another; small ones do not.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass, replace
from math import exp, fsum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore import data, foreign, log, noises, records
from rsexplore.accuracy import Curve, curve
from rsexplore.bound import Bound
from rsexplore.comparison import exact_bound
from rsexplore.confidence import ABSTAINED
from rsexplore.noises import Noise
from rsexplore.records import Header, LogHeaderError, Records
from rsexplore.table import Table, rounded_down

DRAWS, LEVEL = 100_000, 0.001  # as most papers state them
LEVELS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1)  # that are tried on printed radii
RADII = np.array([0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3])
NAMED = 5  # images that are named in a line


@dataclass(frozen=True, eq=False)
class Levels:
    """What printed radii tell of the level at which they were computed."""

    impossible: dict[float, NDArray[np.int64]]  # level -> images whose printed radius no count of votes gives at it
    told: float | None  # the one level that gives all of them, or gives the largest to n of n votes; None if not one
    least: float  # below it not even n of n votes give the largest printed radius
    stated: float

    @property
    def best(self) -> float:
        """The level that is told; else the one that gives most of the radii, the stated one if it does."""
        odd = {level: (len(images), level != self.stated) for level, images in self.impossible.items()}
        return min(odd, key=lambda level: odd[level]) if self.told is None else self.told

    @property
    def fits(self) -> list[float]:
        """Levels that give every printed radius."""
        return [level for level, images in self.impossible.items() if not len(images)]

    @classmethod
    def of(cls, found: Records) -> "Levels":
        """Try the levels on a log with printed radii."""
        printed, stated = found.printed, found.header.alpha
        odd = {level: found.index[~printed.possible(level)] for level in sorted({*LEVELS, stated})}
        room = foreign.SLACK * found.noise.sigma
        low, high = (float(end.max()) + side for end, side in zip(printed.interval, (-room, room), strict=True))
        least = exp(printed.n * float(special.log_ndtr(max(low, 0.0) / found.noise.sigma)))
        fits = [level for level, images in odd.items() if not len(images)]
        # where the votes of some images were all alike, the largest radius is theirs
        likely = [level for level in fits if low <= printed.ceiling(level) <= high] or fits
        return cls(odd, likely[0] if len(likely) == 1 else None, least, stated)


@dataclass(frozen=True, eq=False)
class Audit:
    """What `audit` has found; images are named by their index."""

    path: str
    kind: str
    records: Records  # each image once, as it came first; at the level that is stated
    doubled: NDArray[np.int64]  # images that come more than once
    missing: NDArray[np.int64]  # images that the steps of the index leave out between the first and the last one
    step: int  # from one index to the next; 0 if most of them do not follow one
    expected: int  # how many images there should be; 0 if nobody says it
    levels: Levels | None  # None where no radii are printed
    rounded_up: tuple[int, int]  # radii printed above what their votes certify; and more of which it cannot be told
    curves: tuple[Curve, ...]  # as printed, or under the exact bound at the stated level; and as it was asked for
    notes: tuple[str, ...]  # what was left out in reading

    @property
    def absent(self) -> int:
        """Number of images that are known to be missing."""
        return max(len(self.missing), self.expected - len(self.records))

    @property
    def abstained(self) -> int:
        """Number of images without a certificate, at the stated level."""
        return int(np.sum((self.records.predict == ABSTAINED) | (self.records.q_a() > 0.5)))

    def to_dict(self) -> dict[str, Any]:
        """One row of a table of logs. Accuracy is that at radius 0; in a mean radius, wrong images count as 0."""
        row = {"log": self.path, "images": len(self.records), "missing": self.absent, "doubled": len(self.doubled)}
        row |= {"abstained": self.abstained, "stated": self.records.header.alpha}
        if self.levels:
            told = "not told" if self.levels.fits else "none"
            row |= {"level": f"{self.levels.told:g}" if self.levels.told else told}
            row |= {"impossible as stated": len(self.levels.impossible[self.levels.stated])}
            row |= {"rounded up": self.rounded_up[0]}
        for when, found in zip(("", " again"), self.curves, strict=False):
            row |= {f"accuracy{when}": float(found.at(0.0)), f"mean radius{when}": mean_radius(found)}
        return row | ({"note": "; ".join(self.notes)} if self.notes else {})

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.records!r}", *self._level(), self._images()]
        lines.append(f"abstained: {self.abstained} of {len(self.records)} images")
        known = str(self.table) if self.curves else "no exact radius is known under this noise: say under which bound"
        return "\n".join([self.path, *(f"  {line}" for line in (*lines, *self.notes)), "", known])

    @property
    def table(self) -> Table:
        """Certified accuracy at some radii, and the mean radius, rounded down."""
        names = [
            "as printed" if x.bound is None else f"l{x.norm:g}, {x.bound.key} at alpha {x.alpha:g}" for x in self.curves
        ]
        radii = RADII[max((x.radii.max(initial=0) for x in self.curves), default=0) >= RADII]
        rows = [(f"{radius:g}", *(f"{x.at(radius):.4f}" for x in self.curves)) for radius in radii.tolist()]
        rows.append(("mean radius", *(rounded_down(mean_radius(x)) for x in self.curves)))
        return Table(("certified accuracy at", *names), rows)

    def _level(self) -> list[str]:
        """What printed radii tell, in a line each."""
        if not (found := self.levels):
            return []
        printed, up = self.records.printed, self.rounded_up
        fits, tried = (", ".join(f"{level:g}" for level in levels) for levels in (found.fits, found.impossible))
        if not fits:
            words = f"none of {tried} gives every printed radius with n = {printed.n}; {found.best:g} gives most"
        elif found.told is None:
            words = f"not told; {fits} give every printed radius"
        elif len(found.fits) > 1:
            words = f"{found.told:g}, where n of n votes give the largest radius; {fits} give every printed one"
        else:
            words = f"of {tried} only {found.told:g} gives every printed radius"
        lines = [f"level: {words}; stated is {found.stated:g}", f"largest radius: {printed.radius.max():g}"]
        if found.least > LEVELS[0]:
            lines[-1] += f", which no level below {rounded_down(found.least, 3)} gives"
        for level in dict.fromkeys((found.stated, found.best)):
            if len(images := found.impossible[level]):
                lines.append(f"radii that no count of votes gives at level {level:g}: {_named(images)}")
        of, at = int(np.sum(~printed.abstained)), f"what their votes certify at level {found.best:g}"
        return [*lines, f"rounded up: {up[0]} of {of} radii are above {at}; of {up[1]} more it cannot be told"]

    def _images(self) -> str:
        index, number = self.records.index, len(self.records)
        said = f"images: {number}" + (f" of {self.expected} expected" if self.expected else "")
        said += f", {index.min()} to {index.max()}"
        said += f" in steps of {self.step}" if self.step else ", without a step that would tell a missing one"
        said += f"; missing in between: {_named(self.missing)}" if len(self.missing) else ""
        return said + (f"; more than once: {_named(self.doubled)}" if len(self.doubled) else "")


def _named(images: NDArray[np.int64]) -> str:
    """Number of images, and the first of them."""
    first = ", ".join(map(str, images[:NAMED].tolist()))
    return f"{len(images)} (image{'s' * (len(images) > 1)} {first}{', ...' * (len(images) > NAMED)})"


def mean_radius(found: Curve) -> float:
    """Mean certified radius of all images, in units of the input; an image that is not right counts as 0."""
    return fsum(found.radii * -np.diff(found.certified, append=0.0))  # exactly: a dot product depends on the processor


def audit(
    path: str | os.PathLike[str],
    noise: Noise | None = None,
    *,
    n: int = DRAWS,
    stated: float = LEVEL,
    images: int | None = None,
    alpha: float | None = None,
    bound: Bound | str | None = None,
    norm: float | None = None,
) -> Audit:
    """What the text of a log proves of it.

    Parameters
    ----------
    path : path
        A log of ours, which says all but `images` itself, or one of others, with printed radii or counts (`foreign`).
    noise : Noise, optional
        Of a log of others. If absent, the log must be one of `data.logs`, told by its bytes, which says the rest too.
    n : int
        Draws of an image in a log of others.
    stated : float, in (0, 1)
        Level that is stated of a log of others.
    images : int, optional
        How many the log should have.
    alpha, bound, norm
        At and under which its images are certified again: level, that of the log if absent; a proved Bound or its key,
        the exact one if absent; norm of the radii, that of the bound if absent.

    Raises
    ------
    LogHeaderError
        The file is no certification log; the message has its name, what was needed and what came.
    ValueError
        A line is not as it must be, or nothing says the noise, or the bound is no certificate.
    TypeError
        Radii are printed, and the noise is not Gaussian.
    """
    path = Path(path)
    raw = log.content(path)
    text = log.decoded(path, raw)
    kind = foreign.kind(first := text.partition("\n")[0])
    if kind is None and not first.startswith("{"):
        needed = f"its line 1 must be the header of one of ours, or the columns {' or '.join(map(repr, foreign.FORMS))}"
        raise LogHeaderError(f"{path} is no certification log: {needed}, got {' '.join(first[:60].split())!r}")
    doubled: NDArray[np.int64] = np.array([], dtype=np.int64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        if kind is None:
            found = records.read(path)
            kind = f"counts of votes, version {found.header.version}"
        else:
            if noise is None:
                entry = _published(path, raw)
                header, images = replace(entry.header, alpha=entry.alpha_stated), images or entry.expected_rows
            else:
                header = Header(noises.to_dict(noise), n0=1, n=n, alpha=stated)
            if kind == foreign.RADII:
                header = replace(header, radius_format=foreign.radius_format(text))
                kind = f"{kind} ({header.radius_format})"
            told = foreign.columns(path, text, header, again=True)
            index, at, times = np.unique(told["index"], return_index=True, return_counts=True)
            told = {name: values[np.sort(at)] for name, values in told.items()}
            found = Records(header, **told, seconds=np.full(len(index), np.nan))
            doubled = index[times > 1]
    step, missing = _gaps(np.sort(found.index))
    exact = exact_bound(found.noise, found.noise.natural_norm)
    levels, up, curves = None, (0, 0), []
    if found.radius is not None:
        levels = Levels.of(found)
        every, some = found.printed.rounded_up(levels.best)
        up = int(every.sum()), int(some.sum() - every.sum())
        alpha = found.header.alpha if alpha is None else alpha
        # the votes behind a radius are those of the level at which it was computed
        read = replace(found, header=replace(found.header, alpha=levels.best))
        curves = [curve(read), curve(read, bound or exact, alpha=alpha, rounding="lower", norm=norm)]
    else:
        curves = [curve(found, exact)] if exact else []
        if (alpha, bound, norm) != (None, None, None):
            curves.append(curve(found, bound or exact, alpha=alpha, norm=norm))
    notes = tuple(str(one.message) for one in caught)
    return Audit(str(path), kind, found, doubled, missing, step, images or 0, levels, up, tuple(curves), notes)


def _gaps(index: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Step of sorted indices, and those that it leaves out; 0 where most do not follow one."""
    steps, often = np.unique(np.diff(index), return_counts=True)
    step = int(steps[often.argmax()]) if len(steps) else 0
    rule = step and 2 * often.max() > often.sum() and not (steps % step).any()
    if not rule or (index[-1] - index[0]) // step >= 4 * len(index):
        return 0, index[:0]
    return step, np.setdiff1d(np.arange(index[0], index[-1], step), index)


def _published(path: Path, raw: bytes) -> data.Entry:
    """Return the published log that has these bytes."""
    sha256 = hashlib.sha256(raw).hexdigest()
    entry = next((entry for entry in data.logs(kind="certify") if entry.sha256 == sha256), None)
    if entry is None:
        raise ValueError(f"{path} does not say its noise, and is no published log that is known here: give --sigma")
    return entry
