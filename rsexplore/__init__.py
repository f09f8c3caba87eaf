"""Certified radii of randomized smoothing: every bound, its source, and whether it may be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsexplore import (
        accuracy,
        bounds,
        confidence,
        data,
        divergences,
        dual,
        explorers,
        laplace_law,
        lipschitz,
        mechanisms,
        montecarlo,
        noises,
        notation,
        papers,
        plots,
        privacy,
        proposition1,
        records,
        remake,
        rops,
        scaling,
        soap,
        tradeoff,
        verdicts,
    )
    from rsexplore.comparison import Comparison, compare, exact_radius

__version__ = "0.1.0"
_MODULES = (
    "accuracy",
    "bounds",
    "confidence",
    "data",
    "divergences",
    "dual",
    "explorers",
    "laplace_law",
    "lipschitz",
    "mechanisms",
    "montecarlo",
    "noises",
    "notation",
    "papers",
    "plots",
    "privacy",
    "proposition1",
    "records",
    "remake",
    "rops",
    "scaling",
    "soap",
    "tradeoff",
    "verdicts",
)
_FUNCTIONS = ("Comparison", "compare", "exact_radius")
__all__ = [  # noqa: RUF022  modules first, as in the layer order
    "notation",
    "noises",
    "dual",
    "bounds",
    "divergences",
    "papers",
    "privacy",
    "mechanisms",
    "laplace_law",
    "rops",
    "lipschitz",
    "proposition1",
    "tradeoff",
    "scaling",
    "confidence",
    "records",
    "accuracy",
    "data",
    "remake",
    "soap",
    "verdicts",
    "plots",
    "explorers",
    "montecarlo",
    "Comparison",
    "compare",
    "exact_radius",
]


def __getattr__(name: str) -> Any:
    # lazy (PEP 562), so that the package imports in a blink and the core never loads torch or a plotting library
    if name in _MODULES:
        return import_module(f"rsexplore.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module("rsexplore.comparison"), name)
    raise AttributeError(f"module 'rsexplore' has no attribute {name!r}")


def __dir__() -> list[str]:
    # without the parts whose library is not installed, so that help() reads the others
    from rsexplore.beyond import installed

    return sorted([*filter(installed, __all__), "__version__"])
