"""Laplace noise."""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Self

import numpy as np

from rsexplore.noises.base import Noise, positive


@dataclass(frozen=True)
class Laplace(Noise):
    """Independent coordinates with density exp(-|x| / scale) / (2 scale)."""

    scale: float
    dim: int | None = None
    symbols = {"lambda": "scale"}  # noqa: RUF012
    natural_norm = 1.0

    @property
    def sigma(self) -> float:
        return sqrt(2) * self.scale

    @classmethod
    def from_sigma(cls, sigma: float, dim: int | None = None) -> Self:
        positive(cls.__name__, "sigma", sigma)
        return cls(sigma / sqrt(2), dim)

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.scale * (rng.standard_exponential(shape) - rng.standard_exponential(shape))

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -np.abs(z / self.scale).sum(-1) - z.shape[-1] * log(2 * self.scale)
