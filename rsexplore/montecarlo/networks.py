"""Architectures that a checkpoint may name."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rsexplore.montecarlo.pretrained import library_net


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
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"CifarResNet: depth must be 6n + 2, such as 20 or 110, got depth={depth}")
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self._group(16, 16, blocks, 1)
        self.layer2 = self._group(16, 32, blocks, 2)
        self.layer3 = self._group(32, 64, blocks, 2)
        self.fc = nn.Linear(64, num_classes)

    @staticmethod
    def _group(before: int, width: int, blocks: int, stride: int) -> nn.Sequential:
        rest = (BasicBlock(width, width, 1) for _ in range(blocks - 1))
        return nn.Sequential(BasicBlock(before, width, stride), *rest)

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
        blocks, rest = divmod(depth - 4, 6)
        if rest or blocks < 1:
            raise ValueError(f"WideResNet: depth must be 6n + 4, such as 28 or 40, got depth={depth}")
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.block1 = self._group(16, 16 * widen, blocks, 1)
        self.block2 = self._group(16 * widen, 32 * widen, blocks, 2)
        self.block3 = self._group(32 * widen, 64 * widen, blocks, 2)
        self.bn1 = nn.BatchNorm2d(64 * widen)
        self.fc = nn.Linear(64 * widen, num_classes)

    @staticmethod
    def _group(before: int, width: int, blocks: int, stride: int) -> nn.Module:
        rest = (WideBlock(width, width, 1) for _ in range(blocks - 1))
        group = nn.Module()
        group.layer = nn.Sequential(WideBlock(before, width, stride), *rest)
        return group

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (b, num_classes) of images (b, 3, 32, 32), normalised as in training."""
        features = self.conv1(images)
        for group in (self.block1, self.block2, self.block3):
            features = group.layer(features)  # type: ignore[operator]
        return self.fc(self.bn1(features).relu().mean((2, 3)))


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


def architecture(name: str) -> str:
    """Key of `ARCHITECTURES` for a name however it is spelled (WideResNet-28-10, WRN28_10); "" for none."""
    if name in ARCHITECTURES:
        return name
    plain = re.fullmatch(r"(?:wide[-_ ]?resnet|wrn)[-_ ]?(\d+)[-_ x](\d+)", name.lower())
    key = f"wide_resnet{plain[1]}_{plain[2]}" if plain else ""
    return key if key in ARCHITECTURES else ""
