"""Gaussian noise."""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Any

import numpy as np

from rsexplore.noises.base import Noise
from rsexplore.noises.mean_norms import chi_mean, power_norm


@dataclass(frozen=True)
class Gaussian(Noise):
    """Independent coordinates N(0, sigma^2)."""

    sigma: float
    dim: int | None = None
    symbols = {"sigma": "sigma"}  # noqa: RUF012  a constant of the class

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.sigma * rng.standard_normal(shape)

    def _mean_norm(self, norm: float, dim: float) -> float:
        return self.sigma * (chi_mean(dim / 2) if norm == 2 else sqrt(2) * power_norm(2.0, norm, dim))

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        return -((z / self.sigma) ** 2).sum(-1) / 2 - z.shape[-1] * (log(self.sigma) + log(2 * pi) / 2)
