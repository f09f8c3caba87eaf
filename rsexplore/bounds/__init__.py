"""Bounds on the robust radius, one file for each paper; a new file needs its name in `MODULES`."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from rsexplore.bound import Bound, MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.bounds import (
    cohen2019,
    generalized_gaussian,
    hayes,
    laplace,
    lecture,
    lecuyer2019,
    levine2021,
    li2019,
    pure_dp,
    soap,
    unified,
    yang2020,
)
from rsexplore.check import norm_order
from rsexplore.noises import Noise
from rsexplore.papers import Source

# in an order that has the exact radius of each noise first
CLASSIC = (cohen2019, lecture, pure_dp, laplace, lecuyer2019, li2019, hayes, unified)
MODULES = (*CLASSIC, yang2020, generalized_gaussian, soap)
ALL: tuple[Bound, ...] = tuple(x for module in MODULES for x in vars(module).values() if isinstance(x, Bound))
KNOWN = (*ALL, levine2021.splitting_l1)  # and of noise that is not added to images

__all__ = ["ALL", "Bound", "MissingDimensionError", "Status", "UnsupportedNoiseError", "cite", "get", "names", "of"]


def names() -> tuple[str, ...]:
    """Keys of the bounds of `ALL`, in its order; `get` knows `splitting-l1`, of noise that is not added, besides."""
    return tuple(bound.key for bound in ALL)


def get(key: str | Bound) -> Bound:
    """Return the bound of that key; a Bound is returned as it is.

    Raises
    ------
    KeyError
        There is none; the message proposes the keys that are like it, and lists them all.
    """
    for bound in KNOWN:
        if key in (bound.key, bound):
            return bound
    if isinstance(key, Bound):
        return key
    wanted = str(key).lower()
    alike = [name for name in names() if wanted and wanted in name] or get_close_matches(wanted, names(), 3)
    proposal = f" (did you mean {' or '.join(alike)}?)" if alike else ""
    raise KeyError(f"no bound {key!r}{proposal}; there are {', '.join(names())}")


def of(noise: Noise, norm: float | str | None = None) -> tuple[Bound, ...]:
    """Bounds that apply to a noise; with a norm, also those that carry over to it, and each theorem once.

    A radius in another norm than the theorem's is that of the largest ball inside the theorem's ball.
    """
    found = [b for b in KNOWN if b.supports(noise)]
    if norm is None:
        return tuple(found)
    norm = norm_order("bounds.of", norm)
    # a theorem and its restatement: keep the restatement, unless the theorem itself is in the wanted norm
    native = {b.key for b in found if b.norm == norm}
    replaced = {b.restates for b in found if b.restates and b.restates not in native and b.norm in (norm, None)}
    kept = (b for b in found if b.key not in replaced and not (b.restates and b.restates not in replaced))
    return tuple(kept)


def named(bound: Any) -> Any:
    """Return the bound of a key; what is no text as it is."""
    return get(bound) if isinstance(bound, str) else bound


def cite(items: Any) -> str:
    """Return the BibTeX of every paper behind `items`, each once.

    Parameters
    ----------
    items : Bound, its key, Source, or iterable of them
        E.g. ``"cohen-l2"`` or ``bounds.of(noise)``.

    Raises
    ------
    TypeError
        One of them has no source.
    KeyError
        No bound has such a key.
    """
    found = {}
    for item in items if isinstance(items, Iterable) and not isinstance(items, str) else (items,):
        source = getattr(named(item), "source", item)
        if not isinstance(source, Source):
            raise TypeError(f"cite needs bounds or sources, got {item!r}")
        found[source.paper.key] = source.paper
    return "\n\n".join(paper.bibtex for paper in found.values())
