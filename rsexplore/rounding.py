"""What is left of the votes in a radius that a log prints to a few digits.

The logs of others print radius = sigma PhiInv(p_A), where p_A is the Clopper-Pearson bound of a count that they do not
keep. A printed radius is an interval of radii, so an interval of p_A, so a short run of counts, and another confidence
level is applied to these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.confidence import clopper_pearson_tail
from rsexplore.noises import Gaussian, Noise

# how a program prints a radius; "all digits" is Python's own, as `records.export` writes it
FORMATS: dict[str, Callable[[float], str]] = {
    "3 significant digits": "{:.3}".format,
    "4 decimals": "{:.4f}".format,
    "all digits": repr,
}
CHOICES = ("printed", "lower", "upper")

# In units of sigma. The interval of a printed radius is widened by this at both ends, to cover the errors of floating
# point in the program that printed it and in ours (`confidence.SHAVE` moves PhiInv by less than 1.2e-9).
SLACK = 5e-9
# A bound rounds its radius towards 0 (`bound.SHAVE`), which would take an image off the very radius that is printed for
# it. A printed radius is no certificate to the last digit, so as printed it is read a trifle high instead.
NUDGE = 2.0**-40


@dataclass(frozen=True, eq=False)
class Printed:
    """Printed l2 radii under Gaussian noise."""

    radius: NDArray[np.float64]  # (images,) as printed, in units of the input
    abstained: NDArray[np.bool_]  # (images,)
    noise: Noise
    n: int
    alpha: float  # level at which they were computed
    radius_format: str | None

    def __post_init__(self) -> None:
        as_printed(0.0, self.radius_format)
        if not isinstance(self.noise, Gaussian):
            raise TypeError(f"printed radii are read back for Gaussian noise only, got {self.noise}")

    def radii(self, rounding: str = "printed") -> NDArray[np.float64]:
        """Radii as printed, or the least or the largest ones that are printed so; no larger than n votes can give."""
        chosen = dict(zip(CHOICES, (self.radius, *self._interval()), strict=True))[checked(rounding)]
        return chosen if rounding == "printed" else np.minimum(chosen, self.ceiling())

    def ceiling(self, alpha: float | None = None) -> float:
        """Radius of n votes out of n, which no radius exceeds."""
        q_a = clopper_pearson_tail(self.n, self.n, self.alpha if alpha is None else alpha)
        return float(-self.noise.sigma * special.ndtri(q_a))

    def q_a(self, alpha: float | None = None, rounding: str = "printed") -> NDArray[np.float64]:
        """Upper bounds on 1 - p_A, as described at `records.Records.q_a`."""
        low, high = self._standard()
        if alpha is None or alpha == self.alpha:
            value = {"printed": self.radius / self.noise.sigma, "lower": low, "upper": high}[checked(rounding)]
            value = value + NUDGE * (1 + value) if rounding == "printed" else value
            q_a = np.maximum(special.ndtr(-value), clopper_pearson_tail(self.n, self.n, self.alpha))
        else:
            q_a = clopper_pearson_tail(self._count(low, high, checked(rounding)), self.n, alpha)
        # an abstention leaves no bound on p_A from below
        return q_a if rounding == "upper" else np.where(self.abstained, 1.0, q_a)

    def possible(self, alpha: float | None = None) -> NDArray[np.bool_]:
        """Whether some count, at level `alpha`, has a radius that is printed so; True where they abstained."""
        quantiles = _quantiles(self.n, self.alpha if alpha is None else alpha)
        low, high = self._standard()
        return self.abstained | (np.searchsorted(quantiles, low) < np.searchsorted(quantiles, high, "right"))

    def beyond(self) -> NDArray[np.bool_]:
        """Whether a radius is printed larger than n votes out of n give at every level below 1/2."""
        return self._interval()[0] > self.ceiling(0.5)

    def _count(self, low: NDArray, high: NDArray, rounding: str) -> NDArray[np.int64]:
        quantiles = _quantiles(self.n, self.alpha)
        first, last = np.searchsorted(quantiles, low), np.searchsorted(quantiles, high, "right") - 1
        # where no count fits (the level is not the one stated), these are its two neighbours, in the other order
        least, most = np.minimum(first, last), np.maximum(first, last)
        nearest = np.searchsorted((quantiles[1:] + quantiles[:-1]) / 2, self.radius / self.noise.sigma)
        found = {"printed": np.clip(nearest, least, most), "lower": least, "upper": most}[rounding]
        return np.clip(found + self.n // 2, 0, self.n)

    def _standard(self) -> tuple[NDArray, NDArray]:
        """Ends of PhiInv(p_A)."""
        low, high = (x / self.noise.sigma for x in self._interval())
        low, high = np.maximum(low - SLACK, 0), high + SLACK
        return np.where(self.abstained, -np.inf, low), np.where(self.abstained, -SLACK, high)

    def _interval(self) -> tuple[NDArray, NDArray]:
        """Ends of the radii that are printed so."""
        values, where = np.unique(self.radius, return_inverse=True)
        ends = np.array([_ends(float(value), self.radius_format) for value in values]).reshape(-1, 2)
        return ends[where, 0], ends[where, 1]


def _ends(value: float, radius_format: str | None) -> tuple[float, float]:
    # a float of at most 17 digits has the printed decimal as its repr, and decimals are exact
    decimal = Decimal(repr(value))
    if radius_format == "4 decimals":
        below = above = Decimal("0.00005")
    elif not value or radius_format == "all digits":
        below = above = Decimal(0)
    else:
        above = Decimal(5).scaleb(decimal.adjusted() - 3)
        power_of_ten = decimal == Decimal(1).scaleb(decimal.adjusted())
        below = above / 10 if power_of_ten else above  # digits are finer below a power of ten
    return max(float(decimal - below), 0.0), float(decimal + above)


@lru_cache(maxsize=16)
def _quantiles(n: int, alpha: float) -> NDArray[np.float64]:
    """PhiInv of the Clopper-Pearson bounds of n // 2, ..., n votes: increasing; no fewer votes give a radius."""
    quantiles = -special.ndtri(clopper_pearson_tail(np.arange(n // 2, n + 1), n, alpha))
    quantiles.setflags(write=False)
    return quantiles


def checked(rounding: str) -> str:
    """Return `rounding`, or raise ValueError if it is none of `CHOICES`."""
    if rounding not in CHOICES:
        raise ValueError(f"rounding must be one of {CHOICES}, got {rounding!r}")
    return rounding


def as_printed(radius: float, radius_format: str | None) -> str:
    """Return a radius as a log of that format prints it, or raise ValueError if there is no such format."""
    if radius_format not in FORMATS:
        raise ValueError(f"printed radii need radius_format to be one of {tuple(FORMATS)}, got {radius_format!r}")
    return FORMATS[radius_format](radius)
