"""What is in a checkpoint: tensors by name, and how they were saved. No pickled code is ever run."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

# what DataParallel and torch.compile put before every parameter's name
_WRAPPERS = ("module.", "_orig_mod.")


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another architecture, or wants code to be run."""


@dataclass(frozen=True)
class Contents:
    """Parameters of a network, and the first layer that came with them."""

    state: Mapping[str, Tensor]
    stats: tuple[Tensor, Tensor] | None = None  # mean and deviation of each channel, where the file holds them
    behind: bool = False  # whether the network came second, after a layer of which the file holds nothing


def read(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Tensors of a file, without the prefix of a wrapper, and the architecture that it names (None if none).

    Raises
    ------
    CheckpointError
        The file is empty, cut short or no checkpoint, or it holds pickled code.
    """
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty: the download or the copy was cut short")
    state, recorded = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    return unwrapped(state), recorded


def contents(path: Path, state: Mapping[str, Tensor]) -> Contents:
    """Tell a network's own parameters from those of the layer before it.

    The network may be `1` of a Sequential whose layer 0 keeps nothing (Cohen et al., Salman et al.) or `mean` and `std`
    (ours), or `model` beside a `norm` of `mu` and `log_sig` (Yang et al. 2020). Anything else is a network alone.

    Raises
    ------
    CheckpointError
        There are parameters of a first layer, but not the two that it has, or they are no numbers.
    """
    for first, names, second in (("0.", ("mean", "std"), "1."), ("norm.", ("mu", "log_sig"), "model.")):
        before, net = _under(state, first), _under(state, second)
        if not net or len(before) + len(net) < len(state):
            continue
        if not before and second == "1.":
            return Contents(net, None, True)
        if set(before) == set(names):
            for name in names:
                if before[name].is_meta or not before[name].is_floating_point():
                    raise CheckpointError(f"{path} needs numbers in {first}{name}, got {before[name].dtype}, or none")
            mean, spread = (before[name].float().flatten() for name in names)
            return Contents(net, (mean, spread if first == "0." else spread.exp()))
        if first == "norm.":
            raise CheckpointError(f"{path} needs norm.mu and norm.log_sig beside model.*, got norm.{sorted(before)}")
    return Contents(state)


def unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters without what wrappers put before every name."""
    for prefix in _WRAPPERS:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return dict(state)


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return unwrapped({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, (file.metadata() or {}).get("arch")
    except Exception as error:
        raise CheckpointError(f"{path} is no whole safetensors file: {error}") from None


def _read_torch(path: Path) -> tuple[dict[str, Tensor], Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about pickle protocols, which tell a user nothing
            held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _refusal(path, str(error)) from None
    recorded = None
    if isinstance(held, Mapping) and "state_dict" in held:
        held, recorded = held["state_dict"], held.get("arch")
    if not (isinstance(held, Mapping) and held and all(_is_parameter(*item) for item in held.items())):
        raise CheckpointError(
            f"{path} must hold a state_dict of tensors, or {{'arch': ..., 'state_dict': ...}}, got {_kind(held)}"
        )
    return dict(held), recorded


def _refusal(path: Path, reason: str) -> CheckpointError:
    # torch's own words are dropped: they recommend allow-listing what the file asks for, which is an attacker's wish
    wanted = re.search(r"GLOBAL ([\w.]+)", reason)
    if wanted:
        return CheckpointError(
            f"{path} is refused, and nothing in it was run: it holds pickled code beside its tensors (it asks for "
            f"{wanted[1]}). Ask its author for a state_dict of tensors alone or for a .safetensors file"
        )
    return CheckpointError(
        f"{path} cannot be read, and nothing in it was run: it is cut short, damaged, or no torch checkpoint of tensors"
    )


def _is_parameter(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, Tensor) and value.layout is torch.strided


def _kind(held: Any) -> str:
    return f"a dict with {list(held)[:5]}" if isinstance(held, Mapping) else type(held).__name__
