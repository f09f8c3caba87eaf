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


# name in a checkpoint -> builds the untrained network
ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {"digits_net": DigitsNet}
