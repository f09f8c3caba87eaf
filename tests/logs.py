"""Logs written for a test."""

from collections.abc import Iterable
from pathlib import Path

from rsexplore import records
from rsexplore.records import Header, Row


def write(path: Path, header: Header, rows: Iterable[Row]) -> Path:
    """Write a log; return its path."""
    with path.open("wb") as file:
        records.write_header(file, header)
        for row in rows:
            records.write_row(file, row)
    return path
