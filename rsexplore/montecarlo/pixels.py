"""Images and devices as torch needs them, from whatever a caller has."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

# Values beyond this are hardly anything in the unit of the noise: 0 .. 255 is a slip.
FAR = 10.0
BLUR = 1e-3  # how far beyond [0, 1] pixels are taken to be by rounding or resizing


def tensor(images: ArrayLike | Tensor, dtype: torch.dtype) -> Tensor:
    """Images as a tensor; floating ones in `dtype`, others as they are. Shares memory with the caller's where it can.

    Raises
    ------
    ValueError
        They are no array of numbers, or a tensor without any.
    """
    if torch.get_default_device().type == "meta":
        raise ValueError(
            "certify: the default device must keep numbers, got the device meta, which keeps none; call "
            "torch.set_default_device('cpu')"
        )
    if not isinstance(images, Tensor):
        images = torch.as_tensor(_plain(images))
    if images.is_meta:
        raise ValueError("certify: images must hold numbers, got a tensor on the device meta, which keeps none")
    images = images.detach()
    return images.to(dtype) if images.is_floating_point() else images


def _plain(images: Any) -> np.ndarray:
    """Return an array that torch takes: of the machine's byte order, in one piece, writable, at most 64 bits wide."""
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise ValueError(f"certify: images must be an array of one shape ({error})") from None
    if array.dtype.kind != "f":
        raise not_floating(array.dtype)
    wide = array.dtype.itemsize > 8  # NumPy's longdouble
    array = np.asarray(array, dtype=np.float64 if wide else array.dtype.newbyteorder("="), order="C")
    return array if array.flags.writeable else array.copy()


def not_floating(dtype: Any) -> ValueError:
    """Return the error for images of a type that is not floating."""
    return ValueError(f"certify: images must be floating, in the units of the noise (as a rule [0, 1]), got {dtype}")


def warn_if_far(low: float, high: float, coordinates: int) -> None:
    """Warn of images that lie outside the unit in which noise is usually given.

    Pictures, of two coordinates at least, are taken to be meant in [0, 1]; of other data nothing is known but that they
    are seldom far from it.
    """
    told = f"certify: the images go from {low:g} to {high:g}, and the noise is in the same unit"
    if max(-low, high) > FAR:
        told += "; if it is meant for pixels in [0, 1], scale them to that first"
    elif coordinates > 1 and (low < -BLUR or high > 1 + BLUR):
        told += (
            ", so radii are not in pixels of [0, 1]; if they are to be, give the pixels, and normalise them within the "
            "model: nn.Sequential(montecarlo.Normalize(mean, std), net)"
        )
    else:
        return
    warnings.warn(told, UserWarning, stacklevel=4)  # the line that calls certify


def channels_last_hint(shape: tuple[int, ...]) -> str:
    """Say that images of this shape, (height, width, channels), look like those of other libraries; "" if not."""
    if len(shape) != 3 or shape[2] not in (1, 3, 4) or shape[0] in (1, 3, 4):
        return ""
    return (
        f"the images have shape {shape}, which looks like (height, width, channels), and torch's networks take "
        "(channels, height, width): give images.transpose(0, 3, 1, 2), or permute for a tensor"
    )


def usable_device(device: torch.device | str, owner: str = "certify") -> torch.device:
    """Return a device on which numbers can be kept.

    Raises
    ------
    ValueError
        It has no such name, is not there, or keeps none.
    """
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    # torch says that a device is missing by any of these
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{owner}: device must be one that is here, got device={device!r} ({reason})") from None
    if found.type == "meta":
        raise ValueError(f"{owner}: device must be one that keeps numbers, got the device meta of an empty model")
    return found


def devices() -> tuple[str, ...]:
    """Names of the devices that are here, the processor first."""
    cuda = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return ("cpu", *cuda, *(("mps",) if torch.backends.mps.is_available() else ()))
