"""Training under noise of the shipped digits models: `python -m rsexplore.montecarlo.train --help`."""

import argparse
import platform
from dataclasses import dataclass
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
from rsexplore.montecarlo.quality import Accuracies, accuracies
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.noises import Noise

FAMILIES: dict[str, type[Noise]] = {"gaussian": noises.Gaussian, "laplace": noises.Laplace}
SHIPPED = tuple((family, sigma) for family in FAMILIES for sigma in (0.12, 0.25, 0.5))
EVALUATION_DRAWS = 1000


@dataclass(frozen=True)
class Recipe:
    """All that decides the parameters of a trained network, but for the machine's arithmetic."""

    family: str
    sigma: float  # deviation of one coordinate, pixels being in [0, 1]
    seed: int = 0
    epochs: int = 200
    batch: int = 64
    rate: float = 3e-3  # largest learning rate
    arch: str = "digits_net"

    @property
    def name(self) -> str:
        """Name of the model that this recipe makes."""
        return f"digits-{self.family}-{self.sigma:g}"

    @property
    def noise(self) -> Noise:
        """Noise added to every image at every step."""
        return FAMILIES[self.family].from_sigma(self.sigma)

    @property
    def command(self) -> str:
        """Command line that makes this model."""
        options = f"--noise {self.family} --sigma {self.sigma:g} --seed {self.seed} --epochs {self.epochs}"
        return f"python -m rsexplore.montecarlo.train {options} --out DIR"


def fit(recipe: Recipe, images: ArrayLike, labels: ArrayLike, *, progress: bool = False) -> nn.Module:
    """Network trained by AdamW on freshly drawn noise, in evaluation mode.

    Parameters
    ----------
    recipe : Recipe
        Architecture, noise, seed, epochs.
    images : array_like of float, shape (images, 1, 8, 8), in [0, 1]
    labels : array_like of int, shape (images,)
    progress : bool
        Whether a bar over the epochs is shown.
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
            _step(model, optimizer, batch + recipe.noise.draw(noise_rng, tuple(batch.shape)), classes[chosen])
            schedule.step()
    return model.eval()


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Tensor, classes: Tensor) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch), classes).backward()
    optimizer.step()


def make(recipe: Recipe, out: Path, *, progress: bool = False) -> Path:
    """Train one model on the digits and write `NAME.safetensors` and its card `NAME.md` into `out`.

    Returns
    -------
    Path
        The written `.safetensors` file.
    """
    digits = data.digits()
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
    versions = f"rsexplore {rsexplore.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    margin = 1.96 * (found.noisy * (1 - found.noisy) / test) ** 0.5
    return f"""# {recipe.name}

A classifier of 8x8 grey digits, trained to be smoothed. What a certificate speaks of is the *smoothed* classifier.

| | |
| --- | --- |
| data | scikit-learn's digits (UCI, optical recognition of handwritten digits), pixels in [0, 1] |
| split | `rsexplore.data.digits()`: {train} images for training, {test} for the accuracies below |
| noise | `{recipe.noise!r}`: deviation {recipe.sigma:g} a pixel, drawn afresh at every step |
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
    """Train the models that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m rsexplore.montecarlo.train", description=__doc__)
    parser.add_argument("--noise", choices=sorted(FAMILIES), help="family of the noise")
    parser.add_argument("--sigma", type=float, help="deviation of the noise a pixel, pixels being in [0, 1]")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--out", type=Path, required=True, help="folder for the models and their cards")
    parser.add_argument("--all", action="store_true", help="make every shipped model")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    given = parser.parse_args(arguments)
    if given.all == (given.noise is not None or given.sigma is not None):
        parser.error("give either --all, or --noise and --sigma")
    if not given.all and (given.noise is None or given.sigma is None):
        parser.error("--noise and --sigma go together")
    # one thread: sums are then made in one order, and the digest repeats
    torch.set_num_threads(1)
    for family, sigma in SHIPPED if given.all else [(given.noise, given.sigma)]:
        path = make(Recipe(family, sigma, given.seed, given.epochs), given.out, progress=not given.quiet)
        print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
