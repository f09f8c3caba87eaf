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


def excess(t: NDArray, level: NDArray, k: float) -> tuple[NDArray, NDArray]:
    """Solution y > -1 of (k/2) log(1 + y) + t y + level = 0, and 1 + y, both to full relative precision."""
    if k == 0:
        return -level / t, 1 - level / t
    half = k / 2
    # the left side is concave and negative here, so Newton climbs to the root
    y = -level / (t + half)
    far = np.abs(y) > 0.1
    square = y
    if np.any(far):
        w = t / half
        square = special.wrightomega(np.log(w) + w - np.broadcast_to(level, y.shape) / half) / w
        y = np.where(far & (np.abs(y) > 0.1), square - 1, y)
    for _ in range(4):
        step = (half * np.log1p(y) + t * y + level) / (half / (1 + y) + t)
        y = np.where(np.abs(y) < 0.5, y - step, y)
        if np.all(np.abs(step) <= 1e-15 * np.abs(y) + 1e-300):
            break
    return y, np.where(y < -0.5, square, 1 + y)


def inner_point(level: NDArray, r: NDArray, k: float) -> NDArray:
    """Axis point x in (0, r) on the level: L rises there from -inf to inf. nan if k = 0 and there is none."""
    if k == 0:
        return level / r + r / 2
    low, high = (level - r**2 / 2) / k, (level + r**2 / 2) / k
    v = level / k
    for _ in range(70):  # Newton's method, halving the bracket where it leaves it
        share = special.expit(v)
        value = k * v + r**2 * (share - 0.5) - level
        low, high = np.where(value < 0, v, low), np.where(value > 0, v, high)
        step = value / (k + r**2 * share * (1 - share))
        following = v - step
        inside = (following >= low) & (following <= high)
        v = np.where(inside, following, (low + high) / 2)
        if np.all((np.abs(step) <= 4e-15 * (np.abs(v) + 1)) & inside | (high <= low)):
            break
    return r * special.expit(v)


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
        near = np.where(size / k > 600, np.log(r) - (size - r**2 / 2) / k, near)
    blank = ~exists | ~np.isfinite(near) | ~np.isfinite(far)
    return exists & ~blank, np.where(blank, turn, np.exp(near)), np.where(blank, turn, np.exp(far))


def pair_of_points(gap: NDArray, r: NDArray, k: float) -> tuple[NDArray, NDArray, NDArray]:
    """Distances u1 < u2 = u1 + gap at which one |level| is met outside [0, r], and that level.

    Equal values of k log(1 + r/u) + r u mean u1 (u2 + r) = k x / (e^x - 1), x = r gap / k.
    """
    product = r * gap / np.expm1(np.minimum(r * gap / k, 700)) if k else np.zeros_like(r)
    rest = product + gap**2 / 4 + r * gap / 2
    u2 = gap / 2 + rest / (r / 2 + np.sqrt(r**2 / 4 + rest))
    return product / (u2 + r), u2, k * np.log1p(r / u2) + r * u2 + r**2 / 2


def clearance(a: NDArray, u: NDArray, other: NDArray, r: NDArray, k: float) -> NDArray:
    """eta > 0 with b = a + r - eta on the level that the axis meets at distances u and u - other, a beyond u.

    k log(b / a) + (b^2 - a^2) / 2 is the level, and the left side at eta = 0 exceeds it by an amount that is written
    here without the large terms that cancel. `other` is the signed distance from the other point to u.
    """
    beyond = a - u
    part = r * beyond / (a * (u + r))
    with np.errstate(divide="ignore"):
        x = r * other / np.array(k)
    small = np.abs(x) < 0.1
    series = np.zeros_like(x)  # of (e^x - 1) / x - 1
    for n in range(10, 1, -1):
        series = np.where(small, x, 0) / n * (1 + series)
    bent = np.where(small, (u - other) * series, k / (u + r) - (u - other))
    more = -(part**2) * (0.5 + part * (1 / 3 + part * (1 / 4 + part * (1 / 5 + part / 6))))
    more = np.where(np.abs(part) < 1e-3, more, np.log1p(-part) + part)
    near = r * beyond * (beyond + other - bent) / a + k * more
    excess_level = np.maximum(np.where(np.abs(part) < 0.3, near, r * beyond + k * np.log1p(-part)), 0)
    # convex in eta: Newton falls to the root
    eta = np.minimum(excess_level / (a + r + k / (a + r)), r)
    for _ in range(60):
        gap = eta * (a + r - eta / 2) - k * np.log1p(-eta / (a + r)) - excess_level
        step = gap / (a + r - eta + k / (a + r - eta))
        eta = np.clip(eta - step, 0, r)
        if not np.any(np.abs(step) > 4e-15 * eta):
            break
    return eta


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
