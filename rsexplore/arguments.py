"""What the commands of the package share: how noise is given, what is printed, and how a refusal is told."""

import argparse
import math
import sys
from collections.abc import Callable
from typing import Any

from rsexplore import noises
from rsexplore.noises import Noise

FAMILIES = {cls.__name__.lower(): cls for cls in noises.ALL}
SAMPLING = {  # what needs PyTorch, in `montecarlo/__main__.py`
    "certify": "count votes of a model under noise, and log them image by image",
    "attack": "look for small perturbations that change the smoothed classifier's class",
    "train": "train a network under noise",
    "plan": "list or do the runs that a document's figures and tables need",
}
REFUSALS = (ValueError, TypeError, LookupError, OSError, RuntimeError, NotImplementedError, ImportError)


def command(commands: Any, work: Callable[[argparse.Namespace], str], about: str, examples: str) -> Any:
    """Add a parser of the name of `work`, a function `_name` that answers what it has parsed, and return it."""
    name, told = work.__name__.strip("_"), f"{about[:1].upper()}{about[1:]}."
    plain = argparse.RawDescriptionHelpFormatter
    one = commands.add_parser(name, help=about, description=told, epilog=examples, formatter_class=plain)
    one.set_defaults(work=work)
    return one


def add_noise(
    parser: argparse.ArgumentParser, family: str | None = None, dim: bool = True, needed: bool = True
) -> None:
    """Give a parser the arguments that `noise` reads: `family` if none is given; `dim` if no image says it."""
    group = parser.add_argument_group("noise")
    add, scale = group.add_argument, group.add_mutually_exclusive_group(required=needed)
    known = ", ".join(sorted(FAMILIES)) + ("" if family is None else f" (default: {family})")
    add("--noise", choices=sorted(FAMILIES), metavar="FAMILY", required=family is None, default=family, help=known)
    scale.add_argument("--sigma", type=float, help="deviation of one coordinate, in the images' unit")
    scale.add_argument("--scale", type=float, help="in its place: the family's own parameter")
    add("--shape", type=float, help="of generalizedgaussian")
    add("--k", type=float, help="of powergaussian")
    norms = "of powergaussian: 2,2 (default), inf,2 or inf,inf"
    add("--norms", choices=("2,2", "inf,2", "inf,inf"), metavar="POWER,TAIL", help=norms)
    if dim:
        add("--dim", type=int, help="coordinates of an image: 3072 of CIFAR-10, 150528 of ImageNet at 224 x 224")


def noise(given: argparse.Namespace, dim: int | None) -> Noise:
    """Return the noise that was asked for, on R^dim.

    Raises
    ------
    ValueError
        The family has no such field, or a field is out of range.
    """
    extra: dict[str, Any] = {name: getattr(given, name) for name in ("shape", "k") if getattr(given, name) is not None}
    if given.norms:
        extra["power_norm"], extra["tail_norm"] = (math.inf if one == "inf" else 2 for one in given.norms.split(","))
    family: Any = FAMILIES[given.noise]
    try:
        return (
            family(given.scale, dim=dim, **extra)
            if given.sigma is None
            else family.from_sigma(given.sigma, dim, **extra)
        )
    except TypeError as error:
        raise ValueError(f"--noise {given.noise} does not take {sorted(extra)} ({error})") from None


def answered(program: str, work: Callable[[], str]) -> int:
    """Print what `work` returns, or on stderr why it refuses; return the exit status, 0 or 2."""
    try:
        print(work())
    except REFUSALS as error:
        words = error.args[0] if isinstance(error, KeyError) else error  # str() would quote it
        for line in (str(words).strip() or type(error).__name__).splitlines():
            print(f"{program}: {line}", file=sys.stderr)
        return 2
    return 0
