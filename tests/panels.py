"""Reading what a panel, or a picture, shows."""

import re
from math import inf, nan

import numpy as np

import rsexplore as rs
from rsexplore.noises import PowerGaussian
from rsexplore.pictures.picture import Bar, Bars, Line, Note, Rule

# for each explorer a value of every control that is not the one it starts at
MOVES = {
    "renyi": {"sigma": 1.3, "q_a": 1e-6, "share": 0.3, "best": False, "order": 0.7},
    "tradeoff": {"weight": 0.9, "sigma": 0.9, "q_a": 1e-4, "dim": 784, "shape": 4.0, "norms": (2.0, 4.0)},
    "scaling": {"k": 0.6, "size": 1.2, "dim": 500, "fixed": "mean", "q_a": 1e-4, "shape": 4.0, "norm": 1.5},
    "soap_bubbles": {"sigma": 1.2, "q_a": 1e-4, "dim": 1500, "k": 0.4, "match": "mode", "norm": inf,
                     "powers": (inf, inf)},
    "vote_curves": {"r": 0.8, "q_a": 1e-4, "share": 0.3, "sigma": 0.9, "norm": inf, "dim": 784,
                    "family": PowerGaussian, "k": 0.2, "powers": (inf, inf), "shape": 3.0},
    "noise": {"family": PowerGaussian, "sigma": 0.7, "side": 16, "powers": (inf, 2.0), "k": 0.2,
              "shape": 3.0},
}  # fmt: skip


def run_of(noise, rows=None) -> rs.records.Records:
    """A run of 1,000 votes an image: these rows, or 20 images with fewer and fewer votes for 0, every other a 0."""
    header = rs.records.Header(rs.noises.to_dict(noise), n0=100, n=1000, alpha=0.001)
    some = [rs.records.Row(i, i % 2, {0: 100}, {0: 1000 - 10 * i, 1: 10 * i}, 0.1) for i in range(20)]
    return rs.records.from_rows(header, some if rows is None else rows)


def table(panel) -> dict[str, dict[str, str]]:
    """The `data-` attributes of the table's rows by their key."""
    rows = re.findall(r'data-key="([^"]*)"([^>]*)', panel.readout.value)
    return {key: dict(re.findall(r'data-(\w+)="([^"]*)"', rest)) for key, rest in rows}


def places(shown, kind=Line) -> list:
    """Each item of that kind, from plot to plot, with the places and values that it has."""
    found = []
    for plot in getattr(shown, "picture", shown).plots:
        for item in (item for item in plot.items if isinstance(item, kind)):
            x = plot.grid if getattr(item, "x", None) is None else item.x
            found.append((item, *(np.asarray(values, dtype=float) for values in (x, getattr(item, "y", nan)))))
    return found


def items(shown, kind=Line) -> list:
    """What is of that kind, from plot to plot."""
    return [item for item, *_ in places(shown, kind)]


def drawn(shown, kind=Line) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Places and values of what has a name, by it."""
    return {item.name: (x, y) for item, x, y in places(shown, kind) if item.name}


def line(shown, name, kind=Line) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the one line, or what `kind` says, of that name."""
    ((_, x, y),) = [found for found in places(shown, kind) if found[0].name == name]
    return x, y


def bars(shown) -> dict[str, Bar]:
    """Bars by their names."""
    return {bar.name: bar for item in items(shown, Bars) for bar in item.rows}


def texts(shown) -> list[str]:
    """Words in the plots: of notes, of rules, and at the ends of lines."""
    found = [item.text for item in items(shown, (Note, Rule))] + [item.label for item in items(shown)]
    return [words for words in found if words]


def notes(shown) -> list[str]:
    """Words in corners."""
    return [note.text for note in items(shown, Note)]
