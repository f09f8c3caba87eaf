"""What a model must be and return so that classes can be read from it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Rows whose logits are looked at twice, and by how much these may differ, as a share of the larger ones: what other
# images in the same places change is rounding at most, and batches of another size may be summed in another order.
ROWS, SAME_SIZE, OTHER_SIZE = 3, 1e-3, 0.05

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


def check_layers(model: Model) -> None:
    """Raise ValueError if a layer of a network looks at the other images of a batch, even in evaluation mode."""
    for name, part in model.named_modules() if isinstance(model, nn.Module) else ():
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            why = "takes mean and deviation from the images of its batch"
        elif isinstance(part, (nn.Softmax, nn.LogSoftmax, nn.Softmin)) and part.dim == 0:
            why = "normalises over the images of its batch"
        else:
            continue
        layer = f"the model's part {name!r}" if name else "the model"
        raise ValueError(f"certify: {layer} ({type(part).__name__}) {why}{_NOT_ONE}")


_NOT_ONE = (
    ": so its answer for an image depends on the others, it is not one classifier, and its votes certify nothing; "
    "rebuild it so that each image is taken by itself"
)


def check_independence(logits_of: Model, images: Tensor, batch_size: int = ROWS) -> None:
    """Raise ModelOutputError if logits of an image are seen to depend on the other images of its batch.

    A few images pass in one company and in another, of negatives and plain ones, then in a smaller batch. Random
    numbers that a model takes from torch are the same each time, and are given back; one that takes others is not
    judged.

    Parameters
    ----------
    logits_of : callable
        Maps a batch (b, ...) to logits (b, classes); may spoil what it is given.
    images : Tensor, shape (images, ...)
        On the device of the run.
    batch_size : int
        Of the run: no more images pass at once; of 1 each image is by itself anyway.
    """
    if (count := min(ROWS, batch_size)) < 2:
        return
    rows = images[torch.arange(count, device=images.device) % len(images)]
    # other images, as far beyond the range of these as noisy copies go: negatives, lighter, and of one colour
    low, high = rows.min(), rows.max()
    span = (high - low).clamp(min=1)
    others = low + high + span / 2 - rows
    others[1::2] = high + span
    dtypes = list[torch.dtype]()

    def passed(batch: Tensor, ahead: int = 0) -> Tensor:
        with torch.random.fork_rng(devices=[batch.device] if batch.device.type == "cuda" else []):
            torch.rand(ahead)
            logits = checked_logits(logits_of(batch.clone()), len(batch))
            dtypes.append(logits.dtype)
            return logits.detach().clone().float()

    with torch.inference_mode():
        alone = passed(rows)
        # what repeats to this share is rounding of the device; a model that draws numbers of its own differs by more
        noise = _share(passed(rows, ahead=1), alone).amax().item()
        draws = noise > OTHER_SIZE
        if draws and (noise := _share(passed(rows), alone).amax().item()) > OTHER_SIZE:
            return
        least = max(OTHER_SIZE if dtypes[0].itemsize < 4 else SAME_SIZE, 8 * noise)
        even = torch.arange(count, device=rows.device) % 2 == 0
        for kept in (even, ~even):
            company = torch.where(kept.reshape(-1, *[1] * (rows.ndim - 1)), rows, others)
            change = _share(passed(company), alone)[kept].amax().item()
            if change > least:
                raise _dependent(f"in the company of others they change by {change:.2g} of their size")
        if not draws:
            # in every row, for where rounding decides a step within the network, one may jump
            change = _share(passed(rows[:-1]), alone[:-1]).amin().item()
            if change > max(OTHER_SIZE, 8 * noise):
                raise _dependent(f"in a smaller batch they change by {change:.2g} of their size")


def _share(logits: Tensor, before: Tensor) -> Tensor:
    """Largest change of each row's logits, shape (b,), as a share of the logits that decide."""
    found = torch.where(logits == before, 0, (logits - before).abs())  # equal infinities differ by nan
    size = before.topk(2).values.nan_to_num(0, 0, 0).abs().amax()
    return (found / torch.maximum(before.abs().nan_to_num(0, 0, 0), size)).nan_to_num(0, torch.inf).amax(1)


def _dependent(how: str) -> ModelOutputError:
    return ModelOutputError(f"the model's logits of an image depend on the other images of its batch ({how}){_NOT_ONE}")


def checked_logits(logits: Tensor, batch: int, num_classes: int | None = None) -> Tensor:
    """Return `logits` if they are (batch, classes).

    Raises
    ------
    ModelOutputError
        The output is no floating tensor of that shape.
    """
    if not isinstance(logits, Tensor):
        raise _misshapen("a tensor of logits", batch, num_classes, type(logits).__name__ + _where(logits))
    shape = logits.shape
    if len(shape) != 2 or shape[0] != batch or shape[1] < 2 or num_classes not in (None, shape[1]):
        raise _misshapen("logits of shape", batch, num_classes, tuple(shape))
    if not logits.is_floating_point():
        raise ModelOutputError(f"the model must return floating-point logits, got {logits.dtype}")
    return logits


def _misshapen(what: str, batch: int, num_classes: int | None, got: Any) -> ModelOutputError:
    return ModelOutputError(f"the model must return {what} ({batch}, {num_classes or 'classes'}), got {got}")


def _where(output: Any) -> str:
    """Where logits may be in what a model returned, and what to do."""
    parts = (
        output.items() if isinstance(output, dict) else enumerate(output) if isinstance(output, (tuple, list)) else ()
    )
    places = [f"[{key!r}]" for key, part in parts if isinstance(part, Tensor) and part.ndim == 2]
    if isinstance(getattr(output, "logits", None), Tensor):
        places.insert(0, ".logits")
    if not places:
        return ""
    how = f"certify a torch.nn.Module whose forward returns that alone, self.net(batch){places[0]}"
    return f" with a tensor at {places[0]}; {how}"
