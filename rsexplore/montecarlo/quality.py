"""Accuracy of a classifier: clean, under noise, smoothed. Look at it before certifying."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsexplore.montecarlo.counts import class_counts
from rsexplore.montecarlo.images import channels_last_hint
from rsexplore.montecarlo.logits import (
    Model,
    check_independence,
    checked_logits,
    in_own_dtype,
    no_class,
    read_classes,
)
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.tuning import usual_batch_size
from rsexplore.noises import Noise


@dataclass(frozen=True)
class Accuracies:
    """Shares of right answers, in [0, 1]."""

    clean: float  # of the classifier itself
    noisy: float  # of the classifier under noise, averaged over draws
    smoothed: float  # of the majority vote under noise

    def __str__(self) -> str:
        return f"clean {self.clean:.3f}, under noise {self.noisy:.3f}, smoothed {self.smoothed:.3f}"


def predictions(
    model: Model, images: Tensor, batch_size: int, tick: Callable[[int], Any] = lambda images: None
) -> tuple[NDArray[np.int64], int]:
    """Classes that a classifier gives to clean images, shape (images,), and the number of classes it knows.

    `tick` is told how many images have passed, batch by batch.

    Raises
    ------
    ModelOutputError
        The logits are not (batch, classes), or some image has a nan, a +inf or no finite logit.
    ValueError
        The model fails on images that look like (height, width, channels).
    """
    classes, width, logits_of = [], None, in_own_dtype(model)
    with torch.inference_mode():
        for batch in images.split(batch_size):
            try:
                # a copy, for a model may work in place, and the images may be the caller's own
                found = logits_of(batch.clone())
            except RuntimeError as error:
                if hint := channels_last_hint(tuple(batch.shape[1:])):
                    raise ValueError(f"certify: the model fails on the images ({error}); {hint}") from error
                raise
            logits = checked_logits(found, len(batch), width)
            width = logits.shape[1]
            found = read_classes(logits, width).cpu()
            if (found == width).any():
                raise no_class("a clean image")
            classes.append(found)
            tick(sum(map(len, classes)))
    assert width is not None
    return torch.cat(classes).numpy(), width


class Answers:
    """The first answers of a model: class, and how far its logit leads the next one, to tell the model by.

    Leads have 4 digits, and those who compare them leave room for sums in another order: see `header.Header.check`.
    """

    MOST = 16

    def __init__(self, model: Model) -> None:
        self._model = model
        self.found: list[tuple[int, float | None]] = []

    def __call__(self, batch: Tensor) -> Tensor:
        """Return the model's logits."""
        logits = self._model(batch)
        if isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] > 1:
            top = logits[: self.MOST - len(self.found)].double().topk(2)
            leads = (top.values[:, 0] - top.values[:, 1]).tolist()
            self.found += [
                (label, float(f"{lead:.4g}") if isfinite(lead) else None)
                for label, lead in zip(top.indices[:, 0].tolist(), leads, strict=True)
            ]
        return logits


def accuracies(
    model: Model,
    images: Tensor,
    labels: NDArray[np.int64],
    noise: Noise,
    n: int = 100,
    seed: int = 0,
    *,
    batch_size: int | None = None,
) -> Accuracies:
    """Clean, noisy and smoothed accuracy of a classifier.

    Parameters
    ----------
    model : callable
        Maps a batch to logits, on the images' device; in evaluation mode.
    images : Tensor, shape (images, ...)
        In the units of the noise.
    labels : ndarray of int, shape (images,)
        True classes.
    noise : Noise
        Law of the additive noise.
    n : int
        Noisy copies of each image.
    seed : int
        Seed of the noise.
    batch_size : int, optional
        Images that pass through the model at once; if absent, by their size.

    Raises
    ------
    ModelOutputError
        The logits are not (batch, classes), or not finite, or depend on the other images of the batch.
    """
    labels, batch_size = np.asarray(labels), batch_size or usual_batch_size(images[0])
    clean, num_classes = predictions(model, images, batch_size)
    check_independence(in_own_dtype(model), images, batch_size)
    noisy = np.zeros(len(labels))
    smoothed = np.zeros(len(labels), dtype=bool)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        rng = TorchRng(seed, index, device=image.device)
        counts = class_counts(model, image, noise, n, rng, num_classes=num_classes, batch_size=batch_size)
        noisy[index], smoothed[index] = counts[label] / n, counts.argmax() == label
    return Accuracies(float((clean == labels).mean()), float(noisy.mean()), float(smoothed.mean()))
