"""Logs written for a test."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

from rsexplore.log import Header, Row, kept


def write(path: Path, header: Header, rows: Iterable[Row]) -> Path:
    """Write a log in place of what is there; return its path."""
    path.unlink(missing_ok=True)
    with patch("os.fsync"), kept(header, path, {}) as (_, keep):  # no test cuts the power
        for row in rows:
            keep(row)
    return path


def sealed(log: str) -> str:
    """Return a log of version 2 with the checksums that its lines should have, as the documentation says."""
    head, *lines = log.split("\n")
    new = [head]
    for number, line in enumerate(lines):
        text, tab, last = line.rpartition("\t")
        seal = f"{zlib.crc32(f'{head}{chr(10)}{text}'.encode()):08x}"
        new.append(text + tab + (last if not line else f"crc32:{seal}" if number == 0 else seal))
    return "\n".join(new)


def version_1(text: str) -> str:
    """Return a log of version 2 as version 1 was written."""
    head, *lines = text.replace('"version": 2', '"version": 1').split("\n")
    return "\n".join([head, *("\t".join(line.split("\t")[:7]) for line in lines)])


def without_times(path: Path) -> list[str]:
    """Lines of a log, without seconds and checksums."""
    head, *lines = Path(path).read_text().splitlines()
    fields = (line.split("\t") for line in lines)
    return [head, *("\t".join(row[:6] + row[7:8]) for row in fields)]
