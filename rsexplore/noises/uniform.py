"""Uniform noise on a cube."""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Self

import numpy as np

from rsexplore.check import positive
from rsexplore.noises.base import Noise
from rsexplore.noises.mean_norms import cube_length


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

    def _mean_norm(self, norm: float, dim: float) -> float:
        return self.scale * (cube_length(dim) if norm == 2 else dim / (dim + 1))

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        inside = (np.abs(z) <= self.scale).all(-1)
        return np.where(inside, -z.shape[-1] * log(2 * self.scale), -np.inf)
