"""Laplace noise."""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from scipy import special

from rsexplore.noises.base import Noise
from rsexplore.noises.mean_norms import power_norm


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

    def _mean_norm(self, norm: float, dim: float) -> float:
        if norm == 2:
            return self.scale * power_norm(1.0, norm, dim)
        return self.scale * float(special.digamma(dim + 1) + np.euler_gamma)  # the dim-th harmonic number

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -np.abs(z / self.scale).sum(-1) - z.shape[-1] * log(2 * self.scale)
