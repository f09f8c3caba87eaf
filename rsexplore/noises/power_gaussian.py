"""Gaussian noise with a power of the norm that pulls it towards the centre: the three families of the soap bubbles."""

from dataclasses import dataclass
from math import inf, lgamma, log, pi, prod, sqrt
from typing import Any, Self

import numpy as np

from rsexplore.check import positive
from rsexplore.noises.base import Noise
from rsexplore.noises.gaussian import Gaussian
from rsexplore.noises.largest_coordinate import LargestCoordinate, largest_coordinate
from rsexplore.noises.mean_norms import chi_mean, cube_length


@dataclass(frozen=True)
class PowerGaussian(Noise):
    """Density proportional to ||z||_power_norm^-k exp(-||z||_tail_norm^2 / (2 scale^2)) on R^dim, 0 <= k < dim.

    Soap bubbles 2020: norms (2, 2) are eq. (8), (inf, 2) eq. (9), (inf, inf) eq. (10). For k > 0 the density is
    infinite at 0. In all three the norm of the tail is scale * sqrt(2 G) with G of the law Gamma((dim - k) / 2), and is
    independent of the direction.
    """

    scale: float
    k: float = 0.0
    dim: int = None  # type: ignore[assignment]  # must be given
    power_norm: float = 2
    tail_norm: float = 2
    free_fields, needs_dim = ("k", "power_norm", "tail_norm"), True
    symbols = {"lambda": "scale", "k": "k", "a": "power_norm", "b": "tail_norm"}  # noqa: RUF012

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.k < self.dim:
            raise ValueError(f"{self.family}: k must be in [0, dim), got k={self.k} with dim={self.dim}")
        if (self.power_norm, self.tail_norm) not in ((2, 2), (inf, 2), (inf, inf)):
            raise ValueError(
                f"{self.family}: (power_norm, tail_norm) must be (2, 2), (inf, 2) or (inf, inf), "
                f"got power_norm={self.power_norm}, tail_norm={self.tail_norm}"
            )

    @property
    def gamma(self) -> float:
        """Shape of the Gamma law of ||z||_tail_norm^2 / (2 scale^2)."""
        return (self.dim - self.k) / 2

    @property
    def sigma(self) -> float:
        spread = 1.0 if self.tail_norm == 2 else sqrt((self.dim + 2) / 3)
        return self.scale * (sqrt((self.dim - self.k) / self.dim) * spread)

    @property
    def canonical(self) -> Noise:
        plain = self.k == 0 and (self.tail_norm == 2 or self.dim == 1)
        return Gaussian(self.scale, self.dim) if plain else self

    @property
    def natural_norm(self) -> float:  # type: ignore[override]
        """That of the shells; 2 where it is Gaussian."""
        return 2.0 if self.canonical is not self else self.power_norm

    @property
    def label(self) -> str:
        return f"{super().label}, k = {self.k:g}"

    @classmethod
    def matched(cls, sigma0: float, k: float, dim: int, *, power_norm: float = 2, tail_norm: float = 2) -> Self:
        """Return the member that the paper compares with N(0, sigma0^2): the modes of ||z||_tail_norm^(2, 2) agree.

        scale = sqrt((dim - 1) / (dim - 1 - k)) sigma0, which needs k < dim - 1. The paper says "expectation of the
        norm"; the means differ, by 1.6e-5 of themselves at dim 3072, k = 500.
        """
        positive(cls.__name__, "sigma0", sigma0)
        if not 0 <= k < dim - 1:
            raise ValueError(f"{cls.__name__}: k must be in [0, dim - 1) to match modes, got k={k} with dim={dim}")
        return cls(sqrt((dim - 1) / (dim - 1 - k)) * sigma0, k, dim, power_norm, tail_norm)

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        dim = prod(shape[1:])
        if dim != self.dim:
            raise ValueError(f"{self.family}: shape must have dim={self.dim} coordinates a draw, got shape={shape}")
        count = shape[0]
        if self.power_norm == 2:
            normal = rng.standard_normal((count, dim))
            length = (2 * rng.standard_gamma(self.gamma, (count, 1))) ** 0.5
            unit = normal * (length / (normal * normal).sum(axis=1, keepdims=True) ** 0.5)
        elif self.tail_norm == 2:
            unit = self._law.draw(rng, count)
        else:
            # a point of a cube's surface, times a radius, is also a point of the whole cube, times a mixed radius:
            # no maximum to be taken, so any array library may draw
            wide = rng.random((count, 1)) >= self.k / dim
            half_square = rng.standard_gamma(self.gamma, (count, 1)) + wide * rng.standard_exponential((count, 1))
            unit = (2 * half_square) ** 0.5 * (2 * rng.random((count, dim)) - 1)
        return (self.scale * unit).reshape(shape)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z) / self.scale
        largest = np.abs(z).max(-1)
        euclid = np.sqrt((z**2).sum(-1))
        power = euclid if self.power_norm == 2 else largest
        tail = euclid if self.tail_norm == 2 else largest
        with np.errstate(divide="ignore"):
            pull = self.k * np.log(power) if self.k else 0.0
        return -pull - tail**2 / 2 - self._log_constant - self.dim * log(self.scale)

    @property
    def _log_constant(self) -> float:
        """Logarithm of the integral of the density's shape at scale 1."""
        radial = (self.gamma - 1) * log(2) + lgamma(self.gamma)
        if self.power_norm == 2:
            return log(2) + self.dim / 2 * log(pi) - lgamma(self.dim / 2) + radial
        if self.tail_norm == 2:
            return self._law.log_constant
        return self.dim * log(2) + log(self.dim) + radial

    @property
    def _law(self) -> LargestCoordinate:
        return largest_coordinate(self.dim, self.k)

    def _mean_norm(self, norm: float, dim: float) -> float:
        length = self.scale * chi_mean(self.gamma)
        if norm == self.tail_norm:
            return length
        if norm == 2:
            # a point of the whole cube is one of its surface times U^(1/dim), of mean dim / (dim + 1)
            return length * cube_length(dim) * (dim + 1) / dim
        if self.power_norm == 2:
            # a direction's largest coordinate is that of a Gaussian vector over its length, which are independent
            return length * Gaussian(1.0, self.dim).mean_norm(inf) / chi_mean(dim / 2)
        return super()._mean_norm(norm, dim)

    @property
    def variance_norm(self) -> float:
        """Variance of ||z||_2; what it lacks of a difference is some 1e-15 dim."""
        if self.tail_norm == 2:
            return self.scale**2 * (2 * self.gamma - chi_mean(self.gamma) ** 2)
        return self.scale**2 * 2 * self.gamma * (self.dim + 2) / 3 - self.mean_norm() ** 2

    @property
    def mode_norm(self) -> float:
        """Mode of ||z||_tail_norm; 0 where its density falls from the start."""
        return self.scale * sqrt(max(self.dim - 1 - self.k, 0.0))

    def norm_density(self, radius: Any) -> Any:
        """Density of ||z||_tail_norm at `radius` > 0 (Lemma 2; Figure 1 for the norms (2, 2))."""
        x = np.asarray(radius, dtype=float) / self.scale
        shape = 2 * self.gamma
        constant = log(2) - self.gamma * log(2) - lgamma(self.gamma)
        with np.errstate(divide="ignore"):
            return np.exp((shape - 1) * np.log(x) - x**2 / 2 + constant) / self.scale
