"""Training of digits models under noise: `python -m rsexplore.montecarlo.train --help`.

A `Recipe` is all that decides a model's parameters: noise, kind of training, size, seed.
"""

import argparse
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors.torch import save
from torch import Tensor, nn
from tqdm.auto import tqdm

import rsexplore
from rsexplore import data, noises
from rsexplore.montecarlo.models import digest
from rsexplore.montecarlo.networks import ARCHITECTURES
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.runner import Accuracies, accuracies
from rsexplore.noises import Noise

EVALUATION_DRAWS = 1000
NOISE_SHARE = 4  # soap-bubble noise has the power k = dim / NOISE_SHARE


def _soap(sigma: float, dim: int, power_norm: float = 2) -> Noise:
    return noises.PowerGaussian.from_sigma(sigma, dim, k=dim / NOISE_SHARE, power_norm=power_norm)


# family -> noise of a deviation of one coordinate and a dimension
FAMILIES: dict[str, Callable[[float, int], Noise]] = {
    "gaussian": noises.Gaussian.from_sigma,
    "laplace": noises.Laplace.from_sigma,
    "gg3": partial(noises.GeneralizedGaussian.from_sigma, shape=3.0),
    "gg4": partial(noises.GeneralizedGaussian.from_sigma, shape=4.0),
    "linf": noises.ExponentialLinf.from_sigma,
    "soap": _soap,
    "mixed": partial(_soap, power_norm=inf),
}
SIDES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Recipe:
    """All that decides the parameters of a trained network, but for the machine's arithmetic."""

    family: str  # key of FAMILIES
    sigma: float  # deviation of one coordinate, pixels being in [0, 1]
    seed: int = 0
    epochs: int = 200
    batch: int = 64
    rate: float = 3e-3  # largest learning rate
    side: int = 8  # pixels of a side, one of SIDES
    push: float = 0.0  # largest step of a pixel uphill in the loss, after the noise; 0 is Type-1 training

    @property
    def arch(self) -> str:
        """Architecture, as a checkpoint names it."""
        return "digits_net" if self.side == 8 else f"digits_net{self.side}"

    @property
    def name(self) -> str:
        """Name of the model that this recipe makes."""
        size, kind = "" if self.side == 8 else self.side, "-type2" if self.push else ""
        return f"digits{size}-{self.family}-{self.sigma:g}{kind}"

    @property
    def noise(self) -> Noise:
        """Noise added to every image at every step, which is also the one to certify with."""
        return FAMILIES[self.family](self.sigma, self.side**2)

    @property
    def command(self) -> str:
        """Command line that makes this model."""
        options = f"--noise {self.family} --sigma {self.sigma:g} --seed {self.seed} --epochs {self.epochs}"
        options += f" --side {self.side}" * (self.side != 8) + f" --push {self.push:g}" * (self.push > 0)
        return f"python -m rsexplore.montecarlo.train {options} --out DIR"


def fit(recipe: Recipe, images: ArrayLike, labels: ArrayLike, *, progress: bool = False) -> nn.Module:
    """Network trained by AdamW on freshly drawn noise, in evaluation mode.

    Parameters
    ----------
    recipe : Recipe
        Architecture, noise, kind of training, seed, epochs.
    images : array_like of float, shape (images, 1, side, side), in [0, 1]
    labels : array_like of int, shape (images,)
    progress : bool
        Whether a bar over the epochs is shown.

    Source
    ------
    Teng et al. 2020, section 5.1: Type-1 and Type-2 training, the latter with inputs + noise + push * sign(gradient).
    """
    pixels, classes = torch.as_tensor(images, dtype=torch.float32), torch.as_tensor(labels, dtype=torch.int64)
    with torch.random.fork_rng(devices=[]):  # the first weights come from the global generator; leave it as it was
        torch.manual_seed(recipe.seed)
        model = ARCHITECTURES[recipe.arch]()
    order, noise_rng = np.random.default_rng(recipe.seed), TorchRng(recipe.seed)
    steps = -(-len(pixels) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=recipe.epochs * steps)
    model.train()
    for _ in tqdm(range(recipe.epochs), desc=recipe.name, unit="epoch", disable=not progress):
        for chosen in np.array_split(order.permutation(len(pixels)), steps):
            batch = pixels[chosen]
            noisy = batch + recipe.noise.draw(noise_rng, tuple(batch.shape))
            if recipe.push:
                noisy = _pushed(model, noisy, classes[chosen], recipe.push)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(noisy), classes[chosen]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def _pushed(model: nn.Module, noisy: Tensor, classes: Tensor, push: float) -> Tensor:
    """Noisy images, each pixel moved by `push` to where the loss grows, for the network as it is in evaluation.

    So batch norms do not average over the images that only show the way.
    """
    place, training = noisy.requires_grad_(), model.training
    (uphill,) = torch.autograd.grad(nn.functional.cross_entropy(model.eval()(place), classes), place)
    model.train(training)
    return (place + push * uphill.sign()).detach()


def make(recipe: Recipe, out: Path, *, progress: bool = False) -> Path:
    """Train one model on the digits and write `NAME.safetensors` and its card `NAME.md` into `out`.

    Returns
    -------
    Path
        The written `.safetensors` file.
    """
    digits = data.digits(recipe.side)
    model = fit(recipe, digits.train.images, digits.train.labels, progress=progress)
    pixels = torch.as_tensor(digits.test.images)
    found = accuracies(model, pixels, digits.test.labels, recipe.noise, EVALUATION_DRAWS, recipe.seed + 1)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{recipe.name}.safetensors"
    # not safetensors' save_file, whose files can be read by their owner alone
    path.write_bytes(save(model.state_dict(), metadata={"arch": recipe.arch}))
    path.with_suffix(".md").write_text(_card(recipe, model, found, len(digits.train.labels), len(pixels)), "utf-8")
    return path


def _card(recipe: Recipe, model: nn.Module, found: Accuracies, train: int, test: int) -> str:
    parameters = sum(value.numel() for value in model.parameters())
    push = f"{recipe.push:g} times the sign of the loss's gradient"
    kind = f"Type-2: the noise, then {push}" if recipe.push else "Type-1: the noise alone"
    side, call = recipe.side, "digits()" if recipe.side == 8 else f"digits({recipe.side})"
    versions = f"rsexplore {rsexplore.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    margin = 1.96 * (found.noisy * (1 - found.noisy) / test) ** 0.5
    return f"""# {recipe.name}

A classifier of {side}x{side} grey digits, trained to be smoothed. A certificate speaks of the *smoothed* classifier.

| | |
| --- | --- |
| data | scikit-learn's digits (UCI, optical recognition of handwritten digits), pixels in [0, 1] |
| split | `rsexplore.data.{call}`: {train} images for training, {test} for the accuracies below |
| noise | `{recipe.noise!r}`: deviation {recipe.sigma:g} a pixel, drawn afresh at every step |
| added to an image | {kind} |
| architecture | `{recipe.arch}`, {parameters:,} parameters |
| training | AdamW, one cycle up to rate {recipe.rate:g}, batches of {recipe.batch}, {recipe.epochs} epochs |
| seed | {recipe.seed} |
| clean accuracy | {found.clean:.3f} |
| accuracy under noise | {found.noisy:.3f} (± {margin:.3f} at most, at 95 %, for the choice of test images) |
| smoothed accuracy | {found.smoothed:.3f} (majority of {EVALUATION_DRAWS:,} draws an image) |
| digest | `{digest(model)}` |
| versions | {versions}, Python {platform.python_version()} on {platform.machine()} |
| command | `{recipe.command}` |

The digest repeats with these versions on the same kind of processor; elsewhere the accuracies do, within their error.
"""


def main(arguments: list[str] | None = None) -> None:
    """Train the model that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m rsexplore.montecarlo.train", description=__doc__)
    parser.add_argument("--noise", dest="family", choices=sorted(FAMILIES), required=True, help="family of the noise")
    parser.add_argument("--sigma", type=float, required=True, help="deviation of a pixel, pixels being in [0, 1]")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--side", type=int, choices=SIDES, default=Recipe.side, help="pixels of a side")
    parser.add_argument("--push", type=float, default=Recipe.push, help="step of Type-2 training; 0 is Type-1")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and its card")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    given = vars(parser.parse_args(arguments))
    out, quiet = given.pop("out"), given.pop("quiet")
    if not given["push"] >= 0:
        parser.error(f"--push must be at least 0, got {given['push']}")
    # one thread: sums are then made in one order, and the digest repeats
    torch.set_num_threads(1)
    path = make(Recipe(**given), out, progress=not quiet)
    print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
