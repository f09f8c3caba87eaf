"""Architectures that a checkpoint may name: ours, and those of torchvision and timm where these are installed."""

import copy
import re
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval


class DigitsNet(nn.Module):
    """Small convolutional net for 8x8 grey images in [0, 1]: 88,000 multiplications an image.

    Without batch normalisation, so that one image's logits never depend on its neighbours in a batch. Larger images are
    first brought down to 8x8 by one convolution, which starts as the mean over a block of pixels and is trained too.

    Parameters
    ----------
    side : int
        Pixels of a side, a multiple of 8.
    """

    def __init__(self, side: int = 8) -> None:
        super().__init__()
        if side < 8 or side % 8:
            raise ValueError(f"DigitsNet: side must be a positive multiple of 8, got side={side}")
        self.shrink: nn.Module = nn.Identity()
        if (block := side // 8) > 1:
            self.shrink = nn.Conv2d(1, 1, block, stride=block)
            nn.init.constant_(self.shrink.weight, block**-2)
            nn.init.zeros_(self.shrink.bias)  # type: ignore[arg-type]
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (b, 10) of images (b, 1, side, side)."""
        return self.layers(2 * self.shrink(images) - 1)


class DigitsDenoiser(nn.Module):
    """Small convolutional net that takes the noise out of 8x8 grey images in [0, 1]: it finds what to take off."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        inner = [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        first, last = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 1, 3, padding=1)
        self.noise = nn.Sequential(first, nn.ReLU(), *inner, last)

    def forward(self, images: Tensor) -> Tensor:
        """Return images of the shape of noisy images (b, 1, height, width)."""
        return images - self.noise(2 * images - 1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        changes = stride != 1 or before != width
        shortcut = (nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.downsample = nn.Sequential(*shortcut) if changes else None

    def forward(self, images: Tensor) -> Tensor:
        """Return features (b, width, side / stride, side / stride) of features (b, before, side, side)."""
        beside = images if self.downsample is None else self.downsample(images)
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(images)))))
        return self.relu(inner.add_(beside) if not self.training else inner + beside)


class CifarResNet(nn.Module):
    """Residual network of 6n + 2 layers for 32x32 images: n basic blocks of 16, of 32 and of 64 channels each.

    He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.2, with 1x1 convolutions as shortcuts in
    place of padding. Its parameters have the names of the `cifar_resnet110` of Cohen et al. 2019.

    Parameters
    ----------
    depth : int
        Number of layers, 6n + 2.
    num_classes : int
        Number of classes.

    Raises
    ------
    ValueError
        `depth` is not 6n + 2.
    """

    def __init__(self, depth: int = 110, num_classes: int = 10) -> None:
        super().__init__()
        blocks = _blocks(self, depth, 2)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _group(BasicBlock, blocks, 16, 16, 1)
        self.layer2 = _group(BasicBlock, blocks, 16, 32, 2)
        self.layer3 = _group(BasicBlock, blocks, 32, 64, 2)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (b, num_classes) of images (b, 3, 32, 32), normalised as in training."""
        features = self.relu(self.bn1(self.conv1(images)))
        features = self.layer3(self.layer2(self.layer1(features)))
        return self.fc(features.mean((2, 3)))


class WideBlock(nn.Module):
    """Two 3x3 convolutions, each after its normalisation and ReLU, beside a shortcut."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(before, width, 1, stride, bias=False) if before != width else None

    def forward(self, images: Tensor) -> Tensor:
        """Return features (b, width, side / stride, side / stride) of features (b, before, side, side)."""
        first = self.bn1(images).relu()
        beside = images if self.convShortcut is None else self.convShortcut(first)
        return beside + self.conv2(self.bn2(self.conv1(first)).relu())


class WideResNet(nn.Module):
    """Residual network of 6n + 4 layers for 32x32 images: n blocks of 16, of 32 and of 64 channels, times `widen`.

    Zagoruyko and Komodakis, "Wide Residual Networks" (2016). Its parameters have the names of Yang et al. 2020.

    Parameters
    ----------
    depth : int
        Number of layers, 6n + 4.
    widen : int
        Factor of the width.
    num_classes : int
        Number of classes.

    Raises
    ------
    ValueError
        `depth` is not 6n + 4.
    """

    def __init__(self, depth: int = 40, widen: int = 2, num_classes: int = 10) -> None:
        super().__init__()
        blocks = _blocks(self, depth, 4)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        # one part called layer in each, as theirs have
        self.block1 = nn.Sequential(OrderedDict(layer=_group(WideBlock, blocks, 16, 16 * widen, 1)))
        self.block2 = nn.Sequential(OrderedDict(layer=_group(WideBlock, blocks, 16 * widen, 32 * widen, 2)))
        self.block3 = nn.Sequential(OrderedDict(layer=_group(WideBlock, blocks, 32 * widen, 64 * widen, 2)))
        self.bn1 = nn.BatchNorm2d(64 * widen)
        self.fc = nn.Linear(64 * widen, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (b, num_classes) of images (b, 3, 32, 32), normalised as in training."""
        features = self.block3(self.block2(self.block1(self.conv1(images))))
        return self.fc(self.bn1(features).relu().mean((2, 3)))


def _blocks(net: nn.Module, depth: int, others: int) -> int:
    """Number of blocks in each of the three groups of a residual network."""
    blocks, rest = divmod(depth - others, 6)
    if rest or blocks < 1:
        raise ValueError(f"{type(net).__name__}: depth must be 6n + {others}, such as {18 + others}, got depth={depth}")
    return blocks


def _group(block: Callable[..., nn.Module], count: int, before: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(block(before, width, stride), *(block(width, width, 1) for _ in range(count - 1)))


class Normalize(nn.Module):
    """First layer (x - mean) / std, channel by channel: so noise and radii stay in the units of the pixels.

    Parameters
    ----------
    mean, std : Tensor or sequence of float, shape (channels,)
        Of the pixels that the network was trained on. They are part of the network's state and digest.

    Raises
    ------
    ValueError
        They differ in length, are not finite, or a deviation is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32).detach().clone().reshape(-1, 1, 1))
        if self.mean.shape != self.std.shape or not self.mean.isfinite().all():
            raise ValueError(f"Normalize: needs a finite mean and a deviation for each channel, got {mean} and {std}")
        if not (self.std.isfinite() & (self.std > 0)).all():
            raise ValueError(f"Normalize: std must be positive and finite, got std={std}")

    def forward(self, images: Tensor) -> Tensor:
        """Return images (b, channels, height, width) as the network behind wants them."""
        return (images - self.mean) / self.std


CONVOLUTIONS, BATCH_NORMS = (nn.Conv1d, nn.Conv2d, nn.Conv3d), (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Tracer(fx.Tracer):
    """Looks into no part that has no parts."""

    def is_leaf_module(self, part: nn.Module, name: str) -> bool:
        return super().is_leaf_module(part, name) or not [*part.children()]


def fast(model: nn.Module, dtype: torch.dtype) -> tuple[nn.Module, str]:
    """Copy of a network that does nearly the same in fewer operations, and what was done, in words.

    A batch norm is folded into a convolution where it alone takes what that gives, and each is called once. A
    UserWarning tells of those that stay, as all do where torch.fx cannot follow the network, and of one without any.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode; it is left as it is.
    dtype : torch.dtype
        Of the copy's weights, which are folded in float32.
    """
    net, calls, folded, why = copy.deepcopy(model).float(), list[Any](), 0, ""
    parts = dict(net.named_modules())
    norms = sum(isinstance(part, _BatchNorm) for part in parts.values())
    try:
        calls = [node for node in _Tracer().trace(net).nodes if node.op == "call_module"] if norms else []
    except Exception as error:  # what a network does with its input may be anything
        why = f", for torch.fx cannot follow the network: {error}"
    times = Counter(node.target for node in calls)
    for before, after in [(node.args[0], node) for node in calls if node.args and node.args[0] in calls]:
        conv, norm = parts[before.target], parts[after.target]
        alone = len(before.users) == times[before.target] == times[after.target] == 1
        hooked = any(part._forward_hooks or part._forward_pre_hooks for part in (conv, norm))
        if alone and not hooked and type(conv) in CONVOLUTIONS and type(norm) in BATCH_NORMS:
            for name, part in ((before.target, fuse_conv_bn_eval(conv, norm)), (after.target, nn.Identity())):
                owner, _, own = name.rpartition(".")
                setattr(net.get_submodule(owner), own, part)
            folded += 1
    told = f"{folded} of {norms} batch norms folded"
    if folded < max(norms, 1):
        warnings.warn(f"certify: fast: {told}{why}", stacklevel=5)  # the line that calls certify
    return net.to(dtype), f"{told}, {str(dtype).removeprefix('torch.')}"


LIBRARIES = ("torchvision", "timm")
Stats = tuple[Any, Any]  # mean and deviation of each channel


def _library(name: str) -> tuple[Any, str]:
    """What makes networks in the library of `torchvision:NAME` or `timm:NAME`, and NAME."""
    library, _, own = name.partition(":")
    try:
        found = import_module(library)
    except Exception as error:  # made for another torch, these raise a RuntimeError while they are imported
        told = f"networks of {library} need it, made for this torch: pip install {library}"
        raise ImportError(f"{told} ({error})") from None
    return found if library == "timm" else found.models, own


def library_net(name: str, **options: Any) -> nn.Module:
    """Untrained network `torchvision:NAME`, `timm:NAME`, or what `package.module:NAME` makes.

    Raises
    ------
    ImportError
        The library or the module is not installed.
    AttributeError, ValueError, RuntimeError
        It has no such network.
    """
    module, _, own = name.partition(":")
    if module not in LIBRARIES:
        return getattr(import_module(module), own)(**options)
    library, own = _library(name)
    if module == "timm":
        return library.create_model(own, pretrained=False, **options)
    return library.get_model(own, weights=None, **options)


def is_listed(name: str) -> bool:
    """Whether `torchvision:NAME` or `timm:NAME` is a classifier of the library itself, for which nothing is fetched.

    True where the library is not installed, for then nothing at all can be built of it.
    """
    if name.partition(":")[0] not in LIBRARIES:
        return False
    try:
        library, own = _library(name)
    except ImportError:
        return True
    if name.startswith("timm"):
        # any colon or slash leads to a hub or a folder
        return re.fullmatch(r"[\w.-]+", own) is not None and library.is_model(own)
    return own in library.list_models(module=library)


def published_stats(name: str, net: nn.Module) -> Stats | None:
    """Mean and deviation of the pixels for which a library publishes weights of a network.

    None where it publishes none, where its weights differ in this, or where the network turns its input itself.
    """
    if name.partition(":")[0] not in LIBRARIES:
        return None
    library, own = _library(name)
    try:
        if name.startswith("timm"):
            config: Any = net.pretrained_cfg
            return tuple(config["mean"]), tuple(config["std"])
        ways = [weights.transforms() for weights in library.get_model_weights(own)]
        found = {(tuple(way.mean), tuple(way.std)) for way in ways}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return found.pop() if len(found) == 1 and not hasattr(net, "transform_input") else None


def pretrained(name: str) -> tuple[nn.Module, Stats, str]:
    """Network `torchvision:NAME` or `timm:NAME` with published weights, how it normalises pixels, and its full name.

    Behind NAME and a dot stands which weights, of those that are published; else they are the library's default. The
    full name says it in any case. The library downloads the weights, or has them already; whatever it raises is raised.
    """
    library, own = _library(name)
    if name.startswith("timm"):
        net = library.create_model(own, pretrained=True)
        config: Any = net.pretrained_cfg
        tag = config.get("tag") if not re.search("[.:]", own) else None
        return net, (config["mean"], config["std"]), f"{name}.{tag}" if tag else name
    own, _, wanted = own.partition(".")
    published = library.get_model_weights(own)
    if wanted and wanted not in published.__members__:
        raise ValueError(f"{own} has the weights {', '.join(published.__members__)}")
    weights = published[wanted] if wanted else published.DEFAULT
    net = library.get_model(own, weights=None, num_classes=len(weights.meta["categories"]))
    if hasattr(net, "transform_input"):  # the builders set it beside the weights, whose input it belongs to
        net.transform_input = True
    # not get_model's own way, which in some versions would run pickled code
    net.load_state_dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    way = weights.transforms()
    return net, (way.mean, way.std), f"torchvision:{own}.{weights.name}"


CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# what `load_model` may put before a network: mean and deviation of each channel. Salman et al. 2019 trained some of
# their networks behind a layer that only subtracts the mean, and nothing in the files tells which
NORMALIZATIONS: dict[str, tuple[Any, Any]] = {
    "cifar10": CIFAR10,
    "imagenet": IMAGENET,
    "cifar10-centred": (CIFAR10[0], (1.0, 1.0, 1.0)),
    "imagenet-centred": (IMAGENET[0], (1.0, 1.0, 1.0)),
}

# name in a checkpoint -> builds the untrained network
ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "digits_net": DigitsNet,
    **{f"digits_net{side}": partial(DigitsNet, side) for side in (16, 32, 64)},
    "digits_denoiser": DigitsDenoiser,
    "cifar_resnet20": partial(CifarResNet, 20),
    "cifar_resnet56": partial(CifarResNet, 56),
    "cifar_resnet110": partial(CifarResNet, 110),
    "wide_resnet16_8": partial(WideResNet, 16, 8),
    "wide_resnet28_10": partial(WideResNet, 28, 10),
    "wide_resnet34_10": partial(WideResNet, 34, 10),
    "wide_resnet40_2": partial(WideResNet, 40, 2),
    "resnet50": partial(library_net, "torchvision:resnet50"),
}
# data on which those who publish a checkpoint of an architecture trained it
TRAINED_ON = {name: "cifar10" for name in ARCHITECTURES if name.startswith(("cifar", "wide"))}
TRAINED_ON["resnet50"] = "imagenet"


def architecture(name: Any) -> str:
    """Key of `ARCHITECTURES` however it is spelled (WideResNet-28-10, WRN28_10), or what `library_net` takes; or ""."""
    if not isinstance(name, str) or name in ARCHITECTURES or name.partition(":")[0] in LIBRARIES:
        return name if isinstance(name, str) else ""
    if re.fullmatch(r"[^\W\d]\w*(\.\w+)*:\w+", name):
        return name
    plain = re.fullmatch(r"(?:wide[-_ ]?resnet|wrn)[-_ ]?(\d+)[-_ x](\d+)", name.lower())
    key = f"wide_resnet{plain[1]}_{plain[2]}" if plain else ""
    return key if key in ARCHITECTURES else ""


def build(name: str, **options: Any) -> nn.Module:
    """Untrained network of a name that `architecture` gives; `options` as it takes them, such as num_classes.

    Raises
    ------
    ValueError
        It cannot be built: the name is unknown, or a library is not here.
    """
    try:
        return ARCHITECTURES[name](**options) if name in ARCHITECTURES else library_net(name, **options)
    except (ImportError, AttributeError, ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"needs the architecture {name!r}, which cannot be built: {error}") from None
