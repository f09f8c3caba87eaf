"""The kernel's processor time from a control's move until the chart has the picture, and the bytes that it sends.

    python benchmarks/panels.py > benchmarks/panels.md

A loop runs, as in a kernel, so what is refined at rest is not counted. Each move goes to a value that
the panel has not had.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from math import nan
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from report import machine, table

import rsexplore as rs
from rsexplore import noises
from rsexplore.explorers.controls import Number, Several

EXPLORERS = sys.argv[1:] or "bounds renyi tradeoff scaling soap_bubbles noise certified_accuracy".split()
MOVES, SIZE = 6, 30.0
NEEDS = {  # a control that most noises have no use for -> what is set first
    "k": {"family": noises.PowerGaussian}, "powers": {"family": noises.PowerGaussian}, "order": {"best": False},
    "shape": {"family": noises.GeneralizedGaussian}, "c": {"family": noises.ExponentialLinf},
}  # fmt: skip
HEAD = ["explorer", "control", "median ms", "largest ms", "wanted ms", "kB", ""]


def values(control: Any) -> list[Any]:
    """Values that the control does not have: of a number up its slider, of a list the first ones."""
    if isinstance(control, Number):
        found = [control.at(at) for at in np.linspace(control.slider.min, control.slider.max, MOVES + 3)[1:-1]]
        return [round(value) if control.whole else float(f"{value:.4g}") for value in found]
    if isinstance(control, Several):
        return [tuple(control.field.options[1:3])]
    if isinstance(control.value, bool):
        return [not control.value]
    return [value for value in control.field.options.values() if value != control.value][:MOVES]


def size(panel: Any) -> float:
    """Thousands of bytes that travel: arrays as float64, the rest as JSON."""
    arrays: list[int] = []
    rest = panel.picture.data(lambda numbers: arrays.append(8 * np.size(numbers)))
    return (sum(arrays) + len(json.dumps(rest, ensure_ascii=False).encode())) / 1000


async def moves(name: str) -> list[list[str]]:
    """Lines of the table about one explorer."""
    panel, lines = getattr(rs.explorers, name)(), []
    sent: list[float] = []
    panel.chart.observe(lambda change: sent.append(process_time()), "picture")  # called when it is on its way
    for key, control in panel.controls.items():
        panel.move(**{name: value for name, value in NEEDS.get(key, {}).items() if name in panel.controls})
        panel.finish()
        times, sizes = [], []
        for value in values(control):
            sent.clear()
            begun = process_time()
            control.value = value
            while not sent and not panel.message.value:  # it comes from a thread
                await asyncio.sleep(0.005)
            times.append(1000 * ((sent or [nan])[0] - begun))
            sizes.append(size(panel))
            panel.pause()
        wanted = 2 if key in ("sigma", "size") else 60
        said = " and ".join(["time"] * (max(times) > wanted) + ["bytes"] * (max(sizes) > SIZE))
        numbers = (f"{median(times):.1f}", f"{max(times):.1f}", f"{wanted}", f"{max(sizes):.1f}")
        lines.append([name, control.field.description, *numbers, said and f"above: {said}"])
        panel.reset.click()
    return lines


def rows() -> Iterator[list[str]]:
    """All lines of the table."""
    for name in EXPLORERS:
        yield from asyncio.run(moves(name))


if __name__ == "__main__":
    print("# A move until the picture is sent\n\nMade by `python benchmarks/panels.py`.\n")
    table(HEAD, rows())
    print(f"\n{machine('ipywidgets', 'anywidget', 'numpy')}")
