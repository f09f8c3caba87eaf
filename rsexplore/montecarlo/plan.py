"""What `rsexplore plan` lists: the runs that a document's figures and tables need, and what they cost here.

A plan is text that `rsexplore train` and `rsexplore certify` take, and files alone tell what of it is done: one that
was stopped goes on, and each of its commands may be given by hand.
"""

import argparse
import shlex
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from rsexplore import noises, runs
from rsexplore.montecarlo import images, networks
from rsexplore.montecarlo.engine import usable_device
from rsexplore.montecarlo.models import trained
from rsexplore.montecarlo.train import Recipe, Run, recipe

# images to train with, images to test with, and about as many bytes as a log has for one of these
SIZES = {"cifar10": (50_000, 10_000, 250), "imagenet": (1_281_167, 50_000, 2_500)}
LONG = 1.0  # seconds after which a pass is long enough to be measured


@dataclass(frozen=True)
class Command:
    """A command of a plan, for an experiment."""

    one: runs.Experiment
    words: tuple[str, ...]  # after `rsexplore`
    asked: argparse.Namespace  # as the command line understands them
    recipe: Recipe  # of the network that it trains or certifies

    @property
    def trains(self) -> bool:
        """Whether it makes a network, in place of a log."""
        return self.words[0] == "train"

    @property
    def makes(self) -> Path:
        """Network or log."""
        return self.asked.out if self.trains else self.asked.log

    def cost(self) -> tuple[float, float]:
        """Images that pass through the network, and megabytes that stay on the disk.

        An image that is tested in training counts as two thirds: it passes twice, but forward alone.
        """
        learn, test, row = SIZES[self.one.data]
        if not self.trains:
            count = len(range(test)[self.asked.images])
            return count * (self.asked.n0 + self.asked.n), count * row / 1e6
        with torch.device("meta"):
            state = networks.build(self.recipe.arch).state_dict().values()
        learn, test = (min(self.recipe.images or size, size) for size in (learn, test))
        return self.recipe.epochs * (learn + test * 2 / 3), 2 * sum(value.nbytes for value in state) / 1e6

    def done(self, found: Sequence[runs.Run], needed: Collection[str] = ()) -> tuple[float, str]:
        """Part of it that is done, and that in words; `found` are the logs of its folder, and `needed` the networks."""
        path, held, whole = self.makes, 0, self.recipe.epochs
        if self.trains:
            if path.exists() and self.recipe.to_dict().items() <= (trained(path) or {}).items():
                return 1.0, "done"
            if str(path) not in needed:
                return 1.0, "not needed"
            if path.with_suffix(".checkpoint.pt").exists():
                held = len(path.with_suffix(runs.TRAINING).read_text("utf-8").splitlines()) - 1
            return held / whole, f"{held} of {whole} epochs" if held else "left"
        for run in runs.matching(self.one, found):
            if len(run.records or ()) >= self.one.images and run.draws >= self.one.n:
                return 1.0, f"done: {run.name}"
        for log in (run.records for run in found if run.name == path.name and run.records):
            if (log.header.n0, log.header.n) == (self.asked.n0, self.asked.n):
                held, whole = len(log), (log.header.data or {}).get("images") or len(log)
        return held / whole, "left" if not held else f"{held} of {whole} images" if held < whole else "done"


def commands(
    given: argparse.Namespace, read: Callable[..., Any], recipe_of: Callable[..., Recipe]
) -> tuple[list[Command], list[str]]:
    """Commands that a `plan` asks for, in order, each once; and in words what has none, and what they lack.

    `read` understands the words of a command, and `recipe_of` what it understood of a training.

    Raises
    ------
    ValueError, ImagesUnavailableError
        The data has no such name, or is not there.
    """
    data = {source.partition(":")[0]: source for source in given.data}
    if unknown := data.keys() - SIZES.keys():
        raise ValueError(f"--data must be cifar10:DIR or imagenet:DIR, got {', '.join(unknown)}")
    folder, device = Path(given.runs), ["--device", given.device] if given.device else []
    made, told = dict[Any, Command](), list[str]()
    for one in runs.experiments(given.document):
        if one.data not in data or one.published:
            told.append(f"{one.recipe}: {'published votes' if one.published else f'needs --data {one.data}:DIR'}")
            continue
        source, found = ("--data", data[one.data], *device), recipe(data[one.data], arch=one.arch)
        if one.checkpoint:
            authors, _, place = one.checkpoint.rpartition(", ")
            model = folder / place / "checkpoint.pth.tar"
            said = ["--arch", one.arch, "--trained", f"{one.trained.sigma if one.trained else 0:g}:{one.type}"]
            told += [] if model.exists() else [f"{model}: published network, from github.com/{authors}"]
        else:
            model, said = folder / f"{one.name}.safetensors", []
            how = _words(one.trained) if one.trained else ["--clean"]
            for name in ("push", "epochs", "batch", "rate", "decay", "seed"):
                how += [f"--{name}", f"{one.settings[name]}"] if name in one.settings else []
            how += ["--out", f"{model}", *shlex.split(given.train)]
            asked = read(words := ("train", *source, "--arch", one.arch, *how))
            found = recipe_of(asked)
            made[model] = Command(one, words, asked, found)
        total = SIZES[one.data][1]
        votes = f"--images 0:{total}:{total // one.images} --n0 {one.n0} --n {one.n} --alpha {one.alpha:g}".split()
        votes += ["--log", f"{folder / one.name}.tsv", *shlex.split(given.certify)]
        words = ("certify", "--model", f"{model}", *said, *source, *_words(one.noise), *votes)
        made.setdefault((model, one.noise, one.n0, one.n, one.images), Command(one, words, read(words), found))
    trains = {command.one.data for command in made.values() if command.trains}
    for name, source in data.items():
        where = source.partition(":")[2] or None
        if name == "imagenet":
            images.imagenet_files(where, "val" if name in trains else None)
        else:
            images.cifar10(where, "train" if name in trains else "test")
    return list(made.values()), list(dict.fromkeys(told))


def _words(noise: noises.Noise) -> list[str]:
    """Noise for a command, by its deviation or by its scale, whichever is the shorter."""
    family, *rest = (own := noises.to_dict(noise)).values()
    scale = f"--scale {rest[0]:.9g}"  # a family's first field
    found = ["--noise", family.lower(), *min(f"--sigma {noise.sigma:.9g}", scale, key=len).split()]
    found += [word for name in ("shape", "k") if name in own for word in (f"--{name}", f"{own[name]:g}")]
    return found + (["--norms", f"{float(own['power_norm']):g},{float(own['tail_norm']):g}"] if "k" in own else [])


def rate(command: Command) -> float:
    """Images a second on this machine: of 8 random ones at once, 16, 32, ..., up to a batch or to `LONG` seconds."""
    asked, found, noise = command.asked, command.recipe, command.one.trained if command.trains else command.one.noise
    found = replace(found, noise=noise, autocast=asked.autocast, channels_last=bool(asked.channels_last))
    run, side = Run(found, 1, usable_device(asked.device or "cpu", "plan")), round((found.dim / 3) ** 0.5)
    smaller = (2**power for power in range(3, (found.batch - 1).bit_length()))
    for size in (*smaller, found.batch, found.batch):  # the first pass of a size pays for what is set up once
        batch: Any = [(torch.rand(size, 3, side, side), torch.zeros(size, dtype=torch.int64))]
        begin = time.perf_counter()
        if command.trains:
            run.epoch(batch, tqdm(disable=True))
        else:
            run.shares(batch)  # twice: clean and noisy
        if (seconds := time.perf_counter() - begin) > LONG:
            break
    return size * (1 if command.trains else 2) / seconds
