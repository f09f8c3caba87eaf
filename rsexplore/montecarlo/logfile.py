"""The log file of a run: one writer at a time, and a start where the last run ended."""

import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from rsexplore import records
from rsexplore.records import Header, Row

Kept = tuple[list[Row], Callable[[Row], None]]

# Windows locks bytes, and nobody may read a locked one: so one that no log reaches.
_LOCKED_BYTE = 2**30
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class LogInUseError(RuntimeError):
    """Another run writes this log."""


def writable(log: str | PathLike[str] | None) -> Path | None:
    """Return the path of a log that can be written, checked before anything is computed.

    Raises
    ------
    ValueError
        Its folder is missing, it is a folder itself, or its name asks for compression.
    """
    if log is None:
        return None
    path = Path(log)
    if not path.parent.is_dir():
        raise ValueError(f"certify: the folder of the log must exist, got log={str(path)!r}")
    if path.is_dir():
        raise ValueError(f"certify: log must be a file, got the folder {str(path)!r}")
    if path.exists() and not path.is_file():
        raise ValueError(f"certify: log must be a file, got the device {str(path)!r}")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(_read_only(path))
    if path.suffix == ".gz":
        raise ValueError(f"certify: a log is written as plain text, got the compressed log={str(path)!r}")
    return path


@contextmanager
def kept(header: Header, path: Path | None, labels: Mapping[int, int]) -> Iterator[Kept]:
    """Finished rows, and what keeps one more: in memory, and in the log if there is one.

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
    rsexplore.records.LogHeaderError, ValueError
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
    try:
        file = path.open("a+b", buffering=0)
    except PermissionError:
        raise ValueError(_read_only(path)) from None
    with file:
        _lock(file, path)
        rows, offset, head = records.resume(path, header, labels)
        file.truncate(offset)  # a killed run may have left half a line
        if offset == 0:
            _written(file, path, rows, lambda: records.write_header(file, header))

        def keep(row: Row) -> None:
            # an interrupt in here leaves at worst half a line at the end, which reading and resuming drop
            _written(file, path, rows, lambda: records.write_row(file, row, head))
            rows.append(row)

        yield rows, keep


def _written(file: BinaryIO, path: Path, rows: list[Row], write: Callable[[], None]) -> None:
    """Write, or cut off the half line and say what is left and what to do."""
    before = os.fstat(file.fileno()).st_size
    try:
        write()
    except OSError as error:
        with suppress(OSError):
            file.truncate(before)
        raise OSError(
            error.errno,
            f"certify: the log cannot be written any further ({error.strerror}). The {len(rows)} finished images are "
            "in it; make room, and the same call goes on from there",
            str(path),
        ) from error


def _read_only(path: Path) -> str:
    return (
        f"certify: log must be a file that may be written, got the read-only log={str(path)!r}; copy it to go on with "
        "it, or rsexplore.records.read it"
    )


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other runs off a log until it is closed; the system does that too for a run that is killed."""
    try:
        _system_lock(file)
    except OSError as error:
        if error.errno in _HELD:
            raise LogInUseError(
                f"certify: {path} is being written by another run, in another process or in this one; wait for its end "
                "or give another log"
            ) from None
        warnings.warn(
            f"certify: {path} cannot be locked here ({error}); start no second run on it", RuntimeWarning, stacklevel=5
        )


def _system_lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
