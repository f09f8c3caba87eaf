"""The exponential mechanism in the l_inf norm."""

from dataclasses import dataclass
from math import inf, lgamma, log, prod, sqrt
from typing import Any

import numpy as np

from rsexplore.noises.base import Noise
from rsexplore.noises.laplace import Laplace
from rsexplore.noises.mean_norms import cube_length


@dataclass(frozen=True)
class ExponentialLinf(Noise):
    """Density proportional to exp(-||z||_inf / scale) on R^dim; its coordinates are not independent.

    ||z||_inf is Gamma(dim, scale). Unified framework 2020, eq. (6) and Remark 14.
    """

    scale: float
    dim: int = None  # type: ignore[assignment]  # must be given
    needs_dim = True

    @property
    def natural_norm(self) -> float:  # type: ignore[override]
        return 1.0 if self.dim == 1 else inf

    @property
    def canonical(self) -> Noise:
        return Laplace(self.scale, 1) if self.dim == 1 else self

    @property
    def sigma(self) -> float:
        return self.scale * sqrt((self.dim + 1) * (self.dim + 2) / 3)

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        dim = prod(shape[1:])
        if dim != self.dim:
            raise ValueError(f"ExponentialLinf: shape must have dim={self.dim} coordinates a draw, got shape={shape}")
        size = (shape[0], *(1 for _ in shape[1:]))
        return self.scale * rng.standard_gamma(dim + 1.0, size) * (2 * rng.random(shape) - 1)

    def _mean_norm(self, norm: float, dim: float) -> float:
        # ||z||_inf is Gamma(dim, scale); z is R u with R from Gamma(dim + 1, scale) and u uniform on the unit cube
        return self.scale * ((dim + 1) * cube_length(dim) if norm == 2 else dim)

    def log_density(self, z: Any) -> Any:
        z = np.asarray(z)
        # the cube of half-side t has volume (2t)^dim, so the constant is (2 scale)^dim dim!
        dim = z.shape[-1]
        return -np.abs(z / self.scale).max(-1) - dim * log(2 * self.scale) - lgamma(dim + 1)
