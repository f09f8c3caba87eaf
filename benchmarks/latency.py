"""Milliseconds from key press to painted picture of the explorers, in a JupyterLab and a Chromium of their own.

    python benchmarks/latency.py                          # a label, five explorers, 50 moves each, some minutes
    python benchmarks/latency.py > benchmarks/latency.md
    python benchmarks/latency.py --moves 20 --explorers bounds renyi --wait 120

What else the machine does matters more than the code: its load stands beside each number, and `--wait` puts each
measurement off until the load is below `--quiet`. Processor time is the kernel's, from the move to the picture sent.
The first line is a slider over a bare label: what widgets cost without any picture.
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

EXPLORERS = {  # arguments, label of the slider that moves
    "label": ("", "bare"),
    "bounds": ("", "deviation σ"),
    "renyi": ("", "deviation σ"),
    "tradeoff": ("", "deviation σ"),
    "scaling": ("", "size"),
    "soap_bubbles": ("dim=3072", "pull k"),
}
LABEL = (
    "import time\nimport ipywidgets as widgets\nfrom rsexplore.explorers.controls import Number\n"
    "spent, control, label = [], Number('x', 'bare', '', 0.5, 0.01, 10), widgets.HTML('0.5')\n"
    "def moved():\n    start = time.process_time()\n    label.value = repr(control.value)\n"
    "    spent.append(time.process_time() - start)\n"
    "control.observe(moved)\nlabel.add_class('rsx').add_class('bare')\n"
    "widgets.VBox([control.row, label]).add_class('rsx-panel')"
)
# the panel in the first cell; the second writes how long the kernel worked on each picture
CELLS = (
    "import time\nimport rsexplore as rs\npanel = rs.explorers.{name}({given})\nspent, draw = [], panel.changed\n"
    "def timed():\n    start = time.process_time()\n    done = draw()\n    spent.append(time.process_time() - start)\n"
    "    return done\npanel.changed = timed\npanel",
    "print('spent', *(f'{{1000 * s:.2f}}' for s in spent))",
)
HEAD = ["explorer", "slider", "median ms", "over the label", "95 % ms", "over the label's", "kernel's work, ms", "load"]


def notebook(folder: Path, name: str) -> str:
    """Write a notebook that shows one explorer; return its file's name."""
    cells = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "execution_count": None, "outputs": [],
         "source": LABEL if name == "label" and not i else code.format(name=name, given=EXPLORERS[name][0])}
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
        page.locator(".rsx svg, .rsx.bare").first.wait_for()
        page.wait_for_timeout(5000)  # what is refined at rest
        half = moves // 2
        times = opened.redraw_times(EXPLORERS[name][1], ["ArrowRight"] * half + ["ArrowLeft"] * (moves - half))
        page.wait_for_timeout(3000)
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
            base: tuple[float, float] | None = None
            for name in given.explorers:
                wait_for_quiet(given.quiet, given.wait)
                load = os.getloadavg()[0]
                times, work = measured(server, name, given.moves)
                found = (statistics.median(times), statistics.quantiles(times, n=20)[-1])
                base = base or found
                pairs = (f"{value:.0f} | {value - other:+.0f}" for value, other in zip(found, base, strict=True))
                words = " | ".join(pairs).split(" | ")
                yield [name, EXPLORERS[name][1], *words, f"{statistics.median(work):.1f}", f"{load:.1f}"]


def main() -> None:
    """Print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=50, help="keys for each explorer (default %(default)s)")
    parser.add_argument("--explorers", nargs="+", choices=EXPLORERS, default=list(EXPLORERS))
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine (default none)")
    parser.add_argument("--quiet", type=float, default=0.5, help="load that counts as quiet (default %(default)s)")
    given = parser.parse_args()
    print("# From key press to painted picture\n\nMade by `python benchmarks/latency.py`. Wanted: a median of at most")
    print("20 ms over that of a bare label, and 95 % of at most 60 ms over its 95 %.\n")
    table(HEAD, rows(given))
    print(f"\n{machine('jupyterlab', 'ipywidgets', 'anywidget', 'playwright')}")


if __name__ == "__main__":
    main()
