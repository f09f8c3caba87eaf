"""What a noise looks like: its density, points of it, the laws of its norms, and an image with it."""

from dataclasses import replace
from functools import lru_cache
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsexplore import data
from rsexplore.noises import Gaussian, Noise
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Dash, Image, Line, Picture, Plot, Points

REACH = 3.5  # deviations that density and points are shown to
POINTS, DRAWS, BINS, COORDINATES = 600, 400, 120, 2**19  # at most so many in all draws for the norms
SLICES: dict[str, tuple[tuple[float, float], str, Dash]] = {
    "along an axis": ((1.0, 0.0), style.BLUE, "solid"),
    "along the diagonal": ((sqrt(0.5), sqrt(0.5)), style.ORANGE, "dash"),
}
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
    """Places, relative densities there along `SLICES`, and `POINTS` draws, for two coordinates of deviation 1."""
    t = np.linspace(-REACH, REACH, 201)
    logs = [noise.log_density(t[:, None] * np.array(way)) for way, _, _ in SLICES.values()]
    # a density that is infinite at 0 is measured by its values farther out
    kept = np.abs(t) >= (CORE if np.isinf(noise.log_density(np.zeros(2))) else 0)
    top = max(float(values[kept].max()) for values in logs)
    points = noise.draw(np.random.default_rng(SEED), (POINTS, 2))
    return t, [np.exp(np.minimum(values - top, 1)) for values in logs], points


@lru_cache(maxsize=64)
def expected(noise: Noise, norm: float) -> str:
    """Expected norm in the unit of `NORMS`, in words, for a noise of deviation 1."""
    try:
        mean = noise.mean_norm(norm)
    except NotImplementedError:
        return "not coded"
    return f"{mean / (sqrt(noise.dim or 1) if norm == 2 else 1):.5g}"


def at_unit(noise: Noise, dim: int) -> Noise:
    """Member of deviation 1 of the family; k stays the same share of `dim`."""
    assert noise.dim is not None
    own = {name: getattr(noise, name) for name in ("power_norm", "tail_norm", "shape") if hasattr(noise, name)}
    if hasattr(noise, "k"):
        own["k"] = float(f"{noise.k / noise.dim * dim:.12g}")
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
    # deviation 1, so that what is drawn is kept while sigma moves
    full = at_unit(noise, dim)
    t, heights, points = plane(at_unit(noise, 2))
    one, norms = sample(full)
    high = style.round_above(1.05 * max(float(values.max()) for values in norms.values()))
    edges = np.linspace(0, high, BINS + 1)
    shares = {norm: np.histogram(values, edges)[0] / len(values) for norm, values in norms.items()}
    top = max(float(share.max()) for share in shares.values())
    count = len(norms[2.0])
    slices: list[Any] = [
        Line(y=y, name=words, label=words, color=color, dash=dash, width=2.0)
        for (words, (_, color, dash)), y in zip(SLICES.items(), heights, strict=True)
    ]
    steps: list[Any] = [
        Line(y=np.append(0.0, shares[norm]), name=words, label=words, color=color, step=True)
        for norm, (words, color) in NORMS.items()
    ]
    span = (-REACH, REACH)
    says = []
    for norm, (words, _) in NORMS.items():
        drawn = norms[norm]
        error = drawn.std() / sqrt(count)
        says.append(f"{words} {drawn.mean():.5g} ± {error:.1g}, expected {expected(full, norm)}")
    return Picture(
        title=f"{noise.label}, d = {dim:,}",
        desc=f"Means over {count} draws at d = {dim:,}: {'; '.join(says)}. Pixels are cut off at 0 and 1 for display.",
        plots=(
            Plot(
                title="Density, d = 2",
                x=Axis(domain=span, label="z / σ"),
                y=Axis(domain=(0, 1.4), label="density (relative)"),
                grid=t,
                names="key",
                items=tuple(slices),
            ),
            Plot(
                title="Draws, d = 2",
                x=Axis(domain=span, label="z_1 / σ"),
                y=Axis(domain=span, label="z_2 / σ"),
                square=True,
                items=(Points(x=points[:, 0], y=points[:, 1], color=style.BLUE, size=5.0, opacity=0.7),),
            ),
            Plot(
                title=f"Norms, d = {dim:,}",
                x=Axis(domain=(0, high), label="norm, in the unit named"),
                y=Axis(domain=(0, style.round_above(1.25 * top)), label=f"share of {count} draws"),
                grid=edges,
                names="key",
                items=tuple(steps),
            ),
            Plot(
                title=f"On an image, σ = {sigma:g}",
                square=True,
                items=(Image(pixels=np.clip(digit(side) + sigma * one.reshape(side, side), 0, 1)),),
            ),
        ),
        height=280,
    )
