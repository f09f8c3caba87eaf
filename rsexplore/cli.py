"""The `rsexplore` command: `rsexplore --help`. What needs PyTorch is in `montecarlo/__main__.py`.

The docstring of a function that does a command's work is the command's help, examples included.
"""

import argparse
import csv
import inspect
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rsexplore import arguments, audit, bounds, comparison
from rsexplore.noises import Noise
from rsexplore.table import Table, rounded_down


def main(given: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 2 for what cannot be done, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if given is None else given)
    if words and words[0] in arguments.SAMPLING:
        try:
            from rsexplore.montecarlo.__main__ import main as sampling
        except ImportError as error:
            print(f"rsexplore {words[0]}: {error}", file=sys.stderr)
            return 2
        return sampling(words, "rsexplore")
    asked = parser().parse_args(words)
    try:
        return arguments.answered(f"rsexplore {asked.command}", lambda: asked.work(asked))
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """What the command line understands, but for the arguments of `arguments.SAMPLING`."""
    top = argparse.ArgumentParser(prog="rsexplore", description="Certificates of randomized smoothing.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(work: Callable[[argparse.Namespace], str]) -> Any:
        about, _, examples = inspect.cleandoc(work.__doc__ or "").partition("\n\n")
        return arguments.command(commands, work, about[:1].lower() + about[1:-1], examples)

    one = command(_radius)
    arguments.add_noise(one)
    _add_vote(one, None)
    one.add_argument("--bound", metavar="KEY", help=f"this bound in place of the best: {', '.join(bounds.names())}")
    one = command(_compare)
    arguments.add_noise(one)
    _add_vote(one, "+")
    one.add_argument("--csv", type=Path, metavar="FILE", help="write the rows, in full precision")
    for name, about in arguments.SAMPLING.items():
        commands.add_parser(name, help=about, add_help=False)
    add = command(_app).add_argument
    add("--host", default="localhost", help="address to listen at (default: %(default)s)")
    add("--port", type=int, default=8888, help="(default: %(default)s)")
    add("--visitors", type=int, default=20, help="so many at a time (default: %(default)s)")
    add("--no-browser", action="store_true", help="open none, though there is a display")
    command(_page).add_argument("file", type=Path, metavar="FILE.html")
    command(_runs).add_argument("folder", nargs="?", metavar="DIR", help="(default: RSEXPLORE_RUNS)")
    one = command(_audit)
    add = one.add_argument
    add("logs", nargs="+", metavar="LOG", help="text, or packed by gzip")
    arguments.add_noise(one, family="gaussian", needed=False)
    add("--n", type=int, default=audit.DRAWS, help="draws of an image (default %(default)s)")
    add("--stated", type=float, default=audit.LEVEL, help="level that is stated of the log (default %(default)s)")
    add("--images", type=int, metavar="N", help="images that the log should have")
    add("--alpha", type=float, help="level at which the images are certified again (default: as stated)")
    add("--bound", metavar="KEY", help="bound under which they are (default: the exact one)")
    add("--norm", type=float, help="norm of the radii, if not the bound's own")
    add("--csv", type=Path, metavar="FILE", help="write one row a log")
    return top


def _add_vote(one: argparse.ArgumentParser, number: str | None) -> None:
    group = one.add_argument_group("vote")
    add = group.add_mutually_exclusive_group(required=True).add_argument
    add("--p-a", type=_probability, nargs=number, help="lower bound on the probability of the top class")
    add("--q-a", type=_probability, nargs=number, help="in its place: 1 minus it, where it is near 1, e.g. 1e-20")
    rival = "upper bound on that of every other class (default: 1 - p_a)"
    group.add_argument("--p-b", type=_probability, nargs=number, help=rival)
    group.add_argument("--norm", type=float, help="order of the norm, inf too (default: that in which most is known)")


def _probability(text: str) -> Decimal:
    """Read a probability as it is written; what needs a float takes the one on the safe side."""
    try:
        if 0 <= (value := Decimal(text)) <= 1:
            return value
    except ArithmeticError:
        pass
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")


def _asked(given: argparse.Namespace) -> tuple[Noise, dict[str, Any]]:
    """Noise, and arguments of a radius."""
    vote = {name: getattr(given, name) for name in (*comparison.PROBABILITIES, "norm")}
    return arguments.noise(given, given.dim), vote


def _radius(given: argparse.Namespace) -> str:
    """The largest proved radius, rounded down, its bound and status.

    examples:
      rsexplore radius --noise gaussian --sigma 0.5 --p-a 0.99
      rsexplore radius --noise laplace --sigma 0.5 --q-a 1e-6 --norm 1
      rsexplore radius --noise powergaussian --k 500 --norms inf,inf --dim 3072 --sigma 0.5 --p-a 0.99
    """
    noise, vote = _asked(given)
    if given.bound:
        bound = bounds.get(given.bound)
        norm = bound.norm if given.norm is None else given.norm
        radius = bound.radius(noise, **vote | {"norm": norm})
    else:
        found = comparison.compare(noise, **vote)
        row = next((row for row in found if row.status.certifies), None)
        if row is None:
            raise ValueError(f"no bound is proved for {noise!r} in the l{found.norm:g} norm")
        norm, bound, radius = found.norm, row.bound, row.radius
    status = bound.status_at(norm, two_class=given.p_b is None)
    words = status.value, bound.caveat(noise), "" if status.certifies else "do not certify with it"
    said = ", ".join(filter(None, words))
    return f"{rounded_down(radius, 6)}  l{norm:g} radius, {bound.key} ({said}): {bound.source}"


def _compare(given: argparse.Namespace) -> str:
    """Every bound side by side, under the exact radius.

    example:
      rsexplore compare --noise gaussian --sigma 0.5 --dim 3072 --p-a 0.9 0.99 --csv radii.csv
    """
    noise, vote = _asked(given)
    found = comparison.compare(noise, **vote)
    if given.csv:
        found.to_csv(given.csv)
    return str(found)


def _app(given: argparse.Namespace) -> str:
    """Serve the explorers as one page without code, until Ctrl-C.

    examples:
      rsexplore app
      rsexplore app --host 0.0.0.0 --port 8000 --visitors 5

    For a person, a lab or a lecture room: there is no password. Every visitor has a Python process of some 200 MB.
    """
    from rsexplore import app

    app.serve(given.host, given.port, given.visitors, not given.no_browser)
    return "stopped"


def _page(given: argparse.Namespace) -> str:
    """Write the explorers as one HTML file, to open in a browser.

    example:
      rsexplore page explorer.html

    The file holds tables that the package makes now, which takes half a minute, and needs no network and no server.
    """
    from rsexplore.pictures import page

    page.page(given.file)
    return f"{given.file}: open it in a browser"


def _runs(given: argparse.Namespace) -> str:
    """Which figures of the five documents the logs of a folder serve, and why not others.

    examples:
      rsexplore runs my_logs
      RSEXPLORE_RUNS=my_logs rsexplore runs

    A log serves a figure where its header says the noise, the data (cifar10 or imagenet), and how the network was
    trained, and where it did not stop at what it saw. The notebooks draw what RSEXPLORE_RUNS holds in place of other
    votes.
    """
    from rsexplore import runs  # which loads an optimizer

    return str(runs.listing(given.folder))


def _audit(given: argparse.Namespace) -> str:
    """What the text of a certification log proves of the log.

    examples:
      rsexplore audit log.tsv
      rsexplore audit theirs.tsv --sigma 0.25 --alpha 0.01
      rsexplore audit logs/*.tsv.gz --csv audit.csv

    A log of ours says how it was made. One of others (the columns idx label predict radius correct time, or idx label
    predict count ... correct time) does not, unless it is a published one: give --sigma, and --n if it is not 100,000.
    In the table of several logs, "again" is what is certified at --alpha and under --bound, however radii were rounded.
    """
    noise = None if given.sigma is None and given.scale is None else arguments.noise(given, given.dim)
    asked = {name: getattr(given, name) for name in ("n", "stated", "images", "alpha", "bound", "norm")}
    found, refused = [], []
    for path in given.logs:
        try:
            found.append(audit.audit(path, noise, **asked))
        except arguments.REFUSALS as error:
            refused.append(str(error) if str(path) in str(error) else f"{path}: {error}")
    rows = [one.to_dict() for one in found]
    heads = list(dict.fromkeys(name for row in rows for name in row))
    if given.csv:
        with given.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, heads)
            writer.writeheader()
            writer.writerows(rows)
    told = str(found[0]) if len(given.logs) == 1 and found else ""
    if len(given.logs) > 1 and found:
        shown = [*heads[1:], heads[0]]  # paths last, for they may be long
        told = str(Table(shown, ([_cell(name, row.get(name, "")) for name in shown] for row in rows)))
    if refused:
        print(told, end="\n" * bool(told))
        raise ValueError("\n".join(refused))
    return told


def _cell(name: str, value: Any) -> str:
    return str(value) if not isinstance(value, float) else rounded_down(value) if "radius" in name else f"{value:.4g}"
