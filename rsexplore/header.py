"""The header of a certification log: what was run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rsexplore import noises

FORMAT, VERSION = "rsexplore-counts", 1
MOST_DRAWS = 2**53  # up to here a float, in which bounds are computed, holds every count
# How a run may end an image before its n-th draw -> all that the header says of it. A bound for a fixed number of draws
# does not hold at such an end, so a rule that is unknown here must be refused.
STOP_RULES = {"beta-mixture, clopper-pearson at n": {"rule", "radius", "norm", "bound", "q_a"}}
OPTIONAL = {"stop", "grid"}  # left out of the text where None, as in logs that are older than it


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
    stop: Mapping[str, Any] | None = None  # what ended an image before its n-th draw; None if nothing did
    grid: int | None = None  # steps in one unit of the input, if images and noise were whole numbers of them

    def text(self) -> str:
        """Return the first line of our log."""
        entries = asdict(self)
        del entries["radius_format"]
        entries = {name: value for name, value in entries.items() if value is not None or name not in OPTIONAL}
        return json.dumps({"format": FORMAT, "version": VERSION, **entries}, ensure_ascii=True)

    @classmethod
    def parse(cls, text: str, owner: object) -> "Header":
        """Return the header that `text` wrote; `owner` is named in errors.

        Raises
        ------
        LogHeaderError
            The line is not the header of a log of this version, or a field of it cannot be.
        """
        try:
            entries = json.loads(text)
            kind = (entries.pop("format"), entries.pop("version"))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LogHeaderError(f"{owner}: line 1 must be the header of a {FORMAT} log, got {text[:60]!r}") from error
        if kind != (FORMAT, VERSION):
            raise LogHeaderError(f"{owner}: needs {FORMAT} version {VERSION}, got {kind[0]} version {kind[1]}")
        known = set(cls.__dataclass_fields__) - {"radius_format"}
        if wrong := (entries.keys() ^ known) - (OPTIONAL - entries.keys()):
            odd = "; ".join(f"{name} is {'missing' if name in known else 'unknown'}" for name in wrong)
            raise LogHeaderError(f"{owner}: line 1, the header, must have the fields {sorted(known)}, but {odd}")
        header = cls(**entries)
        header._check_fields(owner)
        return header

    def _check_fields(self, owner: object) -> None:
        whole = {name: type(getattr(self, name)) is int for name in ("n0", "n", "seed", "grid")}
        for name, needed, fits in (
            ("n0", f"a whole number from 1 to {MOST_DRAWS}", whole["n0"] and 1 <= self.n0 <= MOST_DRAWS),
            ("n", f"a whole number from 1 to {MOST_DRAWS}", whole["n"] and 1 <= self.n <= MOST_DRAWS),
            ("alpha", "a number between 0 and 1", type(self.alpha) is float and 0 < self.alpha < 1),
            ("seed", "a whole number of at least 0", self.seed is None or (whole["seed"] and self.seed >= 0)),
            ("grid", "a whole number of at least 1", self.grid is None or (whole["grid"] and self.grid >= 1)),
            ("noise", "a family with its fields", isinstance(self.noise, Mapping)),
            ("stop", f"a rule of {sorted(STOP_RULES)} with its fields", self.stop is None or _is_rule(self.stop)),
        ):
            if not fits:
                got = getattr(self, name)
                raise LogHeaderError(f"{owner}: line 1, the header, needs {name} to be {needed}, got {name}={got!r}")
        try:
            noises.from_dict(dict(self.noise))
        except (ValueError, TypeError, OverflowError) as error:
            raise LogHeaderError(f"{owner}: line 1, the header, needs a noise that is known here ({error})") from error

    def check(self, other: "Header", owner: object) -> None:
        """Raise LogHeaderError, naming every field that differs, unless `other` (of `owner`) is the same header."""
        mine, theirs = json.loads(self.text()), json.loads(other.text())
        pairs = {key: (mine.get(key), theirs.get(key)) for key in {**mine, **theirs}}
        if wrong := [f"{key}={theirs!r} (needed {mine!r})" for key, (mine, theirs) in pairs.items() if mine != theirs]:
            raise LogHeaderError(f"{owner} belongs to another run, and is left as it is: it has {'; '.join(wrong)}")


def _is_rule(stop: Any) -> bool:
    return isinstance(stop, Mapping) and STOP_RULES.get(str(stop.get("rule"))) == set(stop)
