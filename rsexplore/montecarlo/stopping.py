"""The end of an image before its last draw: as soon as a wanted radius is certified, or ruled out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.check import is_number
from rsexplore.confidence import decision, stopped_tail
from rsexplore.log import AT_N, CERTIFIED, GIVEN_UP
from rsexplore.montecarlo.engine import Looks, Votes
from rsexplore.noises import Noise

FIRST_LOOK = 20
GROWTH = 1.15  # a decision comes at most this much later than it could
HALVINGS = 200


@dataclass(frozen=True)
class Stop:
    """What ends an image: its bound on 1 - p_A holds wherever it ends (`stopped_tail`), so any end keeps alpha."""

    radius: float
    norm: float
    bound: str  # key
    q_a: float  # largest bound on 1 - p_A that certifies the radius
    alpha: float
    n: int

    def header(self) -> Mapping[str, Any]:
        """Entry of a log's header."""
        rule = "beta-mixture, clopper-pearson at n"
        return {"rule": rule, "radius": self.radius, "norm": self.norm, "bound": self.bound, "q_a": self.q_a}

    def looks(self) -> Looks:
        """When counts are looked at: at numbers of draws that grow by a constant factor."""
        sizes, size = [], float(FIRST_LOOK)
        while size < self.n:
            sizes.append(int(size))
            size *= GROWTH
        return Looks((*sizes, self.n), self.enough)

    def enough(self, counts: Votes) -> bool:
        """Whether the counts (2, classes) of selection and estimation decide on the radius."""
        return self._decision(counts) != 0

    def end(self, counts: Votes) -> str:
        """What ended an image of these counts."""
        return AT_N if counts[1].sum() == self.n else CERTIFIED if self._decision(counts) > 0 else GIVEN_UP

    def _decision(self, counts: Votes) -> int:
        return int(decision(counts[1, counts[0].argmax()], counts[1].sum(), self.q_a, self.alpha / 2))


def stop_at(radius: Any, bound: Any, norm: float | None, noise: Noise, n: int, alpha: float) -> Stop:
    """Return what ends an image once `bound` certifies `radius`.

    Raises
    ------
    ValueError
        The radius is not positive, or n votes out of n do not certify it; the bound is no certificate.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    bound = named(bound)
    if not isinstance(bound, Bound) or not bound.certifies:
        raise ValueError(
            'certify: a wanted radius needs a proved bound, such as bound=rsexplore.bounds.get("cohen-l2"), '
            f"got bound={getattr(bound, 'key', bound)}"
        )
    if not is_number(radius) or not 0 < radius < np.inf:
        raise ValueError(f"certify: the wanted radius must be positive and finite, got radius={radius!r}")
    q_a = _needed_tail(float(radius), bound, norm, noise)
    if not (best := float(stopped_tail(n, n, n, alpha))) <= q_a:
        largest = float(bound.radius(noise, q_a=best, norm=norm))
        raise ValueError(
            f"certify: {n} votes out of n={n} certify a radius of {largest:.4g} at alpha={alpha:g}, "
            f"less than the wanted radius={radius:g}; raise n"
        )
    native = bound.norm if norm is None else norm
    assert native is not None  # bound.radius has refused it
    return Stop(float(radius), float(native), bound.key, q_a, float(alpha), int(n))


def _needed_tail(radius: float, bound: Bound, norm: float | None, noise: Noise) -> float:
    """Return the largest q_a, but for rounding, whose radius is at least `radius`; nan if there is none."""

    def certifies(log_q: float) -> bool:
        return float(bound.radius(noise, q_a=float(np.exp(log_q)), norm=norm)) >= radius

    low, high = -690.0, float(np.log(0.5))  # of log q_a
    if not certifies(low):
        return float("nan")
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if certifies(middle) else (low, middle)
    # a hair less, so that a decision for the radius is one in every digit of the bound that is read from its votes
    return float(np.exp(low) * (1 - 2.0**-30))
