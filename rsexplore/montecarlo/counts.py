"""Votes of a classifier for one image."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rsexplore.montecarlo.engine import Engine
from rsexplore.montecarlo.lane import Work
from rsexplore.montecarlo.logits import Model, in_own_dtype
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.tuning import usual_batch_size
from rsexplore.noises import Noise


def class_counts(
    model: Model,
    image: Tensor,
    noise: Noise,
    n: int,
    rng: TorchRng,
    *,
    num_classes: int,
    batch_size: int | None = None,
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
    batch_size : int, >= 1, optional
        Copies that pass through the model at once; if absent, by the image's size. The noise does not depend on it.

    Returns
    -------
    ndarray of int64, shape (num_classes,)
        Counts; they add up to `n`.

    Raises
    ------
    ModelOutputError
        The logits have another shape, or some copy has a nan, a +inf or no finite logit.
    """
    engine = Engine(in_own_dtype(model), noise, num_classes, batch_size or usual_batch_size(image))
    ((_, counts),) = engine.run([Work(None, image, rng, (n,))])
    return counts[0]
