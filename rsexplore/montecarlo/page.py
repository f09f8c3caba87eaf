"""Certified accuracy of the shipped logs: `python -m rsexplore.montecarlo.page > docs/zoo.md`."""

from collections.abc import Iterator, Sequence
from math import inf

import numpy as np

from rsexplore import bounds, data
from rsexplore.bound import Bound
from rsexplore.comparison import exact_bound
from rsexplore.montecarlo.recipe import SHIPPED, Recipe
from rsexplore.noises import Noise
from rsexplore.records import Records
from rsexplore.table import rounded_down

MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)  # columns, in units of the radius that `unit` gives
HEAD = """# Certified accuracy of the shipped models

Made by `python -m rsexplore.montecarlo.page` from the logs that are shipped (`rsexplore.data.zoo_log`): counts for the
500 test digits of 8x8 pixels, which `python -m rsexplore.montecarlo.zoo --out DIR` makes anew. Each model is certified
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


def certified_at(records: Records, bound: Bound, norm: float, radii: Sequence[float]) -> list[float]:
    """Share of the images that are right with a radius of at least each of `radii`.

    What `accuracy.certified` gives, with as few radii computed as can be: some take a second each.
    """
    q_a = np.sort(np.where(records.predict == records.label, records.q_a(), 1.0))
    values = np.unique(q_a[q_a < 0.5])
    shares = []
    for radius in radii:
        low, high = 0, len(values)  # values[:low] reach the radius, values[high:] do not
        while low < high:
            middle = (low + high) // 2
            reached = float(bound.radius(records.noise, q_a=values[middle], norm=norm)) >= radius
            low, high = (middle + 1, high) if reached else (low, middle)
        shares.append(float(np.mean(q_a <= values[low - 1])) if low else 0.0)
    return shares


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
        if not shown(noise, norm):
            continue
        radii = [multiple * unit(noise, norm) for multiple in MULTIPLES]
        yield _row((f"l{norm:g} radius", "status", *(rounded_down(radius, 3) for radius in radii)))
        yield _row(["---"] * (2 + len(radii)))
        for bound in shown(noise, norm):
            exact = bound is exact_bound(noise, norm)
            name = f"**{bound.key}**" if exact else bound.key
            shares = certified_at(records, bound, norm, radii)
            yield _row((name, "exact" if exact else "sound", *(f"{share:.3f}" for share in shares)))
        yield ""


def type_2() -> Iterator[str]:
    """Lines of the comparison of the two kinds of training."""
    pushed = [recipe for recipe in SHIPPED if recipe.push]
    exact = {recipe.name: exact_bound(recipe.noise, recipe.noise.natural_norm) for recipe in pushed}
    yield TYPE_2.format(bounds=", ".join(f"`{bound.key}`" for bound in exact.values() if bound))
    yield _row(("model", "n", "norm", *(f"{multiple:g} sigma" for multiple in MULTIPLES), "median"))
    yield _row(["---"] * (4 + len(MULTIPLES)))
    for recipe in pushed:
        bound, norm = exact[recipe.name], recipe.noise.natural_norm
        assert bound is not None
        for name in (recipe.name.removesuffix("-type2"), recipe.name):
            records = data.zoo_log(name)
            shares = certified_at(records, bound, norm, [m * unit(records.noise, norm) for m in MULTIPLES])
            radius = bound.radius(records.noise, q_a=records.q_a(), norm=norm)
            median = np.median(np.where(records.predict == records.label, radius, 0))
            cells = (f"{share:.3f}" for share in shares)
            yield _row((name, f"{records.header.n:,}", f"l{norm:g}", *cells, rounded_down(float(median), 3)))


def page() -> str:
    """Return the whole page, in Markdown."""
    first = data.zoo_log(SHIPPED[0].name)
    lines = [HEAD.format(alpha=first.header.alpha), *(line for recipe in SHIPPED for line in section(recipe))]
    return "\n".join([*lines, *type_2()]).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    print(page(), end="")
