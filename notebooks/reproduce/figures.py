"""What the figures of more than one notebook need: the dimensions of known images, and votes that stand in."""

from typing import Any

from matplotlib.axes import Axes

import rsexplore as rs


def image_sizes(ax: Axes) -> None:
    """Mark the dimensions of CIFAR-10 and ImageNet on a horizontal axis of dimensions."""
    at: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "fontsize": 8,
        "color": "0.4",
    }
    for dim, name in ((3072, "CIFAR-10"), (150_528, "ImageNet")):
        ax.axvline(dim, color="0.8", linewidth=1, linestyle=":", zorder=0)
        ax.annotate(name, (dim, 0.0), (-3, 4), ha="right", **at)


def stand_in(model: str, noise: rs.noises.Noise, images: int = 100) -> rs.records.Records:
    """Votes of a small network that ships with the package on the first test digits, 1,000 for each image.

    They stand in for votes that a paper did not publish; nothing about its networks follows from them.

    Parameters
    ----------
    model : str
        One of `montecarlo.names()`.
    noise : Noise
        Of 64 coordinates, 8 x 8 pixels.
    images : int
        How many digits.
    """
    test = rs.data.digits().test
    base = rs.montecarlo.load_model(model)
    return rs.montecarlo.certify(
        base, test.images[:images], test.labels[:images], noise, n=1000, seed=0, progress=False
    )
