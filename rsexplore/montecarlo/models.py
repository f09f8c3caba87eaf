"""Networks from checkpoints: shipped ones by name, anyone's by path. No pickled code is ever run."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsexplore.montecarlo.checkpoints import CheckpointError, Held, read
from rsexplore.montecarlo.naming import Contents, Shapes, check_first_layer, contents, misfit, shapes
from rsexplore.montecarlo.networks import ARCHITECTURES, NORMALIZATIONS, TRAINED_ON, Normalize, architecture
from rsexplore.montecarlo.pixels import usable_device
from rsexplore.montecarlo.pretrained import LIBRARIES, is_listed, library_net, pretrained, published_stats

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
    entry: str | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Network from a checkpoint, in evaluation mode, that takes images in the units of their pixels.

    Parameters
    ----------
    source : str or path
        A name of `names()`, a `.safetensors` file, the index of a checkpoint in several files, or a torch checkpoint: a
        plain `state_dict`, or a dict that holds one, of a network alone or behind a normalising layer, as Cohen et al.
        2019, Salman et al. 2019 and Yang et al. 2020 save it. What DataParallel, torch.compile and other wrappers put
        into the parameters' names is left out. `torchvision:NAME` and `timm:NAME` are published weights of these
        libraries, which they download; `torchvision:NAME.WEIGHTS` and `timm:NAME.TAG` choose among several.
    arch : str or nn.Module, optional
        Key of `ARCHITECTURES`, or `torchvision:NAME` or `timm:NAME`, for files that do not name theirs; without it,
        the one of `ARCHITECTURES` whose parameters fit. Or a network of your own, which is filled.
    normalize : str or (mean, std), optional
        Key of `NORMALIZATIONS`, "none", or mean and deviation of each channel: what the pixels pass first, where the
        file does not hold it. Absent, it is that of the architecture's data for a file of which the network is the
        second layer; of a network alone, or of your own, it must be said.
    num_classes : int, optional
        Number of classes, where it is not the architecture's usual one.
    entry : str, optional
        Which of the file's dicts of tensors, such as "state_dict_ema", or what the names of the wanted parameters begin
        with. Absent, it is the only one, or that of the weights themselves; a UserWarning names the others.
    device : torch.device or str
        Where the network is put.

    Returns
    -------
    nn.Module
        With the attributes `name` (the source's name without its suffix, or the library's with its weights) and
        `digest` (see `digest`).

    Raises
    ------
    CheckpointError
        The file is missing, empty, cut short or no checkpoint; it holds pickled code, or numbers that ask for far more
        memory than it has; its architecture is unknown, does not fit or needs a library that is not here; a parameter
        is of a wrong type, without numbers or not finite; the normalisation is not known; it must be said which
        `entry`; `arch`, `num_classes` or `entry` is given with a library's weights.
    ValueError
        `device` is not there.
    """
    device = usable_device(device, "load_model")
    with torch.device("cpu"):  # whatever the default device is: there are no numbers on the one called meta
        if str(source).partition(":")[0] in LIBRARIES and not Path(source).exists():
            given = {"arch": arch, "num_classes": num_classes, "entry": entry}
            if wrong := [f"{name}={value!r}" for name, value in given.items() if value is not None]:
                alone = f"{source} is its own architecture with its own classes"
                raise CheckpointError(f"{alone}; leave out {', '.join(wrong)}")
            net, stats, label = pretrained(str(source))
            first = _first_layer(source, Contents({}, stats), None, False, normalize)
        else:
            path = _path(source)
            held = read(path, entry)
            if held.others:
                others = ", ".join(map(repr, held.others))
                told = f"load_model: of {path} {held.entry!r} is taken; entry= takes another one of {others}"
                warnings.warn(told, UserWarning, stacklevel=2)
            net, found, usual, must_say = _network(path, held, arch, num_classes)
            _fill(path, net, found.state)
            first, label = _first_layer(source, found, usual, must_say, normalize), path.stem
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


def _network(
    path: Path, held: Held, arch: str | nn.Module | None, num_classes: int | None
) -> tuple[nn.Module, Contents, Normalization | None, bool]:
    """Untrained network, what the file holds for it, how its pixels are usually normalised, and whether to ask that."""
    if isinstance(arch, nn.Module):
        if any(value.is_meta for value in arch.state_dict().values()):
            raise CheckpointError(f"{path} cannot fill arch=, which keeps no numbers, on the device meta: make it anew")
        found = _contents(path, held, type(arch).__name__, shapes(arch.state_dict()))
        return arch, found, None, not any(isinstance(part, Normalize) for part in arch.modules())
    name = _architecture(path, held, arch)
    options = {} if num_classes is None else {"num_classes": num_classes}
    # shapes alone, so that a small file that names a large network takes no memory before it fits
    with torch.device("meta"):
        try:
            empty: nn.Module | None = _build(path, name, options)
        except CheckpointError:
            if held.arch is not None and arch is None:
                raise
            empty = None  # a library's that needs numbers while it is made, or one that cannot be built at all
    if empty is not None:
        _contents(path, held, type(empty).__name__, shapes(empty.state_dict()))
    net = _build(path, name, options)
    found = _contents(path, held, type(net).__name__, shapes(net.state_dict()))
    if name in ARCHITECTURES:
        return net, found, TRAINED_ON.get(name), name in TRAINED_ON
    return net, found, published_stats(name, net), True


def _contents(path: Path, held: Held, kind: str, needed: Shapes) -> Contents:
    found = contents(path, held.state, needed)
    if found is None:
        check_first_layer(path, held.state)
        raise misfit(path, kind, held.state, needed)
    return found


def _architecture(path: Path, held: Held, asked: str | None) -> str:
    """Name of an architecture: the caller's, the file's, or the only one whose parameters fit."""
    known = ", ".join(ARCHITECTURES)
    name = held.arch if asked is None else asked
    if isinstance(name, str) and architecture(name):
        return architecture(name)
    if isinstance(name, str) and name.partition(":")[0] in LIBRARIES:
        # whoever wrote the file may not choose what is fetched, or built from elsewhere
        if asked is None and not is_listed(name):
            raise CheckpointError(
                f"{path} names the architecture {name!r}, which is none of the library's own; if you trust it, "
                "say arch="
            )
        return name
    if name is not None:
        raise CheckpointError(
            f"{path} needs the architecture {name!r}; known are {known}, torchvision:NAME and timm:NAME, or give "
            "arch= an nn.Module of your own"
        )
    fitting = [key for key in ARCHITECTURES if _fits(path, key, held)]
    if len(fitting) != 1:
        check_first_layer(path, held.state)
        fit = f"fit {' and '.join(fitting)}" if fitting else f"fit none of {known}"
        raise CheckpointError(
            f"{path} names no architecture and its parameters {fit} (first: {list(held.state)[:3]}); "
            "give arch= if it is one of these with other classes, torchvision:NAME, timm:NAME or an nn.Module"
        )
    return fitting[0]


def _fits(path: Path, name: str, held: Held) -> bool:
    try:
        with torch.device("meta"):  # shapes alone: no time, and no random numbers
            return contents(path, held.state, shapes(ARCHITECTURES[name]().state_dict())) is not None
    except ImportError:
        return False


def _build(path: Path, name: str, options: Mapping[str, Any]) -> nn.Module:
    try:
        return ARCHITECTURES[name](**options) if name in ARCHITECTURES else library_net(name, **options)
    except (ImportError, ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        raise CheckpointError(f"{path} needs the architecture {name!r}, which cannot be built: {error}") from None


def _first_layer(
    source: Any, found: Contents, usual: Normalization | None, must_say: bool, asked: Normalization | None
) -> Normalize | None:
    """What the pixels pass first; None for nothing."""
    choices = ", ".join((*NORMALIZATIONS, "none"))
    if isinstance(asked, str) and asked not in ("none", *NORMALIZATIONS):
        raise CheckpointError(f"load_model: normalize must be one of {choices} or (mean, std), got normalize={asked!r}")
    if found.stats is not None:
        if asked == "none":
            return None
        if asked is not None:
            raise CheckpointError(
                f"{source} holds its own normalisation; leave normalize={asked!r} out, or say 'none' where the network "
                "normalises by itself"
            )
        try:
            return _unit(source, Normalize(*found.stats))
        except ValueError as error:
            raise CheckpointError(f"{source} holds a normalisation that is none: {error}") from None
    if asked is None and found.layers == 1 and usual:
        asked = usual
    elif asked is None and (found.layers or must_say):
        where = "holds a network behind a layer" if found.layers else "holds a network alone"
        how = f"normalize={choices} or (mean, std); none is right where the network does it itself"
        raise CheckpointError(f"{source} {where} and does not say how pixels are normalised; give {how}")
    if asked in (None, "none"):
        return None
    try:
        return _unit(source, Normalize(*(NORMALIZATIONS[asked] if isinstance(asked, str) else asked)))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"load_model: normalize={asked!r} is no mean and deviation: {error}") from None


def _unit(source: Any, first: Normalize) -> Normalize:
    """The layer as it is, with a warning if its pixels are not those of [0, 1]."""
    if (largest := float(first.mean.max())) > 1:
        told = f"{source} is normalised by a mean of {largest:g}, so its pixels go beyond 1, as a rule to 255"
        warnings.warn(f"load_model: {told}: images, noise and radii must be in that unit", UserWarning, stacklevel=4)
    return first


def _behind(source: Any, first: Normalize, net: nn.Module) -> nn.Sequential:
    needed = next((part.in_channels for part in net.modules() if isinstance(part, nn.Conv2d)), len(first.mean))
    if needed != len(first.mean):
        raise CheckpointError(f"{source} takes images of {needed} channels, but is normalised for {len(first.mean)}")
    return nn.Sequential(first, net)


def _fill(path: Path, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    own = model.state_dict()
    for key, value in state.items():
        if value.is_meta:
            raise CheckpointError(f"{path} holds no numbers in {key}: it was saved from the device meta")
        # a counter of batches is whole; in a weight, whole numbers are a quantised one's, without its scale
        if own[key].is_floating_point() != value.is_floating_point() or not _is_plain(value.dtype):
            raise CheckpointError(f"{path} needs {key} to be like {own[key].dtype}, got {value.dtype}")
    model.load_state_dict(own | dict(state))  # counters of batches may lack, which evaluation never reads
    # after rounding to the network's own type, in which a large number may be inf
    broken = [key for key, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{path} holds nan or inf in {', '.join(broken[:3])}, as {own[broken[0]].dtype}")


def _is_plain(dtype: torch.dtype) -> bool:
    return dtype in _FLOATS or dtype in (torch.int64, torch.int32)
