"""Trains every shipped model and certifies the digits with it: `python -m rsexplore.montecarlo.zoo --help`.

Models, cards and logs go to one folder. What is there is kept, and an unfinished log is gone on with, so the same
command ends what a killed one began.
"""

import argparse
import gzip
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from rsexplore import data
from rsexplore.data import ZOO_SUFFIX
from rsexplore.montecarlo import train
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.models import load_model
from rsexplore.montecarlo.recipe import SHIPPED, Recipe, shipped
from rsexplore.records import Records

DRAWS = 100_000  # an image
# the fastest of 100 to 800; another size may move a vote, by the order of sums
BATCH_SIZE = 400


def count(
    recipe: Recipe,
    model: str | Path,
    *,
    n: int = DRAWS,
    indices: ArrayLike | None = None,
    log: Path | None = None,
    progress: bool = False,
) -> Records:
    """Votes of a model for test digits under the noise that it was trained with.

    Parameters
    ----------
    recipe : Recipe
        Noise, size and seed.
    model : str or path
        As of `load_model`.
    n : int, >= 1
        Estimation draws; the default is that of the shipped logs.
    indices : array_like of int, optional
        Which of the 500 test digits; all if absent. A digit's votes do not depend on the others.
    log : path, optional
        As of `certify`.
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    Records
    """
    digits = data.digits(recipe.side).test
    chosen = np.arange(len(digits.labels)) if indices is None else np.asarray(indices)
    images, labels = digits.images[chosen], digits.labels[chosen]
    return certify(
        load_model(model), images, labels, recipe.noise, n=n, seed=recipe.seed, log=log, indices=chosen,
        batch_size=BATCH_SIZE, threads=1, data="digits test", progress=progress,
    )  # fmt: skip


def make(recipe: Recipe, out: Path) -> str:
    """Train, certify and compress the log of one model; return what took how long."""
    torch.set_num_threads(1)
    begin = time.perf_counter()
    path = out / f"{recipe.name}.safetensors"
    if not path.exists():
        train.make(recipe, out)
    middle = time.perf_counter()
    log = out / f"{recipe.name}.tsv"
    found = count(recipe, path, log=log)
    # without a time in its head, so that the same votes give the same bytes
    (out / f"{recipe.name}{ZOO_SUFFIX}").write_bytes(gzip.compress(log.read_bytes(), mtime=0))
    end = time.perf_counter()
    return f"{recipe.name}: trained in {middle - begin:.0f} s, {found!r} in {end - middle:.0f} s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m rsexplore.montecarlo.zoo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for models, cards and logs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these models alone")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each (default %(default)s)")
    given = parser.parse_args(arguments)
    try:
        recipes = [shipped(name) for name in given.only] if given.only else SHIPPED
    except KeyError as error:
        parser.error(str(error.args[0]))
    given.out.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    with ProcessPoolExecutor(given.workers, multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(make, recipe, given.out) for recipe in recipes]):
            print(done.result(), flush=True)
    print(f"{len(recipes)} models in {(time.perf_counter() - begin) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
