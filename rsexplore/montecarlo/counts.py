"""Votes of a classifier under noise, counted where they are cast."""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsexplore.montecarlo.rng import TorchRng
from rsexplore.noises import Noise

Model = Callable[[Tensor], Tensor]

# Coordinates drawn by one call of the sampler. A constant, so that the batch size never changes the noise; 1 MiB of
# float32 stays in a CPU's second-level cache.
DRAW_COORDINATES = 2**18

# 2,000,000 votes of the shipped net on one CPU core took 25, 15, 10, 8 and 13 to 16 s in batches of 25, 50, 100, 200
# and 400: small ones pay for the calls, large ones for memory that the allocator hands back after every layer.
BATCH_SIZE = 100


class ModelOutputError(ValueError):
    """A model returned something from which no class can be read."""


def model_dtype(model: Model) -> torch.dtype | None:
    """Floating type of a network's parameters (of its buffers, if it has none); None for a plain callable."""
    if not isinstance(model, nn.Module):
        return None
    values = (value.dtype for group in (model.parameters(), model.buffers()) for value in group)
    return next((dtype for dtype in values if dtype.is_floating_point), None)


def in_own_dtype(model: Model) -> Model:
    """Return a model that takes images of any floating type: what is rounded for a narrow network is its input.

    The rounding is thus part of the classifier that is smoothed; image and noise are added before it.
    """
    dtype = model_dtype(model)
    return model if dtype is None else lambda batch: model(batch.to(dtype))


def no_class(where: str) -> ModelOutputError:
    """Return the error for logits from which no class can be read."""
    return ModelOutputError(
        f"the model's logits must be finite, got nan or inf for {where} (-inf is allowed beside a finite logit)"
    )


def unreadable(logits: Tensor) -> Tensor:
    """Rows without a class: a nan, a +inf, or -inf throughout, shape (b,); some -inf are classes that are ruled out."""
    return ~logits.amax(1).isfinite()  # a maximum passes nan on


def checked_logits(logits: Tensor, batch: int, num_classes: int | None = None) -> Tensor:
    """Return `logits` if they are (batch, classes).

    Raises
    ------
    ModelOutputError
        The output is no floating tensor of that shape.
    """
    wanted = f"({batch}, {num_classes or 'classes'})"
    if not isinstance(logits, Tensor):
        raise ModelOutputError(f"the model must return a tensor of logits {wanted}, got {type(logits).__name__}")
    wrong_width = logits.ndim == 2 and num_classes is not None and logits.shape[1] != num_classes
    if logits.ndim != 2 or logits.shape[0] != batch or logits.shape[1] < 2 or wrong_width:
        raise ModelOutputError(f"the model must return logits of shape {wanted}, got {tuple(logits.shape)}")
    if not logits.is_floating_point():
        raise ModelOutputError(f"the model must return floating-point logits, got {logits.dtype}")
    return logits


def class_counts(
    model: Model,
    image: Tensor,
    noise: Noise,
    n: int,
    rng: TorchRng,
    *,
    num_classes: int,
    batch_size: int = BATCH_SIZE,
) -> NDArray[np.int64]:
    """How often a classifier chooses each class for one image under noise.

    Memory does not grow with `n`: counts stay on the device and come back once. Ties go to the lowest class on a CPU.

    Parameters
    ----------
    model : callable
        Maps a batch (b, ...) to logits (b, num_classes), on the image's device; in evaluation mode. An nn.Module gets
        its batches in its own floating type.
    image : Tensor, shape (...), floating
        One image, in the units of the noise.
    noise : Noise
        Law of the additive noise.
    n : int, >= 1
        Number of noisy copies.
    rng : TorchRng
        Source of the noise, used up to where this call ends.
    num_classes : int, >= 2
        Number of classes.
    batch_size : int, >= 1
        Copies that pass through the model at once; the noise does not depend on it.

    Returns
    -------
    ndarray of int64, shape (num_classes,)
        Counts; they add up to `n`.

    Raises
    ------
    ModelOutputError
        The logits have another shape, or some copy has a nan, a +inf or no finite logit.
    """
    logits_of = in_own_dtype(model)
    counts = torch.zeros(num_classes + 1, dtype=torch.int64, device=image.device)
    one = torch.ones(batch_size, dtype=torch.int64, device=image.device)
    with torch.inference_mode():
        for batch in _noisy_copies(image, noise, n, rng, batch_size):
            size = len(batch)
            logits = checked_logits(logits_of(batch), size, num_classes)
            # copies without a class are counted in one of their own: no question to the device per batch
            classes = torch.where(unreadable(logits), num_classes, logits.argmax(1))
            counts.scatter_add_(0, classes, one[:size])
    found = counts.cpu().numpy()
    if found[-1]:
        raise no_class(f"{found[-1]} of {n} noisy copies")
    return found[:-1]


def _noisy_copies(image: Tensor, noise: Noise, n: int, rng: TorchRng, batch_size: int) -> Iterator[Tensor]:
    block = max(1, DRAW_COORDINATES // max(1, prod(image.shape)))
    done = 0
    while done < n:
        # whole blocks until a batch is full, so that the sampler is called alike for every batch size
        blocks = max(1, batch_size // block)
        sizes = [min(block, n - start) for start in range(done, min(n, done + blocks * block), block)]
        draws = [noise.draw(rng, (size, *image.shape)) for size in sizes]
        done += sum(sizes)
        noisy = (draws[0] if len(draws) == 1 else torch.cat(draws)) + image
        yield from noisy.split(batch_size)
