"""The header of a certification log: what was run.

Line 1 of a log of ours is a JSON object. Every version has `format`, `version`, `noise`, `n0`, `n`, `alpha`, `seed`,
`model`, `data` and `versions`; what `OPTIONAL` names is left out where it is None, and anything else is refused.
Fields of version 2 (`Header` says the others):

    select    "votes" or "label": the class that votes are counted for, if no selection sample of n0 >= 1 draws gave it.
              "votes": the class with the most votes, of the selection sample, or of the estimation sample if n0 = 0,
              the lowest on ties; "label": the image's label. n0 may be 0 with either, and is at least 1 without.
    training  object with one entry at least: how the network was trained, by names of the trainer's choice.
    classes   array of two or more strings that are not empty: name of class 0, 1, 2, ...
    info      object of strings, numbers, true, false and null: card, flags and versions of libraries that the run was
              begun with. It tells, and decides nothing: going on with other ones is warned of.
    model     may have `clean`: class, and lead over the next one, of the first clean images, as `[[3, 7.41], ...]`.
              Going on compares it with room for rounding, everything else to the letter.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rsexplore import noises

FORMAT, VERSION = "rsexplore-counts", 2
MOST_DRAWS = 2**53  # up to here a float, in which bounds are computed, holds every count
# How a run may end an image before its n-th draw -> all that the header says of it. A bound for a fixed number of draws
# does not hold at such an end, so a rule that is unknown here must be refused.
STOP_RULES = {"beta-mixture, clopper-pearson at n": {"rule", "radius", "norm", "bound", "q_a"}}
# version -> fields that are left out of the text where None
OPTIONAL = {1: {"stop", "grid"}, VERSION: {"stop", "grid", "select", "training", "classes", "info"}}
NOT_IN_TEXT = {"radius_format", "version"}
SELECT = ("votes", "label")
# Of the largest lead. Sums in another order move float32's leads by 1e-6 of it and bfloat16's by a hundredth; another
# network moves some lead by far more.
SAME_ANSWER = 0.05


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
    versions: Any = None  # of what decides on the numbers that a seed draws
    radius_format: str | None = None  # how a log of others prints radii: one of `rounding.FORMATS`
    stop: Mapping[str, Any] | None = None  # what ended an image before its n-th draw; None if nothing did
    grid: int | None = None  # steps in one unit of the input, if images and noise were whole numbers of them
    select: str | None = None  # one of `SELECT`; None: the most votes of the n0 draws
    training: Mapping[str, Any] | None = None  # how the network was trained
    classes: Sequence[str] | None = None  # names of class 0, 1, 2, ...
    # card, flags, versions of libraries: decides nothing, so that two headers may be equal without it
    info: Mapping[str, Any] | None = field(default=None, compare=False)
    version: int = field(default=VERSION, compare=False, repr=False)  # of the log that it was read from

    def text(self) -> str:
        """Return the first line of our log, of the version that is written."""
        entries = {name: value for name, value in asdict(self).items() if name not in NOT_IN_TEXT}
        entries = {name: value for name, value in entries.items() if value is not None or name not in OPTIONAL[VERSION]}
        return json.dumps({"format": FORMAT, "version": VERSION, **entries}, ensure_ascii=True)

    @property
    def selects_itself(self) -> bool:
        """Whether an image's class comes from the same votes that are counted for it."""
        return self.select == "votes" and self.n0 == 0

    @classmethod
    def parse(cls, text: str, owner: object) -> "Header":
        """Return the header that `text` wrote; `owner` is named in errors.

        Raises
        ------
        LogHeaderError
            The line is not the header of a log of a version that is known, or a field of it cannot be.
        """
        try:
            entries = json.loads(text)
            kind, version = entries.pop("format"), entries.pop("version")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LogHeaderError(f"{owner}: line 1 must be the header of a {FORMAT} log, got {text[:60]!r}") from error
        if kind != FORMAT or type(version) is not int or version not in OPTIONAL:
            raise LogHeaderError(
                f"{owner}: needs {FORMAT} version {' or '.join(map(str, OPTIONAL))}, got {kind} version {version}"
            )
        known = set(cls.__dataclass_fields__) - NOT_IN_TEXT - (OPTIONAL[VERSION] - OPTIONAL[version])
        if wrong := (entries.keys() ^ known) - (OPTIONAL[version] - entries.keys()):
            odd = "; ".join(f"{name} is {'missing' if name in known else 'unknown'}" for name in sorted(wrong))
            raise LogHeaderError(f"{owner}: line 1, the header, must have the fields {sorted(known)}, but {odd}")
        header = cls(**entries, version=version)
        header._check_fields(owner)
        return header

    def _check_fields(self, owner: object) -> None:
        whole = {name: type(getattr(self, name)) is int for name in ("n0", "n", "seed", "grid")}
        least = 1 if self.select is None else 0
        for name, needed, fits in (
            ("select", f"one of {SELECT}", self.select is None or self.select in SELECT),
            ("n0", f"a whole number from {least} to {MOST_DRAWS}", whole["n0"] and least <= self.n0 <= MOST_DRAWS),
            ("n", f"a whole number from 1 to {MOST_DRAWS}", whole["n"] and 1 <= self.n <= MOST_DRAWS),
            ("alpha", "a number between 0 and 1", type(self.alpha) is float and 0 < self.alpha < 1),
            ("seed", "a whole number of at least 0", self.seed is None or (whole["seed"] and self.seed >= 0)),
            ("grid", "a whole number of at least 1", self.grid is None or (whole["grid"] and self.grid >= 1)),
            ("noise", "a family with its fields", isinstance(self.noise, Mapping)),
            ("stop", f"a rule of {sorted(STOP_RULES)} with its fields", self.stop is None or _is_rule(self.stop)),
            ("training", "an object that is not empty", self.training is None or _is_object(self.training)),
            ("classes", "an array of two or more names", self.classes is None or _are_names(self.classes)),
            ("info", "an object of plain values", self.info is None or _is_object(self.info, plain=True)),
        ):
            if not fits:
                got = getattr(self, name)
                raise LogHeaderError(f"{owner}: line 1, the header, needs {name} to be {needed}, got {name}={got!r}")
        try:
            noises.from_dict(dict(self.noise))
        except (ValueError, TypeError, OverflowError) as error:
            raise LogHeaderError(f"{owner}: line 1, the header, needs a noise that is known here ({error})") from error

    def check(self, other: "Header", owner: object) -> None:
        """Raise LogHeaderError, naming every field that differs, unless `other` (of `owner`) is of the same run."""
        mine, theirs = _decisive(self), _decisive(other)
        answers = [entries["model"].pop("clean", None) for entries in (mine, theirs) if _has_answers(entries)]
        pairs = {key: (mine.get(key), theirs.get(key)) for key in {**mine, **theirs}}
        wrong = [f"{key}={theirs!r} (needed {mine!r})" for key, (mine, theirs) in pairs.items() if mine != theirs]
        if len(answers) == 2 and not _alike(*answers):
            wrong.append(f"other answers of its model to clean images, {answers[1]!r} (needed {answers[0]!r})")
        if wrong:
            raise LogHeaderError(f"{owner} belongs to another run, and is left as it is: it has {'; '.join(wrong)}")

    def other_info(self, other: "Header") -> list[str]:
        """Say where the information of `other` is not this one's; what either does not say is no difference."""
        mine, theirs = self.info or {}, other.info or {}
        return [f"{key}={was!r} (now {mine[key]!r})" for key, was in theirs.items() if key in mine and was != mine[key]]


def _decisive(header: Header) -> dict[str, Any]:
    """Return what must be equal for rows to belong to one run."""
    entries = json.loads(header.text())
    entries.pop("info", None)
    return entries


def _has_answers(entries: Mapping[str, Any]) -> bool:
    return isinstance(entries["model"], Mapping) and "clean" in entries["model"]


def _alike(mine: Any, theirs: Any) -> bool:
    """Whether two lists of class and lead can be one model's, whose sums were rounded otherwise."""
    try:
        pairs = [(*one, *other) for one, other in zip(mine, theirs, strict=True)]
        leads = [abs(lead) for _, first, _, second in pairs for lead in (first, second) if lead is not None]
        room = SAME_ANSWER * max(leads, default=0.0)
    except (TypeError, ValueError):
        return bool(mine == theirs)
    return all(_same(one, lead, other, other_lead, room) for one, lead, other, other_lead in pairs)


def _same(one: int, lead: float | None, other: int, other_lead: float | None, room: float) -> bool:
    if lead is None or other_lead is None:  # all other classes are ruled out
        return one == other and lead is other_lead
    return abs(lead - other_lead) <= room if one == other else max(lead, other_lead) < room  # nearly a tie


def _is_rule(stop: Any) -> bool:
    return isinstance(stop, Mapping) and STOP_RULES.get(str(stop.get("rule"))) == set(stop)


def _is_object(value: Any, plain: bool = False) -> bool:
    values = value.values() if isinstance(value, Mapping) else ()
    return bool(values) and not (plain and any(isinstance(one, (Mapping, list)) for one in values))


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) >= 2 and all(isinstance(x, str) and x for x in value)
