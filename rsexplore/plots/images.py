"""Pictures of what a noise does: noisy copies of an image, its density, points of it, and the laws of its norms."""

from collections.abc import Sequence
from functools import lru_cache
from math import inf, sqrt
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rsexplore import data
from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.style import round_above

REACH = 3.5  # deviations that density and points are shown to
POINTS, DRAWS, BINS = 600, 400, 40
SLICES = {"along an axis": (1.0, 0.0), "along the diagonal": (sqrt(0.5), sqrt(0.5))}
NORMS = {2.0: "‖z‖₂ / (σ √d)", inf: "‖z‖∞ / σ"}
CORE = 0.3  # deviations
SEED = 1


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


@lru_cache(maxsize=4)
def image(side: int, which: int = 0) -> NDArray:
    """A digit of scikit-learn, shape (side, side), in [0, 1]."""
    return np.asarray(data.digits(side).images[which, 0], dtype=float)


@lru_cache(maxsize=64)
def sample(noise: Noise) -> tuple[NDArray, NDArray, NDArray]:
    """One draw, and over DRAWS draws both norms in the units of `NORMS`, for a noise of deviation 1 with `dim`."""
    assert noise.dim is not None
    rng, count = np.random.default_rng(SEED), max(2**20 // noise.dim, 1)
    parts = [noise.draw(rng, (min(count, DRAWS - done), noise.dim)) for done in range(0, DRAWS, count)]
    euclid = np.concatenate([np.sqrt((z**2).mean(axis=1)) for z in parts])
    return parts[0][0], euclid, np.concatenate([np.abs(z).max(axis=1) for z in parts])


class NoisePictures:
    """Artists of four axes, which `show` moves."""

    def __init__(self, density: Axes, points: Axes, norms: Axes, picture: Axes) -> None:
        self.axes = (density, points, norms, picture)
        density.set(xlim=(-REACH, REACH), xlabel="z / σ", ylabel="density  (relative)")
        density.set(ylim=(0, 1.4), yticks=[0, 0.5, 1])
        points.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="z₁ / σ", ylabel="z₂ / σ")
        points.set_box_aspect(1)
        norms.set(xlabel="norm, in the unit named", ylabel=f"share of {DRAWS} draws", ylim=(0, 0.5))
        for ax in (points, density):
            ax.set_xticks([-2, 0, 2])
        picture.set_axis_off()
        looks = zip(SLICES, ((style.BLUE, "-"), (style.ORANGE, "--")), strict=True)
        self.slices = {name: density.plot([], [], color=c, linestyle=line, linewidth=2)[0] for name, (c, line) in looks}
        self.points: PathCollection = points.scatter([], [], s=5, color=style.BLUE, linewidth=0)
        self.steps: dict[float, Line2D] = {
            norm: norms.plot([], [], drawstyle="steps-mid", color=color, linewidth=1.8)[0]
            for norm, color in zip(NORMS, (style.BLUE, style.RED), strict=True)
        }
        self.image = picture.imshow(np.zeros((8, 8)), cmap="gray", vmin=0, vmax=1, interpolation="nearest")

    def show(self, flat: Noise, full: Noise, sigma: float) -> None:
        """Draw a noise of two coordinates and one of side x side, both of deviation 1, at deviation `sigma`."""
        assert full.dim is not None
        t = np.linspace(-REACH, REACH, 401)
        logs = {name: flat.log_density(t[:, None] * np.array(way)) for name, way in SLICES.items()}
        # a density that is infinite at 0 is measured by its values farther out
        kept = np.abs(t) >= (CORE if np.isinf(flat.log_density(np.zeros(2))) else 0)
        top = max(float(v[kept].max()) for v in logs.values())
        for name, values in logs.items():
            self.slices[name].set_data(t, np.exp(np.minimum(values - top, 1)))
        self.points.set_offsets(flat.draw(np.random.default_rng(SEED), (POINTS, 2)))
        one, *self.norms = sample(full)
        high = round_above(1.05 * max(float(values.max()) for values in self.norms))
        edges, top = np.linspace(0, high, 3 * BINS + 1), 0.0
        for line, values in zip(self.steps.values(), self.norms, strict=True):
            share = np.histogram(values, edges)[0] / len(values)
            line.set_data((edges[1:] + edges[:-1]) / 2, share)
            top = max(top, float(share.max()))
        self.axes[2].set(xlim=(0, high), ylim=(0, round_above(1.25 * top)))
        side = round(sqrt(full.dim))
        # an extent that stays, so that the axes do
        self.image.set_data(np.clip(image(side) + sigma * one.reshape(side, side), 0, 1))
