"""What a model must be and return so that classes can be read from it, and a first look at whether it is and does."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Rows whose logits are looked at twice, and by how much these may differ, as a share of the larger ones: what other
# images in the same places change is rounding at most, and batches of another size may be summed in another order.
ROWS, SAME_SIZE, OTHER_SIZE, REPEATS = 3, 1e-3, 0.05, 20
FAST = 0.05  # and by how much those of a fast copy may differ from the network's own

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
    # a maximum passes nan on, and less itself it is 0 only if finite; some -inf are classes that are ruled out
    largest, classes = logits.max(1)
    return classes.masked_fill_((largest - largest) != 0, num_classes)


def check_layers(model: Model) -> None:
    """Raise ValueError if a model is not in evaluation mode, or a layer looks at the other images of a batch in it."""
    for name, part in model.named_modules() if isinstance(model, nn.Module) else [("", model)]:
        who = f"the model's part {name!r}" if name else "the model"
        if getattr(part, "training", False):
            told = "for in training mode it is not one classifier; call model.eval()"
            raise ValueError(f"certify: {who} must be in evaluation mode, {told}")
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            why = "takes mean and deviation from the images of its batch"
        elif isinstance(part, (nn.Softmax, nn.LogSoftmax, nn.Softmin)) and part.dim == 0:
            why = "normalises over the images of its batch"
        else:
            continue
        raise ValueError(f"certify: {who} ({type(part).__name__}) {why}{_NOT_ONE}")


_NOT_ONE = (
    ": so its answer for an image depends on the others, it is not one classifier, and its votes certify nothing; "
    "rebuild it so that each image is taken by itself"
)


def check_independence(logits_of: Model, images: Tensor, batch_size: int = ROWS) -> None:
    """Raise ModelOutputError if logits of an image are seen to depend on the other images of its batch.

    A few images pass in the company of darker negatives and of lighter ones, then a place further ahead in a smaller
    batch. Random numbers that a model takes from torch are the same each time, and are given back; one that takes
    others is not judged.

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
    # other images: negatives, as far beyond the range of these on either side as noisy copies go
    low, high = rows.min(), rows.max()
    span = 1.5 * (high - low).clamp(min=1)

    def passed(batch: Tensor, ahead: int = 0) -> Tensor:
        with torch.random.fork_rng(devices=[batch.device] if batch.device.type == "cuda" else []):
            torch.rand(ahead)
            return checked_logits(logits_of(batch.clone()), len(batch)).detach().clone()

    def share(logits: Tensor, before: Tensor) -> Tensor:
        return _share(logits.float(), before.float(), 4 * torch.finfo(before.dtype).eps)

    with torch.inference_mode():
        alone = passed(rows)
        # what repeats to this share is rounding of the device; a model that draws numbers of its own differs by more
        noise = share(passed(rows, ahead=1), alone).amax().item()
        draws = noise > OTHER_SIZE
        if draws and (noise := share(passed(rows), alone).amax().item()) > OTHER_SIZE:
            return
        least = max(OTHER_SIZE if alone.dtype.itemsize < 4 else SAME_SIZE, 8 * noise)
        even = torch.arange(count, device=rows.device) % 2 == 0
        told = ""
        for kept, beyond in ((even, -span), (~even, span)):
            company = torch.where(kept.reshape(-1, *[1] * (rows.ndim - 1)), rows, low + high + beyond - rows)
            change = share(passed(company), alone)[kept].amax().item()
            if change > least:
                told = f"in the company of others they change by {change:.2g} of what decides"
        if not draws and not told:
            # in every row, for where rounding decides a step within the network, one may jump
            change = share(passed(rows[1:]), alone[1:]).amin().item()
            if change > max(OTHER_SIZE, 8 * noise):
                told = f"in a smaller batch, a place further ahead, they change by {change:.2g} of what decides"
        # a model that draws now and then may have given the same answer twice by chance
        if told and not any(share(passed(rows), alone).amax().item() > OTHER_SIZE for _ in range(REPEATS)):
            raise ModelOutputError(
                f"the model's logits of an image depend on the other images of its batch ({told}){_NOT_ONE}"
            )


def check_fast(fast: Model, model: Model, images: Tensor) -> None:
    """Raise ValueError if a fast copy of a model fails on images (images, ...), or answers otherwise by over `FAST`."""
    with torch.inference_mode():
        own = checked_logits(model(images.clone()), len(images)).float()
        try:
            change = _share(fast(images.clone()).float(), own, 0).max().item()
        except RuntimeError as error:
            raise ValueError(
                f"certify: the model fails in the precision of fast=True ({error}); leave it out"
            ) from None
    if change > FAST:
        raise ValueError(
            f"certify: fast=True moves clean logits by {change:.2g} > {FAST} of what decides; leave it out"
        )


def _share(logits: Tensor, before: Tensor, rounding: float) -> Tensor:
    """Largest change of each row's logits, shape (b,), as a share of the largest one's lead over the next two.

    What all logits of a row have in common decides nothing; it only rounds them.
    """
    found = torch.where(logits == before, 0, (logits - before).abs())  # equal infinities differ by nan
    sizes = before.abs().nan_to_num(0, 0, 0)
    top = before.topk(min(3, before.shape[1])).values
    leads = (top[:, :1] - top).nan_to_num(0, 0, 0)
    found = (found - rounding * torch.maximum(sizes, top.abs().nan_to_num(0, 0, 0).amax())).clamp(min=0)
    # of a class that is ruled out by a large number, that number counts
    return (found / torch.maximum(leads.amax(), sizes - sizes.amin(1, keepdim=True))).nan_to_num(0, torch.inf).amax(1)


def checked_logits(logits: Tensor, batch: int, num_classes: int | None = None) -> Tensor:
    """Return `logits` if they are (batch, classes).

    Raises
    ------
    ModelOutputError
        The output is no floating tensor of that shape.
    """
    wanted = f"({batch}, {num_classes or 'classes'})"
    if not isinstance(logits, Tensor):
        how = "certify a torch.nn.Module whose forward returns that alone"
        raise ModelOutputError(f"the model must return a tensor of logits {wanted}, got {type(logits).__name__}; {how}")
    shape = logits.shape
    if len(shape) != 2 or shape[0] != batch or shape[1] < 2 or num_classes not in (None, shape[1]):
        raise ModelOutputError(f"the model must return logits of shape {wanted}, got {tuple(shape)}")
    if not logits.is_floating_point():
        raise ModelOutputError(f"the model must return floating-point logits, got {logits.dtype}")
    return logits
