"""Certified radii of randomized smoothing: every bound, its source, and whether it may be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsexplore import (
        accuracy,
        audit,
        bounds,
        confidence,
        data,
        divergences,
        dual,
        explorers,
        mechanisms,
        montecarlo,
        noises,
        notation,
        papers,
        pictures,
        privacy,
        records,
        runs,
        scaling,
        tradeoff,
    )
    from rsexplore.comparison import Comparison, boxed_radius, compare, exact_radius
    from rsexplore.shifted import least_vote

__version__ = "0.1.0"  # read from here by the build
__all__ = [  # noqa: RUF022  modules first, as in the layer order
    "notation", "noises", "dual", "bounds", "divergences", "papers", "privacy", "mechanisms", "tradeoff", "scaling",
    "confidence", "records", "accuracy", "data", "audit", "runs", "pictures", "explorers", "montecarlo",
    "Comparison", "boxed_radius", "compare", "exact_radius", "least_vote",
]  # fmt: skip
# what only the notebooks need lives beside them, and is no part of the package any more
_LEFT = ("laplace_law", "lipschitz", "proposition1", "remake", "rops", "soap", "verdicts")


def __getattr__(name: str) -> Any:
    # lazy (PEP 562), so that the package imports in a blink and the core never loads torch or a plotting library
    if name in ("Comparison", "boxed_radius", "compare", "exact_radius"):
        return getattr(import_module("rsexplore.comparison"), name)
    if name == "least_vote":
        return import_module("rsexplore.shifted").least_vote
    if name in __all__:
        return import_module(f"rsexplore.{name}")
    if name == "plots":
        raise AttributeError("rsexplore.plots is rsexplore.pictures now; CHANGELOG.md says which name is which")
    if name in _LEFT:
        now = "soap_algorithms" if name == "soap" else name
        raise AttributeError(
            f"rsexplore.{name} left the package for the notebooks' folder: in a checkout, `import sys; "
            f"sys.path.append('notebooks')`, then `from reproduce import {now}`"
        )
    raise AttributeError(f"module 'rsexplore' has no attribute {name!r}")


def __dir__() -> list[str]:
    # without the parts whose library is not installed, so that help() reads the others
    from rsexplore.beyond import installed

    return sorted([*filter(installed, __all__), "__version__"])
