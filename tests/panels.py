"""Reading what a panel shows."""

import re

import numpy as np

from rsexplore.pictures.picture import Bar, Bars, Line, Note, Rule


def table(panel) -> dict[str, dict[str, str]]:
    """The `data-` attributes of the table's rows by their key."""
    rows = re.findall(r'data-key="([^"]*)"([^>]*)', panel.readout.value)
    return {key: dict(re.findall(r'data-(\w+)="([^"]*)"', rest)) for key, rest in rows}


def items(panel, kind=Line) -> list:
    """What is of that kind in the picture, from plot to plot."""
    return [item for plot in panel.picture.plots for item in plot.items if isinstance(item, kind)]


def line(panel, name, kind=Line) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the one line, or what `kind` says, of that name."""
    ((item, grid),) = [(item, plot.grid) for plot in panel.picture.plots for item in plot.items
                       if isinstance(item, kind) and item.name == name]  # fmt: skip
    return np.asarray(grid if item.x is None else item.x, dtype=float), np.asarray(item.y, dtype=float)


def bars(panel) -> dict[str, Bar]:
    """Bars by their names."""
    return {bar.name: bar for item in items(panel, Bars) for bar in item.rows}


def texts(panel) -> list[str]:
    """Words in the plots: of notes, of rules, and at the ends of lines."""
    found = [item.text for item in items(panel, (Note, Rule))] + [item.label for item in items(panel)]
    return [words for words in found if words]
