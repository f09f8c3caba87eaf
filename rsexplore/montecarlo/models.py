"""Networks from checkpoints: shipped ones by name, anyone's by path. No pickled code is ever run."""

import hashlib
import re
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from rsexplore.montecarlo.networks import ARCHITECTURES
from rsexplore.montecarlo.pixels import usable_device

# what a checkpoint may keep its numbers in; narrower ones come with scales, which a state_dict alone does not have
_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# what DataParallel and torch.compile put before every parameter's name
_WRAPPERS = ("module.", "_orig_mod.")
_ZOO = Path(__file__).parent / "zoo"


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another architecture, or wants code to be run."""


def names() -> tuple[str, ...]:
    """Names of the shipped models, sorted."""
    return tuple(sorted(path.stem for path in _ZOO.glob("*.safetensors")))


def card(name: str) -> str:
    """Text of a shipped model's card, in Markdown.

    Raises
    ------
    CheckpointError
        No model of that name is shipped.
    """
    if name not in names():
        raise CheckpointError(f"no shipped model is called {name!r}; there are {', '.join(names())}")
    return (_ZOO / f"{name}.md").read_text(encoding="utf-8")


def digest(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of a network's state, as hexadecimal text."""
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def load_model(
    source: str | PathLike[str], *, arch: str | None = None, device: torch.device | str = "cpu"
) -> nn.Module:
    """Network from a checkpoint, in evaluation mode.

    Parameters
    ----------
    source : str or path
        A name of `names()`, a `.safetensors` file, or a torch checkpoint: a plain `state_dict`, or a dict with `arch`
        and `state_dict`. That of a model wrapped by DataParallel or torch.compile will do.
    arch : str, optional
        Key of `ARCHITECTURES`, for files that do not name theirs; without it, the one whose parameters fit.
    device : torch.device or str
        Where the network is put.

    Returns
    -------
    nn.Module
        With the attributes `name` (the source's name without its suffix) and `digest` (see `digest`).

    Raises
    ------
    CheckpointError
        The file is missing, empty, cut short or no checkpoint; it holds pickled code; its architecture is unknown or
        does not fit; a parameter is of a wrong type, without numbers or not finite.
    ValueError
        `device` is not there.
    """
    path, device = _path(source), usable_device(device, "load_model")
    state, recorded = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for prefix in _WRAPPERS:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    model = ARCHITECTURES[_architecture(path, state, arch, recorded)]()
    _fill(path, model, state)
    vars(model).update(name=path.stem, digest=digest(model))  # plain attributes, no part of the network's state
    return model.eval().to(device)


def _path(source: str | PathLike[str]) -> Path:
    if str(source) in names():
        return _ZOO / f"{source}.safetensors"
    path = Path(source).expanduser()
    if not path.is_file():
        raise CheckpointError(f"no file {str(path)!r} and no shipped model of that name; shipped: {', '.join(names())}")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty: the download or the copy was cut short")
    return path


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


def _architecture(path: Path, state: Mapping[str, Tensor], asked: str | None, recorded: Any) -> str:
    name = recorded if asked is None else asked
    known = ", ".join(sorted(ARCHITECTURES))
    if name is not None:
        if not isinstance(name, str) or name not in ARCHITECTURES:
            raise CheckpointError(f"{path} needs the architecture {name!r}; known are {known}")
        return name
    fitting = [key for key, build in ARCHITECTURES.items() if _shapes(build().state_dict()) == _shapes(state)]
    if len(fitting) != 1:
        raise CheckpointError(
            f"{path} names no architecture and its parameters fit none of {known} (first: {list(state)[:3]}); "
            "give arch= if it is one of these"
        )
    return fitting[0]


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def _fill(path: Path, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    needed, found = _shapes(model.state_dict()), _shapes(state)
    if needed != found:
        wrong = sorted(key for key in needed.keys() | found.keys() if needed.get(key) != found.get(key))
        told = "; ".join(f"{key}: needed {needed.get(key)}, got {found.get(key)}" for key in wrong[:3])
        raise CheckpointError(f"{path} does not fit {type(model).__name__}: {len(wrong)} parameters differ ({told})")
    own = model.state_dict()
    for key, value in state.items():
        if value.is_meta:
            raise CheckpointError(f"{path} holds no numbers in {key}: it was saved from the device meta")
        # a counter of batches is whole; in a weight, whole numbers are a quantised one's, without its scale
        if own[key].is_floating_point() != value.is_floating_point() or not _is_plain(value.dtype):
            raise CheckpointError(f"{path} needs {key} to be like {own[key].dtype}, got {value.dtype}")
    model.load_state_dict(dict(state))
    # after rounding to the network's own type, in which a large number may be inf
    broken = [key for key, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{path} holds nan or inf in {', '.join(broken[:3])}, as {own[broken[0]].dtype}")


def _is_plain(dtype: torch.dtype) -> bool:
    return dtype in _FLOATS or dtype in (torch.int64, torch.int32)
