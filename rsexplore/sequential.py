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
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

# Draws at the first look, how they grow, so that a decision comes at most this much late, and a half that may be any
# number for the level; of votes p_1, the share that n fixed draws certify, and that which the test gives up before n.
FIRST_LOOK, GROWTH, SLOPE, POWER, GIVES_UP = 20, 1.15, 0.5, 0.9, 0.1
HALVINGS, LEFT_OUT = 16, 1e-12  # what is less likely than this share of alpha is not followed, and counts as certified

Steps = list[tuple[int, int, NDArray]]


class Plan(NamedTuple):
    """When to look, and at how many votes for other classes to certify or to give up."""

    sizes: tuple[int, ...]  # draws at which one looks; the last is n
    few: tuple[int, ...]  # at most so many votes against a class certify it; -1 where none do
    many: tuple[int, ...]  # so many of them give it up; more than there are where none do

    def verdict(self, against: int, draws: int) -> int:
        """1 where a class with so many votes against it is certified at this look, -1 where it is given up, else 0."""
        at = self.sizes.index(draws)
        return int(against <= self.few[at]) - int(against >= self.many[at])

    def law(self, q: float) -> NDArray[np.float64]:
        """Chances, shape (looks, 2), that a class of the vote 1 - `q` ends there, certified or given up."""
        few, many = np.array(self.few), np.array(self.many)
        return _walk(_steps(np.array(self.sizes), q, LEFT_OUT), few, many, LEFT_OUT)[:, :2]


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
        Not even n votes out of n certify.
    """
    assert 0 < q <= 0.5, "no two classes may pass at one look"
    growing = FIRST_LOOK * GROWTH ** np.arange(max(0, np.ceil(np.log(n / FIRST_LOOK) / np.log(GROWTH))))
    ns = np.append(growing[growing < n].astype(np.int64), n)
    slope, none, steps = SLOPE * np.log(n / ns), ns + 1, _steps(ns, q, alpha * LEFT_OUT)
    convex = np.floor((ns - 1) * q + 0.5 - np.sqrt(0.25 + (ns - 1) * q * (1 - q))).astype(np.int64)

    def certifying(b: float) -> NDArray:
        return np.minimum(_fewest(ns, q, b + slope), convex)

    def keeps_level(b: float) -> bool:
        chances = _walk(steps, certifying(b), none, alpha * LEFT_OUT, both * q / (1 - q))
        return bool(chances.sum() <= alpha * (1 - 1e-9))

    # by Chernoff's bound at each look the chances to pass add up to less than 32 exp(-b)
    high = min(np.log(32 / alpha), -n * np.log1p(-q) * (1 - 1e-12))
    if not keeps_level(high):
        raise ValueError(f"plan: {n} votes out of n={n} show no vote above {1 - q:.6g} at alpha={alpha:g}; raise n")
    few = certifying(_least(keeps_level, high))
    bent = (ns * q - few) ** 2 * (1 + 1e-9) >= (ns - few) * q**2 + few * (1 - q) ** 2
    assert (bent | (few < 0)).all(), "g must be convex"
    fixed = max(int(stats.binom.ppf(alpha, n, q)) - 1, 0)
    hoped = float(special.betainccinv(fixed + 1, n - fixed, POWER))
    law = _steps(ns, hoped, LEFT_OUT)

    def giving_up(c: float) -> NDArray:
        return np.where(ns < n, np.maximum(ns - _fewest(ns, 1 - hoped, c + slope), few + 1), none)

    c = _least(lambda c: _walk(law, few, giving_up(c), LEFT_OUT)[:, 1].sum() <= GIVES_UP, 20.0)
    return Plan(tuple(ns.tolist()), tuple(few.tolist()), tuple(giving_up(c).tolist()))


def _least(holds: Callable[[float], bool], high: float) -> float:
    """Return a number up to `high`, where it holds, that is hardly above one where it does not, or 0."""
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fewest(ns: NDArray, q: float, need: NDArray) -> NDArray:
    """Most events out of `ns` that are fewer than `q` lets expect, by `need` nats; -1 if none."""
    low, high = np.full(len(ns), -1), np.ceil(ns * q).astype(np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        far = ns * (special.rel_entr(middle / ns, q) + special.rel_entr(1 - middle / ns, 1 - q)) >= need
        low, high = np.where(far, middle, low), np.where(far, high, middle)
    return low


def _steps(ns: NDArray, q: float, left_out: float) -> Steps:
    """Of each look: its draws, a least number of events of probability `q` since the last one, and chances from it on.

    By Bernstein's inequality the chance of any other number is at most `left_out` on either side.
    """
    nats, found = -np.log(left_out), []
    for n, m in zip(ns.tolist(), np.diff(ns, prepend=0).tolist(), strict=True):
        reach = nats / 3 + np.sqrt(nats**2 / 9 + 2 * nats * m * q * (1 - q))
        first, last = max(0, int(m * q - reach)), min(m, int(m * q + reach) + 1)
        found.append((n, first, stats.binom.pmf(np.arange(first, last + 1), m, q)))
    return found


def _walk(steps: Steps, few: NDArray, many: NDArray, left_out: float, odds: float = 0.0) -> NDArray:
    """Chances, shape (looks, 3), that events first are at most `few`, or what is left out, and at least `many`.

    The third are those of `few` where q and 1 - q change places, for `odds` q / (1 - q): a way to an end of n draws and
    f events has the probability q^f (1 - q)^(n - f), which becomes another by odds^(n - 2 f).
    """
    mass, first, chances = np.ones(1), 0, np.zeros((len(steps), 3))
    for k, (n, start, more) in enumerate(steps):
        mass, first = np.convolve(mass, more), first + start
        low, high = (min(max(int(x) - first, 0), len(mass)) for x in (few[k] + 1, many[k]))
        on = np.flatnonzero(mass[low:high] > left_out / len(mass)) + low
        a, b = (on[0], on[-1] + 1) if len(on) else (high, high)
        lost = mass[low:a].sum() + mass[b:high].sum() + 2 * left_out
        turned = mass[:low] @ odds ** (n - 2.0 * (first + np.arange(low))) + (odds > 0) * lost
        chances[k] = mass[:low].sum() + lost, mass[high:].sum(), turned
        if not len(on):
            break
        mass, first = mass[a:b], first + a
    return chances
