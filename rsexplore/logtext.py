"""The text of a log of ours: header, columns and rows, each line checked against its checksum; and bytes of any log.

Version 2. Line 1 is the header (`header.py`). Line 2 names the columns; its last one is ``crc32:`` and the checksum of
lines 1 and 2. Every further line is an image (`row.py`), tab separated, and ends in a checksum of line 1 and of itself:
8 lower-case hex digits of the CRC-32 (zlib's) of line 1, a line feed, and the line's own text up to the tab before the
checksum, in UTF-8 and without what ends a line. So no flip of a bit in any of them is read as another value, and no row
belongs to another header. Version 1 has neither checksums nor `end`; it is read, and not written any more.
"""

import gzip
import os
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from rsexplore import foreign
from rsexplore.header import VERSION, Header, LogHeaderError
from rsexplore.row import COLUMNS, Row

# A log of 50,000 images takes some 10 MB. Zeros shrink to a thousandth, so that a small file may fill any memory.
MOST_UNPACKED = 2**28
GZIP = b"\x1f\x8b"


def content(path: Path) -> bytes:
    """Bytes of a log; unpacked, where its name or its first bytes say that it is a gzip file.

    Raises
    ------
    ValueError
        The gzip file is damaged, or holds more than any log.
    """
    with path.open("rb") as file:
        packed = path.suffix == ".gz" or file.peek(len(GZIP))[: len(GZIP)] == GZIP
        if not packed:
            return file.read()
        try:
            with gzip.open(file) as unpacked:
                found = unpacked.read(MOST_UNPACKED + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path} must be a whole gzip file, as its name says, got a damaged one ({error})"
            ) from None
    if len(found) > MOST_UNPACKED:
        raise ValueError(
            f"{path} must hold at most {MOST_UNPACKED >> 20} MiB when it is unpacked, which is more than any log, got "
            f"a gzip file of {path.stat().st_size:,} bytes with more in it; if it is a log, unpack it and read that"
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
        raise LogHeaderError(
            f"{path} must be text in UTF-8, got zero bytes in it, as in UTF-16 (which some editors call Unicode, and "
            "some shells write by `>`); save it as UTF-8, and read that"
        )
    return raw.decode("utf-8-sig", errors="replace")


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
    if (kind := foreign.kind(first)) is not None:
        raise LogHeaderError(
            f"{path} is a log of others, with {kind}, got the columns {first!r}; to read it, say what was run: "
            f"header=Header(noise, n0, n, alpha{', radius_format=...' if kind == foreign.RADII else ''})"
        )
    header = Header.parse(first, path)
    if rest[:1] != [_columns(header.version, first)]:
        _raise_columns(path, header.version, rest[:1])
    rows, seen = [], set[int]()
    for number, line in enumerate(rest[1:], start=3):
        try:
            row = _row(line, first, header)
        except ValueError as error:
            raise ValueError(f"{path}: line {number} must be a row of votes, got {line[:60]!r} ({error})") from None
        if row.index in seen:
            raise ValueError(f"{path}: line {number} must be another image, got index {row.index} again")
        seen.add(row.index)
        rows.append(row)
    if len(whole) < len(raw):
        foreign.left_out(path, len(lines), "was cut off")
    return header, rows, len(whole), first


def resume(
    path: str | os.PathLike[str], header: Header, labels: Mapping[int, int] | None = None
) -> tuple[list[Row], int, str]:
    """Where an interrupted run goes on.

    Parameters
    ----------
    path : path
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
    path = Path(path)
    raw = path.read_bytes() if path.exists() else b""
    head = _head(header)
    if len(raw) < len(head) and head.startswith(raw):
        if raw and not raw.endswith(b"\n"):
            foreign.left_out(path, 1 + raw.count(b"\n"), "was cut off")
        return [], 0, header.text()
    found, rows, offset, first = parsed(path, raw)
    if found.version < VERSION:
        raise LogHeaderError(
            f"{path} is of version {found.version}, whose rows have no checksums, and is left as it is: only logs of "
            f"version {VERSION} are gone on with. rsexplore.records.read reads it; to go on, take the rsexplore that "
            "began it, or count the images that are left in another log"
        )
    header.check(found, path)
    for number, row in enumerate(rows, start=3):
        if labels is not None and labels.get(row.index) != row.label:
            known = f"label {labels[row.index]}" if row.index in labels else "no such image"
            raise ValueError(
                f"{path}: line {number} must be one of this run's images, got index {row.index} with label "
                f"{row.label}, where the run has {known}; the log is left as it is"
            )
    if other := header.other_info(found):
        warnings.warn(f"{path} goes on in other surroundings than it was begun in, {'; '.join(other)}", stacklevel=2)
    return rows, offset, first


def write_header(file: BinaryIO, header: Header) -> None:
    """Write the first two lines of our log to a binary file, and see them onto the disk."""
    _write(file, _head(header))


def write_row(file: BinaryIO, row: Row, head: str) -> None:
    """Append one image to our log, whose line 1 is `head`, and see it onto the disk."""
    _write(file, f"{row.text()}\t{_checksum(head, row.text())}\n".encode())


def _head(header: Header) -> bytes:
    return f"{header.text()}\n{_columns(VERSION, header.text())}\n".encode()


def _columns(version: int, head: str) -> str:
    names = "\t".join(COLUMNS[version])
    return names if version == 1 else f"{names}\tcrc32:{_checksum(head, names)}"


def _checksum(head: str, text: str) -> str:
    return f"{zlib.crc32((head + chr(10) + text).encode()):08x}"


def _row(line: str, head: str, header: Header) -> Row:
    if header.version == 1:
        return Row.parse(line, header)
    text, _, checksum = line.rpartition("\t")
    row = Row.parse(text, header)
    if checksum != _checksum(head, text):
        raise ValueError(f"its checksum is not {checksum[:40]!r}: the line was changed")
    return row


def _raise_columns(path: Path, version: int, got: list[str]) -> None:
    names = "\t".join(COLUMNS[version])
    if version > 1 and got and got[0].startswith(f"{names}\tcrc32:"):
        raise LogHeaderError(
            f"{path}: line 1, the header, was changed: it does not fit the checksum in line 2, {got[0]!r}"
        )
    raise LogHeaderError(f"{path}: line 2 must name the columns {' '.join(COLUMNS[version])}, got {got}")


def _write(file: BinaryIO, line: bytes) -> None:
    left = memoryview(line)
    while left:  # a file without a buffer may take a part of it
        left = left[file.write(left) :]
    file.flush()
    os.fsync(file.fileno())
