"""Networks from checkpoints: shipped ones by name, anyone's by path. No pickled code is ever run."""

import hashlib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsexplore.montecarlo.checkpoints import CheckpointError, Contents, contents, read
from rsexplore.montecarlo.networks import ARCHITECTURES, NORMALIZATIONS, TRAINED_ON, Normalize
from rsexplore.montecarlo.pixels import usable_device
from rsexplore.montecarlo.pretrained import LIBRARIES, library_net, pretrained

# what a checkpoint may keep its numbers in; narrower ones come with scales, which a state_dict alone does not have
_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
_ZOO = Path(__file__).parent / "zoo"

Normalization = str | tuple[Sequence[float], Sequence[float]]  # a name, or mean and deviation of each channel


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


def normalization(text: str) -> Normalization:
    """How pixels are normalised, from a name or from MEAN,..:STD,.. with a number for each channel.

    Raises
    ------
    ValueError
        There is a colon, and not two lists of numbers around it. Names are left to `load_model`.
    """
    if ":" not in text:
        return text
    try:
        mean, std = ([float(value) for value in part.split(",")] for part in text.split(":"))
    except ValueError:
        form = "a name or MEAN,..:STD,.. like 0.49,0.48,0.45:0.25,0.24,0.26"
        raise ValueError(f"normalize must be {form}, got {text!r}") from None
    return mean, std


def load_model(
    source: str | PathLike[str],
    *,
    arch: str | nn.Module | None = None,
    normalize: Normalization | None = None,
    num_classes: int | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Network from a checkpoint, in evaluation mode, that takes images in the units of their pixels.

    Parameters
    ----------
    source : str or path
        A name of `names()`, a `.safetensors` file, or a torch checkpoint: a plain `state_dict`, or a dict with `arch`
        and `state_dict`, of a network alone or behind a normalising layer, as Cohen et al. 2019, Salman et al. 2019
        and Yang et al. 2020 save it. A model wrapped by DataParallel or torch.compile will do. `torchvision:NAME` and
        `timm:NAME` are published weights of these libraries, which they download.
    arch : str or nn.Module, optional
        Key of `ARCHITECTURES`, or `torchvision:NAME` or `timm:NAME`, for files that do not name theirs; without it,
        the one of `ARCHITECTURES` whose parameters fit. Or a network of your own, which is filled.
    normalize : str or (mean, std), optional
        Key of `NORMALIZATIONS`, "none", or mean and deviation of each channel: what the pixels pass first, where the
        file does not hold it. Absent, it is that of the architecture's data for a file of which the network is the
        second layer.
    num_classes : int, optional
        Number of classes, where it is not the architecture's usual one.
    device : torch.device or str
        Where the network is put.

    Returns
    -------
    nn.Module
        With the attributes `name` (the source's name without its suffix) and `digest` (see `digest`).

    Raises
    ------
    CheckpointError
        The file is missing, empty, cut short or no checkpoint; it holds pickled code; its architecture is unknown, does
        not fit or needs a library that is not here; a parameter is of a wrong type, without numbers or not finite; the
        normalisation is not known; `arch` or `num_classes` is given with a library's weights.
    ValueError
        `device` is not there.
    """
    device = usable_device(device, "load_model")
    if str(source).partition(":")[0] in LIBRARIES and not Path(source).exists():
        if arch is not None or num_classes is not None:
            given = f"arch={arch!r}, num_classes={num_classes!r}"
            raise CheckpointError(f"{source} is its own architecture with its own classes; leave out {given}")
        (net, stats), name, label = pretrained(str(source)), str(source), str(source)
        found = Contents({}, stats)
    else:
        path = _path(source)
        net, name, found = _network(path, arch, num_classes)
        _fill(path, net, found.state)
        label = path.stem
    first = _first_layer(source, name, found, normalize)
    model = net if first is None else _behind(source, first, net)
    vars(model).update(name=label, digest=digest(model))  # plain attributes, no part of the network's state
    return model.eval().to(device)


def _path(source: str | PathLike[str]) -> Path:
    if str(source) in names():
        return _ZOO / f"{source}.safetensors"
    path = Path(source).expanduser()
    if not path.is_file():
        raise CheckpointError(f"no file {str(path)!r} and no shipped model of that name; shipped: {', '.join(names())}")
    return path


def _network(path: Path, arch: str | nn.Module | None, num_classes: int | None) -> tuple[nn.Module, str, Contents]:
    """Untrained network, name of its architecture ('' for the caller's own), and what the file holds for it."""
    state, recorded = read(path)
    if isinstance(arch, nn.Module):
        # a Sequential of the caller's own may look like a network behind a layer
        whole = _shapes(arch.state_dict()) == _shapes(state)
        return arch, "", Contents(state) if whole else contents(path, state)
    found = contents(path, state)
    name = _architecture(path, found.state, arch, recorded)
    return _build(path, name, num_classes), name, found


def _architecture(path: Path, state: Mapping[str, Tensor], asked: str | None, recorded: Any) -> str:
    name = recorded if asked is None else asked
    known = ", ".join(ARCHITECTURES)
    if name is not None:
        if not isinstance(name, str) or not (name in ARCHITECTURES or name.partition(":")[0] in LIBRARIES):
            raise CheckpointError(
                f"{path} needs the architecture {name!r}; known are {known}, torchvision:NAME and timm:NAME, or give "
                "arch= an nn.Module of your own"
            )
        return name
    fitting = [key for key in ARCHITECTURES if _fits(key, state)]
    if len(fitting) != 1:
        raise CheckpointError(
            f"{path} names no architecture and its parameters fit none of {known} (first: {list(state)[:3]}); "
            "give arch= if it is one of these with other classes, torchvision:NAME, timm:NAME or an nn.Module"
        )
    return fitting[0]


def _fits(name: str, state: Mapping[str, Tensor]) -> bool:
    try:
        with torch.device("meta"):  # shapes alone: no time, and no random numbers
            return _shapes(ARCHITECTURES[name]().state_dict()) == _shapes(state)
    except ImportError:
        return False


def _build(path: Path, name: str, num_classes: int | None) -> nn.Module:
    options = {} if num_classes is None else {"num_classes": num_classes}
    try:
        return ARCHITECTURES[name](**options) if name in ARCHITECTURES else library_net(name, **options)
    except (ImportError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} needs the architecture {name!r}, which cannot be built: {error}") from None


def _first_layer(source: Any, name: str, found: Contents, asked: Normalization | None) -> Normalize | None:
    """What the pixels pass first; None for nothing."""
    choices = ", ".join((*NORMALIZATIONS, "none"))
    if isinstance(asked, str) and asked not in ("none", *NORMALIZATIONS):
        raise CheckpointError(f"load_model: normalize must be one of {choices} or (mean, std), got normalize={asked!r}")
    if found.stats is not None:
        if asked is not None:
            raise CheckpointError(f"{source} holds its own normalisation; leave normalize={asked!r} out")
        try:
            return Normalize(*found.stats)
        except ValueError as error:
            raise CheckpointError(f"{source} holds a normalisation that is none: {error}") from None
    usual = TRAINED_ON.get(name, "imagenet" if ":" in name else None)
    if asked is None and found.behind and usual:
        asked = usual
    elif asked is None and (found.behind or usual):
        where = "holds a network behind a layer" if found.behind else "holds a network alone"
        raise CheckpointError(f"{source} {where} and does not say how pixels are normalised; give normalize={choices}")
    if asked in (None, "none"):
        return None
    try:
        return Normalize(*(NORMALIZATIONS[asked] if isinstance(asked, str) else asked))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"load_model: normalize={asked!r} is no mean and deviation: {error}") from None


def _behind(source: Any, first: Normalize, net: nn.Module) -> nn.Sequential:
    needed = next((part.in_channels for part in net.modules() if isinstance(part, nn.Conv2d)), len(first.mean))
    if needed != len(first.mean):
        raise CheckpointError(f"{source} takes images of {needed} channels, but is normalised for {len(first.mean)}")
    return nn.Sequential(first, net)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def _fill(path: Path, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    own = model.state_dict()
    needed, found = _shapes(own), _shapes(state)
    if needed != found:
        raise _misfit(path, type(model).__name__, needed, found)
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


def _misfit(path: Path, kind: str, needed: Mapping[str, Any], found: Mapping[str, Any]) -> CheckpointError:
    wrong = sorted(key for key in needed.keys() | found.keys() if needed.get(key) != found.get(key))
    told = "; ".join(f"{key}: needed {needed.get(key)}, got {found.get(key)}" for key in wrong[:3])
    # only the last layer differs, and in its rows alone: another number of classes
    rows = {found[key][0] for key in wrong if key in needed and key in found and found[key][1:] == needed[key][1:]}
    hint = f"; if it has {rows.pop()} classes, say num_classes=" if len(rows) == 1 and len(wrong) <= 2 else ""
    return CheckpointError(f"{path} does not fit {kind}: {len(wrong)} parameters differ ({told}){hint}")


def _is_plain(dtype: torch.dtype) -> bool:
    return dtype in _FLOATS or dtype in (torch.int64, torch.int32)
