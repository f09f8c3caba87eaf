"""Certification in a notebook: what is chosen before a run."""

from os import PathLike
from typing import Any

from rsexplore import noises
from rsexplore.explorers import families
from rsexplore.explorers.controls import choice, number, pick, text
from rsexplore.explorers.job import FILE, GIVEN
from rsexplore.explorers.run_panel import CertifyPanel
from rsexplore.noises import Noise


def certify(
    model: Any = "digits-gaussian-0.25",
    noise: Noise | None = None,
    *,
    data: str = "digits",
    images: int = 50,
    every: int = 1,
    n: int = 1000,
    n0: int = 100,
    alpha: float = 0.001,
    seed: int = 0,
    norm: float | None = None,
    device: str | None = None,
    log: str | PathLike[str] = "",
    arch: str = "",
    normalize: str = "",
    width: int = 1000,
) -> CertifyPanel:
    """Choose a model, images and noise, count votes on any device, and slide over what was counted. Needs torch.

    A run that is stopped goes on with the next press of Run, and with a log also after the kernel has ended.

    Parameters
    ----------
    model : str, path, or nn.Module
        A shipped model's name, a checkpoint, or a network.
    noise : Noise, optional
        Where to start; Gaussian(0.25) if absent.
    data : str
        As `montecarlo.load_images` takes it: "digits", "cifar10:DIR", "imagenet:DIR" or an .npz file.
    images, every : int
        How many images, from the first on, and whether each, or every 100th, say.
    n, n0 : int
        Draws that count the votes, and that select the class.
    alpha : float in (0, 1)
        Failure probability of a radius, for a start.
    seed : int
        Of the run.
    norm : float >= 1, optional
        Norm of the radii; that in which most is known of the noise if absent. It is no part of the run.
    device : str, optional
        One of `montecarlo.devices()`; the first GPU, or the processor, if absent.
    log : path
        Where votes are kept; if empty, in a temporary folder, until the panel is gone.
    arch, normalize : str
        For a checkpoint that does not say: as in `montecarlo.load_model`.
    width : int
        Of the pictures, in pixels.

    Returns
    -------
    CertifyPanel
        `records` holds the votes once something was run; `start()` and `wait()` do in code what the button does.

    Raises
    ------
    ImportError
        torch is not installed.
    ValueError
        A number is below 1, or the device is not there.
    """
    try:
        from rsexplore import montecarlo
    except ImportError as error:
        raise ImportError(f"certify needs torch: pip install -e '.[gpu]' in the checkout ({error})") from None
    here = montecarlo.devices()
    if min(images, every, n) < 1 or device not in (None, *here):
        got = f"images={images}, every={every}, n={n}, device={device!r}"
        raise ValueError(f"certify needs images, every and n of at least 1, and a device of {here}, got {got}")
    start = noises.Gaussian(0.25) if noise is None else noise
    own = not isinstance(model, (str, PathLike))
    named = not own and str(model) in montecarlo.names()
    models = {name: name for name in montecarlo.names()} | {FILE: FILE} | ({GIVEN: GIVEN} if own else {})
    controls = [
        choice("model", "model", models, GIVEN if own else str(model) if named else FILE),
        text("data", "data", data, "digits, cifar10:DIR, imagenet:DIR, or an .npz file with images and labels"),
        text("file", "file", "" if own or named else str(model), "a checkpoint, or torchvision:NAME, timm:NAME"),
        text("arch", "arch", arch, "architecture, where the file does not name it"),
        text("normalize", "pixels", normalize, "cifar10, imagenet, none, or MEAN,..:STD,.., where the file lacks it"),
        families.family(start),
        families.sigma(start.sigma),
        families.powers(start),
        families.power(start),
        families.shape(start),
        pick("norm", "norm p", "of the radius", families.NORMS, float(start.natural_norm if norm is None else norm)),
        number("n", "n", "draws an image", n, 100, 1_000_000, whole=True),
        number("images", "images", "from the first on", images, 1, 10_000, whole=True),
        number("every", "step", "from image to image", every, 1, 1000, whole=True),
        choice("device", "device", {name: name for name in here}, device or here[min(1, len(here) - 1)]),
        text("log", "log", str(log), "a file to keep the votes in"),
    ]
    return CertifyPanel(controls, model if own else None, {"n0": n0, "alpha": alpha, "seed": seed}, width)
