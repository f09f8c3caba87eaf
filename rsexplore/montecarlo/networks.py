"""Architectures that a checkpoint may name."""

from collections.abc import Callable

from torch import Tensor, nn


class DigitsNet(nn.Module):
    """Small convolutional net for 8x8 grey images in [0, 1]: 88,000 multiplications an image.

    Without batch normalisation, so that one image's logits never depend on its neighbours in a batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (b, 10) of images (b, 1, 8, 8)."""
        return self.layers(2 * images - 1)


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


# name in a checkpoint -> builds the untrained network
ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {"digits_net": DigitsNet}
