"""What a certification run is given, checked before anything is computed."""

import hashlib
import secrets
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

import rsexplore
from rsexplore.montecarlo import grid
from rsexplore.montecarlo import images as pixels
from rsexplore.montecarlo.logits import Model, check_layers, model_dtype
from rsexplore.montecarlo.models import digest
from rsexplore.montecarlo.runner import AUTOCAST, Plan
from rsexplore.montecarlo.stopping import Stop
from rsexplore.noises import Noise


@dataclass(frozen=True, eq=False)
class Job:
    """A run that can start: everything is checked and on its device."""

    model: Model
    images: Tensor  # (images, ...) floating
    labels: NDArray[np.int64]  # (images,)
    indices: NDArray[np.int64]  # (images,) numbers in the log, all different
    noise: Noise
    n0: int
    n: int
    alpha: float
    seed: int
    batch_size: int | None = None  # chosen by `tuning` where None
    device: Any = None
    threads: int | None = None
    autocast: Any = None
    compile: bool = False
    channels_last: bool = False
    grid: int | None = None

    def __post_init__(self) -> None:
        for name in ("n0", "n", "batch_size", "threads"):
            if getattr(self, name) is not None or name in ("n0", "n"):
                whole_number(name, getattr(self, name), 1)
        if self.autocast_name not in (None, *AUTOCAST):
            raise ValueError(f"certify: autocast must be one of {tuple(AUTOCAST)}, got autocast={self.autocast!r}")
        whole_number("seed", self.seed, 0)
        number = isinstance(self.alpha, (int, float, np.integer, np.floating))
        if not number or not 0 < self.alpha < 1:
            raise ValueError(f"certify: alpha must lie between 0 and 1, got alpha={self.alpha!r}")
        if not isinstance(self.noise, Noise):
            raise TypeError(f"certify: noise must be a Noise, got {type(self.noise).__name__}")
        self._check_mode()
        self._check_images()
        self._check_grid()
        self._check_rows("labels", self.labels)
        self._check_rows("indices", self.indices)
        if len(np.unique(self.indices)) != len(self.indices):
            raise ValueError("certify: indices must all differ, for each names one row of the log and one generator")

    def _check_mode(self) -> None:
        parts = self.model.named_modules() if isinstance(self.model, nn.Module) else [("", self.model)]
        training = [name for name, part in parts if getattr(part, "training", False)]
        if training:
            part = f"the model's part {training[0]!r}" if training[0] else "the model"
            raise ValueError(
                f"certify: {part} must be in evaluation mode, for in training mode it is not one classifier; "
                "call model.eval()"
            )
        check_layers(self.model)

    def _check_images(self) -> None:
        shape = tuple(self.images.shape)
        if self.images.ndim < 2 or 0 in shape:
            raise ValueError(f"certify: images must have shape (images, ...) with one at least, got {shape}")
        if not self.images.is_floating_point():
            raise pixels.not_floating(self.images.dtype)
        if not torch.isfinite(self.images).all():
            raise ValueError("certify: images must be finite, got nan or inf")
        if self.noise.dim is not None and self.noise.dim != prod(shape[1:]):
            raise ValueError(
                f"certify: the noise has dim={self.noise.dim}, but an image of shape {shape[1:]} has {prod(shape[1:])} "
                "coordinates"
            )

    def _check_grid(self) -> None:
        if self.grid is None:
            return
        grid.GridNoise(self.noise, self.grid)
        for number, image in enumerate(self.images):
            grid.steps(image, self.grid, f"images[{number}]")

    def _check_rows(self, name: str, values: NDArray) -> None:
        if values.shape != (len(self.images),):
            raise ValueError(
                f"certify: {name} must have shape ({len(self.images)},), one for each image, got {values.shape}"
            )
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"certify: {name} must be whole numbers, got {values.dtype}")
        if values.min() < 0:
            raise ValueError(f"certify: {name} must be at least 0, got {values.min()}")

    def check_classes(self, num_classes: int) -> None:
        """Raise ValueError if a label is none of the model's classes."""
        if self.labels.max() >= num_classes:
            raise ValueError(f"certify: the model knows {num_classes} classes, but labels go up to {self.labels.max()}")

    def model_entry(self) -> dict[str, Any]:
        """Name and digest of the model, for a log's header; a plain callable has no digest."""
        kind = type(self.model).__name__
        name = getattr(self.model, "name", None)
        # what changes the rounding of logits is part of the classifier that is certified
        ways = {
            "autocast": self.autocast_name,
            "compile": bool(self.compile),
            "channels_last": bool(self.channels_last),
        }
        ways = {way: value for way, value in ways.items() if value}
        if isinstance(self.model, nn.Module):
            return {"name": name if isinstance(name, str) else kind, "digest": digest(self.model), **ways}
        return {"name": getattr(self.model, "__name__", kind), "digest": None, **ways}

    @property
    def autocast_name(self) -> Any:
        """Name of the precision that the model runs in; None for its own."""
        return str(self.autocast).removeprefix("torch.") if isinstance(self.autocast, torch.dtype) else self.autocast

    def plan(self, stop: Stop | None) -> Plan:
        """Return what a process needs to vote on any of the images."""
        return Plan(
            token=secrets.token_hex(16),
            model=self.model,
            noise=self.noise,
            n0=int(self.n0),
            n=int(self.n),
            seed=int(self.seed),
            stop=stop,
            batch_size=self.batch_size,
            device=None if self.device is None else str(self.device),
            threads=self.threads,
            autocast=self.autocast_name,
            compile=bool(self.compile),
            channels_last=bool(self.channels_last),
            grid=None if self.grid is None else int(self.grid),
        )

    def data_entry(self, name: str) -> dict[str, Any]:
        """Name of the data, digest of images, labels and indices, and least and largest pixel, for a log's header."""
        total = hashlib.sha256(f"{tuple(self.images.shape)} {self.images.dtype}\n".encode())
        for image in self.images:
            total.update(image.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        total.update(self.labels.tobytes() + self.indices.tobytes())
        low, high = self.range
        return {"name": name, "images": len(self.images), "digest": total.hexdigest(), "min": low, "max": high}

    @property
    def range(self) -> tuple[float, float]:
        """Least and largest pixel."""
        return float(self.images.min()), float(self.images.max())


def info(device: torch.device) -> dict[str, Any]:
    """What a run is made with, for a log's header: it tells, and decides nothing.

    Cards draw other numbers from one seed, and round otherwise with other flags.
    """
    backends = torch.backends
    return {
        "card": torch.cuda.get_device_name(device) if device.type == "cuda" else backends.cpu.get_cpu_capability(),
        "rsexplore": rsexplore.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version(),
        "cudnn.benchmark": backends.cudnn.benchmark,
        "cudnn.deterministic": backends.cudnn.deterministic,
        "cudnn.tf32": _tf32(backends.cudnn),
        "matmul.tf32": _tf32(backends.cuda.matmul),
    }


def _tf32(part: Any) -> bool | str:
    try:
        return bool(part.allow_tf32)
    except RuntimeError:  # it was set by its newer name, and torch refuses to tell it by the older one
        return str(part.fp32_precision)


def job(
    model: Model,
    images: ArrayLike | Tensor,
    labels: ArrayLike,
    indices: ArrayLike | None,
    here: torch.device | str | None,
    **settings: Any,
) -> Job:
    """Job from a caller's arguments: arrays become tensors where the model is; it goes `here`.

    Images are kept in float32, or float64 for a model of that type: a narrow one rounds the noisy copies, not these.
    """
    wide = model_dtype(model) == torch.float64
    found = pixels.tensor(images, torch.float64 if wide else torch.float32)
    if here is not None:
        here = pixels.usable_device(here)
    if isinstance(model, nn.Module):
        if here is not None:
            model.to(here)
        here = next((value.device for value in model.state_dict().values()), here)
    task = Job(
        model=model,
        images=found if here is None else found.to(pixels.usable_device(here)),
        labels=_integers(labels),
        indices=np.arange(found.shape[0] if found.ndim else 0) if indices is None else _integers(indices),
        **settings,
    )
    pixels.warn_if_far(*task.range, task.images.ndim - 1)
    return task


def _integers(values: ArrayLike | Tensor) -> NDArray[Any]:
    array = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(np.int64) if np.issubdtype(array.dtype, np.integer) else array


def whole_number(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless an argument of `certify` is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"certify: {name} must be a whole number of at least {least}, got {name}={value!r}")
