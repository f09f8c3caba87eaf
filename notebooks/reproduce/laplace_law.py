"""Laplace noise in detail: the witness of Theorem 3, the law of T(x), and where its bounds win (Teng et al. 2020)."""

from dataclasses import dataclass
from itertools import combinations, product
from math import exp, factorial, isclose, log, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import bounds
from rsexplore.check import positive
from rsexplore.noises import Laplace

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
MOST_COORDINATES = 6  # alternating sums over subsets of the shifted coordinates: beyond, they lose too many digits


class Terms(NamedTuple):
    """The two radii of Theorem 1: half the log-ratio (Lecuyer et al.), and that from complements (Li et al.)."""

    ratio: NDArray
    complement: NDArray


def theorem_1_terms(noise: Laplace, p_a: ArrayLike, p_b: ArrayLike | None = None) -> Terms:
    """Both terms of Theorem 1, whose larger one is its radius; arguments as for `Bound.radius`, in input units."""
    lecuyer, li = (bounds.get(key).radius(noise, p_a, p_b=p_b) for key in ("lecuyer-l1", "li-l1"))
    return Terms(lecuyer, li)


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


class Quantile(NamedTuple):
    """Least t with P(T <= t) >= level, and whether P(T <= t) = level there: not inside the jump of an atom."""

    value: float
    exists: bool


@dataclass(frozen=True)
class LikelihoodLaw:
    """Law of T(x) = ||x - shift||_1 - ||x||_1 for Laplace noise x; the log-likelihood ratio is -T / scale.

    Each shifted coordinate adds an atom of 1/2 at |shift_i|, one of exp(-|shift_i| / scale) / 2 at -|shift_i|, and
    between them the density exp((t - |shift_i|) / (2 scale)) / (4 scale). All have the same rate, so that the sum over
    coordinates has the density exp(t / (2 scale)) times a spline: exact for up to six shifted coordinates.
    """

    scale: float
    shift: tuple[float, ...]

    def __post_init__(self) -> None:
        positive("LikelihoodLaw", "scale", self.scale)
        object.__setattr__(self, "shift", tuple(abs(float(x)) for x in self.shift if x != 0))
        if not 0 < len(self.shift) <= MOST_COORDINATES:
            raise ValueError(f"LikelihoodLaw: shift must have 1 to 6 coordinates that are not 0, got {len(self.shift)}")

    @property
    def _slack(self) -> float:
        return 1e-12 * sum(self.shift)  # an atom is where rounding puts it

    @property
    def atoms(self) -> dict[float, float]:
        """Points of positive probability, in increasing order, and their probabilities."""
        found: dict[float, float] = {}
        for signs in product((-1, 1), repeat=len(self.shift)):
            at = sum(s * x for s, x in zip(signs, self.shift, strict=True))
            at = next((known for known in found if isclose(known, at, abs_tol=self._slack)), at)
            weight = prod((1 if s > 0 else exp(-x / self.scale)) / 2 for s, x in zip(signs, self.shift, strict=True))
            found[at] = found.get(at, 0.0) + weight
        return dict(sorted(found.items()))

    def cdf(self, t: ArrayLike) -> NDArray:
        """P(T <= t), for t of shape (...)."""
        t = np.asarray(t, dtype=float)
        total = np.zeros(t.shape)
        for at, weight in self.atoms.items():
            total = total + np.where(t >= at - self._slack, weight, 0.0)
        for size in range(1, len(self.shift) + 1):
            for smooth in combinations(range(len(self.shift)), size):
                total = total + self._smooth_part(t, smooth)
        return np.where(t >= sum(self.shift) - self._slack, 1.0, np.minimum(total, 1.0))

    def _smooth_part(self, t: NDArray, smooth: tuple[int, ...]) -> NDArray:
        """P(T <= t and just the coordinates `smooth` are between their atoms)."""
        widths = [self.shift[i] for i in smooth]
        fixed = [x for i, x in enumerate(self.shift) if i not in smooth]
        total = np.zeros(t.shape)
        for signs in product((-1, 1), repeat=len(fixed)):
            at = sum(s * x for s, x in zip(signs, fixed, strict=True))
            weight = prod((1 if s > 0 else exp(-x / self.scale)) / 2 for s, x in zip(signs, fixed, strict=True))
            total = total + weight * self._spline(t - at, widths)
        return total

    def _spline(self, t: NDArray, widths: list[float]) -> NDArray:
        """Integral to t of exp((u - sum) / (2 scale)) / (4 scale)^n times the volume of {sum t_i = u} in the box."""
        n, rate, top = len(widths), 1 / (2 * self.scale), sum(widths)
        t = np.minimum(t, top)
        total = np.zeros(t.shape)
        for signs in product((-1, 1), repeat=n):
            start = sum(s * w for s, w in zip(signs, widths, strict=True))
            length = np.maximum(t - start, 0)
            back = length[..., None] * (NODES + 1) / 2  # distance below t
            inside = np.exp(-rate * back) * (length[..., None] - back) ** (n - 1)
            term = (inside @ WEIGHTS) * length / 2 * np.exp(rate * (np.maximum(t, start) - top))
            total = total + (-1) ** signs.count(1) * term
        return total / factorial(n - 1) * (rate / 2) ** n

    def quantile(self, level: float) -> Quantile:
        """Least t with P(T <= t) >= level, for a level in (0, 1); `exists` says whether the two are equal there."""
        if not 0 < level < 1:
            raise ValueError(f"quantile: level must be in (0, 1), got level={level}")
        for at, weight in self.atoms.items():
            reached = float(self.cdf(at))
            if reached - weight <= level <= reached:
                return Quantile(at, isclose(level, reached, rel_tol=1e-12))
        low, high = -sum(self.shift), sum(self.shift)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (low, middle) if self.cdf(middle) >= level else (middle, high)
        return Quantile(high, True)

    def draw(self, rng: np.random.Generator, n: int) -> NDArray:
        """`n` draws of T, from its definition."""
        shift = np.array(self.shift)
        x = Laplace(self.scale).draw(rng, (n, len(shift)))
        return np.abs(x - shift).sum(1) - np.abs(x).sum(1)


def on_axis_quantile(scale: float, length: float, level: float) -> Quantile:
    """`LikelihoodLaw.quantile` in closed form, for a shift of that length along one axis."""
    if not 0 < level < 1:
        raise ValueError(f"on_axis_quantile: level must be in (0, 1), got level={level}")
    least = exp(-length / scale) / 2
    if level <= least:
        return Quantile(-length, level == least)
    return Quantile(length, False) if level >= 0.5 else Quantile(length + 2 * scale * log(2 * level), True)
