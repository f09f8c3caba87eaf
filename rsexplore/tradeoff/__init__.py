"""Robustness in several l_p norms at once: true regions, and eqs. (22) to (27) of Hayes 2020 as printed."""

from rsexplore.tradeoff.base import Balls, Certifies, Frontier, budget
from rsexplore.tradeoff.exact import balls, exact_pair, frontier, largest_divergence
from rsexplore.tradeoff.printed import (
    printed_divergence,
    printed_equal,
    printed_frontier,
    printed_norms,
    weighted,
)
from rsexplore.tradeoff.witness import Sampled, Witness, sampled_vote, witness

__all__ = [
    "Balls",
    "Certifies",
    "Frontier",
    "Sampled",
    "Witness",
    "balls",
    "budget",
    "exact_pair",
    "frontier",
    "largest_divergence",
    "printed_divergence",
    "printed_equal",
    "printed_frontier",
    "printed_norms",
    "sampled_vote",
    "weighted",
    "witness",
]
