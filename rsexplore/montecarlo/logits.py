"""What a model must be and return so that classes can be read from it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Model = Callable[[Tensor], Tensor]


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


def read_classes(logits: Tensor, num_classes: int) -> Tensor:
    """Class of each row, shape (b,); `num_classes` where a nan, a +inf, or -inf throughout leaves none.

    Rows without a class are counted in one of their own, so that no batch has to ask the device.
    """
    # a maximum passes nan on; some -inf are classes that are ruled out
    largest, classes = logits.max(1)
    return torch.where(largest.abs() < torch.inf, classes, num_classes)


def checked_logits(logits: Tensor, batch: int, num_classes: int | None = None) -> Tensor:
    """Return `logits` if they are (batch, classes).

    Raises
    ------
    ModelOutputError
        The output is no floating tensor of that shape.
    """
    if not isinstance(logits, Tensor):
        raise _misshapen("a tensor of logits", batch, num_classes, type(logits).__name__)
    shape = logits.shape
    if len(shape) != 2 or shape[0] != batch or shape[1] < 2 or num_classes not in (None, shape[1]):
        raise _misshapen("logits of shape", batch, num_classes, tuple(shape))
    if not logits.is_floating_point():
        raise ModelOutputError(f"the model must return floating-point logits, got {logits.dtype}")
    return logits


def _misshapen(what: str, batch: int, num_classes: int | None, got: Any) -> ModelOutputError:
    return ModelOutputError(f"the model must return {what} ({batch}, {num_classes or 'classes'}), got {got}")
