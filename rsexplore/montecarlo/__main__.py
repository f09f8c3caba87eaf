"""Certification from a shell or a job script: `python -m rsexplore.montecarlo certify --help`."""

import argparse
import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from rsexplore import bounds, noises, records
from rsexplore.accuracy import certified
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.images import SOURCES, data_name, load_images
from rsexplore.montecarlo.models import Normalization, load_model, names, normalization
from rsexplore.montecarlo.networks import NORMALIZATIONS
from rsexplore.noises import Noise

PROGRAM = "python -m rsexplore.montecarlo"
FAMILIES = {cls.__name__.lower(): cls for cls in noises.ALL}
EXAMPLE = f"""examples:
  {PROGRAM} certify --model digits-gaussian-0.25 --data digits --noise gaussian --sigma 0.25 \\
      --n 10000 --images 0:500:10 --log log.tsv --bound cohen-l2 --export theirs.tsv
  {PROGRAM} certify --model checkpoint.pth.tar --data imagenet:imagenet/val --images 0:50000:100 \\
      --noise gaussian --sigma 0.5 --device cuda --log log.tsv

The same command goes on with an unfinished log, and leaves that of another run as it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 2 for what cannot be run, 130 after Ctrl-C."""
    given = parser().parse_args(arguments)
    try:
        print(_certify(given))
    except KeyboardInterrupt:
        done = len(records.read(given.log)) if given.log.exists() else 0
        print(f"\nstopped: {done} images are in {given.log}; the same command goes on from there", file=sys.stderr)
        return 130
    except (ValueError, TypeError, LookupError, OSError, RuntimeError, NotImplementedError, ImportError) as error:
        print(f"{PROGRAM}: {str(error).strip() or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def _certify(given: argparse.Namespace) -> str:
    """Certify; return what is told at the end."""

    def named(*names: str) -> dict[str, Any]:
        return {name: getattr(given, name) for name in names}

    model = load_model(given.model, **named("arch", "normalize", "num_classes", "entry"))
    split = load_images(given.data, given.images)
    bound = bounds.get(given.bound) if given.bound else None
    if given.export and (bound is None or not bound.certifies):
        raise ValueError(f"--export needs --bound and a proved one, got --bound {given.bound}")
    wish = {"radius": given.radius, "bound": bound, "norm": given.norm} if given.radius is not None else {}
    votes = named("n0", "n", "alpha", "seed", "log", "grid")
    ways = named("batch_size", "device", "threads", "autocast", "compile", "channels_last")
    noise = _noise(given, int(np.prod(split.images.shape[1:])))
    with _executor(given.scheduler) as executor:
        found = certify(
            model, split.images, split.labels, noise, **votes, **wish, **ways, indices=split.index, executor=executor,
            data=data_name(given.data), progress=not given.quiet,
        )  # fmt: skip
    right = np.mean(found.predict == found.label)
    lines = [f"{found!r}: {given.log}", f"selected class right: {right:.1%}, votes {found.draws.sum():,}"]
    if bound and bound.certifies:
        if given.export:
            records.export(found, given.export, bound, norm=given.norm)
        shares = certified(found, bound, [0.0, *([given.radius] if given.radius else [])], norm=given.norm)
        at = f", at radius {given.radius:g}: {shares[-1]:.1%}" if given.radius else ""
        lines.append(f"certified accuracy under {bound.key}: {shares[0]:.1%}{at}")
    return "\n".join(lines)


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return nullcontext()
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("--scheduler needs dask.distributed: pip install -e '.[cluster]' in the checkout") from None
    return Client(scheduler, timeout=30)


def _noise(given: argparse.Namespace, dim: int) -> Noise:
    extra: dict[str, Any] = {name: getattr(given, name) for name in ("shape", "k") if getattr(given, name) is not None}
    if given.norms:
        extra["power_norm"], extra["tail_norm"] = (math.inf if one == "inf" else 2 for one in given.norms.split(","))
    try:
        return FAMILIES[given.noise].from_sigma(given.sigma, dim, **extra)
    except TypeError as error:
        raise ValueError(f"--noise {given.noise} does not take {sorted(extra)} ({error})") from None


def parser() -> argparse.ArgumentParser:
    """What the command line understands."""
    top = argparse.ArgumentParser(prog=PROGRAM, description="Randomized smoothing by sampling.")
    commands = top.add_subparsers(dest="command", required=True)
    plain, told = argparse.RawDescriptionHelpFormatter, (certify.__doc__ or "").partition("\n")[0]
    about = "count votes under noise and log them, image by image"
    one = commands.add_parser("certify", help=about, description=told, epilog=EXAMPLE, formatter_class=plain)
    add = one.add_argument_group("what is certified").add_argument
    names_ = f"a checkpoint's path, torchvision:NAME[.WEIGHTS], timm:NAME[.WEIGHTS], or one of {', '.join(names())}"
    add("--model", required=True, help=names_)
    add("--entry", metavar="NAME", help="which of a checkpoint's dicts of tensors: state_dict_ema, ...")
    add("--arch", help="architecture, where the checkpoint does not name it")
    add("--num-classes", type=int, metavar="N", help="classes, where they are not the architecture's")
    passes = f"what pixels pass before the network: {', '.join(NORMALIZATIONS)}, none, or MEAN,..:STD,.. by channel"
    add("--normalize", type=_normalization, metavar="HOW", help=passes)
    add("--data", required=True, help=SOURCES)
    chosen = "which images (default: all; of ImageNet every 100th); no others are read from ImageNet's folder"
    add("--images", type=_slice, metavar="START:STOP:STEP", help=chosen)
    add = one.add_argument_group("noise").add_argument
    add("--noise", choices=sorted(FAMILIES), required=True, help="family")
    add("--sigma", type=float, required=True, help="deviation of one coordinate, in the images' unit")
    add("--shape", type=float, help="of generalizedgaussian")
    add("--k", type=float, help="of powergaussian")
    add("--norms", choices=("2,2", "inf,2", "inf,inf"), help="of powergaussian: power and tail")
    add("--grid", type=int, metavar="STEPS", help="sound arithmetic for images of whole multiples of 1 / STEPS")
    add = one.add_argument_group("votes").add_argument
    add("--n0", type=int, default=100, help="draws that select the class (default %(default)s)")
    add("--n", type=int, default=100_000, help="draws that count its votes (default %(default)s)")
    add("--alpha", type=float, default=0.001, help="failure probability (default %(default)s)")
    add("--seed", type=int, default=0)
    add("--bound", metavar="KEY", help="turns votes into radii: for the summary, --radius and --export")
    add("--norm", type=float, help="norm of the radii, if not the bound's own")
    add("--radius", type=float, help="end each image as soon as this radius is certified or ruled out")
    add = one.add_argument_group("how it is run").add_argument
    add("--log", type=Path, required=True, help="where the votes are kept; an unfinished run goes on")
    add("--export", type=Path, help="write the radii in the columns idx label predict radius correct time")
    add("--device", help="cpu, cuda, ...")
    add("--batch-size", type=int, help="copies that pass through the model at once (default: by an image's size)")
    add("--threads", type=int, help="CPU threads")
    add("--autocast", choices=("bfloat16", "float16"), help="precision of the network")
    add("--compile", action="store_true", help="compile the network")
    add("--channels-last", action="store_true", help="memory format of the network")
    add("--scheduler", metavar="ADDRESS", help="share the images out by this dask scheduler")
    add("--quiet", action="store_true", help="show no progress bar")
    return top


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
