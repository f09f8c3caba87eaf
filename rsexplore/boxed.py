"""The l1 radius of uniform noise for images that stay in a box, as pictures do (Voracek and Hein 2023).

A shift delta leaves 1 - prod(1 - |delta_i| / (2 scale)) of the cube of noise outside its copy. Of one l1 length that is
largest on an axis, which the box may not let a pixel reach; the worst shift then fills the pixels with most room, one
after the other. The proof is in docs/uniform.md.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.bounds import UnsupportedNoiseError
from rsexplore.bounds.yang2020 import uniform_l1
from rsexplore.check import floats
from rsexplore.noises import Noise, Uniform

ROUNDING = 2.0**-50  # of a sum, for each pixel in it and a few steps more


def boxed_radius(
    noise: Noise,
    images: ArrayLike,
    q_a: ArrayLike,
    *,
    p_b: ArrayLike | None = None,
    box: tuple[float, float] = (0.0, 1.0),
) -> NDArray[np.float64]:
    """Exact l1 radius of each image under uniform noise, against images in the box alone.

    It needs the image, and so is no `Bound`. It is never below that of `uniform-l1`, and equal to it where one pixel
    can move so far: from 1/2 in every pixel, scale 0.866, p_A = 0.9 it is 0.771 in place of 0.693; with one pixel at
    0.6, 0.742; with one at 0.7 or beyond, as in nearly all pictures, nothing is gained.

    Parameters
    ----------
    noise : Uniform
        Smoothing noise.
    images : array_like of float, shape (images, ...)
        In the box, in the units of the noise.
    q_a, p_b : array_like, shape (images,) or ()
        Bounds on 1 - p_A and p_B, as `Bound.radius` takes them.
    box : (low, high)
        Least and largest value of a pixel.

    Returns
    -------
    ndarray, shape (images,)
        Rounded towards 0. inf where no image of the box changes the class, nan where the votes are no probabilities.

    Raises
    ------
    UnsupportedNoiseError
        The noise is not uniform.
    ValueError
        A pixel lies outside of the box or is no number, the noise is of another dimension, or shapes do not fit.

    Source
    ------
    V. Voracek and M. Hein, Improving l1-certified robustness via randomized smoothing by leveraging box constraints,
    ICML 2023. Proof, and why nothing larger is true: docs/uniform.md.
    """
    if not isinstance(noise, Uniform):
        raise UnsupportedNoiseError(f"boxed_radius needs Uniform noise, got {noise!r}")
    (low, high), pixels = box, floats("boxed_radius", "images", images)
    pixels = pixels.reshape(len(pixels), -1) if pixels.ndim > 1 else pixels
    if pixels.ndim != 2 or noise.dim not in (None, pixels.shape[1]):
        raise ValueError(f"boxed_radius: images must have shape (images, ...), dim={noise.dim}, got {np.shape(images)}")
    if not ((pixels >= low) & (pixels <= high)).all():
        raise ValueError(
            f"boxed_radius: pixels must lie in the box from {low} to {high}, got {pixels.min()} to {pixels.max()}"
        )
    width, found = 2 * noise.scale, np.empty(len(pixels))
    goals = np.broadcast_to(uniform_l1.radius(noise, q_a=np.asarray(q_a), p_b=p_b), found.shape)
    for place, goal in enumerate(goals):  # the class may change where copies share no more than 1 - goal / width
        room = np.sort(np.maximum(pixels[place] - low, high - pixels[place]))[::-1]
        with np.errstate(divide="ignore"):
            shared = np.append(0.0, np.log1p(-np.minimum(room / width, 1)).cumsum())  # its logarithm, after each pixel
        shared *= 1 + ROUNDING * (8 + np.arange(len(shared)))
        wanted = np.log1p(-goal / width)
        full = np.searchsorted(
            -shared[1:], -wanted
        )  # pixels that move as far as there is room; all, where none is left
        if full < len(room):
            radius = (room[:full].sum() - width * np.expm1(wanted - shared[full])) * (1 - ROUNDING * (full + 8))
            found[place] = max(radius, goal)
        else:
            found[place] = np.nan if np.isnan(goal) else np.inf
    return found
