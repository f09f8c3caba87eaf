"""Splitting noise: an offset cuts the range of every pixel into parts, and of a pixel only its part is told."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsexplore.check import positive, whole
from rsexplore.noises.base import Noise


@dataclass(frozen=True)
class Splitting(Noise):
    """Each pixel becomes the middle of the part of [0, 1] that it lies in; the vote is exact (Levine and Feizi 2021).

    One offset b, uniform on 0, 1, ..., 2 scale levels - 1, is shared by all pixels. Pixel i is cut at s_i = (j + 1/2) /
    levels, where j = (b + v_i) mod (2 scale levels), and at s_i plus multiples of 2 scale; each cut hits it with the
    same chance, and never on a multiple of 1 / levels. The shifts v_i are fixed by `seed`: part of the classifier.
    """

    scale: float  # lambda
    levels: int  # q: pixels are whole multiples of 1 / q in [0, 1]
    dim: int | None = None
    seed: int = 0
    natural_norm = 1.0

    def __post_init__(self) -> None:
        positive(self.family, "scale", self.scale)
        object.__setattr__(self, "levels", whole(self.family, "levels", self.levels))
        if self.dim is not None:
            object.__setattr__(self, "dim", whole(self.family, "dim", self.dim))
        if not (isinstance(self.seed, int) and 0 <= self.seed < 2**32):
            raise ValueError(f"{self.family}: seed must be a whole number from 0 to 2^32 - 1, got seed={self.seed!r}")
        cuts = 2 * float(self.scale) * self.levels
        if not (1 <= round(cuts) <= 2**20 and abs(cuts - round(cuts)) <= 1e-9 * cuts and self.levels <= 2**20):
            raise ValueError(
                f"{self.family}: 2 scale levels, the number of offsets, must be a whole number up to 2^20, got {cuts:g}"
                f" for scale={self.scale} and levels={self.levels}; scale={max(round(cuts), 1) / 2 / self.levels:g} is"
            )
        object.__setattr__(self, "scale", round(cuts) / (2 * self.levels))

    @property
    def outcomes(self) -> int:  # type: ignore[override]
        return round(2 * self.scale * self.levels)

    @property
    def sigma(self) -> float:
        """Deviation of the uniform noise that has the same certificate."""
        return self.scale / sqrt(3)

    @property
    def label(self) -> str:
        return f"{self.family} λ = {self.scale:.4g}"

    def steps(self, images: Any) -> Any:
        """Pixels in steps of the grid, from 0 to `levels`, in the images' own type; refuses others."""
        wide = images * self.levels
        found = (wide + 0.5) // 1
        wrong = ~((abs(wide - found) <= 5e-7 * found.clip(min=1)) & (found >= 0) & (found <= self.levels))
        if wrong.any():
            raise ValueError(
                f"{self.family}: pixels must be whole multiples of 1/{self.levels} from 0 to 1, got "
                f"{float(images[wrong][0]):.9g}; round the images, or say their own levels="
            )
        return found

    def apply(self, images: Any, rng: Any, n: int | None = None) -> Any:
        pixels, cuts = 2 * self.steps(images).reshape(len(images), -1), self.outcomes
        shifts, base = _shifts(self.seed, cuts, pixels.shape[1]), (rng.random((n or len(images), 1)) * cuts) // 1
        if hasattr(pixels, "new_tensor"):  # torch's; float32 holds all these whole numbers, in half the memory
            shifts, base = pixels.new_tensor(shifts), base.to(pixels)
        # in steps of 1 / (2 levels), in which a pixel is even and a cut odd
        cut = 2 * ((shifts + base) % cuts) + 1
        low = cut + (pixels - cut) // (2 * cuts) * (2 * cuts)
        middle = (low.clip(min=0) + (low + 2 * cuts).clip(max=2 * self.levels)) / (4 * self.levels)
        return middle.reshape(-1, *images.shape[1:])

    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        raise TypeError(f"{self!r} is not added to images; noisy copies are made by apply(images, rng)")

    def log_density(self, z: Any) -> Any:
        raise TypeError(f"{self!r} is not added to images, and has no density")


@lru_cache(maxsize=4)
def _shifts(seed: int, cuts: int, dim: int) -> NDArray[np.float64]:
    return np.random.RandomState(seed).random_sample(dim) * cuts // 1  # a stream that NumPy froze
