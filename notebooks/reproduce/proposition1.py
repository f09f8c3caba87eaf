"""Proposition 1 of Hayes 2020, item by item: as printed, with the right divergence, and for more than two classes.

The order of two l2 certificates of Gaussian noise is read off their radii over the whole range of 1 - p_A; where it
changes, the place is solved for. Printed and right differ in the row KL of Table 1 (its radius is sqrt(2) times the
printed one), which changes the verdict on items 2 and 5.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from rsexplore import bounds
from rsexplore.noises import Gaussian
from rsexplore.table import Table

EQUAL = 1e-11  # share by which radii that are equal differ in floats
Q_A = np.concatenate([np.geomspace(1e-300, 1e-3, 600), np.geomspace(1.0001e-3, 0.4999, 1400)])
ROUND = ((0.3, 0.1), (0.6, 0.1), (0.9, 0.05), (0.2, 0.01), (0.05, 1e-4))  # votes (p_A, p_B) with a third class
P_A = np.concatenate([np.geomspace(1e-6, 0.1, 40), np.linspace(0.11, 0.99, 89)])  # with more classes
SHARES = np.concatenate([np.geomspace(1e-6, 0.9, 40), [0.99]])  # of the largest p_B that there is
# left, right, relation, end of the interval of p_A; a key with a printed form is the corrected one
ITEMS = (
    ("li-renyi-l2", "chi2-l2", ">", 1.0),
    ("chi2-l2", "kl-l2", ">", 1.0),
    ("chi2-l2", "hellinger-l2", ">", 1.0),
    ("bhattacharyya-l2", "hellinger-l2", "=", 1.0),
    ("hellinger-l2", "kl-l2", ">", 0.998),
    ("kl-l2", "lecuyer-l2", ">", 1.0),
)


class Order(NamedTuple):
    """How the radius on the left of a statement compares with that on its right, for two classes.

    `relation` is ">", "<" or "=" on all of (1/2, 1), or "> then <" as p_A grows, changing at `crossing`; `ratios` are
    the least and the largest left over right.
    """

    relation: str
    crossing: float | None
    ratios: tuple[float, float]

    def __str__(self) -> str:
        return self.relation if self.crossing is None else f"{self.relation} at {self.crossing:.10f}"

    def holds(self, relation: str, end: float) -> bool:
        """Whether `relation` is true of the two on all of (1/2, end)."""
        before_crossing = self.relation.startswith(f"{relation} then") and self.crossing and self.crossing >= end
        return self.relation == relation or bool(before_crossing)


class Part(NamedTuple):
    """One item of Proposition 1.

    `printed` compares the radii as Table 1 prints them and `corrected` the right ones; the statement holds as printed
    or corrected if it is true on the whole interval that it names. `counterexample` is a point (p_A, p_B), with a
    third class, at which the corrected statement fails: the first of a few round ones, else that of some 5000 at which
    it fails by the most; None if it holds at all of them.
    """

    number: int
    statement: str
    printed: Order
    printed_holds: bool
    corrected: Order
    corrected_holds: bool
    counterexample: tuple[float, float] | None


def rows() -> tuple[Part, ...]:
    """The six items; crossings are computed to some 1e-14."""
    found = []
    for number, (left, right, relation, end) in enumerate(ITEMS, 1):
        words = f"{left} {relation} {right} on " + ("[1/2, 1]" if relation == "=" else f"(1/2, {end:g})")
        as_printed = (f"{key}-printed" if f"{key}-printed" in bounds.names() else key for key in (left, right))
        printed, corrected = ((one, one.holds(relation, end)) for one in (order(*as_printed), order(left, right)))
        found.append(Part(number, words, *printed, *corrected, _counterexample(left, right, relation)))
    return tuple(found)


def table() -> Table:
    """The items as text."""
    cells = []
    for row in rows():
        holds = [str(one).lower() for one in (row.printed_holds, row.corrected_holds)]
        fails = "fails at ({:.4g}, {:.4g})".format(*row.counterexample) if row.counterexample else "no counterexample"
        cells.append((row.number, row.statement, row.printed, holds[0], row.corrected, holds[1], fails))
    return Table(("item", "statement", "printed radii", "printed", "right radii", "right", "with more classes"), cells)


def order(left: str, right: str) -> Order:
    """Compare the radii of two bounds of Gaussian noise, named by key, for two classes."""
    ratio = _ratio(left, right, Q_A)
    signs = np.where(np.abs(ratio - 1) < EQUAL, 0, np.sign(ratio - 1))[::-1]  # as p_A grows
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    relation = " then ".join({0: "=", 1: ">", -1: "<"}[int(s)] for s in (signs[0], *signs[changes + 1]))
    crossing = None
    if len(changes) == 1:
        high, low = Q_A[::-1][changes[0]], Q_A[::-1][changes[0] + 1]
        crossing = 1 - brentq(lambda q: float(_ratio(left, right, q)) - 1, low, high, xtol=1e-18, rtol=1e-15)
    return Order(relation, crossing, (float(ratio.min()), float(ratio.max())))


def _ratio(left: str, right: str, q_a: ArrayLike, p_b: ArrayLike | None = None) -> NDArray:
    above, below = (bounds.get(key).radius(Gaussian(1.0), q_a=q_a, p_b=p_b) for key in (left, right))
    return above / below


def _counterexample(left: str, right: str, relation: str) -> tuple[float, float] | None:
    p_a, share = (x.ravel() for x in np.meshgrid(P_A, SHARES, indexing="ij"))
    votes = np.concatenate([ROUND, np.stack([p_a, share * np.minimum(p_a, 1 - p_a)], axis=1)])
    ratio = _ratio(left, right, 1 - votes[:, 0], votes[:, 1])
    failure = np.abs(ratio - 1) if relation == "=" else 1 - ratio
    round_ones = np.flatnonzero(failure[: len(ROUND)] > EQUAL)
    worst = int(round_ones[0] if len(round_ones) else np.argmax(failure))
    return (float(votes[worst, 0]), float(votes[worst, 1])) if failure[worst] > EQUAL else None
