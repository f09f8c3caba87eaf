"""The log of a certification run: its text, which is read and written here, and the file that a run goes on with.

Version 2 is text in UTF-8. Line 1 is the header, a JSON object: what was run (`Header`). Line 2 names the columns; its
last one is ``crc32:`` and the checksum of lines 1 and 2. Every further line is an image (`Row`), tab separated; votes
are written ``class:count,class:count``, without the classes that got none. It ends in a checksum of line 1 and of
itself: 8 lower-case hex digits of the CRC-32 (zlib's) of line 1, a line feed, and the line's own text up to the tab
before the checksum, without what ends a line. So no flip of a bit in any of them is read as another value, and no row
belongs to another header. Lines end in LF; the CRLF and the byte order mark of an editor are read as well. Version 1
has neither checksums nor `end`; it is read, and not written any more.

The header of every version has `format`, `version`, `noise`, `n0`, `n`, `alpha`, `seed`, `model`, `data`, `versions`;
what `OPTIONAL` names is left out where it is None, and anything else is refused. Fields of version 2 (`Header` says the
others):

    alpha     0.0: the votes are exact, over all outcomes of a noise that has n of them; n0 is 0, select "votes".
    label     of a row may be -1: the image's class is not known.
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

import errno
import gzip
import json
import os
import re
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from rsexplore import noises

FORMAT, VERSION = "rsexplore-counts", 2
MOST_DRAWS = 2**53  # up to here a float, in which bounds are computed, holds every count
# How a run may end an image before its n-th draw -> all that the header says of it. A bound for a fixed number of draws
# does not hold at every such end, so a rule that is unknown here must be refused. MIXTURE is of older runs.
SEQUENTIAL, PILOT, MIXTURE = "group-sequential 1", "pilot 1", "beta-mixture, clopper-pearson at n"
DECIDES = {"rule", "radius", "norm", "bound", "q_a"}
STOP_RULES = {SEQUENTIAL: DECIDES, MIXTURE: DECIDES, PILOT: {"rule", "precision", "norm", "bound"}}
# version -> fields that are left out of the text where None
OPTIONAL = {1: {"stop", "grid"}, VERSION: {"stop", "grid", "select", "training", "classes", "info"}}
NOT_IN_TEXT = {"radius_format", "version"}
SELECT = ("votes", "label")
# Of the largest lead. Sums in another order move float32's leads by 1e-6 of it and bfloat16's by a hundredth; another
# network moves some lead by far more.
SAME_ANSWER = 0.05
COLUMNS = {1: "index label predict count counts0 counts seconds".split()}  # by version of the log
COLUMNS[2] = [*COLUMNS[1], "end"]  # and the checksum, which is the whole line's
UNLABELLED = -1  # label of an image whose class is not known
LARGEST = 2**63 - 1  # of int64, in which records keep their numbers
AT_N, CERTIFIED, GIVEN_UP, PRECISE = "at n", "certified", "given up", "precise"  # what ends an image
# A log of 50,000 images takes some 10 MB. Zeros shrink to a thousandth, so that a small file may fill any memory.
MOST_UNPACKED = 2**28


Kept = tuple[list["Row"], Callable[["Row"], None]]  # finished rows, and what keeps one more


class LogHeaderError(ValueError):
    """A log does not belong to the run that wants to write it, or is no log of ours."""


class LogInUseError(RuntimeError):
    """Another run writes this log."""


@dataclass(frozen=True)
class Header:
    """What a run did; two logs with different headers are never mixed."""

    noise: Mapping[str, Any]  # as `noises.to_dict` gives it
    n0: int  # draws that select the class
    n: int  # draws that count its votes
    alpha: float  # failure probability of one image's bound; 0: each vote is that of every draw that there is, exact
    seed: int | None = None
    model: Any = None
    data: Any = None
    versions: Any = None  # of what decides on the numbers that a seed draws
    radius_format: str | None = None  # how a log of others prints radii: one of `foreign.FORMATS`
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
    def rule(self) -> str | None:
        """What may end an image before its n-th draw: one of `STOP_RULES`, or nothing."""
        return None if self.stop is None else self.stop["rule"]

    @property
    def exact(self) -> bool:
        """Whether the votes are probabilities themselves, times n, so that no confidence level applies."""
        return self.alpha == 0

    @property
    def selects_itself(self) -> bool:
        """Whether an image's class comes from the same votes that are counted for it, and these are a sample."""
        return self.select == "votes" and self.n0 == 0 and not self.exact

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
            raise LogHeaderError(f"{owner}: needs {FORMAT} version 1 or {VERSION}, got {kind} version {version}")
        known = set(cls.__dataclass_fields__) - NOT_IN_TEXT - (OPTIONAL[VERSION] - OPTIONAL[version])
        if wrong := (entries.keys() ^ known) - (OPTIONAL[version] - entries.keys()):
            odd = "; ".join(f"{name} is {'missing' if name in known else 'unknown'}" for name in sorted(wrong))
            raise LogHeaderError(f"{owner}: line 1, the header, must have the fields {sorted(known)}, but {odd}")
        header = cls(**entries, version=version)
        header._check_fields(owner)
        return header

    def _check_fields(self, owner: object) -> None:
        n0, n, alpha, stop, names, info = self.n0, self.n, self.alpha, self.stop, self.classes, self.info
        least = 1 if self.select is None else 0
        # json gives dicts, lists and plain values; True is an int too, but of another type
        rule = isinstance(stop, dict) and STOP_RULES.get(str(stop.get("rule"))) == set(stop)
        named = isinstance(names, list) and len(names) >= 2 and all(isinstance(x, str) and x for x in names)
        told = isinstance(info, dict) and info and not any(isinstance(x, dict | list) for x in info.values())
        trained = isinstance(self.training, dict) and self.training
        for name, needed, fits in (
            ("select", f"one of {SELECT}", self.select in (None, *SELECT)),
            ("n0", f"a whole number from {least} to {MOST_DRAWS}", type(n0) is int and least <= n0 <= MOST_DRAWS),
            ("n", f"a whole number from 1 to {MOST_DRAWS}", type(n) is int and 1 <= n <= MOST_DRAWS),
            ("alpha", "a number between 0 and 1", type(alpha) is float and 0 <= alpha < 1),
            ("seed", "a whole number of at least 0", self.seed is None or (type(self.seed) is int and self.seed >= 0)),
            ("grid", "a whole number of at least 1", self.grid is None or (type(self.grid) is int and self.grid >= 1)),
            ("noise", "a family with its fields", isinstance(self.noise, dict)),
            ("stop", f"a rule of {sorted(STOP_RULES)} with its fields", stop is None or rule),
            ("training", "an object that is not empty", self.training is None or trained),
            ("classes", "an array of two or more names", names is None or named),
            ("info", "an object of plain values", info is None or told),
        ):
            if not fits:
                got = getattr(self, name)
                raise LogHeaderError(f"{owner}: line 1, the header, needs {name} to be {needed}, got {name}={got!r}")
        try:
            outcomes = noises.from_dict(dict(self.noise)).outcomes
        except (ValueError, TypeError, OverflowError) as error:
            raise LogHeaderError(f"{owner}: line 1, the header, needs a noise that is known here ({error})") from error
        run = (self.n0, self.n, self.select, self.stop, self.grid)
        if (outcomes or self.exact) and not (self.exact and run == (0, outcomes, "votes", None, None)):
            exactly = (
                f"alpha=0.0, n0=0, n={outcomes}, select='votes', no stop and no grid for a noise whose votes are exact"
            )
            needs = exactly if outcomes else f"alpha to be a number between 0 and 1, got alpha={alpha!r}"
            raise LogHeaderError(f"{owner}: line 1, the header, needs {needs}")

    def check(self, other: "Header", owner: object) -> None:
        """Raise LogHeaderError, naming every field that differs, unless `other` (of `owner`) is of the same run."""
        mine, theirs = both = [json.loads(header.text()) | {"info": None} for header in (self, other)]
        models = [entries["model"] for entries in both if isinstance(entries["model"], dict)]
        answers = [model.pop("clean") for model in models if "clean" in model]
        pairs = {key: (mine.get(key), theirs.get(key)) for key in {**mine, **theirs}}
        wrong = [f"{key}={theirs!r} (needed {mine!r})" for key, (mine, theirs) in pairs.items() if mine != theirs]
        if len(answers) == 2 and not _alike(*answers):
            wrong.append(f"other answers of its model to clean images, {answers[1]!r} (needed {answers[0]!r})")
        if wrong:
            raise LogHeaderError(f"{owner} belongs to another run, and is left as it is: it has {'; '.join(wrong)}")


def _alike(mine: Any, theirs: Any) -> bool:
    """Whether two lists of class and lead can be one model's, whose sums were rounded otherwise."""
    try:
        room = SAME_ANSWER * max((abs(lead) for _, lead in (*mine, *theirs) if lead is not None), default=0.0)
        for (one, lead), (other, other_lead) in zip(mine, theirs, strict=True):
            if lead is None or other_lead is None:  # all other classes are ruled out
                same = one == other and lead is other_lead
            else:  # or nearly a tie
                same = abs(lead - other_lead) <= room if one == other else max(lead, other_lead) < room
            if not same:
                return False
    except (TypeError, ValueError):
        return bool(mine == theirs)
    return True


@dataclass(frozen=True)
class Row:
    """One line of a log: the votes of one image."""

    index: int
    label: int
    counts0: Mapping[int, int]  # votes of the selection sample, by class; none if there was no such sample
    counts: Mapping[int, int]  # votes of the estimation sample, by class
    seconds: float  # the image's share of the run's time: its copies, times the mean time of a copy up to its end
    end: str | None = AT_N  # or CERTIFIED, GIVEN_UP, PRECISE; None: unsaid
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
    def rival(self) -> int:
        """Most estimation votes of another class."""
        return max((votes for label, votes in self.counts.items() if label != self.predict), default=0)

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
        columns, fields = COLUMNS[header.version], text.split("\t")
        if len(fields) != len(columns):
            raise ValueError(f"needs the columns {' '.join(columns)}")
        index, predict, count = (natural(columns[at], fields[at]) for at in (0, 2, 3))
        label = UNLABELLED if fields[1] == str(UNLABELLED) else natural("label", fields[1])
        counts0 = _votes("counts0", fields[4], "n0", header.n0, header.n0)
        counts = _votes("counts", fields[5], "n", header.n, {None: header.n, PILOT: 0}.get(header.rule, 1))
        seconds, whole = float(fields[6]), sum(counts.values()) == header.n
        end = fields[7] if header.version > 1 else AT_N if whole else None
        row = cls(index, label, counts0, counts, seconds, end, label if header.select == "label" else None)
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds must be finite and at least 0, got {fields[6]}")
        if (row.predict, row.count) != (predict, count):
            raise ValueError(f"votes give predict={row.predict} count={row.count}, got {predict} and {count}")
        early = [CERTIFIED, GIVEN_UP] if header.rule != PILOT else [PRECISE if row.draws else GIVEN_UP]
        ends = early if not whole else [AT_N, CERTIFIED] if header.rule == SEQUENTIAL else [AT_N]
        if header.version > 1 and end not in ends:
            needed = f"{' or '.join(map(repr, ends))} at {row.draws} of n={header.n} draws"
            raise ValueError(f"end must be {needed}, got {fields[7][:40]!r}")
        last = max(predict, *counts0, *counts)
        if header.classes is not None and last >= len(header.classes):
            raise ValueError(f"classes must be below {len(header.classes)}, the number of their names, got {last}")
        return row


def natural(name: str, text: str) -> int:
    """Whole number from 0 to 2^63 - 1, written in plain digits; `name` is named in the error."""
    # int() would also take 9_9, blanks, signs and the digits of every script
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > LARGEST:
        raise ValueError(f"{name} must be a whole number from 0 to {LARGEST}, got {text[:40]!r}")
    return int(text)


def _votes(column: str, text: str, draws_name: str, draws: int, least: int) -> dict[int, int]:
    votes: dict[int, int] = {}
    for part in text.split(",") if text or least else ():
        label, _, number = part.partition(":")
        key = natural(f"a class in {column}", label)
        if key in votes:
            raise ValueError(f"{column} has class {key} twice")
        votes[key] = natural(f"the votes in {column}", number)
    total = sum(votes.values())
    if not least <= total <= draws:
        raise ValueError(f"{column} must add up to {'at most ' * (least < draws)}{draws_name}={draws}, got {total}")
    return votes


# ---- from bytes to rows ----


def content(path: Path) -> bytes:
    """Bytes of a log; unpacked, where its name or its first bytes say that it is a gzip file.

    Raises
    ------
    ValueError
        The gzip file is damaged, or holds more than any log.
    """
    with path.open("rb") as file:
        if path.suffix != ".gz" and file.peek(2)[:2] != b"\x1f\x8b":
            return file.read()
        try:
            with gzip.open(file) as unpacked:
                found = unpacked.read(MOST_UNPACKED + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} must be a whole gzip file, got a damaged one ({error})") from None
    if len(found) > MOST_UNPACKED:
        raise ValueError(
            f"{path} must hold at most {MOST_UNPACKED >> 20} MiB when it is unpacked, more than any log, got a gzip "
            f"file of {path.stat().st_size:,} bytes with more in it; if it is a log, unpack it and read that"
        )
    return found


def decoded(path: Path, raw: bytes) -> str:
    """Text of a log.

    Raises
    ------
    LogHeaderError
        It starts with zero bytes, as text in UTF-16 does.
    """
    if b"\0" in raw[:4] and raw[:8].translate(None, b"\0\xff\xfe\t").decode("latin-1").isprintable():
        raise LogHeaderError(f"{path} must be text in UTF-8, got zero bytes, as in UTF-16; save it as UTF-8")
    return raw.decode("utf-8-sig", errors="replace")


def left_out(path: Path, number: int, why: str) -> None:
    """Warn that the last line of a log is not read."""
    warnings.warn(f"{path}: line {number}, the last, {why}, and is left out", stacklevel=4)


def parsed(path: Path, raw: bytes) -> tuple[Header, list[Row], int, str]:
    """Header, rows, length of what is complete, and line 1, of a log of ours.

    A last line without an end was cut off, as in a killed run: it is left out, and a UserWarning has its number.

    Raises
    ------
    LogHeaderError
        It is no log of ours, or its header is damaged.
    ValueError
        A row is damaged; the message has its number.
    """
    whole = raw[: raw.rfind(b"\n") + 1]
    lines = [line.removesuffix("\r") for line in decoded(path, whole or raw[:200]).split("\n")]
    first, rest = lines[0], lines[1:-1]
    header = Header.parse(first, path)
    if rest[:1] != [_columns(header.version, first)]:
        names = COLUMNS[header.version]
        if header.version > 1 and rest and rest[0].startswith("\t".join([*names, "crc32:"])):
            raise LogHeaderError(f"{path}: line 1, the header, was changed: the checksum in line 2 is of another one")
        raise LogHeaderError(f"{path}: line 2 must name the columns {' '.join(names)}, got {rest[:1]}")
    rows: dict[int, Row] = {}
    for number, line in enumerate(rest[1:], start=3):
        text, _, checksum = line.rpartition("\t") if header.version > 1 else (line, "", "")
        try:
            row = Row.parse(text, header)
            if header.version > 1 and checksum != _checksum(first, text):
                raise ValueError(f"its checksum is not {checksum[:40]!r}: the line was changed")
        except ValueError as error:
            raise ValueError(f"{path}: line {number} must be a row of votes, got {line[:60]!r} ({error})") from None
        if row.index in rows:
            raise ValueError(f"{path}: line {number} must be another image, got index {row.index} again")
        rows[row.index] = row
    if len(whole) < len(raw):
        left_out(path, len(lines), "was cut off")
    return header, list(rows.values()), len(whole), first


def _head(header: Header) -> bytes:
    return f"{header.text()}\n{_columns(VERSION, header.text())}\n".encode()


def _columns(version: int, head: str) -> str:
    names = "\t".join(COLUMNS[version])
    return names if version == 1 else f"{names}\tcrc32:{_checksum(head, names)}"


def _checksum(head: str, text: str) -> str:
    return f"{zlib.crc32((head + chr(10) + text).encode()):08x}"


# ---- the file that a run writes ----


def writable(log: str | os.PathLike[str] | None) -> Path | None:
    """Return the path of a log that can be written, checked before anything is computed.

    Raises
    ------
    ValueError
        Its folder is missing, it is a folder or a device, or its name asks for compression; or it is read-only.
    """
    if log is None:
        return None
    path = Path(log)
    there = path.exists()
    free = os.access(path if there else path.parent, os.W_OK)
    for wrong, words in (
        (not path.parent.is_dir(), "the folder of the log must exist, got log="),
        (path.is_dir(), "log must be a file, got the folder "),
        (there and not path.is_file(), "log must be a file, got the device "),
        (path.suffix == ".gz", "a log is written as plain text, got the compressed log="),
        (not free, "log must be a file that may be written, got the read-only log="),
    ):
        if wrong:
            raise ValueError(f"certify: {words}{str(path)!r}")
    return path


@contextmanager
def kept(header: Header, path: Path | None, labels: Mapping[int, int]) -> Iterator[Kept]:
    """Finished rows, and what keeps one more: in memory, and in the log if there is one.

    Each line is on the disk before the next one is taken. There is one writer at a time, and the lock of a run that is
    killed ends with it.

    Parameters
    ----------
    header : Header
        Of the run.
    path : Path, optional
        The log.
    labels : mapping of int to int
        Index and label of each image of the run.

    Raises
    ------
    LogInUseError
        Another run writes the log.
    LogHeaderError, ValueError
        The log is another run's, or damaged, or of an older version, or may not be written; it is left as it is.
    OSError
        The log cannot be written any further, as where the disk is full. What is in it is whole.
    """
    if path is None:
        rows: list[Row] = []
        yield rows, rows.append
        return
    # "a" makes the file if there is none, and cuts nothing off; what it writes goes to the end. Without a buffer, for
    # what a full disk has refused would be tried again when the file is closed
    with path.open("a+b", buffering=0) as file:
        lock(file, path)
        rows, offset, head = resume(path, header, labels)
        file.truncate(offset)  # a killed run may have left half a line

        def write(line: bytes) -> None:
            # an interrupt in here leaves at worst half a line at the end, which reading and resuming drop
            before = os.fstat(file.fileno()).st_size
            try:
                left = memoryview(line)
                while left:  # a file without a buffer may take a part of it
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError as error:
                with suppress(OSError):
                    file.truncate(before)
                raise OSError(
                    error.errno,
                    f"certify: the log cannot be written any further ({error.strerror}). The {len(rows)} finished "
                    "images are in it; make room, and the same call goes on from there",
                    str(path),
                ) from error

        def keep(row: Row) -> None:
            write(f"{row.text()}\t{_checksum(head, row.text())}\n".encode())
            rows.append(row)

        if offset == 0:
            write(_head(header))
        yield rows, keep


def resume(path: Path, header: Header, labels: Mapping[int, int] | None = None) -> tuple[list[Row], int, str]:
    """Where an interrupted run goes on.

    Parameters
    ----------
    path : Path
        The log; there may be none yet.
    header : Header
        Of the run that wants to go on.
    labels : mapping of int to int, optional
        Index and label of each of the run's images; what is in the log must be among them.

    Returns
    -------
    finished : list of Row
        Images that are in the log.
    offset : int
        Where to cut the file, for a killed run may have left half a line; 0 where the header has to be written.
    head : str
        Line 1, to which rows belong.

    Warns
    -----
    UserWarning
        Half a line is left out; or `info` of the header is not that of the run that began.

    Raises
    ------
    LogHeaderError, ValueError
        The file is the log of another run or of an older version, or no log; a line before the last one is damaged, or
        is not of this run's images.
    """
    raw = path.read_bytes() if path.exists() else b""
    head = _head(header)
    if len(raw) < len(head) and head.startswith(raw):
        if raw and not raw.endswith(b"\n"):
            left_out(path, 1 + raw.count(b"\n"), "was cut off")
        return [], 0, header.text()
    found, rows, offset, first = parsed(path, raw)
    if found.version < VERSION:
        raise LogHeaderError(
            f"{path} is of version {found.version}, whose rows have no checksums, and is left as it is: it is read; to "
            "go on, take the rsexplore that began it, or count the images that are left in another log"
        )
    header.check(found, path)
    for number, row in enumerate(rows, start=3):
        if labels is not None and labels.get(row.index) != row.label:
            known = f"label {labels[row.index]}" if row.index in labels else "no such image"
            raise ValueError(
                f"{path}: line {number} must be one of this run's images, got index {row.index} with label "
                f"{row.label}, where the run has {known}; the log is left as it is"
            )
    mine, theirs = header.info or {}, found.info or {}  # what either does not say is no difference
    if other := [f"{key}={was!r} (now {mine[key]!r})" for key, was in theirs.items() if mine.get(key, was) != was]:
        warnings.warn(f"{path} goes on in other surroundings than it was begun in, {'; '.join(other)}", stacklevel=2)
    return rows, offset, first


def lock(file: BinaryIO, path: Path, owner: str = "certify") -> None:
    """Keep other runs off a file until it is closed, which the system does for a run that is killed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # Windows locks bytes, and nobody may read a locked one: so one that no log reaches
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise LogInUseError(
                f"{owner}: {path} is being written by another run, in another process or in this one; wait for its end "
                "or give another file"
            ) from None
        warnings.warn(
            f"{owner}: {path} cannot be locked here ({error}); start no second run on it", RuntimeWarning, stacklevel=5
        )
