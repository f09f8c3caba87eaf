"""`rsexplore certify`, `attack`, `train`, `plan`, for a shell or job script; also `python -m rsexplore.montecarlo`.

A plan is text that `train` and `certify` take, and files alone tell what of it is done: one that was stopped goes on,
and each of its commands may be given by hand.
"""

import argparse
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from rsexplore import accuracy, arguments, bounds, data, noises, records, runs
from rsexplore.montecarlo import networks
from rsexplore.montecarlo.attack import attack
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.engine import usable_device
from rsexplore.montecarlo.images import CROP, SHORT_SIDE, SOURCES, cifar10, data_name, imagenet_files, load_images
from rsexplore.montecarlo.models import Normalization, load_model, names, normalization, trained
from rsexplore.montecarlo.train import COLUMNS, OPTIMIZERS, PRECISIONS, SCHEDULES, Recipe, Run, recipe, train
from rsexplore.table import Table, rounded_down, rounded_up

TRAINING = [one.name for one in fields(Recipe) if one.name not in ("data", "noise")]
PROGRAM = "python -m rsexplore.montecarlo"
# images to train with, images to test with, and about as many bytes as a log has for one of these
SIZES = {"cifar10": (50_000, 10_000, 250), "imagenet": (1_281_167, 50_000, 2_500)}
LONG = 1.0  # seconds after which a pass is long enough to be measured
CERTIFY = """examples:
  {0} certify --model digits-gaussian-0.25 --data digits --noise gaussian --sigma 0.25 \\
      --n 10000 --images 0:500:10 --log log.tsv --bound cohen-l2 --export theirs.tsv
  {0} certify --model checkpoint.pth.tar --data imagenet:imagenet/val --images 0:50000:100 \\
      --noise gaussian --sigma 0.5 --device cuda --log log.tsv

The same command goes on with an unfinished log, and leaves that of another run as it is."""
ATTACK = """example:
  {0} attack --model digits-gaussian-0.25 --data digits --images 0:500:100 --noise gaussian --sigma 0.25"""
TRAIN = """examples:
  {0} train --data cifar10:DIR --noise laplace --sigma 0.5 --push 0.05 --device cuda --autocast bfloat16 \\
      --out laplace.safetensors
  {0} train --data imagenet:DIR --arch timm:resnet18 --noise gaussian --sigma 0.5 --device cuda --out r18.safetensors
  {0} train --data digits --clean --out digits.safetensors

The same command goes on from the last epoch that was finished, and leaves the files of another training as they are.
What is not said is as in the code of Cohen et al. 2019, or for digits as the shipped networks were trained."""
PLAN = """examples:
  {0} plan laplace --data cifar10:DIR --runs my_runs --device cuda
  {0} plan laplace --data cifar10:DIR --runs toys --train="--epochs 1" --certify="--images 20 --n 200" --run

The same command goes on where it was stopped; what fails is named at the end, and the rest is done. What --train and
--certify add stands last, and wins: a log so made serves a figure only if its header has what the figure needs."""


def main(given: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command line; return the exit status: 0, 2 for what cannot be run, 130 after Ctrl-C."""
    asked = parser(program).parse_args(given)
    try:
        return arguments.answered(f"{program} {asked.command}", lambda: asked.work(asked))
    except KeyboardInterrupt:
        if asked.command in ("train", "plan"):
            print("\nstopped; the same command goes on after the last whole epoch or image", file=sys.stderr)
            return 130
        log = getattr(asked, "log", None)
        done = len(records.read(log)) if log and log.exists() else 0
        left = f": {done} images are in {log}; the same command goes on from there" if log else ""
        print(f"\nstopped{left}", file=sys.stderr)
        return 130


def _some(given: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(given, name) for name in names}


def _loaded(given: argparse.Namespace) -> tuple[Any, Any, noises.Noise]:
    """Model, images and noise."""
    model = load_model(given.model, **_some(given, "arch", "normalize", "num_classes", "entry"))
    split = load_images(given.data, given.images, **_some(given, "names", "resize", "crop"))
    return model, split, arguments.noise(given, int(np.prod(split.images.shape[1:])))


def _certify(given: argparse.Namespace) -> str:
    """Certify; return what is told at the end."""
    model, split, noise = _loaded(given)
    if given.trained is not None:
        if model.trained or not given.arch:
            lack = f"{given.model} says itself: {model.trained}" if model.trained else "--arch is not given"
            raise ValueError(f"--trained goes with --arch, for a file that does not say how it was trained, but {lack}")
        sigma, kind = given.trained
        own = noises.to_dict(noises.Gaussian(sigma, noise.dim)) if sigma else None
        model.trained = {"arch": given.arch, "type": kind if own else "clean", "noise": own, "said": "by hand"}
    bound = bounds.get(given.bound) if given.bound else None
    if given.export and (bound is None or not bound.certifies):
        raise ValueError(f"--export needs --bound and a proved one, got --bound {given.bound}")
    if given.export and split.labels.min() < 0:
        raise ValueError(f"--export needs labels, which its columns say, got {given.data} without")
    wish = _some(given, "radius", "precision", "select")
    wish |= {"bound": bound, "norm": given.norm} if (given.radius, given.precision) != (None, None) else {}
    votes = _some(given, "n0", "n", "alpha", "seed", "log", "grid")
    ways = _some(given, "batch_size", "device", "threads", "autocast", "fast", "compile", "channels_last")
    with _executor(given.scheduler) as executor:
        found = certify(
            model, split.images, split.labels, noise, **votes, **wish, **ways, indices=split.index, executor=executor,
            data=data_name(given.data), names=given.names, progress=not given.quiet,
        )  # fmt: skip
    right = f"selected class right: {np.mean(found.predict == found.label):.1%}"
    classes = "classes: the labels" if given.select == "label" else right if found.labelled else "no labels"
    lines = [f"{found!r}: {given.log}", f"{classes}; {found.spent}"]
    if not found.labelled:
        called, q_a = data.class_names(found.header.classes), found.q_a()
        radii = bound.radius(found.noise, q_a=q_a, norm=given.norm) if bound and bound.certifies else np.nan * q_a
        said = ["abstains" if q >= 0.5 else rounded_down(r) if r >= 0 else "" for q, r in zip(q_a, radii, strict=True)]
        shown = [(called.get(row.predict, row.predict), row.count) for row in found.rows]
        rows = [(name, *row, r) for name, row, r in zip(split.files or split.index, shown, said, strict=True)]
        return "\n".join([*lines, str(Table(("image", "class", "votes", "radius"), rows))])
    if bound and bound.certifies:
        if given.export:
            records.export(found, given.export, bound, norm=given.norm)
        shares = accuracy.certified(found, bound, [0.0, *([given.radius] if given.radius else [])], norm=given.norm)
        at = f", at radius {given.radius:g}: {shares[-1]:.1%}" if given.radius else ""
        lines.append(f"certified accuracy under {bound.key}: {shares[0]:.1%}{at}")
    return "\n".join(lines)


def _attack(given: argparse.Namespace) -> str:
    """Attack; return the table of what was found."""
    model, split, noise = _loaded(given)
    search = _some(given, "norm", "n", "alpha", "seed", "steps", "samples", "rounds", "batch_size", "device")
    found = attack(model, split.images, noise, **search)
    columns = (split.index, split.labels, found.before, found.after, map(rounded_up, found.size))
    table = Table(("image", "label", "class", "new class", f"l{found.norm:g} size"), zip(*columns, strict=True))
    hit = found.size[np.isfinite(found.size)]
    half = f", half of them by {rounded_up(np.median(hit))} or less" if len(hit) else ""
    told = f"{len(hit)} of {len(found.size)} images were given another class{half}. -1: the votes do not tell one."
    return f"{table}\n{told}\nThat nothing smaller was found proves nothing."


def _recipe(given: argparse.Namespace) -> Recipe:
    """Recipe of a training."""
    asked = recipe(given.data, **{key: value for key in TRAINING if (value := getattr(given, key)) is not None})
    if given.clean == (given.sigma is not None or given.scale is not None):
        raise ValueError("needs --sigma or --scale of a noise, or --clean for none")
    return asked if given.clean else replace(asked, noise=arguments.noise(given, asked.dim))


def _train(given: argparse.Namespace) -> str:
    """Train; return the last line of the table of epochs."""
    asked = _recipe(given)
    folder = given.data.partition(":")[2] if asked.data in ("cifar10", "imagenet") else None
    if given.threads:
        torch.set_num_threads(given.threads)
    path = train(asked, given.out, folder or None, device=given.device, workers=given.workers, progress=not given.quiet)
    rows = path.with_suffix(".train.tsv")
    last = rows.read_text("utf-8").splitlines()[-1].split("\t") if rows.exists() else ()
    told = ", ".join(f"{name} {value}" for name, value in zip(COLUMNS, last, strict=False))
    return f"{path} ({path.stat().st_size:,} bytes): {told}"


def _plan(given: argparse.Namespace) -> str:
    """List the commands of a document, or do what is left of them; return the list, or that all is done."""
    wanted, told = commands(given)
    found = runs.logs(given.runs) if Path(given.runs).is_dir() else []
    needed = {one.asked.model for one in wanted if not one.trains and one.done(found)[0] < 1}
    states = [one.done(found, needed) for one in wanted]
    left = [one for one, (part, _) in zip(wanted, states, strict=True) if part < 1]
    if given.run:
        ends = dict[str, Any]()  # whether each was done, or a cluster's promise of that
        with _executor(given.scheduler) as client:
            for one in left:
                task = one.words, ends.get(getattr(one.asked, "model", ""))
                ends[str(one.makes)] = client.submit(_did, *task, pure=False) if client else _did(*task)
            if client:
                ends = {name: end.exception() is None and end.result() for name, end in ends.items()}
        if failed := [name for name, done in ends.items() if not done]:
            where = "the logs of the workers say" if client else "is said above"
            raise RuntimeError(f"{len(failed)} of {len(wanted)} commands failed, why {where}: no {', '.join(failed)}")
        return f"all {len(wanted)} commands are done; rsexplore runs {given.runs} tells what the logs serve"
    rates, rows, sums = dict[Any, float](), [], np.zeros(2)
    for one, (part, state) in zip(wanted, states, strict=True):
        count, size = one.cost()
        key = one.words[0], one.recipe.arch, type(one.one.noise), one.trains and one.recipe.push > 0
        if part < 1 and key not in rates:
            print("measuring", *key[:2], file=sys.stderr)
            rates[key] = rate(one)
        hours = (1 - part) * count / rates.get(key, 1) / 3600
        sums += (hours, size * (part < 1))
        rows.append((state, f"{hours:.3g}", f"{size:.1f}", f"rsexplore {shlex.join(one.words)}"))
    end = f"left: {len(left)} of {len(wanted)} commands, {sums[1]:.1f} MB (twice that while networks learn), "
    end += f"{sums[0]:.3g} hours, an estimate from a few steps on random images"
    return "\n".join([str(Table(("state", "hours", "MB", "command"), rows)), *told, end])


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


def commands(given: argparse.Namespace) -> tuple[list[Command], list[str]]:
    """Commands that a `plan` asks for, in order, each once; and in words what has none, and what they lack.

    Raises
    ------
    ValueError, ImagesUnavailableError
        The data has no such name, or is not there.
    """
    sources, read = {source.partition(":")[0]: source for source in given.data}, parser("rsexplore").parse_args
    if unknown := sources.keys() - SIZES.keys():
        raise ValueError(f"--data must be cifar10:DIR or imagenet:DIR, got {', '.join(unknown)}")
    folder, device = Path(given.runs), ["--device", given.device] if given.device else []
    made, told = dict[Any, Command](), list[str]()
    for one in runs.experiments(given.document):
        if one.data not in sources or one.published:
            told.append(f"{one.recipe}: {'published votes' if one.published else f'needs --data {one.data}:DIR'}")
            continue
        source, found = ("--data", sources[one.data], *device), recipe(sources[one.data], arch=one.arch)
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
            found = _recipe(asked)
            made[model] = Command(one, words, asked, found)
        total = SIZES[one.data][1]
        votes = f"--images 0:{total}:{total // one.images} --n0 {one.n0} --n {one.n} --alpha {one.alpha:g}".split()
        votes += ["--log", f"{folder / one.name}.tsv", *shlex.split(given.certify)]
        words = ("certify", "--model", f"{model}", *said, *source, *_words(one.noise), *votes)
        made.setdefault((model, one.noise, one.n0, one.n, one.images), Command(one, words, read(words), found))
    trains = {command.one.data for command in made.values() if command.trains}
    for name, source in sources.items():
        where = source.partition(":")[2] or None
        if name == "imagenet":
            imagenet_files(where, "val" if name in trains else None)
        else:
            cifar10(where, "train" if name in trains else "test")
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


_one_at_a_time = Lock()  # in a process: training seeds generators that threads share


def _did(words: Sequence[str], after: Any = None) -> bool:
    """Do a command of a plan; return whether that could be done: not where `after`, which it needs, could not."""
    if after is False:
        return False
    with _one_at_a_time:
        print("rsexplore", shlex.join(words), flush=True)
        asked = parser("rsexplore").parse_args(words)
        return not arguments.answered(f"rsexplore {asked.command}", lambda: asked.work(asked))


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return nullcontext()
    from rsexplore.beyond import distributed

    return distributed.Client(scheduler, timeout=30)


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """What the command line understands."""
    top = argparse.ArgumentParser(prog=program, description="Randomized smoothing by sampling.")
    several = top.add_subparsers(dest="command", required=True)
    known = ", ".join(networks.NORMALIZATIONS)
    passes = f"what pixels pass before the network: {known}, none, or MEAN,..:STD,.. by channel"

    def command(work: Callable[[argparse.Namespace], str], examples: str) -> argparse.ArgumentParser:
        about = arguments.SAMPLING[work.__name__.strip("_")]
        return arguments.command(several, work, about, examples.format(program))

    def sampling(one: argparse.ArgumentParser) -> Callable[..., Any]:
        add = one.add_argument_group("model and images").add_argument
        known = f"a checkpoint's path, torchvision:NAME[.WEIGHTS], timm:NAME[.WEIGHTS], or one of {', '.join(names())}"
        add("--model", required=True, help=known)
        add("--entry", metavar="NAME", help="which of a checkpoint's dicts of tensors: state_dict_ema, ...")
        add("--arch", help="architecture, where the checkpoint does not name it")
        add("--num-classes", type=int, metavar="N", help="classes, where they are not the architecture's")
        add("--normalize", type=_normalization, metavar="HOW", help=passes)
        add("--data", required=True, help=SOURCES)
        chosen = "which images (default: all; of ImageNet every 100th); no others are read from ImageNet's folder"
        add("--names", type=Path, metavar="FILE", help="names of the classes, one a line")
        add("--resize", type=int, metavar="N", default=SHORT_SIDE, help="short side of pictures (default %(default)s)")
        add("--crop", type=int, metavar="N", default=CROP, help="then the square in the middle (default %(default)s)")
        add("--images", type=_slice, metavar="START:STOP:STEP", help=chosen)
        arguments.add_noise(one, dim=False)
        add = one.add_argument_group("votes, and how they are counted").add_argument
        add("--alpha", type=float, default=0.001, help="failure probability of an image (default %(default)s)")
        add("--seed", type=int, default=0)
        add("--device", help="cpu, cuda, ...")
        return add

    add = sampling(command(_certify, CERTIFY))
    add("--grid", type=int, metavar="STEPS", help="sound arithmetic for images of whole multiples of 1 / STEPS")
    add("--n0", type=int, help="draws that select the class (default 100; 1,000 with --precision; not with --radius)")
    add("--n", type=int, default=100_000, help="draws that count its votes, at most (default %(default)s)")
    add("--bound", metavar="KEY", help="turns votes into radii: for the summary, --radius, --precision and --export")
    add("--norm", type=float, help="norm of the radii, if not the bound's own")
    add("--radius", type=float, help="end each image as soon as this radius is certified or given up")
    add("--select", choices=("votes", "label"), default="votes", help="class of --radius: the votes' or the label")
    add("--precision", type=float, help="end each image where --n draws would add less than this part to its radius")
    add("--log", type=Path, required=True, help="where the votes are kept; an unfinished run goes on")
    by_hand = (
        "Gaussian noise that a checkpoint which does not say it was trained with (0: none), by which `runs` knows it"
    )
    add("--trained", type=_trained, metavar="SIGMA[:2|:adversarial]", help=by_hand)
    add("--export", type=Path, help="write the radii in the columns idx label predict radius correct time")
    add("--batch-size", type=int, help="copies that pass through the model at once (default: by an image's size)")
    add("--threads", type=int, help="CPU threads")
    add("--autocast", choices=("bfloat16", "float16"), help="precision of the network")
    add("--fast", action="store_true", help="batch norms folded, channels last; on a GPU, weights in bfloat16")
    add("--compile", action="store_true", help="compile the network")
    add("--channels-last", action="store_true", help="memory format of the network")
    add("--scheduler", metavar="ADDRESS", help="share the images out by this dask scheduler")
    add("--quiet", action="store_true", help="show no progress bar")
    one = command(_attack, ATTACK)
    add = sampling(one)
    add("--norm", type=float, default=2, choices=(1, 2, math.inf), help="in which they are small (default 2)")
    add("--n", type=int, default=1000, help="draws that tell a class (default %(default)s)")
    add("--steps", type=int, default=10, help="gradient steps of a descent (default %(default)s)")
    add("--samples", type=int, default=32, help="draws of a gradient (default %(default)s)")
    add("--rounds", type=int, default=6, help="halvings of what was found (default %(default)s)")
    add("--batch-size", type=int, default=256, help="noisy copies at once (default %(default)s)")
    one = command(_train, TRAIN)
    add = one.add_argument
    add("--data", required=True, help="digits[:SIDE], cifar10[:DIR], or imagenet[:DIR] with the folders train and val")
    add("--out", type=Path, required=True, metavar="NAME.safetensors", help="the network; its log is NAME.train.tsv")
    arguments.add_noise(one, family="gaussian", dim=False, needed=False)
    add("--clean", action="store_true", help="train on the images without noise")
    add("--denoise", action="store_true", default=None, help="a denoiser: the network is to return the image")
    add("--push", type=float, help="Type-2 training: after the noise a step of each pixel, so long, uphill in the loss")
    known = ", ".join(networks.ARCHITECTURES)
    add("--arch", help=f"{known}, torchvision:NAME, timm:NAME, or package.module:NAME for one of your own")
    add("--normalize", type=_normalization, metavar="HOW", help=passes)
    add("--no-augment", dest="augment", action="store_false", default=None, help="neither crop nor mirror at random")
    add("--optimizer", choices=OPTIMIZERS)
    add("--schedule", choices=SCHEDULES, help="step: a tenth after each third of the epochs; or down to 0 in a curve")
    add("--rate", type=float, help="largest learning rate")
    add("--decay", type=float, help="of the weights")
    add("--batch", type=int, help="images of a step")
    add("--epochs", type=int)
    add("--seed", type=int)
    add("--images", type=int, metavar="N", help="only so many of the training and of the test images, to try things")
    add("--device", default="cpu", help="cpu, cuda, ... (default %(default)s)")
    add("--autocast", choices=PRECISIONS, help="precision of the network")
    add("--channels-last", action="store_true", default=None, help="memory format of the network")
    add("--workers", type=int, help="processes that read images")
    add("--threads", type=int, help="CPU threads; with 1, a network repeats to the bit on its kind of processor")
    add("--quiet", action="store_true", help="show no progress bar")
    add = command(_plan, PLAN).add_argument
    add("document", metavar="PAPER", help="unified, laplace, soap, hayes or lecture")
    add("--data", action="append", required=True, metavar="NAME:DIR", help="cifar10:DIR, imagenet:DIR; may be repeated")
    folder = os.environ.get("RSEXPLORE_RUNS", "runs")
    add("--runs", metavar="DIR", default=folder, help="networks and logs (default: %(default)s, or RSEXPLORE_RUNS)")
    add("--device", help="cpu, cuda, ... of every command")
    add("--train", default="", metavar="WORDS", help="added to each training, as --train='--epochs 1'")
    add("--certify", default="", metavar="WORDS", help="added to each certification")
    add("--run", action="store_true", help="do what is left, one after another, in place of listing it")
    add("--scheduler", metavar="ADDRESS", help="do it as tasks of this dask scheduler; its workers share the folders")
    return top


def _trained(text: str) -> tuple[float, int | str]:
    sigma, _, kind = text.partition(":")
    kinds: dict[str, int | str] = {"": 1, "1": 1, "2": 2, "adversarial": "adversarial"}
    if kind not in kinds or not sigma.replace(".", "", 1).isdecimal():
        raise argparse.ArgumentTypeError(f"must be like 0.5, 0.5:2 or 0.5:adversarial, got {text!r}")
    return float(sigma), kinds[kind]


def _slice(text: str) -> slice:
    try:
        return slice(*(int(part) if part else None for part in text.split(":"))) if ":" in text else slice(int(text))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"must be like 0:500:20 or 100, got {text!r}") from None


def _normalization(text: str) -> Normalization:
    try:
        return normalization(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
