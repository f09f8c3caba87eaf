"""What the benchmarks share: a table in Markdown, and the machine that they ran on."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def table(head: list[str], rows: Iterable[list[str]]) -> None:
    """Print a table in Markdown, row by row."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def machine(*packages: str) -> str:
    """Processor, cores and versions, in one line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((one.partition(":")[2].strip() for one in lines if one.startswith("model name")), platform.processor())
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return f"{name}, {os.cpu_count()} cores (all may be used); {system}; {versions}; {datetime.now(UTC):%Y-%m-%d}"
