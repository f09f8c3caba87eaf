"""Certification from a shell or a job script: `python -m rsexplore.montecarlo certify --help`."""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from rsexplore import bounds, records
from rsexplore.accuracy import certified
from rsexplore.montecarlo.arguments import FAMILIES, PROGRAM, parser
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.models import load_model
from rsexplore.montecarlo.sources import data_name, load_images
from rsexplore.noises import Noise
from rsexplore.records import Records


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
        raise ImportError("--scheduler needs dask.distributed: pip install -e '.[cluster]' in the checkout") from None
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
