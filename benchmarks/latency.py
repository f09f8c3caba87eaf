"""Milliseconds from key press to painted picture of the explorers, in a JupyterLab and a Chromium of their own.

    python benchmarks/latency.py                          # five explorers, 50 moves each, a minute or two
    python benchmarks/latency.py > benchmarks/latency.md
    python benchmarks/latency.py --moves 20 --explorers bounds renyi --wait 120

What else the machine does matters more than the code: its load stands beside each number, and `--wait` puts each
measurement off until the load is below `--quiet`. Processor time is the kernel's, from the move to the PNG's bytes.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from report import machine, table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from lab import Notebook, Server, jupyterlab, pages

EXPLORERS = {  # arguments, label of the slider that moves, target in ms: median and 95th percentile
    "bounds": ("", "σ", (50, 80)),
    "renyi": ("", "σ", (50, 80)),
    "tradeoff": ("", "σ", (50, 80)),
    "scaling": ("", "size", (50, 80)),
    "soap_bubbles": ("dim=3072", "k", (150, None)),
}
# the panel in the first cell; the second writes how long the kernel worked on each picture
CELLS = (
    "import time\nimport rsexplore as rs\npanel = rs.explorers.{name}({given})\nspent, draw = [], panel._draw\n"
    "def timed():\n    start = time.process_time()\n    done = draw()\n    spent.append(time.process_time() - start)\n"
    "    return done\npanel._draw = timed\npanel",
    "print('spent', *(f'{{1000 * s:.2f}}' for s in spent))",
)
HEAD = ["explorer", "slider", "median ms", "95 % ms", "least ms", "target", "kernel's work, median ms", "load"]


def notebook(folder: Path, name: str) -> str:
    """Write a notebook that shows one explorer; return its file's name."""
    cells = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "execution_count": None, "outputs": [],
         "source": code.format(name=name, given=EXPLORERS[name][0])}
        for i, code in enumerate(CELLS)
    ]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / f"{name}.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )
    return f"{name}.ipynb"


def wait_for_quiet(quiet: float, seconds: float) -> None:
    """Return when the machine's load of the last minute is low, or the time is up."""
    end = time.monotonic() + seconds
    while os.getloadavg()[0] > quiet and time.monotonic() < end:
        time.sleep(2)


def measured(server: Server, name: str, moves: int) -> tuple[list[float], list[float]]:
    """Latencies of `moves` keys on the explorer's slider, half of them to the right, and the kernel's work on each."""
    with pages() as fresh:
        page = fresh()
        opened = Notebook(page, server, f"{name}.ipynb")
        opened.run_all()
        opened.settle(seconds=60)
        half = moves // 2
        times = opened.redraw_times(EXPLORERS[name][1], ["ArrowRight"] * half + ["ArrowLeft"] * (moves - half))
        opened.settle(seconds=60)
        page.locator(".jp-CodeCell").last.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        wanted = "n => (document.body.innerText.match(/spent [0-9. ]+/g) || ['']).pop().split(' ').length > n"
        page.wait_for_function(wanted, arg=moves)
        words = page.evaluate("() => document.body.innerText.match(/spent [0-9. ]+/g).pop()").split()[1:]
        return times, [float(word) for word in words]


def rows(given: argparse.Namespace) -> Iterator[list[str]]:
    """One line of the table for each explorer."""
    with TemporaryDirectory() as folder:
        for name in given.explorers:
            notebook(Path(folder), name)
        with jupyterlab(Path(folder)) as server:
            for name in given.explorers:
                wait_for_quiet(given.quiet, given.wait)
                load = os.getloadavg()[0]
                times, work = measured(server, name, given.moves)
                middle, end = EXPLORERS[name][2]
                high = statistics.quantiles(times, n=20)[-1]
                target = f"{middle} / {end}" if end else f"{middle}"
                numbers = (f"{statistics.median(times):.0f}", f"{high:.0f}", f"{min(times):.0f}", target)
                yield [name, EXPLORERS[name][1], *numbers, f"{statistics.median(work):.1f}", f"{load:.1f}"]


def main() -> None:
    """Print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=50, help="keys for each explorer (default %(default)s)")
    parser.add_argument("--explorers", nargs="+", choices=EXPLORERS, default=list(EXPLORERS))
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine (default none)")
    parser.add_argument("--quiet", type=float, default=0.5, help="load that counts as quiet (default %(default)s)")
    given = parser.parse_args()
    print("# From key press to painted picture\n\nMade by `python benchmarks/latency.py`. Target: median / 95 %.\n")
    table(HEAD, rows(given))
    print(f"\n{machine('jupyterlab', 'ipywidgets', 'matplotlib', 'playwright')}")


if __name__ == "__main__":
    main()
