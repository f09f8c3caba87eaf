"""Denoised smoothing: noise is taken out before a classifier that was never trained with it.

What is smoothed is the classifier behind the denoiser, one function of the noisy image, so that every certificate
applies as it stands. Salman et al. 2020, "Denoised smoothing"; with a diffusion model Carlini et al. 2023.
"""

import json
import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from rsexplore import noises

PREDICTS = ("image", "noise")
SAME = 1e-3  # part by which two answers to one noisy image may differ, for sums in another order
LOOSE = 0.01  # part by which a step's deviation may be above the noise's without a word


class Denoised(nn.Module):
    """Classifier behind a denoiser, to be certified under the noise that the denoiser takes out.

    Parameters
    ----------
    denoiser : nn.Module
        Maps noisy images (b, ...) in its own units to tensors of that shape; of a diffusion model, with the number of
        the step, (b,) int64, after them. Deterministic: it is refused where two answers to one image differ.
    classifier : nn.Module
        Maps images in [0, 1] to logits (b, classes). Both are put into evaluation mode.
    noise : Noise
        What images are made noisy with, in the units of pixels in [0, 1]; `certify` warns of another one.
    denoiser_range : (low, high)
        What 0 and 1 are to the denoiser; (-1, 1) doubles the deviation that it sees.
    abar : array_like, shape (steps,), falling, in (0, 1), optional
        Schedule of a diffusion model: step t is for sqrt(abar_t) image + sqrt(1 - abar_t) noise, Gaussian. The first
        step whose deviation, sqrt(1 / abar_t - 1), is at least the noise's is taken, with the input times sqrt(abar_t).
        A UserWarning says by how much it is above, if by more than 1 %.
    predicts : {"image", "noise"}
        What the denoiser returns; the noise in units of its deviation with `abar`, else in the denoiser's.
    resize : int or (height, width), optional
        Size of the images that the classifier takes; bilinear.

    Raises
    ------
    TypeError
        One of the networks is no nn.Module, so that nothing says which it is, or the noise no Noise.
    ValueError
        An argument is out of range; the schedule ends below the noise, or is for a noise that is not Gaussian. At the
        first images: the denoiser is not deterministic, or returns another shape.

    Notes
    -----
    Its digest is that of both networks and of these settings. What is denoised is cut to [0, 1].
    """

    def __init__(
        self,
        denoiser: nn.Module,
        classifier: nn.Module,
        noise: noises.Noise,
        *,
        denoiser_range: tuple[float, float] = (0.0, 1.0),
        abar: ArrayLike | None = None,
        predicts: str = "image",
        resize: int | tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        parts = {"denoiser": denoiser, "classifier": classifier}
        for name, value in (parts | {"noise": noise}).items():
            if not isinstance(value, nn.Module if name in parts else noises.Noise):
                raise TypeError(f"denoised: two nn.Modules and a Noise are needed, got {name}={value!r}")
        (low, high), self.step, self.abar = map(float, denoiser_range), None, 1.0
        if not 0 < high - low < np.inf or predicts not in PREDICTS:
            raise ValueError(f"denoised: needs low < high, one of {PREDICTS}, got {denoiser_range=}, {predicts=}")
        if abar is not None:
            self.step, self.abar = _step(np.asarray(abar, dtype=float), noise, high - low)
        self.denoiser, self.classifier, self.made_for = denoiser, classifier, noise
        self.low, self.width, self.predicts = low, high - low, predicts
        self.resize = (resize, resize) if isinstance(resize, int) else resize
        told = json.dumps([noises.to_dict(noise), low, high, predicts, self.step, self.abar, self.resize])
        self.register_buffer("settings", torch.tensor(list(told.encode()), dtype=torch.uint8))
        trained = {name: getattr(part, "trained", None) for name, part in parts.items()}
        self.trained = trained if all(trained.values()) else None
        self.name = " behind ".join(str(getattr(part, "name", type(part).__name__)) for part in (classifier, denoiser))
        self._looked = False
        self.eval()

    def forward(self, batch: Tensor) -> Tensor:
        """Return logits (b, classes) of noisy images (b, ...) whose pixels were in [0, 1]."""
        own = self.low + self.width * batch
        found = self._answer(own)
        if not self._looked:  # a certificate is of one function
            apart = float((self._answer(own[:2]) - found[:2]).abs().max())
            if not apart <= SAME * (1 + float(found[:2].abs().max())):
                raise ValueError(f"denoised: the denoiser must be deterministic, got two answers {apart:.3g} apart")
            self._looked = True
        if self.predicts == "noise":
            found = own - (found if self.step is None else (1 / self.abar - 1) ** 0.5 * found)
        clean = ((found - self.low) / self.width).clamp(0, 1)
        if self.resize is not None:
            clean = nn.functional.interpolate(clean, self.resize, mode="bilinear", antialias=True)
        return self.classifier(clean)

    def _answer(self, own: Tensor) -> Tensor:
        """What the denoiser says of images in its own units."""
        steps = () if self.step is None else (torch.full((len(own),), self.step, device=own.device),)
        found = self.denoiser(self.abar**0.5 * own, *steps)
        if getattr(found, "shape", None) != own.shape:
            got = getattr(found, "shape", type(found))
            raise ValueError(f"denoised: the denoiser must return a tensor of {own.shape}, got {got}")
        return found


def _step(abar: np.ndarray, noise: noises.Noise, width: float) -> tuple[int, float]:
    """First step of a schedule that is for at least this noise in units of 1 / width, and its abar."""
    if not (abar.ndim == 1 and abar.size and (abar > 0).all() and (np.diff(abar, prepend=1.0) < 0).all()):
        raise ValueError("denoised: abar must fall from below 1 and stay above 0, one number a step")
    deviations, sigma = np.sqrt(1 / abar - 1), width * noise.sigma
    if not isinstance(noise.canonical, noises.Gaussian) or sigma > deviations[-1]:
        ends = f"Gaussian noise of a deviation up to {deviations[-1]:.4g} in the denoiser's units"
        raise ValueError(f"denoised: this schedule is for {ends}, got {noise!r}, of {sigma:.4g} there")
    step = int(np.searchsorted(deviations, sigma * (1 - 1e-9)))
    if (above := deviations[step] / sigma - 1) > LOOSE:
        told = f"step {step} of the schedule is for a deviation of {deviations[step]:.4g}"
        warnings.warn(f"denoised: {told}, {above:.1%} above the noise's {sigma:.4g}", stacklevel=3)
    return step, float(abar[step])


denoised = Denoised
