"""The exact group-sequential test by which a run for a wanted radius ends: has a class a vote above p* = 1 - q?

At n_k draws a class with s votes is certified where s / n_k > p* and n_k KL(s / n_k, p*) >= b + log(n / n_k) / 2. An
image is given up where no class is above n_k KL(s / n_k, p_1) >= c + log(n / n_k) / 2, s / n_k < p_1, where p_1 is
a vote that n fixed draws certify 9 times out of 10. For p* >= 1/2 no two classes pass at one look. Let g(p) be the
probability that votes of probability p are ever certified, if one never gives up; b is the least for which

    g(p*) <= alpha                where the class was fixed beforehand ("label"),
    g(p*) + g(1 - p*) <= alpha    where it is the one that passes ("votes"),

by recursion over counts. So any way to end keeps the level. The proof is in docs/certification.md. For "votes" it needs
that g is convex up to p*, which holds where (s - n_k p*)^2 >= s (1 - p*)^2 + (n_k - s) p*^2 at each look; a boundary
that did not keep to it, as for alpha above .2, is moved to where it does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

FIRST_LOOK, GROWTH = 20, 1.15  # draws at the first look, and how they grow: a decision comes at most this much late
SLOPE = 0.5  # any value keeps the level
POWER, GIVEN_UP_AT_MOST = 0.9, 0.1  # of votes p_1: certified by n fixed draws, and given up before n by the test
HALVINGS = 16
LEFT_OUT = 1e-12  # what is less likely, by this share of alpha, is not followed, and counts as certified

Counts = NDArray[np.int64]
Steps = list[tuple[int, NDArray[np.float64]]]


@dataclass(frozen=True)
class Plan:
    """When to look, and at how many votes for other classes to certify or to give up."""

    q: float  # 1 - p*
    alpha: float
    sizes: tuple[int, ...]  # draws at which one looks; the last is n
    few: tuple[int, ...]  # at most so many votes against a class certify it; -1 where none do
    many: tuple[int, ...]  # so many of them give it up; more than there are where none do

    def verdict(self, against: int, draws: int) -> int:
        """1 where a class with so many votes against it is certified at this look, -1 where it is given up, else 0."""
        at = self.sizes.index(draws)
        return int(against <= self.few[at]) - int(against >= self.many[at])

    def law(self, q: float) -> NDArray[np.float64]:
        """Chances, shape (looks, 2), that a class of the vote 1 - `q` ends there, certified or given up."""
        return _walk(_steps(np.array(self.sizes), q, LEFT_OUT), np.array(self.few), np.array(self.many), LEFT_OUT)


@lru_cache(maxsize=64)
def plan(q: float, n: int, alpha: float, both: bool = True) -> Plan:
    """Return the test of a vote above 1 - q at level `alpha`, with `n` draws at most; it takes some tenths of a second.

    Parameters
    ----------
    q : float, in (0, 1/2]
        1 - p*.
    n : int, >= 1
        Most draws.
    alpha : float, in (0, 1)
        Probability with which any class that has a vote of at most p* may be certified.
    both : bool
        Whether the class is the one that passes; else it was fixed beforehand.

    Raises
    ------
    ValueError
        Not even n votes out of n certify, or q is out of range.
    """
    if not 0 < q <= 0.5:
        raise ValueError(f"plan: q must be above 0 and at most 1/2, got q={q!r}")
    growing = FIRST_LOOK * GROWTH ** np.arange(max(0, np.ceil(np.log(n / FIRST_LOOK) / np.log(GROWTH))))
    ns = np.append(growing[growing < n].astype(np.int64), n)
    slope, none, left_out = SLOPE * np.log(n / ns), ns + 1, alpha * LEFT_OUT
    steps = _steps(ns, q, left_out)
    convex = np.floor((ns - 1) * q + 0.5 - np.sqrt(0.25 + (ns - 1) * q * (1 - q))).astype(np.int64)

    def certifying(b: float) -> Counts:
        return np.minimum(_fewest(ns, q, b + slope), convex)

    def keeps_level(b: float) -> bool:
        few = certifying(b)
        total = _walk(steps, few, none, left_out).sum()  # of the class at the edge
        if both and total <= alpha:
            total += _walk(steps, 0 * none - 1, ns - few, left_out).sum()  # of all others together
        return bool(total <= alpha * (1 - 1e-9))

    # by Chernoff's bound at each look the chances to pass add up to less than 30 exp(-b)
    high = min(np.log(30 / alpha), -n * np.log1p(-q) * (1 - 1e-12))
    if not keeps_level(high):
        raise ValueError(f"plan: {n} votes out of n={n} show no vote above {1 - q:.6g} at alpha={alpha:g}; raise n")
    few = certifying(_least(keeps_level, high))
    s = (ns - few)[few >= 0]
    at = ns[few >= 0]
    assert ((s - at * (1 - q)) ** 2 * (1 + 1e-9) >= s * q**2 + (at - s) * (1 - q) ** 2).all(), "g must be convex"
    fixed = max(int(stats.binom.ppf(alpha, n, q)) - 1, 0)
    hoped = float(special.betainccinv(fixed + 1, n - fixed, POWER))
    law = _steps(ns, hoped, LEFT_OUT)

    def giving_up(c: float) -> Counts:
        return np.where(ns < n, np.maximum(ns - _fewest(ns, 1 - hoped, c + slope), few + 1), none)

    c = _least(lambda c: _walk(law, few, giving_up(c), LEFT_OUT)[:, 1].sum() <= GIVEN_UP_AT_MOST, 20.0)
    return Plan(q, alpha, tuple(ns.tolist()), tuple(few.tolist()), tuple(giving_up(c).tolist()))


def _least(holds: Callable[[float], bool], high: float) -> float:
    """Return a number up to `high`, where it holds, that is hardly above one where it does not, or 0."""
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fewest(ns: Counts, q: float, need: NDArray[np.float64]) -> Counts:
    """Most events out of `ns` that are fewer than `q` lets expect, by `need` nats; -1 if none."""
    low, high = np.full(len(ns), -1), np.ceil(ns * q).astype(np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        far = ns * (special.rel_entr(middle / ns, q) + special.rel_entr(1 - middle / ns, 1 - q)) >= need
        low, high = np.where(far, middle, low), np.where(far, high, middle)
    return low


def _steps(ns: Counts, q: float, left_out: float) -> Steps:
    """Of the draws between looks: a least number of events of probability `q`, and the chances from it on.

    By Bernstein's inequality the chance of any other number is at most `left_out` on either side.
    """
    nats, found = -np.log(left_out), []
    for m in np.diff(ns, prepend=0).tolist():
        reach = nats / 3 + np.sqrt(nats**2 / 9 + 2 * nats * m * q * (1 - q))
        first, last = max(0, int(m * q - reach)), min(m, int(m * q + reach) + 1)
        found.append((first, stats.binom.pmf(np.arange(first, last + 1), m, q)))
    return found


def _walk(steps: Steps, few: Counts, many: Counts, left_out: float) -> NDArray[np.float64]:
    """Chances, shape (looks, 2), that events first are at most `few`, or what was left out, or at least `many`."""
    mass, first, chances = np.ones(1), 0, np.zeros((len(steps), 2))
    for k, (start, more) in enumerate(steps):
        mass, first = np.convolve(mass, more), first + start
        low, high = (min(max(int(x) - first, 0), len(mass)) for x in (few[k] + 1, many[k]))
        on = np.flatnonzero(mass[low:high] > left_out / len(mass)) + low
        a, b = (on[0], on[-1] + 1) if len(on) else (high, high)
        chances[k] = mass[:a].sum() + mass[b:high].sum() + 2 * left_out, mass[high:].sum()
        if not len(on):
            break
        mass, first = mass[a:b], first + a
    return chances
