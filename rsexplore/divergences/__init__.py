"""Divergences: between a noise and its shift (`between`), and the least that a change of class needs (`least`).

A certificate compares the two: the class holds while the first is below the second. `least` has the certificate from
Renyi divergences as a function of their order too, `generalized_gaussian` that of the Kullback-Leibler divergence for
that noise.
"""

from importlib import import_module
from typing import Any

# file -> what of it is at hand here
NAMES = {
    "between": "Ball bhattacharyya chi2 gaussian_hockey_stick hellinger hockey_stick infinite kl mr renyi tv",
    "generalized_gaussian": "coefficient inverse_kappa kappa",
    "least": "BestOrder LeastBhattacharyya LeastChi2 LeastHellinger LeastHockeyStick LeastInfinite LeastKL LeastPure "
    "LeastRenyi LeastReverseHockeyStick LeastReverseInfinite LeastReverseKL LeastTV PrivacyDelta RootEps best_order "
    "least_mr least_over_order log_cosh",
}


def __getattr__(name: str) -> Any:
    for file, names in NAMES.items():
        if name in (file, *names.split()):
            module = import_module(f"{__name__}.{file}")
            return module if name == file else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*NAMES, *" ".join(NAMES.values()).split()])
