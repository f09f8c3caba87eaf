"""Pictures of what the classifier sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rsexplore.noises import Noise


def noisy_copies(axes: Sequence[Axes], image: NDArray, noise: Noise, rng: Any) -> list[Any]:
    """An image of shape (channels, height, width) in [0, 1], and noisy copies of it on the other axes."""
    copies = np.concatenate([image[None], image + noise.draw(rng, (len(axes) - 1, *image.shape))])
    artists = []
    for ax, picture, title in zip(axes, copies, ["image", *[noise.label] * (len(axes) - 1)], strict=True):
        pixels = np.clip(np.moveaxis(picture, 0, -1), 0, 1)
        artists.append(ax.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=1))
        ax.set_title(title, fontsize="small")
        ax.set_axis_off()
    return artists
