"""Training under noise, of digits, CIFAR-10 and ImageNet; in a shell `rsexplore train --help`.

A `Recipe` is all that decides a network's parameters, but for the machine's arithmetic. It stands in the network's
file, and in the header of every log that the network certifies.
"""

import json
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from rsexplore import __version__, data, noises
from rsexplore.log import lock
from rsexplore.montecarlo import engine, networks
from rsexplore.montecarlo import images as pixels
from rsexplore.montecarlo.models import Normalization, trained
from rsexplore.montecarlo.rng import TorchRng

OPTIMIZERS, SCHEDULES, PRECISIONS = ("sgd", "adamw"), ("step", "cosine", "onecycle"), ("bfloat16", "float16")
MOMENTUM = 0.9  # of sgd
SHIFT = 4  # pixels by which images in memory are moved at random, at most
TEST_BATCH = 500
LOOK = 100  # steps after which it is looked whether the loss is a number
COLUMNS = ("epoch", "rate", "loss", "train", "clean", "noisy", "seconds")


@dataclass(frozen=True)
class Recipe:
    """All that decides a network's parameters, but for the machine's arithmetic.

    The defaults are those of the code of Cohen et al. 2019 for CIFAR-10.

    Raises
    ------
    ValueError
        A field is out of range.
    """

    data: str = "cifar10"  # or "imagenet", "digits", "digits:SIDE"
    noise: noises.Noise | None = None  # added to every image at every step, in units of the pixels; None: nothing is
    denoise: bool = False  # the network is to return the image without its noise, in place of its class
    push: float = 0.0  # step of each pixel uphill in the loss, after the noise: Type-2 training; 0 is Type-1
    arch: str = "cifar_resnet110"  # key of ARCHITECTURES, torchvision:NAME, timm:NAME or package.module:Class
    normalize: Normalization = "cifar10"  # key of NORMALIZATIONS, "none", or mean and deviation of each channel
    augment: bool = True  # crop and mirror at random
    optimizer: str = "sgd"  # one of OPTIMIZERS
    schedule: str = "step"  # a tenth after each third of the epochs; or one of SCHEDULES
    rate: float = 0.1  # largest learning rate
    decay: float = 1e-4  # of the weights
    batch: int = 256
    epochs: int = 90
    seed: int = 0
    images: int | None = None  # so many, evenly from the whole, of the training and of the test images
    autocast: str | None = None  # precision of the network, one of PRECISIONS
    channels_last: bool = False  # memory format of the network

    def __post_init__(self) -> None:
        wrong = [name for name in ("rate", "batch", "epochs") if not getattr(self, name) > 0]
        wrong += [name for name in ("push", "decay", "seed") if not getattr(self, name) >= 0]
        wrong += ["images"] * (self.images is not None and self.images < 1)
        wrong += ["noise"] * (self.noise is not None and self.noise.dim not in (None, self.dim))
        wrong += ["denoise"] * (self.denoise and self.push > 0)
        for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("autocast", (None, *PRECISIONS))):
            wrong += [name] * (getattr(self, name) not in choices)
        if wrong:
            told = ", ".join(f"{name}={getattr(self, name)!r}" for name in wrong)
            raise ValueError(f"Recipe: out of range, or not for images of {self.dim} coordinates: {told}")

    @property
    def dim(self) -> int:
        """Coordinates of an image."""
        name, _, side = self.data.partition(":")
        if self.data in ("cifar10", "imagenet"):
            return pixels.CIFAR_PIXELS if name == "cifar10" else 3 * pixels.CROP**2
        if name != "digits" or not (side or "8").isdecimal():
            raise ValueError(f"Recipe: data must be cifar10, imagenet, digits or digits:SIDE, got data={self.data!r}")
        return int(side or 8) ** 2

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, as it stands in files and headers."""
        noise = self.noise and noises.to_dict(self.noise)
        told = json.loads(json.dumps(vars(self) | {"noise": noise} | self._classes))
        return told if told.pop("denoise") is False else told | {"denoise": True}

    @property
    def _classes(self) -> dict[str, int]:
        """Number of classes, for an architecture that usually has others."""
        usual, library = networks.TRAINED_ON.get(self.arch), self.arch.partition(":")[0] in networks.LIBRARIES
        other = library or usual not in (None, self.data)
        return {"num_classes": 1000 if self.data == "imagenet" else 10} if other else {}

    def network(self) -> nn.Module:
        """Return the untrained network, behind its normalisation; random numbers are torch's own."""
        net = networks.build(self.arch, **self._classes)
        if self.normalize == "none":
            return net
        pair = networks.NORMALIZATIONS[self.normalize] if isinstance(self.normalize, str) else self.normalize
        return nn.Sequential(networks.Normalize(*pair), net)


# what is usual for each data set
RECIPES = {
    "cifar10": Recipe(),
    "imagenet": Recipe("imagenet", arch="resnet50", normalize="imagenet"),
    "digits": Recipe(
        "digits", arch="digits_net", normalize="none", augment=False, optimizer="adamw", schedule="onecycle",
        rate=3e-3, decay=1e-2, batch=64, epochs=200,
    ),
}  # fmt: skip


def recipe(source: str, **changes: Any) -> Recipe:
    """Return the usual recipe of a data set, with changes; `source` is like digits, digits:16, cifar10:DIR."""
    name, _, rest = source.partition(":")
    own = {"data": source, "arch": f"digits_net{rest}"} if name == "digits" and rest not in ("", "8") else {}
    if name not in RECIPES:
        raise ValueError(f"data must be digits[:SIDE], cifar10[:DIR] or imagenet[:DIR], got {source!r}")
    return replace(RECIPES[name], **own | changes)


class Images(Dataset[tuple[Tensor, Tensor]]):
    """Batches of a data set by the places of their images; cropped and mirrored at random in training.

    What is random follows from the seed, the epoch and the first place, so that any number of workers makes the same.
    """

    def __init__(self, images: NDArray[np.float32] | Sequence[Path], labels: NDArray, seed: int | None = None) -> None:
        self.images, self.labels, self.seed, self.epoch = images, labels.astype(np.int64), seed, 0

    def __getitem__(self, places: NDArray) -> tuple[Tensor, Tensor]:
        """Return images (b, channels, height, width) in [0, 1] and classes (b,)."""
        rng = None if self.seed is None else np.random.default_rng((self.seed, self.epoch, int(places[0])))
        if isinstance(self.images, np.ndarray):
            found = self.images[places] if rng is None else _shifted(self.images[places], rng)
        else:
            found = np.stack([pixels.cropped(self.images[place], rng) for place in places])
        return torch.from_numpy(found), torch.from_numpy(self.labels[places])

    def batches(self, order: NDArray, size: int, **options: Any) -> DataLoader:
        """Return what reads the images in this order, in parts of at most `size` that differ by one at most."""
        parts: Any = np.array_split(order, -(-len(order) // size))
        # a generator of its own, for the loader draws from torch's, and needs none
        return DataLoader(self, sampler=parts, batch_size=None, generator=torch.Generator(), **options)


def _shifted(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each image moved by up to SHIFT pixels, zeros coming in, and mirrored or not."""
    count, _, height, width = images.shape
    moved = rng.integers(2 * SHIFT + 1, size=(2, count)).T
    mirrored = rng.random((count,)) < 0.5
    wide = np.pad(images, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    parts = [image[:, y : y + height, x : x + width] for image, (y, x) in zip(wide, moved, strict=True)]
    return np.stack([part[:, :, ::-1] if turn else part for part, turn in zip(parts, mirrored, strict=True)])


def _loaded(recipe: Recipe, folder: str | os.PathLike[str] | None) -> tuple[Images, Images]:
    """Training and test images; of ImageNet the files alone are listed."""
    found: list[tuple[Any, NDArray]]
    if recipe.data == "imagenet":
        found = [pixels.imagenet_files(folder, split) for split in ("train", "val")]
    elif recipe.data == "cifar10":
        found = [(part.images, part.labels) for part in (pixels.cifar10(folder, split) for split in ("train", "test"))]
    else:
        digits = data.digits(math.isqrt(recipe.dim))
        found = [(part.images, part.labels) for part in (digits.train, digits.test)]

    def some(images: Any, labels: NDArray, seed: int | None) -> Images:
        step = slice(None, None, max(1, len(labels) // (recipe.images or len(labels))))
        return Images(images[step][: recipe.images], labels[step][: recipe.images], seed)

    return some(*found[0], recipe.seed if recipe.augment else None), some(*found[1], None)


def train(
    recipe: Recipe,
    out: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    device: torch.device | str = "cpu",
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Train a network, or go on with its training, and write it.

    Parameters
    ----------
    recipe : Recipe
        Data, noise, kind of training, architecture and the rest; see `RECIPES` and `recipe`.
    out : path
        `NAME.safetensors`, the network after the last epoch. Beside it are written, after every epoch,
        `NAME.best.safetensors`, that of the highest accuracy on noisy test images so far; `NAME.train.tsv`, rate, loss
        and accuracies; and until the end `NAME.checkpoint.pt`, from which the same call goes on.
    folder : path, optional
        Of CIFAR-10 or ImageNet, as `cifar10` takes it, or with the folders `train` and `val` of ImageNet.
    device : torch.device or str
    workers : int, optional
        Processes that read images; the network does not depend on it. If absent, as many as there are CPUs, up to 8,
        for ImageNet and for a GPU, else none.
    progress : bool
        Whether a bar is shown, with steps a second.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ValueError
        `out` or its checkpoint is of another recipe, or no such file; `device` is not there.
    ImagesUnavailableError
        The folder does not hold what it should.
    LogInUseError
        Another run is at it.
    RuntimeError
        The loss is no number any more.

    Source
    ------
    Teng et al. 2020, section 5.1: Type-1 and Type-2 training, the latter with inputs + noise + push * sign(gradient).
    """
    path, device = Path(out).expanduser(), engine.usable_device(device, "train")
    if path.suffix != ".safetensors":
        raise ValueError(f"train: out must be a file .safetensors, got {str(path)!r}")
    kept = path.with_suffix(".checkpoint.pt")
    if path.exists():
        _refuse_other(path, trained(path), recipe)
        kept.unlink(missing_ok=True)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    learn, test = _loaded(recipe, folder)
    if workers is None:
        busy = recipe.data == "imagenet" or (recipe.data == "cifar10" and device.type != "cpu")
        workers = min(8, os.cpu_count() or 1) if busy else 0
    reading = {"num_workers": workers, "pin_memory": device.type == "cuda"}
    held = path.with_name(f".{path.stem}.lock")
    with ExitStack() as last, held.open("ab") as file:
        lock(file, path, "train")
        last.callback(held.unlink, missing_ok=True)
        last.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        run = Run(recipe, -(-len(learn.labels) // recipe.batch), device)
        if kept.exists():
            run.restore(kept)
        whole = recipe.epochs * run.steps
        bar = tqdm(total=whole, initial=len(run.rows) * run.steps, desc=path.stem, unit="step", disable=not progress)
        with bar:
            while len(run.rows) < recipe.epochs:
                begin, learn.epoch = time.perf_counter(), len(run.rows)
                order = run.order.permutation(len(learn.labels))
                row = run.epoch(learn.batches(order, recipe.batch, **reading), bar)
                shares = run.shares(test.batches(np.arange(len(test.labels)), TEST_BATCH, **reading))
                run.rows.append({**row, **shares, "seconds": round(time.perf_counter() - begin, 2)})
                told = f"loss {row['loss']:.3f}, clean {shares['clean']:.1%}, noisy {shares['noisy']:.1%}"
                bar.set_postfix_str(f"epoch {len(run.rows)}: {told}")
                if shares["noisy"] > max((row["noisy"] for row in run.rows[:-1]), default=-1):
                    run.write(path.with_suffix(".best.safetensors"))
                lines = ("\t".join(f"{row[name]:.6g}" for name in COLUMNS) for row in run.rows)
                path.with_suffix(".train.tsv").write_text("\n".join(["\t".join(COLUMNS), *lines, ""]), "utf-8")
                run.keep(kept)
        run.write(path)
    kept.unlink()
    return path


def _refuse_other(path: Path, held: Any, recipe: Recipe) -> None:
    wanted = recipe.to_dict()
    held = held if isinstance(held, dict) else {}
    if differ := [name for name in wanted if name not in held or held[name] != wanted[name]]:
        told = ", ".join(f"{name} {held.get(name, 'unknown')!r} for {wanted[name]!r}" for name in differ)
        raise ValueError(f"train: {path} is of another training ({told}); give another out=, or delete it")


class Run:
    """Network, optimizer and random numbers of a recipe: all that a checkpoint holds."""

    def __init__(self, recipe: Recipe, steps: int, device: torch.device) -> None:
        self.recipe, self.steps, self.device, self.rows = recipe, steps, device, list[dict[str, Any]]()
        torch.manual_seed(recipe.seed)
        self.memory = torch.channels_last if recipe.channels_last else torch.preserve_format
        self.model: nn.Module = recipe.network().to(device)
        self.model.to(memory_format=self.memory)  # type: ignore[call-overload]  # which torch forgot in its hints
        self.order, self.rng = np.random.default_rng(recipe.seed), TorchRng(recipe.seed, device=device)
        make = torch.optim.AdamW if recipe.optimizer == "adamw" else partial(torch.optim.SGD, momentum=MOMENTUM)
        self.optimizer = make(self.model.parameters(), recipe.rate, weight_decay=recipe.decay)
        self.schedule = self._schedule(recipe.epochs * steps)
        kind = recipe.autocast
        self.precision: Any = torch.autocast(device.type, getattr(torch, kind)) if kind else nullcontext()
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.autocast == "float16")
        # where torch's own generators are, from which layers draw
        self.sources = [torch.default_generator]
        if device.type == "cuda":
            card = torch.cuda.current_device() if device.index is None else device.index
            self.sources.append(torch.cuda.default_generators[card])

    def _schedule(self, whole: int) -> torch.optim.lr_scheduler.LRScheduler:
        kinds, epochs = torch.optim.lr_scheduler, self.recipe.epochs
        if self.recipe.schedule == "onecycle":
            return kinds.OneCycleLR(self.optimizer, self.recipe.rate, total_steps=whole)
        if self.recipe.schedule == "cosine":
            return kinds.LambdaLR(self.optimizer, lambda step: (1 + math.cos(math.pi * step / whole)) / 2)
        return kinds.LambdaLR(self.optimizer, lambda step: 0.1 ** (3 * (step // self.steps) // epochs))

    def _placed(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        return images.to(self.device, non_blocking=True, memory_format=self.memory), classes.to(self.device)

    def _noisy(self, images: Tensor, rng: TorchRng) -> Tensor:
        if self.recipe.noise is None:
            return images
        # the sum has the layout of the draws
        return self.recipe.noise.apply(images, rng).to(memory_format=self.memory)

    def _judged(self, found: Tensor, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, and how many are right; of a denoiser, as many as make up the variance that it gives back."""
        if not self.recipe.denoise:
            return nn.functional.cross_entropy(found, classes), (found.argmax(1) == classes).sum()
        loss = nn.functional.mse_loss(found, images)
        return loss, len(images) * (1 - loss.detach() / images.var())

    def epoch(self, batches: DataLoader, bar: Any) -> dict[str, Any]:
        """Train for one epoch; return its number, its rate at the start, mean loss and share of right answers."""
        rate, number = self.schedule.get_last_lr()[0], len(self.rows) + 1
        total, seen = torch.zeros(2, device=self.device), 0
        self.model.train()
        for step, (images, classes) in enumerate(batches, 1):
            images, classes = self._placed(images, classes)
            noisy = self._noisy(images, self.rng)
            with self.precision:
                if self.recipe.push:
                    noisy = pushed(self.model, noisy, classes, self.recipe.push, self.scaler)
                loss, right = self._judged(self.model(noisy), images, classes)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            seen += len(classes)
            total += torch.stack([loss.detach() * len(classes), right])
            bar.update()
            if step % LOOK == 0 and not total[0].isfinite():
                break
        mean, right = (total / seen).tolist()
        if not (math.isfinite(mean) and all(value.isfinite().all() for value in self.model.state_dict().values())):
            left = f"what was reached by epoch {number - 1} is kept" if self.rows else "nothing is kept"
            raise RuntimeError(
                f"train: the loss is {mean} in epoch {number}, or a weight is no number: training diverged, and {left}"
                f"; try a lower rate than {self.recipe.rate:g}" + ", or bfloat16" * (self.recipe.autocast == "float16")
            )
        return {"epoch": number, "rate": rate, "loss": mean, "train": right}

    @torch.inference_mode()
    def shares(self, batches: DataLoader) -> dict[str, float]:
        """Shares of test images that are right as they are, and under one draw of the noise, the same in each epoch."""
        self.model.eval()
        rng, right, seen = TorchRng(self.recipe.seed, 1, device=self.device), torch.zeros(2, device=self.device), 0
        for images, classes in batches:
            images, classes = self._placed(images, classes)
            with self.precision:
                seen_as = [self.model(each) for each in (images, self._noisy(images, rng))]
                right += torch.stack([self._judged(found, images, classes)[1] for found in seen_as])
            seen += len(classes)
        return dict(zip(("clean", "noisy"), (right / seen).tolist(), strict=True))

    def told(self) -> dict[str, Any]:
        """What a file says of its network."""
        made = {"device": self.device.type, "rsexplore": __version__, "torch": str(torch.__version__)}
        return self.recipe.to_dict() | {"epoch": len(self.rows)} | made

    def write(self, path: Path) -> None:
        """Write the network."""
        state = {name: value.contiguous() for name, value in self.model.state_dict().items()}
        told = {"arch": self.recipe.arch, "training": json.dumps(self.told())}
        # not safetensors' save_file, whose files can be read by their owner alone
        part = path.with_suffix(".part")
        part.write_bytes(save(state, metadata=told))
        part.replace(path)

    def _parts(self) -> dict[str, Any]:
        return {"state_dict": self.model, "optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}

    def keep(self, path: Path) -> None:
        """Write the checkpoint."""
        held = {name: part.state_dict() for name, part in self._parts().items()}
        held |= {"arch": self.recipe.arch, "training": self.told(), "rows": self.rows}
        held |= {"order": self.order.bit_generator.state, "noise": self.rng.state}
        held |= {"generators": [source.get_state() for source in self.sources]}
        part = path.with_suffix(".part")
        torch.save(held, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Go back to where a checkpoint was written.

        Raises
        ------
        ValueError
            It is of another training or another kind of device, or cannot be read.
        """
        try:
            held = torch.load(path, map_location="cpu", weights_only=True)
            told = held["training"]
        except Exception:  # torch's own words recommend to run what is in the file
            raise ValueError(f"train: {path} is damaged or no checkpoint; delete it, or give another out=") from None
        _refuse_other(path, told, self.recipe)
        if told["device"] != self.device.type:
            raise ValueError(f"train: {path} was begun on {told['device']}, whose random numbers {self.device} lacks")
        for name, part in self._parts().items():
            part.load_state_dict(held[name])
        self.rows, self.order.bit_generator.state, self.rng.state = held["rows"], held["order"], held["noise"]
        for source, state in zip(self.sources, held["generators"], strict=True):
            source.set_state(state)


def pushed(model: nn.Module, noisy: Tensor, classes: Tensor, push: float, scaler: Any = None) -> Tensor:
    """Noisy images, each pixel moved by `push` to where the loss grows, for the network as it is in evaluation.

    So batch norms do not average over the images that only show the way.
    """
    place, training = noisy.detach().requires_grad_(), model.training
    loss = nn.functional.cross_entropy(model.eval()(place), classes)
    (uphill,) = torch.autograd.grad(loss if scaler is None else scaler.scale(loss), place)
    model.train(training)
    return (place + push * uphill.sign()).detach()
