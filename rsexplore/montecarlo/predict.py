"""Prediction of the smoothed classifier, with abstention: cheap, and without a radius."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rsexplore.confidence import prediction
from rsexplore.montecarlo.logits import Model
from rsexplore.montecarlo.runner import first_votes, job
from rsexplore.noises import Noise


def predict(
    model: Model,
    images: ArrayLike | torch.Tensor,
    noise: Noise,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    *,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
) -> NDArray[np.int64]:
    """Class of the smoothed classifier for every image, or -1 where `n` votes do not tell it.

    Parameters
    ----------
    model, images, noise, seed, batch_size, device
        As of `certify`.
    n : int, >= 1
        Draws for one image.
    alpha : float, in (0, 1)
        Probability with which an image is given another class than the smoothed classifier's.

    Returns
    -------
    ndarray of int64, shape (images,)

    Raises
    ------
    ValueError, ModelOutputError
        As of `certify`.

    Source
    ------
    Cohen, Rosenfeld and Kolter 2019, PREDICT; the test is `rsexplore.confidence.prediction`.
    """
    zeros = np.zeros(len(images), dtype=np.int64)  # type: ignore[arg-type]
    task = job(model, images, zeros, None, device, noise=noise, n0=n, n=1, alpha=alpha, seed=seed,
               batch_size=batch_size)  # fmt: skip
    return prediction(first_votes(task)[1], alpha)
