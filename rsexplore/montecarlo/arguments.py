"""What `python -m rsexplore.montecarlo` understands."""

import argparse
from pathlib import Path
from typing import Any

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
    one = commands.add_parser(
        "certify",
        help="count votes under noise and log them, image by image",
        description=certify.__doc__.partition("\n")[0] if certify.__doc__ else None,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what(one.add_argument_group("what is certified"))
    law = one.add_argument_group("noise")
    law.add_argument("--noise", choices=sorted(FAMILIES), required=True, help="family")
    law.add_argument("--sigma", type=float, required=True, help="deviation of one coordinate, in the images' unit")
    law.add_argument("--shape", type=float, help="of generalizedgaussian")
    law.add_argument("--k", type=float, help="of powergaussian")
    law.add_argument(
        "--grid", type=int, metavar="STEPS", help="sound arithmetic for images of whole multiples of 1 / STEPS"
    )
    law.add_argument("--norms", choices=("2,2", "inf,2", "inf,inf"), help="of powergaussian: power and tail")
    votes = one.add_argument_group("votes")
    votes.add_argument("--n0", type=int, default=100, help="draws that select the class (default %(default)s)")
    votes.add_argument("--n", type=int, default=100_000, help="draws that count its votes (default %(default)s)")
    votes.add_argument("--alpha", type=float, default=0.001, help="failure probability (default %(default)s)")
    votes.add_argument("--seed", type=int, default=0)
    votes.add_argument("--bound", metavar="KEY", help="turns votes into radii: for the summary, --radius and --export")
    votes.add_argument("--norm", type=float, help="norm of the radii, if not the bound's own")
    votes.add_argument("--radius", type=float, help="end each image as soon as this radius is certified or ruled out")
    _add_ways(one.add_argument_group("how it is run"))
    return top


def _add_what(what: Any) -> None:
    library = "torchvision:NAME or timm:NAME, with .WEIGHTS behind it where there are several"
    what.add_argument("--model", required=True, help=f"a checkpoint's path, {library}, or one of {', '.join(names())}")
    what.add_argument("--entry", metavar="NAME", help="which of a checkpoint's dicts of tensors: state_dict_ema, ...")
    what.add_argument("--arch", help="architecture, where the checkpoint does not name it")
    what.add_argument("--num-classes", type=int, metavar="N", help="classes, where they are not the architecture's")
    what.add_argument(
        "--normalize",
        type=_normalization,
        metavar="HOW",
        help=f"what pixels pass before the network: {', '.join(NORMALIZATIONS)}, none, or MEAN,..:STD,.. by channel",
    )
    what.add_argument("--data", required=True, help=SOURCES)
    what.add_argument(
        "--images",
        type=_slice,
        metavar="START:STOP:STEP",
        help="which images (default: all; of ImageNet every 100th); others are not read from ImageNet's folder",
    )


def _add_ways(how: Any) -> None:
    how.add_argument("--log", type=Path, required=True, help="where the votes are kept; an unfinished run goes on")
    how.add_argument("--export", type=Path, help="write the radii in the columns idx label predict radius correct time")
    how.add_argument("--device", help="cpu, cuda, ...")
    how.add_argument("--batch-size", type=int, help="copies that pass through the model at once (default: measured)")
    how.add_argument("--threads", type=int, help="CPU threads")
    how.add_argument("--autocast", choices=("bfloat16", "float16"), help="precision of the network")
    how.add_argument("--compile", action="store_true", help="compile the network")
    how.add_argument("--channels-last", action="store_true", help="memory format of the network")
    how.add_argument("--scheduler", metavar="ADDRESS", help="share the images out by this dask scheduler")
    how.add_argument("--quiet", action="store_true", help="show no progress bar")


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
