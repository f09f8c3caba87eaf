"""Networks of torchvision and timm, where these are installed."""

import re
from typing import Any

from torch import nn

from rsexplore.montecarlo.checkpoints import CheckpointError

LIBRARIES = ("torchvision", "timm")
Stats = tuple[Any, Any]  # mean and deviation of each channel


def library_net(name: str, **options: Any) -> nn.Module:
    """Untrained network `torchvision:NAME` or `timm:NAME`.

    Raises
    ------
    ImportError
        The library is not installed.
    ValueError, RuntimeError
        It has no such network.
    """
    library, _, own = name.partition(":")
    if library == "timm":
        return _timm().create_model(own, pretrained=False, **options)
    return _torchvision().get_model(own, weights=None, **options)


def is_listed(name: str) -> bool:
    """Whether `torchvision:NAME` or `timm:NAME` is a classifier of the library itself, for which nothing is fetched.

    Raises
    ------
    CheckpointError
        The library is not installed.
    """
    library, _, own = name.partition(":")
    try:
        if library == "timm":
            # any colon or slash leads to a hub or a folder
            return re.fullmatch(r"[\w.-]+", own) is not None and _timm().is_model(own)
        models = _torchvision()
        return own in models.list_models(module=models)
    except ImportError as error:
        raise CheckpointError(f"the architecture {name!r} cannot be built: {error}") from None


def published_stats(name: str, net: nn.Module) -> Stats | None:
    """Mean and deviation of the pixels for which a library publishes weights of a network.

    None where it publishes none, where its weights differ in this, or where the network turns its input itself.
    """
    library, _, own = name.partition(":")
    try:
        if library == "timm":
            config: Any = net.pretrained_cfg
            return tuple(config["mean"]), tuple(config["std"])
        ways = [weights.transforms() for weights in _torchvision().get_model_weights(own)]
        found = {(tuple(way.mean), tuple(way.std)) for way in ways}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return found.pop() if len(found) == 1 and not hasattr(net, "transform_input") else None


def pretrained(name: str) -> tuple[nn.Module, Stats, str]:
    """Network `torchvision:NAME` or `timm:NAME` with published weights, how it normalises pixels, and its full name.

    Behind NAME and a dot stands which weights, of those that are published; else they are the library's default. The
    full name says it in any case. The library downloads the weights, or has them already.

    Raises
    ------
    CheckpointError
        The library is not installed, knows no such network or weights, or cannot get its weights.
    """
    library, _, own = name.partition(":")
    try:
        if library == "timm":
            net = _timm().create_model(own, pretrained=True)
            config = net.pretrained_cfg
            tag = config.get("tag") if "." not in own and ":" not in own else None
            return net, (config["mean"], config["std"]), f"{name}.{tag}" if tag else name
        models, (own, _, wanted) = _torchvision(), own.partition(".")
        all_weights = models.get_model_weights(own)
        known = list(getattr(all_weights, "__members__", ()))
        if wanted and wanted not in known:
            raise ValueError(f"{own} has the weights {', '.join(known)}")
        weights = all_weights[wanted] if wanted else all_weights.DEFAULT
        net = models.get_model(own, weights=None, num_classes=len(weights.meta["categories"]))
        if hasattr(net, "transform_input"):  # the builders set it beside the weights, whose input it belongs to
            net.transform_input = True
        # not get_model's own way, which in some versions would run pickled code
        net.load_state_dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
        ways, chosen = weights.transforms(), getattr(weights, "name", "")
        return net, (ways.mean, ways.std), f"torchvision:{own}.{chosen}" if chosen else name
    except Exception as error:  # whatever a download or a library may raise
        raise CheckpointError(f"{name} cannot be had: {error}") from None


def _torchvision() -> Any:
    try:
        from torchvision import models
    except Exception as error:
        raise _missing("torchvision", error) from None
    return models


def _timm() -> Any:
    try:
        import timm
    except Exception as error:
        raise _missing("timm", error) from None
    return timm


def _missing(library: str, error: Exception) -> ImportError:
    # made for another torch, these raise a RuntimeError while they are imported
    if isinstance(error, ModuleNotFoundError):
        return ImportError(f"networks of {library} need it: pip install {library}")
    return ImportError(f"{library} is installed and cannot be imported: it must be made for this torch ({error})")
