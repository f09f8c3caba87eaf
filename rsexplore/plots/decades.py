"""Ends of logarithmic axes: half decades, so that axes change seldom while a slider moves."""

from math import ceil, floor, log10


def below(value: float) -> float:
    """Half decade at or below a positive number."""
    return float(10 ** (floor(2 * log10(value) + 1e-9) / 2))


def above(value: float) -> float:
    """Half decade at or above a positive number."""
    return float(10 ** (ceil(2 * log10(value) - 1e-9) / 2))
