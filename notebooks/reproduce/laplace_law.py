"""Laplace noise in detail: the witness of Theorem 3, the law of T(x), and where its bounds win (Teng et al. 2020)."""

from dataclasses import dataclass
from itertools import product
from math import exp, isclose, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from rsexplore import bounds
from rsexplore.check import positive
from rsexplore.noises import Laplace

MOST_COORDINATES = 6  # alternating sums over corners of the shift's box: beyond, they lose too many digits


def theorem_1_terms(noise: Laplace, p_a: ArrayLike, p_b: ArrayLike | None = None) -> list[Any]:
    """Half the log-ratio (Lecuyer et al.) and the term from complements (Li et al.), as radii in input units.

    The larger one is the radius of Theorem 1; arguments as for `Bound.radius`.
    """
    return [bounds.get(key).radius(noise, p_a, p_b=p_b) for key in ("lecuyer-l1", "li-l1")]


def remark_2_interval(p_a: ArrayLike) -> tuple[NDArray, NDArray]:
    """Least and largest p_B at which the second term of Theorem 1 is the larger: (1 - p_A)^2 / p_A and p_A.

    The roots that Remark 2 prints are these, since 1 - 4 p_A (1 - p_A) = (2 p_A - 1)^2; in the order given for
    p_A >= 1/2 and swapped below, where nothing is inside. Shape of `p_a`, which is in (0, 1].
    """
    p_a = np.asarray(p_a, dtype=float)
    return (1 - p_a) ** 2 / p_a, p_a.copy()


def figure_4_region(p_a: ArrayLike, p_b: ArrayLike) -> NDArray:
    """Whether the new term beats the old one (Figure 4), in {-1, 0, 1}; nan where p_B > min(p_A, 1 - p_A)."""
    p_a, p_b = np.broadcast_arrays(np.asarray(p_a, dtype=float), np.asarray(p_b, dtype=float))
    old, new = theorem_1_terms(Laplace(1.0), p_a, p_b)
    with np.errstate(invalid="ignore"):
        sign = np.where(np.isclose(new, old, rtol=1e-12, atol=0), 0.0, np.sign(new - old))
    return np.where((p_b > p_a) | (p_b > 1 - p_a), np.nan, sign)


@dataclass(frozen=True)
class HalfLine:
    """The classifier of Theorem 3: class A where z_1 <= threshold; the noise is moved along the first axis."""

    scale: float
    threshold: float

    @classmethod
    def of(cls, noise: Laplace, q_a: float) -> "HalfLine":
        """The witness at 1 - p_A = `q_a` <= 1/2; its threshold is the radius of Theorem 2."""
        if not 0 < q_a <= 0.5:
            raise ValueError(f"HalfLine: q_a must be in (0, 1/2], got q_a={q_a}")
        return cls(noise.scale, -noise.scale * log(2 * q_a))

    def other(self, shift: float) -> float:
        """Probability of the other class when the input has moved by `shift` towards it."""
        ahead = (self.threshold - shift) / self.scale
        return exp(-ahead) / 2 if ahead >= 0 else 1 - exp(ahead) / 2


class Inverse(NamedTuple):
    """Least t with P(T <= t) >= level, and whether P(T <= t) = level there: not inside the jump of an atom."""

    value: float
    exists: bool


@dataclass(frozen=True)
class LikelihoodLaw:
    """Law of T(x) = ||x - shift||_1 - ||x||_1 for Laplace noise x; the log-likelihood ratio is -T / scale.

    With a = 1 / (2 scale) each coordinate w of the shift has the law e^(a (t - w)) / 2 times an atom of 1 at w, one at
    -w, and the density a between: (1 + a J) d_(-w) + (1 - a J) d_w, with J for integration from -inf and d_y for an
    atom at y. So the law of the sum is e^(a t) times a product of these: a sum over the corners of the shift's box.
    """

    scale: float
    shift: tuple[float, ...]

    def __post_init__(self) -> None:
        positive("LikelihoodLaw", "scale", self.scale)
        object.__setattr__(self, "shift", tuple(abs(float(x)) for x in self.shift if x != 0))
        if not 0 < len(self.shift) <= MOST_COORDINATES:
            raise ValueError(f"LikelihoodLaw: shift must have 1 to 6 coordinates that are not 0, got {len(self.shift)}")

    @property
    def atoms(self) -> dict[float, float]:
        """Points of positive probability, in increasing order, and their probabilities."""
        signs, top = np.array([*product((-1, 1), repeat=len(self.shift))]), sum(self.shift)
        at = signs @ self.shift
        weights = np.exp((at - top) / (2 * self.scale)) / len(at)
        # corners at one point are one atom
        _, first, which = np.unique(np.round(at / top, 12), return_index=True, return_inverse=True)
        return dict(zip(at[first].tolist(), np.bincount(which, weights).tolist(), strict=True))

    def cdf(self, t: ArrayLike) -> NDArray:
        """P(T <= t), for t of shape (...)."""
        t, rate, top = np.asarray(t, dtype=float), 1 / (2 * self.scale), sum(self.shift)
        reached = t + 1e-12 * top  # an atom is where rounding puts it
        total = np.zeros(t.shape)
        for signs in product((-1, 1), repeat=len(self.shift)):
            at = float(np.dot(signs, self.shift))
            ahead, weight = rate * np.clip(t, at, top) - rate * at, exp(rate * (at - top))
            # (a J)^k d_at stands for the integral of e^x x^(k - 1) / (k - 1)!, of which each gives the next
            atom, *factors = np.poly(signs)
            power = np.exp(ahead + rate * (at - top))
            part = power - weight
            total = total + np.where(reached >= at, atom * weight, 0.0)
            for k, factor in enumerate(factors, 1):
                total = total + factor * part
                power = power * ahead / k
                part = power - part
        return np.where(reached >= top, 1.0, total / 2 ** len(self.shift))

    def quantile(self, level: float) -> Inverse:
        """Least t with P(T <= t) >= level, for a level in (0, 1); `exists` says whether the two are equal there."""
        if not 0 < level < 1:
            raise ValueError(f"quantile: level must be in (0, 1), got level={level}")
        for at, weight in self.atoms.items():
            reached = float(self.cdf(at))
            if reached - weight <= level <= reached:
                return Inverse(at, isclose(level, reached, rel_tol=1e-12))
        ends = -sum(self.shift), sum(self.shift)
        return Inverse(brentq(lambda t: float(self.cdf(t)) - level, *ends, xtol=1e-15 * ends[1]), True)
