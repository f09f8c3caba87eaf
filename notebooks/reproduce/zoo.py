"""The shipped models: makes them and their logs, and prints what these certify.

    PYTHONPATH=notebooks python -m reproduce.zoo --out DIR        # trains every model and certifies the digits with it
    PYTHONPATH=notebooks python -m reproduce.zoo > docs/zoo.md    # what the shipped logs certify

What is in DIR is kept, and an unfinished log is gone on with, so the same command ends what a killed one began.
"""

import argparse
import platform
from collections.abc import Sequence
from functools import partial
from math import inf, isqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

import rsexplore
from reproduce.ours import COUNTED, stored
from reproduce.printed import markdown, template
from rsexplore import accuracy, bounds, data, noises
from rsexplore.comparison import exact_bound
from rsexplore.montecarlo import Recipe, accuracies, certify, load_model, recipe, train
from rsexplore.records import Records
from rsexplore.table import rounded_down

NOISE_SHARE = 4  # soap-bubble noise has the power k = dim / NOISE_SHARE
# name in a model's name -> family of noises, and its fields
FAMILIES: dict[str, tuple[Any, dict[str, float]]] = {
    "gaussian": (noises.Gaussian, {}),
    "laplace": (noises.Laplace, {}),
    "gg3": (noises.GeneralizedGaussian, {"shape": 3.0}),
    "gg4": (noises.GeneralizedGaussian, {"shape": 4.0}),
    "linf": (noises.ExponentialLinf, {}),
    "soap": (noises.PowerGaussian, {"power_norm": 2}),
    "mixed": (noises.PowerGaussian, {"power_norm": inf}),
}
SIDES = (8, 16, 32, 64)


def named(family: str, sigma: float, side: int = 8, **changes: Any) -> tuple[str, Recipe]:
    """Name and recipe of a digits model: `sigma` is the deviation of a pixel, `side` the pixels of a side."""
    made, fields = FAMILIES[family]
    dim, size = side**2, "" if side == 8 else str(side)
    if made is noises.PowerGaussian:
        fields = fields | {"k": dim / NOISE_SHARE}
    kind = "-type2" if changes.get("push") else ""
    found = recipe(f"digits:{size}" if size else "digits", noise=made.from_sigma(sigma, dim, **fields), **changes)
    return f"digits{size}-{family}-{sigma:g}{kind}", found


SHIPPED: dict[str, Recipe] = dict(
    [named(family, sigma) for family in ("gaussian", "laplace") for sigma in (0.12, 0.25, 0.5, 1.0)]
    + [named(family, 0.25) for family in ("gg3", "gg4", "linf", "soap", "mixed")]
    + [named(family, 0.25, push=0.05) for family in ("gaussian", "laplace")]
)

EVALUATION_DRAWS = 1000  # an image, of a card's accuracies
DRAWS = 100_000  # an image
MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)  # columns, of sigma in l1 and l2, of sigma / sqrt(dim) in l_inf


def count(
    recipe: Recipe, model: str | Path, *, n: int, indices: ArrayLike | None = None, log: Path | None = None
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
    digits = data.digits(isqrt(recipe.dim)).test
    chosen = np.arange(len(digits.labels)) if indices is None else np.asarray(indices)
    return certify(load_model(model), digits.images[chosen], digits.labels[chosen], noise_of(recipe), n=n, log=log,
                   indices=chosen, seed=recipe.seed, **COUNTED)  # fmt: skip


def noise_of(recipe: Recipe) -> noises.Noise:
    """Noise of a recipe that has one."""
    assert recipe.noise is not None
    return recipe.noise


def command(name: str, recipe: Recipe) -> str:
    """Command line that makes a model."""
    noise = noise_of(recipe)
    words = [f"--noise {noise.family.lower()}"]
    if isinstance(noise, noises.PowerGaussian):
        words.append(f"--k {noise.k:g} --norms {noise.power_norm:g},{noise.tail_norm:g}")
    elif isinstance(noise, noises.GeneralizedGaussian):
        words.append(f"--shape {noise.shape:g}")
    words += [f"--sigma {noise.sigma:g}"] + [f"--push {recipe.push:g}"] * (recipe.push > 0)
    words += [f"--epochs {recipe.epochs}", f"--threads 1 --out {name}.safetensors"]
    return f"rsexplore train --data {recipe.data} {' '.join(words)}"


def card(name: str, recipe: Recipe, path: Path) -> str:
    """Card of a model, in Markdown."""
    noise, side, model = noise_of(recipe), isqrt(recipe.dim), load_model(path)
    learn, test = data.digits(side).train, data.digits(side).test
    found = accuracies(model, torch.as_tensor(test.images), test.labels, noise, EVALUATION_DRAWS, recipe.seed + 1)
    push = f"{recipe.push:g} times the sign of the loss's gradient"
    versions = f"rsexplore {rsexplore.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    return template("card").format(
        name=name, side=side, noise=noise, recipe=recipe, found=found, draws=EVALUATION_DRAWS, model=model,
        call="digits()" if side == 8 else f"digits({side})", versions=versions,
        split=f"{len(learn.labels)} images for training, {len(test.labels)}",
        kind=f"Type-2: the noise, then {push}" if recipe.push else "Type-1: the noise alone",
        parameters=sum(value.numel() for value in model.parameters()),
        margin=1.96 * (found.noisy * (1 - found.noisy) / len(test.labels)) ** 0.5,
        python=platform.python_version(), machine=platform.machine(), command=command(name, recipe),
    )  # fmt: skip


def make(name: str, recipe: Recipe, out: Path) -> None:
    """Train, certify and compress the log of one model, unless that is done."""
    torch.set_num_threads(1)
    path = out / f"{name}.safetensors"
    if not path.exists():
        train(recipe, path, progress=False)
        path.with_suffix(".md").write_text(card(name, recipe, path), "utf-8")
    found = stored(out / f"{name}{data.ZOO_SUFFIX}", partial(count, recipe, path, n=DRAWS))
    print(f"{name}: {found!r}", flush=True)


def radii(noise: noises.Noise, norm: float) -> list[float]:
    """Radii of a table's columns."""
    assert noise.dim is not None
    return [multiple * noise.sigma * (noise.dim**-0.5 if norm == inf else 1.0) for multiple in MULTIPLES]


def shares(records: Records, bound: bounds.Bound, norm: float) -> list[str]:
    """Cells of a table's row: the certified accuracy at each of its radii."""
    return [f"{share:.3f}" for share in accuracy.certified(records, bound, radii(records.noise, norm), norm=norm)]


def shown(noise: noises.Noise, norm: float) -> list[bounds.Bound]:
    """Proved bounds for a noise of theorems in a norm: the exact one first, each theorem once."""
    exact = exact_bound(noise, norm)
    proved = (b for b in bounds.of(noise, norm) if b.certifies and b.norm in (norm, None) and b is not exact)
    return [*([exact] if exact else []), *(b for b in proved if not (b.two_class or b.restates))]


def section(name: str) -> str:
    """What one log certifies."""
    records = data.zoo_log(name)
    noise, right = records.noise, np.mean(records.predict == records.label)
    text = f"\n## {name}\n\n`{noise!r}`, n = {records.header.n:,}; selected class right: {right:.1%}.\n"
    for norm in (1, 2, inf):
        exact, rows = exact_bound(noise, norm), []
        for bound in shown(noise, norm):
            name, status = (f"**{bound.key}**", "exact") if bound is exact else (bound.key, "sound")
            rows.append((name, status, *shares(records, bound, norm)))
        if rows:
            head = f"l{norm:g} radius", "status", *(rounded_down(radius, 3) for radius in radii(noise, norm))
            text += "\n" + markdown(rows, head)
    return text


def type_2() -> tuple[str, str]:
    """The comparison of the two kinds of training: its bounds, and its table."""
    used, rows = dict[str, None](), []
    for pushed in (name for name, one in SHIPPED.items() if one.push):
        norm = noise_of(SHIPPED[pushed]).natural_norm
        bound = exact_bound(noise_of(SHIPPED[pushed]), norm)
        assert bound is not None
        used[f"`{bound.key}`"] = None
        for name in (pushed.removesuffix("-type2"), pushed):
            records = data.zoo_log(name)
            radius = bound.radius(records.noise, q_a=records.q_a(), norm=norm)
            median = rounded_down(float(np.median(np.where(records.predict == records.label, radius, 0))), 3)
            rows.append((name, f"{records.header.n:,}", f"l{norm:g}", *shares(records, bound, norm), median))
    head = "model", "n", "norm", *(f"{multiple:g} sigma" for multiple in MULTIPLES), "median"
    return ", ".join(used), markdown(rows, head)


def page() -> str:
    """Return the whole page, in Markdown."""
    alpha, (used, pairs) = data.zoo_log(next(iter(SHIPPED))).header.alpha, type_2()
    return template("zoo").format(alpha=alpha, sections="".join(map(section, SHIPPED)), bounds=used, pairs=pairs)


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
        make(name, SHIPPED[name], given.out)


if __name__ == "__main__":
    main()
