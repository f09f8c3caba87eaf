"""Random numbers on a torch device, under the names that the noises use."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

WORD_BITS = 63  # random bits in a word: torch's widest integers are signed


def whole(owner: str, name: str, value: Any, least: int) -> int:
    """Return `value` as Python's int; raise unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{owner}: {name} must be a whole number of at least {least}, got {name}={value!r}")
    return int(value)


class TorchRng:
    """`numpy.random.Generator`'s samplers, drawn as tensors on a device.

    One generator serves one image: its stream depends on (seed, index) and on the kind of device alone, so the counts
    of an image are the same in any order, with any number of workers and after a restart.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the whole run.
    index : int, >= 0
        Index of the image.
    device : torch.device or str
        Where the numbers are drawn.

    Raises
    ------
    ValueError
        `seed` or `index` is not a whole number of at least 0.

    Notes
    -----
    Draws are float32, for narrower types would cut the tails off. One stems from 24 random bits: normals end at 5.8
    deviations, exponentials at 16.7, where a share of about 1e-8 and 6e-8 of the law is left.
    """

    dtype = torch.float32

    def __init__(self, seed: int, index: int = 0, *, device: torch.device | str = "cpu") -> None:
        start, place = whole("TorchRng", "seed", seed, 0), whole("TorchRng", "index", index, 0)
        self.device = torch.device(device)
        # spawn_key keeps (seed, index) apart from (seed + 1, index - 1), which adding them up would not
        state = np.random.SeedSequence(start, spawn_key=(place,)).generate_state(1, np.uint64)
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(int(state[0]))
        self._options: dict[str, Any] = {"generator": self._generator, "device": self.device, "dtype": self.dtype}

    @property
    def state(self) -> Tensor:
        """Where the stream stands; setting it goes back there."""
        return self._generator.get_state()

    @state.setter
    def state(self, value: Tensor) -> None:
        self._generator.set_state(value)

    def standard_normal(self, size: tuple[int, ...]) -> Tensor:
        """Draws of N(0, 1), shape `size`."""
        return torch.randn(size, **self._options)

    def random(self, size: tuple[int, ...]) -> Tensor:
        """Draws uniform on [0, 1), shape `size`."""
        return torch.rand(size, **self._options)

    def words(self, size: tuple[int, ...]) -> Tensor:
        """Draws uniform on the whole numbers from 0 to 2^63 - 1, shape `size`, int64."""
        return torch.empty(size, dtype=torch.int64, device=self.device).random_(generator=self._generator)

    def standard_exponential(self, size: tuple[int, ...]) -> Tensor:
        """Draws of the exponential law of mean 1, shape `size`."""
        # torch's own exponential_ is five times slower on a CPU, and reseeds a 31-bit generator at every call
        return self.random(size).neg_().log1p_().neg_()

    def standard_gamma(self, shape: float, size: tuple[int, ...]) -> Tensor:
        """Draws of the Gamma law of the given shape and scale 1, shape `size`."""
        concentration = torch.full(size, float(shape), device=self.device, dtype=self.dtype)
        # torch.distributions.Gamma offers no generator, which a draw that can be repeated needs
        return torch._standard_gamma(concentration, generator=self._generator)


class EvenRng:
    """In place of `TorchRng`: the middles of so many equal parts of [0, 1), each once and in order, for exact votes."""

    def __init__(self, parts: int, device: torch.device) -> None:
        self.parts, self.device, self.state = parts, device, 0

    def random(self, size: tuple[int, ...]) -> Tensor:
        """The next `size[0]` of them, shape `size`, (n, 1, ...)."""
        first, self.state = self.state, self.state + size[0]
        places = torch.arange(first, self.state, device=self.device, dtype=torch.float64)
        return ((places + 0.5) / self.parts).reshape(size)
