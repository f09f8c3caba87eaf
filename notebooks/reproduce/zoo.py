"""The shipped models: makes them and their logs, and prints what these certify.

    PYTHONPATH=notebooks python -m reproduce.zoo --out DIR        # trains every model and certifies the digits with it
    PYTHONPATH=notebooks python -m reproduce.zoo > docs/zoo.md    # what the shipped logs certify

What is in DIR is kept, and an unfinished log is gone on with, so the same command ends what a killed one began.
"""

import argparse
import gzip
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from rsexplore import accuracy, bounds, data
from rsexplore.bound import Bound
from rsexplore.comparison import exact_bound
from rsexplore.montecarlo import train
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.models import load_model
from rsexplore.montecarlo.train import Recipe
from rsexplore.noises import Noise
from rsexplore.records import Records
from rsexplore.table import rounded_down

_RECIPES = (
    *(Recipe(family, sigma) for family in ("gaussian", "laplace") for sigma in (0.12, 0.25, 0.5, 1.0)),
    *(Recipe(family, 0.25) for family in ("gg3", "gg4", "linf", "soap", "mixed")),
    *(Recipe(family, 0.25, push=0.05) for family in ("gaussian", "laplace")),
)
SHIPPED: dict[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}

DRAWS = 100_000  # an image
# the fastest of 100 to 800; another size may move a vote, by the order of sums
BATCH_SIZE = 400
MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)  # columns, in units of the radius that `unit` gives
HEAD = """# Certified accuracy of the shipped models

Made by `python -m reproduce.zoo` from the logs that are shipped (`rsexplore.data.zoo_log`): counts for the
500 test digits of 8x8 pixels, which `python -m reproduce.zoo --out DIR` makes anew. Each model is certified
under the noise that it was trained with; sigma is the deviation of a pixel, pixels being in [0, 1]. The share of images
that are right with at least the radius stands under the radius; the failure probability is {alpha:g} an image. **Bold**
is the exact radius (Neyman-Pearson), where it is known; `sound` is proved and not attained. A bound stands in the norms
that its theorem is of; a ball in another norm inside the theorem's ball is left out.
"""
TYPE_2 = """
## What Type-2 training adds

The same noise, and the same certificate ({bounds}), for training on the noise alone (Type-1) and
on the noise and then a step uphill in the loss (Type-2, Teng et al. 2020, section 5.1). `median` is the median radius
over all images, an abstention or a wrong class counting 0.
"""


def count(
    recipe: Recipe,
    model: str | Path,
    *,
    n: int,
    indices: ArrayLike | None = None,
    log: Path | None = None,
) -> Records:
    """Votes of a model for test digits under the noise that it was trained with.

    Parameters
    ----------
    recipe : Recipe
        Noise, size and seed.
    model : str or path
        As of `load_model`.
    n : int, >= 1
        Estimation draws; `DRAWS` in the shipped logs.
    indices : array_like of int, optional
        Which of the 500 test digits; all if absent. A digit's votes do not depend on the others.
    log : path, optional
        As of `certify`.

    Returns
    -------
    Records
    """
    digits = data.digits(recipe.side).test
    chosen = np.arange(len(digits.labels)) if indices is None else np.asarray(indices)
    images, labels = digits.images[chosen], digits.labels[chosen]
    return certify(
        load_model(model), images, labels, recipe.noise, n=n, seed=recipe.seed, log=log, indices=chosen,
        batch_size=BATCH_SIZE, threads=1, data="digits test", progress=False,
    )  # fmt: skip


def make(recipe: Recipe, out: Path) -> None:
    """Train, certify and compress the log of one model, unless that is done."""
    torch.set_num_threads(1)
    path, log = out / f"{recipe.name}.safetensors", out / f"{recipe.name}.tsv"
    if not path.exists():
        train.make(recipe, out)
    print(f"{recipe.name}: {count(recipe, path, n=DRAWS, log=log)!r}", flush=True)
    # without a time in its head, so that the same votes give the same bytes
    (out / f"{recipe.name}{data.ZOO_SUFFIX}").write_bytes(gzip.compress(log.read_bytes(), mtime=0))


def unit(noise: Noise, norm: float) -> float:
    """Length of which a table's columns are multiples: sigma in l1 and l2, sigma / sqrt(dim) in l_inf."""
    assert noise.dim is not None
    return noise.sigma * (noise.dim**-0.5 if norm == inf else 1.0)


def shown(noise: Noise, norm: float) -> list[Bound]:
    """Proved bounds for a noise of theorems in a norm: the exact one first, each theorem once."""
    exact = exact_bound(noise, norm)
    proved = (b for b in bounds.of(noise, norm) if b.certifies and b.norm in (norm, None) and b is not exact)
    return [*([exact] if exact else []), *(b for b in proved if not (b.two_class or b.restates))]


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def section(recipe: Recipe) -> Iterator[str]:
    """Lines of one log."""
    records = data.zoo_log(recipe.name)
    noise, right = records.noise, np.mean(records.predict == records.label)
    yield f"\n## {recipe.name}\n"
    yield f"`{noise!r}`, n = {records.header.n:,}; selected class right: {right:.1%}.\n"
    for norm in (1, 2, inf):
        if not (proved := shown(noise, norm)):
            continue
        radii = [multiple * unit(noise, norm) for multiple in MULTIPLES]
        yield _row((f"l{norm:g} radius", "status", *(rounded_down(radius, 3) for radius in radii)))
        yield _row(["---"] * (2 + len(radii)))
        for bound in proved:
            exact = bound is exact_bound(noise, norm)
            shares = (f"{share:.3f}" for share in accuracy.certified(records, bound, radii, norm=norm))
            yield _row((f"**{bound.key}**", "exact", *shares) if exact else (bound.key, "sound", *shares))
        yield ""


def type_2() -> Iterator[str]:
    """Lines of the comparison of the two kinds of training."""
    pushed = [recipe for recipe in SHIPPED.values() if recipe.push]
    exact = {recipe.name: exact_bound(recipe.noise, recipe.noise.natural_norm) for recipe in pushed}
    yield TYPE_2.format(bounds=", ".join(f"`{bound.key}`" for bound in exact.values() if bound))
    yield _row(("model", "n", "norm", *(f"{multiple:g} sigma" for multiple in MULTIPLES), "median"))
    yield _row(["---"] * (4 + len(MULTIPLES)))
    for recipe in pushed:
        bound, norm = exact[recipe.name], recipe.noise.natural_norm
        assert bound is not None
        for name in (recipe.name.removesuffix("-type2"), recipe.name):
            records = data.zoo_log(name)
            shares = accuracy.certified(records, bound, [m * unit(records.noise, norm) for m in MULTIPLES], norm=norm)
            radius = bound.radius(records.noise, q_a=records.q_a(), norm=norm)
            median = np.median(np.where(records.predict == records.label, radius, 0))
            cells = (f"{share:.3f}" for share in shares)
            yield _row((name, f"{records.header.n:,}", f"l{norm:g}", *cells, rounded_down(float(median), 3)))


def page() -> str:
    """Return the whole page, in Markdown."""
    alpha = data.zoo_log(next(iter(SHIPPED))).header.alpha
    lines = [HEAD.format(alpha=alpha), *(line for recipe in SHIPPED.values() for line in section(recipe))]
    return "\n".join([*lines, *type_2()]).replace("\n\n\n", "\n\n") + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what the command line asks for."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m reproduce.zoo", description=__doc__, formatter_class=form)
    parser.add_argument("--out", type=Path, help="folder for models, cards and logs; without it, the page is printed")
    parser.add_argument("--only", nargs="+", choices=SHIPPED, metavar="NAME", help="these models alone")
    given = parser.parse_args(arguments)
    if given.out is None:
        print(page(), end="")
        return
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.only or SHIPPED:
        make(SHIPPED[name], given.out)


if __name__ == "__main__":
    main()
