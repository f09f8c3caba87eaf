"""Generalized Gaussian noise."""

from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import Any

import numpy as np

from rsexplore.noises.base import Noise
from rsexplore.noises.gaussian import Gaussian
from rsexplore.noises.laplace import Laplace
from rsexplore.noises.mean_norms import power_norm


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

    def _mean_norm(self, norm: float, dim: float) -> float:
        return self.scale * power_norm(self.shape, norm, dim)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        constant = log(self.shape) - log(2 * self.scale) - lgamma(1 / self.shape)
        return -(np.abs(z / self.scale) ** self.shape).sum(-1) + z.shape[-1] * constant
