"""Sound arithmetic: images and noise on a grid, so that rounding cannot tell one image from another.

Certificates speak of real numbers. The float nearest to x + z depends on x in its last bits, and a classifier may read
them: then its votes at x say nothing of its votes nearby. The cure of Voracek and Hein, "Sound randomized smoothing in
floating-point arithmetics" (2022): the classifier that is smoothed is h(y) = f(y rounded to whole multiples of
1 / levels). For x = k / levels the rounded sum is (k + j) / levels, where j is the rounded noise: an integer, whose law
is known, does not depend on x, and is drawn with integers alone. What the network gets is a function of k + j, so the
votes are draws of h under real noise, to which every certificate applies as it stands. It covers every shift by real
numbers, of h; at each grid image in the ball, h is voted on in the same way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import ceil, log2
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from rsexplore.montecarlo.logits import Model
from rsexplore.montecarlo.rng import WORD_BITS, TorchRng
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Noise, Uniform

WORDS = 1 << WORD_BITS
UNITS = WORDS * WORDS  # probabilities are whole multiples of 1 / UNITS
DIGITS = 60  # of the distribution functions; 1 / UNITS is 1e-38
SLACK = mpmath.mpf(2) ** -20  # of a unit, taken off every probability: far more than its error
LARGEST_DRAW = 2**16
LARGEST_PIXEL = 2**20  # in steps of the grid; sums stay far below 2^24, to which float32 holds every integer


def _exponential_power(noise: Any, x: mpmath.mpf) -> mpmath.mpf:
    power = mpmath.mpf(noise.shape)
    return mpmath.gammainc(1 / power, (x / mpmath.mpf(noise.scale)) ** power, regularized=True) / 2


# family with independent coordinates -> P(z_1 > x) for x >= 0, in high precision
TAILS: dict[type[Noise], Callable[[Any, mpmath.mpf], mpmath.mpf]] = {
    Gaussian: lambda noise, x: mpmath.erfc(x / (mpmath.mpf(noise.sigma) * mpmath.sqrt(2))) / 2,
    Laplace: lambda noise, x: mpmath.exp(-x / mpmath.mpf(noise.scale)) / 2,
    Uniform: lambda noise, x: max(mpmath.mpf(0), 1 - x / mpmath.mpf(noise.scale)) / 2,
    GeneralizedGaussian: _exponential_power,
}


@dataclass(frozen=True)
class GridNoise:
    """Smoothing noise in whole steps of a grid: round(levels z), where the coordinates of z are independent.

    No integer is drawn with more than its probability: what is left over, `lost` a coordinate, ends the run with an
    error in place of a vote. So the votes of a class are at most as likely as by the law, and a bound on its
    probability from below keeps its level, with nothing to add.

    Parameters
    ----------
    noise : Noise
        Law of z, in units of the input; Gaussian, Laplace, Uniform or GeneralizedGaussian.
    levels : int, >= 1
        Steps of the grid in one unit of the input: 255 for 8-bit images in [0, 1].

    Raises
    ------
    ValueError
        `levels` is no such number; the noise's coordinates depend on each other; or it reaches too many steps.
    """

    noise: Noise
    levels: int

    def __post_init__(self) -> None:
        whole = isinstance(self.levels, (int, np.integer)) and not isinstance(self.levels, bool)
        if not whole or not 1 <= self.levels <= LARGEST_PIXEL:
            told = f"levels must be a whole number from 1 to {LARGEST_PIXEL}, got levels={self.levels!r}"
            raise ValueError(f"grid: {told}")
        object.__setattr__(self, "levels", int(self.levels))
        if type(self.noise) not in TAILS:
            raise ValueError(
                f"grid: the noise must have independent coordinates ({', '.join(cls.__name__ for cls in TAILS)}), for "
                f"each is rounded by itself, got {self.noise!r}"
            )
        with mpmath.workdps(DIGITS):
            end = self._tail(LARGEST_DRAW)
        if end * UNITS >= 1:
            raise ValueError(
                f"grid: the noise must end within {LARGEST_DRAW} steps of the grid, up to a probability of 1e-38, got "
                f"{self.noise!r} with levels={self.levels}; a coarser grid or less noise does"
            )

    def _tail(self, steps: int) -> mpmath.mpf:
        """Probability of more than `steps` in one direction."""
        return TAILS[type(self.noise)](self.noise, (mpmath.mpf(steps) + mpmath.mpf(1) / 2) / self.levels)

    @cached_property
    def units(self) -> tuple[int, ...]:
        """P(j) of j = 0, 1, 2, ... and -j, in units of 1 / UNITS, rounded down; up to the last that is not 0."""
        found: list[int] = []
        with mpmath.workdps(DIGITS):
            before = self._tail(0)
            value = 1 - 2 * before
            while (rounded := int(mpmath.floor(value * UNITS - SLACK))) > 0:
                found.append(rounded)
                after = self._tail(len(found))
                before, value = after, before - after
        return tuple(found)

    @cached_property
    def weights(self) -> tuple[dict[int, int], dict[int, int]]:
        """How many words give an integer at once, and how many of a second word those that the first leaves open."""
        units = {sign * j: value for j, value in enumerate(self.units) for sign in (1, -1)}
        first = {j: value // WORDS for j, value in units.items() if value >= WORDS}
        rest = WORDS - sum(first.values())
        second = {j: (value % WORDS) // rest for j, value in units.items()}
        return first, {j: value for j, value in second.items() if value}

    @property
    def lost(self) -> Fraction:
        """Probability that a coordinate's draw ends the run."""
        first, second = (WORDS - sum(weights.values()) for weights in self.weights)
        return Fraction(first * second, UNITS)

    apply = Noise.apply

    def draw(self, rng: TorchRng, shape: tuple[int, ...]) -> Tensor:
        """Independent draws.

        Parameters
        ----------
        rng : TorchRng
            Source of random words.
        shape : tuple of int, (n, ...)
            `n` draws; the other axes are the coordinates of one draw.

        Returns
        -------
        Tensor, shape `shape`, of the dtype of `rng`
            Whole numbers, in steps of the grid.

        Raises
        ------
        RuntimeError
            Two words left some draw open, which no run will ever see: see `lost`.
        """
        first, second = _tables(self, rng.device, rng.dtype)
        found = first.look_up(rng.words(shape))
        is_open = found.isnan()
        # once in 1e15 coordinates. A GPU is not asked, for that would mean to wait for it
        if rng.device.type == "cuda" or bool(is_open.any()):
            found = torch.where(is_open, second.look_up(rng.words(shape)), found)
            torch._assert_async(~found.isnan().any())
        return found


def steps(images: Tensor, levels: int, name: str = "images") -> Tensor:
    """Images in steps of the grid: whole numbers, in the images' own floating type.

    Parameters
    ----------
    images : Tensor of float32 or float64, shape (...)
        Multiples of 1 / levels, up to four units in the last place, for one loader divides by 255 where another
        multiplies with its inverse.
    levels : int, >= 1
        Steps in one unit of the input.
    name : str
        What errors call the images.

    Raises
    ------
    ValueError
        Some pixel does not lie on the grid, or is too large; or the images are of another type.
    """
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"grid: {name} must be of float32 or float64, got {images.dtype}")
    wide = images.detach().cpu().double() * levels
    whole = wide.round()
    allowed = 4 * torch.finfo(images.dtype).eps * whole.abs().clamp(min=1)
    if wrong := (~((wide - whole).abs() <= allowed)).nonzero()[:1].tolist():
        place = tuple(wrong[0])
        raise ValueError(
            f"grid: {name} must hold whole multiples of 1/{levels}, but the pixel at {place} is "
            f"{images[place].item():.9g}, which is {wide[place].item():.9g} steps"
        )
    if whole.numel() and (largest := whole.abs().max().item()) > LARGEST_PIXEL:
        raise ValueError(f"grid: {name} must lie within {LARGEST_PIXEL} steps of 0, got {largest:g}")
    return whole.to(images)


def on_grid(model: Model, levels: int) -> Model:
    """Return a model that takes images in steps of the grid: what it gets in its own units is a function of these."""

    def stepped(batch: Tensor) -> Tensor:
        # one division, rounded as IEEE 754 says; a GPU would multiply with the inverse of a plain number
        return model(batch / torch.full((), levels, dtype=batch.dtype, device=batch.device))

    return stepped


class AliasTable:
    """Integers drawn by one word: an equal share of all words falls into each cell, which holds two integers at most.

    Walker's alias method (1977), with whole numbers throughout. `weights` words give each integer, the others a nan.
    """

    def __init__(self, weights: dict[int, int], device: torch.device, dtype: torch.dtype) -> None:
        bits = ceil(log2(len(weights) + 1))
        cells, self.shift = 1 << bits, WORD_BITS - bits  # the shift of a word, to its cell
        capacity = 1 << self.shift
        entries = [*weights.items(), (float("nan"), WORDS - sum(weights.values()))]
        small = [entry for entry in entries if entry[1] <= capacity]
        large = [entry for entry in entries if entry[1] > capacity]
        small += [(0, 0)] * (cells - len(entries))
        last, values = [], list[float]()
        # every cell takes a small entry and is filled up from a large one, which may become small by that
        for cell in range(cells):
            value, weight = small.pop() if small else large.pop()
            last.append(cell * capacity + weight - 1)
            values += [value, value]
            if weight < capacity:
                values[-1], theirs = large.pop()
                left = theirs - (capacity - weight)
                (small if left <= capacity else large).append((values[-1], left))
        # (cells,) int64, last word of a cell that gives its first integer
        self.last = torch.tensor(last, device=device)
        # (2 cells,) first and second integer of each cell; nan leaves the draw open
        self.values = torch.tensor(values, device=device, dtype=dtype)

    def look_up(self, words: Tensor) -> Tensor:
        """Return the integers of some words."""
        flat = words.flatten()
        cells = flat >> self.shift
        is_second = flat > self.last.index_select(0, cells)
        return self.values.index_select(0, cells.mul_(2).add_(is_second)).view(words.shape)


@lru_cache(maxsize=8)
def _tables(noise: GridNoise, device: torch.device, dtype: torch.dtype) -> tuple[AliasTable, AliasTable]:
    first, second = (AliasTable(weights, device, dtype) for weights in noise.weights)
    return first, second
