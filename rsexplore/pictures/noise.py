"""What a noise looks like: its density, points of it, the laws of its norms, and an image with it."""

from dataclasses import replace
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from rsexplore import data
from rsexplore.noises import Gaussian, Noise
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Image, Line, Picture, Plot, Points

REACH = 3.5  # deviations that density and points are shown to
POINTS, DRAWS, BINS, COORDINATES = 600, 400, 120, 2**18  # at most so many in all draws for the norms
AXIS, DIAGONAL = np.array([1.0, 0.0]), np.array([1.0, 1.0]) / sqrt(2)
NORMS = {2.0: ("Euclidean, ‖z‖_2 / (σ √d)", style.BLUE), inf: ("largest, ‖z‖_∞ / σ", style.RED)}
CORE = 0.3  # deviations
SEED = 1
SIDES = (8, 16, 32, 64)  # pixels


@lru_cache(maxsize=4)
def digit(side: int) -> NDArray:
    """A digit of scikit-learn, shape (side, side), in [0, 1]."""
    return np.asarray(data.digits(side).images[0, 0], dtype=float)


@lru_cache(maxsize=64)
def sample(noise: Noise) -> tuple[NDArray, dict[float, NDArray]]:
    """One draw, and both norms of up to `DRAWS` in the units of `NORMS`, for a noise of deviation 1 with `dim`."""
    assert noise.dim is not None
    draws = noise.draw(np.random.default_rng(SEED), (min(DRAWS, COORDINATES // noise.dim), noise.dim))
    return draws[0], {2.0: np.sqrt((draws**2).mean(axis=1)), inf: np.abs(draws).max(axis=1)}


@lru_cache(maxsize=64)
def plane(noise: Noise) -> tuple[NDArray, list[NDArray], NDArray]:
    """Places, relative densities there on an axis and the diagonal, and `POINTS` draws, for two coordinates."""
    t = np.linspace(-REACH, REACH, 201)
    logs = [noise.log_density(t[:, None] * way) for way in (AXIS, DIAGONAL)]
    # a density that is infinite at 0 is measured by its values farther out
    kept = np.abs(t) >= (CORE if np.isinf(noise.log_density(np.zeros(2))) else 0)
    top = max(float(values[kept].max()) for values in logs)
    points = noise.draw(np.random.default_rng(SEED), (POINTS, 2))
    return t, [np.exp(np.minimum(values - top, 1)) for values in logs], points


@lru_cache(maxsize=64)
def expected(noise: Noise, norm: float, unit: float = 1.0) -> str:
    """Expected norm of a noise of deviation 1, in words, where the unit of `NORMS` is so long."""
    try:
        mean = noise.mean_norm(norm)
    except NotImplementedError:
        return "not coded"
    return f"{unit * mean / (sqrt(noise.dim or 1) if norm == 2 else 1):.5g}"


def at_unit(noise: Noise, dim: int | None) -> Noise:
    """Member of deviation 1 of the family; k stays the same share of `dim`."""
    own = {name: getattr(noise, name) for name in ("power_norm", "tail_norm", "shape") if hasattr(noise, name)}
    if hasattr(noise, "k"):
        own["k"] = float(f"{noise.k / noise.dim * (dim or 1):.12g}")
    return type(noise).from_sigma(1.0, dim, **own)


def noise(noise: Noise | None = None) -> Picture:
    """What a noise looks like: density in the plane, draws, laws of its norms, a noisy image. Seeds are fixed.

    Parameters
    ----------
    noise : Noise, optional
        Gaussian(0.25, dim=1024) if absent. Its `dim` must be a number of pixels: 64, 256, 1024 (also if it has none) or
        4096.

    Raises
    ------
    ValueError
        The noise has another dimension.
    """
    noise = Gaussian(0.25) if noise is None else noise
    if noise.dim is None:
        noise = replace(noise, dim=1024)  # type: ignore[type-var]
    dim, sigma, side = noise.dim or 0, noise.sigma, round(sqrt(noise.dim or 0))
    if side not in SIDES or side**2 != dim:
        raise ValueError(f"noise needs dim={', '.join(str(n * n) for n in SIDES)}, got {noise!r}")
    full = at_unit(noise, dim)  # deviation 1, so that what is drawn is kept while sigma moves
    t, heights, points = plane(at_unit(noise, 2))
    one, norms = sample(full)
    high, count = style.round_above(1.05 * max(float(values.max()) for values in norms.values())), len(norms[2.0])
    edges, steps, says, top = np.linspace(0, high, BINS + 1), [], [], 0.0
    for norm, (words, color) in NORMS.items():
        share, drawn = np.histogram(norms[norm], edges)[0] / count, norms[norm]
        steps.append(Line(y=np.append(0.0, share), name=words, label=words, color=color, step=True))
        top = max(top, float(share.max()))
        mean = f"{drawn.mean():.5g} ± {drawn.std() / sqrt(count):.1g}"
        says.append(f"{words} {mean}, expected {expected(full, norm)}")
    dots = Points(x=points[:, 0], y=points[:, 1], color=style.BLUE, size=5.0, opacity=0.7)
    slices = (
        Line(y=heights[0], name="axis", label="along an axis", color=style.BLUE, width=2.0),
        Line(y=heights[1], name="diagonal", label="along the diagonal", color=style.ORANGE, dash="dash", width=2.0),
    )
    pixels = digit(side) + sigma * one.reshape(side, side)
    z, first, second = (Axis(domain=(-REACH, REACH), label=f"{name} / σ") for name in ("z", "z_1", "z_2"))
    norm_axis = Axis(domain=(0, high), label="norm, in the unit named")
    density = Axis(domain=(0, 1.4), label="density (relative)")
    shares = Axis(domain=(0, style.round_above(1.25 * top)), label=f"share of {count} draws")
    plots = (
        Plot(title="Density, d = 2", x=z, y=density, grid=t, names="key", items=slices),
        Plot(title="Draws, d = 2", x=first, y=second, square=True, items=(dots,)),
        Plot(title=f"Norms, d = {dim:,}", x=norm_axis, y=shares, grid=edges, names="key", items=tuple(steps)),
        Plot(title=f"On an image, σ = {sigma:g}", square=True, items=(Image(pixels=np.clip(pixels, 0, 1)),)),
    )
    desc = f"Means over {count} draws at d = {dim:,}: {'; '.join(says)}. Pixels are cut off at 0 and 1 for display."
    return Picture(title=f"{noise.label}, d = {dim:,}", desc=desc, plots=plots, height=280)
