"""Networks of torchvision and timm, where these are installed."""

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


def pretrained(name: str) -> tuple[nn.Module, Stats]:
    """Network `torchvision:NAME` or `timm:NAME` with its published weights, and how it normalises pixels.

    The library downloads the weights, or has them already.

    Raises
    ------
    CheckpointError
        The library is not installed, knows no such network, or cannot get its weights.
    """
    library, _, own = name.partition(":")
    try:
        if library == "timm":
            net = _timm().create_model(own, pretrained=True)
            return net, (net.pretrained_cfg["mean"], net.pretrained_cfg["std"])
        models = _torchvision()
        weights = models.get_model_weights(own).DEFAULT
        net = models.get_model(own, weights=None, num_classes=len(weights.meta["categories"]))
        # not get_model's own way, which in some versions would run pickled code
        net.load_state_dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
        ways = weights.transforms()
        return net, (ways.mean, ways.std)
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
