"""Proposition 1 of Hayes 2020, item by item: as printed, with the right divergence, and for more than two classes.

The order of two l2 certificates of Gaussian noise is read off their radii over the whole range of 1 - p_A; where it
changes, the place is found by bisection. Printed and right differ in the row KL of Table 1 (its radius is sqrt(2) times
the printed one), which changes the verdict on items 2 and 5.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds, papers
from rsexplore.noises import Gaussian
from rsexplore.papers import Source
from rsexplore.table import Table

NOISE = Gaussian(1.0)
EQUAL = 1e-11  # share by which radii that are equal differ in floats
Q_A = np.concatenate([np.geomspace(1e-300, 1e-3, 600), np.geomspace(1.0001e-3, 0.4999, 1400)])
ROUND = ((0.3, 0.1), (0.6, 0.1), (0.9, 0.05), (0.2, 0.01), (0.05, 1e-4))  # votes (p_A, p_B) with a third class
P_A = np.concatenate([np.geomspace(1e-6, 0.1, 40), np.linspace(0.11, 0.99, 89)])  # with more classes
SHARES = np.concatenate([np.geomspace(1e-6, 0.9, 40), [0.99]])  # of the largest p_B that there is


class Order(NamedTuple):
    """How the radius on the left of a statement compares with that on its right, for two classes.

    `relation` is ">", "<" or "=" on all of (1/2, 1), or "> then <" as p_A grows, changing at `crossing`; `ratios` are
    the least and the largest left over right.
    """

    relation: str
    crossing: float | None
    ratios: tuple[float, float]


class Item(NamedTuple):
    """One item of Proposition 1.

    `printed` compares the radii as Table 1 prints them and `corrected` the right ones; the statement `holds` as printed
    or corrected if it is true on the whole interval that it names. `counterexample` is a point (p_A, p_B), with a
    third class, at which the corrected statement fails: the first of a few round ones, else that of some 5000 at which
    it fails by the most; None if it holds at all of them.
    """

    number: int
    statement: str
    interval: tuple[float, float]
    printed: Order
    printed_holds: bool
    corrected: Order
    corrected_holds: bool
    counterexample: tuple[float, float] | None
    source: Source


# number, left, right, relation, end of the interval; a key with a printed form is the corrected one
ITEMS = (
    (1, "li-renyi-l2", "chi2-l2", ">", 1.0),
    (2, "chi2-l2", "kl-l2", ">", 1.0),
    (3, "chi2-l2", "hellinger-l2", ">", 1.0),
    (4, "bhattacharyya-l2", "hellinger-l2", "=", 1.0),
    (5, "hellinger-l2", "kl-l2", ">", 0.998),
    (6, "kl-l2", "lecuyer-l2", ">", 1.0),
)


def rows() -> tuple[Item, ...]:
    """The six items; crossings are computed to some 1e-14."""
    return tuple(_item(*row) for row in ITEMS)


def table() -> Table:
    """The items as text."""
    head = ("item", "statement", "printed radii", "printed", "right radii", "right", "with more classes")
    cells = []
    for item in rows():
        more = (
            "no counterexample"
            if item.counterexample is None
            else "fails at ({:.4g}, {:.4g})".format(*item.counterexample)
        )
        verdicts = ["true" if holds else "false" for holds in (item.printed_holds, item.corrected_holds)]
        cells.append(
            (item.number, item.statement, _said(item.printed), verdicts[0], _said(item.corrected), verdicts[1], more)
        )
    return Table(head, cells)


def order(left: str, right: str) -> Order:
    """Compare the radii of two bounds of Gaussian noise, named by key, for two classes."""
    ratio = _ratio(left, right, Q_A)
    signs = np.where(np.abs(ratio - 1) < EQUAL, 0, np.sign(ratio - 1))[::-1]  # as p_A grows
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    names = {0: "=", 1: ">", -1: "<"}
    relation = " then ".join(names[int(s)] for s in (signs[0], *signs[changes + 1]))
    crossing = None
    if len(changes) == 1:
        high, low = Q_A[::-1][changes[0]], Q_A[::-1][changes[0] + 1]
        crossing = 1 - _bisect(left, right, float(low), float(high))
    return Order(relation, crossing, (float(ratio.min()), float(ratio.max())))


def _ratio(left: str, right: str, q_a: NDArray, p_b: NDArray | None = None) -> NDArray:
    above, below = (bounds.get(key).radius(NOISE, q_a=q_a, p_b=p_b) for key in (left, right))
    return above / below


def _bisect(left: str, right: str, low: float, high: float) -> float:
    """1 - p_A between `low` and `high` at which the two radii are equal."""
    sign = np.sign(_ratio(left, right, np.array(low)) - 1)
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(_ratio(left, right, np.array(middle)) - 1) == sign
        low, high = (middle, high) if same else (low, middle)
    return high


def _item(number: int, left: str, right: str, relation: str, end: float) -> Item:
    known = {bound.key for bound in bounds.ALL}
    printed = order(*(f"{key}-printed" if f"{key}-printed" in known else key for key in (left, right)))
    corrected = order(left, right)
    brackets = "[1/2, 1]" if relation == "=" else f"(1/2, {end:g})"
    statement = f"{left} {relation} {right} on {brackets}"
    return Item(
        number,
        statement,
        (0.5, end),
        printed,
        _holds(printed, relation, end),
        corrected,
        _holds(corrected, relation, end),
        _counterexample(left, right, relation),
        papers.hayes.at(f"Proposition 1, item {number}"),
    )


def _holds(found: Order, relation: str, end: float) -> bool:
    if found.relation == relation:
        return True
    first = found.relation.partition(" ")[0]
    return first == relation and found.crossing is not None and found.crossing >= end


def _counterexample(left: str, right: str, relation: str) -> tuple[float, float] | None:
    pa, share = np.meshgrid(P_A, SHARES, indexing="ij")
    grid = np.stack([pa.ravel(), (share * np.minimum(pa, 1 - pa)).ravel()], axis=1)
    for votes in (*np.array(ROUND)[:, None], grid):
        ratio = _ratio(left, right, 1 - votes[:, 0], votes[:, 1])
        failure = np.abs(ratio - 1) if relation == "=" else 1 - ratio
        worst = int(np.argmax(failure))
        if failure[worst] > EQUAL:
            return float(votes[worst, 0]), float(votes[worst, 1])
    return None


def _said(found: Order) -> str:
    return found.relation if found.crossing is None else f"{found.relation} at {found.crossing:.10f}"
