"""Certification from a shell or a job script: `python -m rsexplore.montecarlo certify --help`."""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds, data, noises, records
from rsexplore.accuracy import certified
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.models import load_model, names
from rsexplore.noises import Noise
from rsexplore.records import Records

PROGRAM = "python -m rsexplore.montecarlo"
FAMILIES = {cls.__name__.lower(): cls for cls in noises.ALL}
EXAMPLE = f"""example:
  {PROGRAM} certify --model digits-gaussian-0.25 --data digits --noise gaussian --sigma 0.25 \\
      --n 10000 --images 0:500:10 --log log.tsv --bound cohen-l2 --export theirs.tsv

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
    what = one.add_argument_group("what is certified")
    what.add_argument("--model", required=True, help=f"a checkpoint's path, or one of {', '.join(names())}")
    what.add_argument("--arch", help="architecture, where the checkpoint does not name it")
    what.add_argument("--data", required=True, help="'digits' (the test split), or an .npz file with images and labels")
    what.add_argument("--images", type=_slice, default=slice(None), metavar="START:STOP:STEP", help="which images")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 2 for what cannot be run, 130 after Ctrl-C."""
    top = parser()
    given = top.parse_args(arguments)
    try:
        found = _certify(given)
        print(_summary(found, given))
    except KeyboardInterrupt:
        done = len(records.read(given.log)) if given.log.exists() else 0
        print(f"\nstopped: {done} images are in {given.log}; the same command goes on from there", file=sys.stderr)
        return 130
    except (ValueError, TypeError, LookupError, OSError, RuntimeError, NotImplementedError, ImportError) as error:
        print(f"{PROGRAM}: {str(error).strip() or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def _certify(given: argparse.Namespace) -> Records:
    images, labels, indices = _data(given.data, given.images)
    model = load_model(given.model, arch=given.arch)
    bound = bounds.get(given.bound) if given.bound else None
    if given.export and (bound is None or not bound.certifies):
        raise ValueError(f"--export needs --bound and a proved one, got --bound {given.bound}")
    wish = {"radius": given.radius, "bound": bound, "norm": given.norm} if given.radius is not None else {}
    with _executor(given.scheduler) as executor:
        found = certify(
            model,
            images,
            labels,
            _noise(given, int(np.prod(images.shape[1:]))),
            given.n0,
            given.n,
            given.alpha,
            given.seed,
            given.log,
            **wish,
            indices=indices,
            batch_size=given.batch_size,
            device=given.device,
            threads=given.threads,
            autocast=given.autocast,
            compile=given.compile,
            channels_last=given.channels_last,
            grid=given.grid,
            executor=executor,
            data=given.data,
            progress=not given.quiet,
        )
    if given.export and bound:
        records.export(found, given.export, bound, norm=given.norm)
    return found


@contextmanager
def _executor(scheduler: str | None) -> Iterator[Any]:
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("--scheduler needs dask.distributed: pip install 'rsexplore[cluster]'") from None
    with Client(scheduler, timeout=30) as client:
        yield client


def _noise(given: argparse.Namespace, dim: int) -> Noise:
    extra: dict[str, Any] = {name: getattr(given, name) for name in ("shape", "k") if getattr(given, name) is not None}
    if given.norms:
        extra["power_norm"], extra["tail_norm"] = (math.inf if one == "inf" else 2 for one in given.norms.split(","))
    try:
        return FAMILIES[given.noise].from_sigma(given.sigma, dim, **extra)
    except TypeError as error:
        raise ValueError(f"--noise {given.noise} does not take {sorted(extra)} ({error})") from None


def _data(source: str, chosen: slice) -> tuple[NDArray, NDArray, NDArray]:
    """Images, labels and the images' numbers."""
    if source == "digits":
        test = data.digits().test
        images, labels = test.images, test.labels
    else:
        try:
            with np.load(source, allow_pickle=False) as stored:
                images, labels = stored["images"], stored["labels"]
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"--data must be 'digits' or an .npz file with the arrays images and labels, got {source!r} ({error})"
            ) from None
    if images.ndim < 2 or len(images) != len(labels):
        raise ValueError(f"--data needs a label for every image, got shapes {images.shape} and {labels.shape}")
    indices = np.arange(len(images))[chosen]
    if not len(indices):
        raise ValueError(f"--images must leave some of the {len(images)} images, got {chosen}")
    return images[chosen], labels[chosen], indices


def _slice(text: str) -> slice:
    try:
        return slice(*(int(part) if part else None for part in text.split(":"))) if ":" in text else slice(int(text))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"must be like 0:500:20 or 100, got {text!r}") from None


def _summary(found: Records, given: argparse.Namespace) -> str:
    right = np.mean(found.predict == found.label)
    lines = [f"{found!r}: {given.log}", f"selected class right: {right:.1%}, votes {found.draws.sum():,}"]
    if given.bound:
        bound = bounds.get(given.bound)
        if bound.certifies:
            shares = certified(found, bound, [0.0, *([given.radius] if given.radius else [])], norm=given.norm)
            at = f", at radius {given.radius:g}: {shares[-1]:.1%}" if given.radius else ""
            lines.append(f"certified accuracy under {bound.key}: {shares[0]:.1%}{at}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
