"""Noise of independent coordinates. Generalized Gaussian noise is Laplace at shape 1 and Gaussian at shape 2."""

from dataclasses import dataclass
from math import exp, lgamma, log, pi, sqrt
from typing import Any, Self

import numpy as np
from scipy import special

from rsexplore.check import positive
from rsexplore.noises.base import Noise
from rsexplore.noises.mean_norms import checked, chi_mean, cube_length, gamma_power_length, mean_maximum


@dataclass(frozen=True)
class Gaussian(Noise):
    """Independent coordinates N(0, sigma^2)."""

    sigma: float
    dim: int | None = None
    symbols = {"sigma": "sigma"}  # noqa: RUF012  a constant of the class

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.sigma * rng.standard_normal(shape)

    def mean_norm(self, norm: float) -> float:
        dim = checked(self.family, norm, self.dim)
        if norm == 2:
            return self.sigma * chi_mean(dim / 2)
        reach = sqrt(2 * log(dim) + 90)
        return self.sigma * mean_maximum(lambda t: special.erfc(t / sqrt(2)), dim, reach)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -((z / self.sigma) ** 2).sum(-1) / 2 - z.shape[-1] * (log(self.sigma) + log(2 * pi) / 2)


@dataclass(frozen=True)
class Laplace(Noise):
    """Independent coordinates with density exp(-|x| / scale) / (2 scale)."""

    scale: float
    dim: int | None = None
    natural_norm = 1.0

    @property
    def sigma(self) -> float:
        return sqrt(2) * self.scale

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.scale * (rng.standard_exponential(shape) - rng.standard_exponential(shape))

    def mean_norm(self, norm: float) -> float:
        dim = checked(self.family, norm, self.dim)
        if norm == 2:
            return self.scale * gamma_power_length(1.0, dim)
        return self.scale * float(special.digamma(dim + 1) + np.euler_gamma)  # the dim-th harmonic number

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -np.abs(z / self.scale).sum(-1) - z.shape[-1] * log(2 * self.scale)


@dataclass(frozen=True)
class Uniform(Noise):
    """Independent coordinates, uniform on [-scale, scale]."""

    scale: float
    dim: int | None = None
    natural_norm = 1.0

    @property
    def sigma(self) -> float:
        return self.scale / sqrt(3)

    @classmethod
    def from_sigma(cls, sigma: float, dim: int | None = None, **fields: float) -> Self:
        positive(cls.__name__, "sigma", sigma)
        return cls(sigma * sqrt(3), dim, **fields)  # to the last bit what logs hold, which a quotient is not

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.scale * (2 * rng.random(shape) - 1)

    def mean_norm(self, norm: float) -> float:
        dim = checked(self.family, norm, self.dim)
        return self.scale * (cube_length(dim) if norm == 2 else dim / (dim + 1))

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        inside = (np.abs(z) <= self.scale).all(-1)
        return np.where(inside, -z.shape[-1] * log(2 * self.scale), -np.inf)


@dataclass(frozen=True)
class GeneralizedGaussian(Noise):
    """Independent coordinates with density shape exp(-|x / scale|^shape) / (2 scale Gamma(1 / shape)).

    Laplace(scale) at shape 1; Gaussian of deviation scale / sqrt(2) at shape 2; uniform as the shape grows.
    Hayes 2020, eq. (13).
    """

    scale: float
    shape: float = 2.0
    dim: int | None = None
    symbols = {"lambda": "scale", "s": "shape"}  # noqa: RUF012

    @property
    def sigma(self) -> float:
        return self.scale * exp((lgamma(3 / self.shape) - lgamma(1 / self.shape)) / 2)

    @property
    def natural_norm(self) -> float:  # type: ignore[override]
        """That of the shape; the least norm below shape 1."""
        return max(self.shape, 1.0)

    @property
    def canonical(self) -> Noise:
        if self.shape == 2:
            return Gaussian(self.scale / sqrt(2), self.dim)
        return Laplace(self.scale, self.dim) if self.shape == 1 else self

    @property
    def label(self) -> str:
        return f"{super().label}, shape {self.shape:g}"

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        # |x / scale|^shape is Gamma(1 / shape); written with arithmetic alone, so that any array library may draw
        sign = 2.0 * (rng.random(shape) < 0.5) - 1.0
        return self.scale * sign * rng.standard_gamma(1 / self.shape, shape) ** (1 / self.shape)

    def mean_norm(self, norm: float) -> float:
        dim = checked(self.family, norm, self.dim)
        if norm == 2:
            return self.scale * gamma_power_length(self.shape, dim)
        reach = (log(dim) + 45) ** (1 / self.shape)
        return self.scale * mean_maximum(lambda t: special.gammaincc(1 / self.shape, t**self.shape), dim, reach)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        constant = log(self.shape) - log(2 * self.scale) - lgamma(1 / self.shape)
        return -(np.abs(z / self.scale) ** self.shape).sum(-1) + z.shape[-1] * constant
