"""Libraries that the core does without: if one is missing, ``from rsexplore.beyond import torch`` names its extra."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

# library -> extra of the package
EXTRAS = {
    **{"matplotlib": "plots", "ipywidgets": "explore", "voila": "app"},
    **{"torch": "gpu", "safetensors": "gpu", "tqdm": "gpu", "distributed": "cluster"},
}
NEEDED = {"explorers": "ipywidgets", "montecarlo": "torch"}  # by which part


def installed(part: str) -> bool:
    """Whether a part of the package has the library that it needs."""
    return part not in NEEDED or find_spec(NEEDED[part]) is not None


def __getattr__(name: str) -> Any:
    if name not in EXTRAS:
        raise AttributeError(f"module 'rsexplore.beyond' has no attribute {name!r}")
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        # where the package is installed, pip asks nobody for it, and adds what the extra needs
        line = f"pip install 'rsexplore[{EXTRAS[name]}]', in a checkout pip install -e '.[{EXTRAS[name]}]'"
        raise ModuleNotFoundError(f"{name} is not installed; the extra has it: {line}", name=name) from None
