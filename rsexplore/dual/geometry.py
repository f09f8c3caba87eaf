"""Level sets of the log-likelihood ratio of a power-Gaussian noise and its shift, at scale 1.

Both the spherical family and the cube family have density ~ N(z)^-k exp(-N(z)^2 / 2) for a norm N. With t = N(z)^2 / 2
and 1 + y = (N(z - delta) / N(z))^2, L(z) = log pi_delta / pi_0 = -((k/2) log(1 + y) + t y): given t, a level of L is a
level of y. On the axis through delta of length r, z = x delta / r, the level l is met in up to three points, where the
cosine (or the face) on the level set leaves [-1, 1].
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special


def excess(t: NDArray, level: NDArray, k: float) -> NDArray:
    """Solution y > -1 of (k/2) log(1 + y) + t y + level = 0, to full relative precision near 0."""
    if k == 0:
        return -level / t
    half = k / 2
    # the left side is concave and negative here, so Newton climbs to the root
    y = -level / (t + half)
    far = np.abs(y) > 0.1
    if np.any(far):
        w = t / half
        far_y = special.wrightomega(np.log(w) + w - np.broadcast_to(level, y.shape) / half) / w - 1
        y = np.where(far & (np.abs(y) > 0.1), far_y, y)
    for _ in range(4):
        step = (half * np.log1p(y) + t * y + level) / (half / (1 + y) + t)
        y = np.where(np.abs(y) < 0.5, y - step, y)
        if np.all(np.abs(step) <= 1e-15 * np.abs(y) + 1e-300):
            break
    return y


def inner_point(level: NDArray, r: NDArray, k: float) -> NDArray:
    """Axis point x in (0, r) on the level: L rises there from -inf to inf. nan if k = 0 and there is none."""
    if k == 0:
        return level / r + r / 2
    low, high = (level - r**2 / 2) / k, (level + r**2 / 2) / k
    for _ in range(70):
        v = (low + high) / 2
        under = k * v + r**2 * (special.expit(v) - 0.5) < level
        low, high = np.where(under, v, low), np.where(under, high, v)
    return r * special.expit((low + high) / 2)


def outer_points(level: NDArray, r: NDArray, k: float) -> tuple[NDArray, NDArray, NDArray]:
    """Whether |level| is passed outside [0, r], and the two distances u from the nearer end where it is met.

    k log(1 + r/u) + r u + r^2 / 2 = |level|: the points x = r + u for a positive level, x = -u for a negative one.
    """
    size = np.abs(level)
    turn = 2 * k / (r + np.sqrt(r**2 + 4 * k))
    with np.errstate(all="ignore"):
        least = k * np.log1p(r / turn) + r * turn + r**2 / 2
        exists = size > least
        near, far = np.log(r / np.expm1(size / k)), np.log(size / r)
        near = np.where(np.isfinite(near), near, np.log(r) - size / k)
        for _ in range(60):
            near, far = (s - _axis(s, size, r, k) for s in (near, far))
    blank = ~exists | ~np.isfinite(near) | ~np.isfinite(far)
    return exists & ~blank, np.where(blank, turn, np.exp(near)), np.where(blank, turn, np.exp(far))


def _axis(s: NDArray, size: NDArray, r: NDArray, k: float) -> Any:
    """Newton step for s = log u; the function is convex in s, and both starts lie outside."""
    u = np.exp(s)
    value = k * (np.log1p(r / u)) + r * u + r**2 / 2 - size
    return value / (r * u - k * r / (u + r))


def gamma_window(shape: float, budget: NDArray) -> tuple[NDArray, NDArray]:
    """Ends of the t outside which the Gamma law of that shape has no more than about exp(-budget) of its mass."""
    budget = np.asarray(budget, dtype=float)
    ratio = budget / shape
    # v - log(1 + v) = ratio, for t = shape (1 + v): Lambert's function in both of its branches
    low = -special.wrightomega(-1 - ratio - 1j * np.pi).real
    high = special.wrightomega(-1 - ratio + 1j * np.pi).real
    low, high = (np.abs(x) for x in (low, high))
    return shape * np.minimum(low, high), shape * np.maximum(low, high)
