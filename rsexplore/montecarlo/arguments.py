"""What `python -m rsexplore.montecarlo` understands."""

import argparse
from pathlib import Path

from rsexplore import noises
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.models import Normalization, names, normalization
from rsexplore.montecarlo.networks import NORMALIZATIONS
from rsexplore.montecarlo.sources import SOURCES

PROGRAM = "python -m rsexplore.montecarlo"
FAMILIES = {cls.__name__.lower(): cls for cls in noises.ALL}
EXAMPLE = f"""examples:
  {PROGRAM} certify --model digits-gaussian-0.25 --data digits --noise gaussian --sigma 0.25 \\
      --n 10000 --images 0:500:10 --log log.tsv --bound cohen-l2 --export theirs.tsv
  {PROGRAM} certify --model checkpoint.pth.tar --data imagenet:imagenet/val --images 0:50000:100 \\
      --noise gaussian --sigma 0.5 --device cuda --log log.tsv

The same command goes on with an unfinished log, and leaves that of another run as it is."""


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
