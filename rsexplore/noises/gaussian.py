"""Gaussian noise."""

from dataclasses import dataclass
from math import log, pi
from typing import Any, Self

import numpy as np

from rsexplore.noises.base import Noise


@dataclass(frozen=True)
class Gaussian(Noise):
    """Independent coordinates N(0, sigma^2)."""

    sigma: float
    dim: int | None = None
    symbols = {"sigma": "sigma"}  # noqa: RUF012  a constant of the class

    @classmethod
    def from_sigma(cls, sigma: float, dim: int | None = None) -> Self:
        return cls(sigma, dim)

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.sigma * rng.standard_normal(shape)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -((z / self.sigma) ** 2).sum(-1) / 2 - z.shape[-1] * (log(self.sigma) + log(2 * pi) / 2)
