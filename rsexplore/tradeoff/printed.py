"""Eqs. (22) to (31) of Hayes 2020 as they are printed, and the weighted optimum that makes eq. (22) a problem.

With c_k the coefficients of eq. (14), eq. (23) reads: sum of c_k (eps_k / sigma)^k <= B over k = shape, shape - 2, ...;
eqs. (26) and (27) are its cases of shape 3 and 4. For even shapes the left side is the largest divergence over the
intersection of the balls, for odd ones more than that: read so, the printed condition is sound. Read as the paper does,
"trade an l3 radius of 0.86 for an l1 radius of 1.44", it is not (`witness`).

"max eps_2, ..., eps_p" in eq. (22) maximises a vector. Here the sum of weight_k log eps_k is maximised instead, whose
optima are the frontier. In log eps_k every constraint is convex, eq. (24) too, which it is not in eps_k^k.
"""

from collections.abc import Mapping
from math import exp, inf, log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from rsexplore import papers
from rsexplore.bound import Status, UnsupportedNoiseError
from rsexplore.divergences.generalized_gaussian import coefficient
from rsexplore.noises import Noise
from rsexplore.tradeoff.base import KEPT, Frontier, budget, root, unpack


def printed_norms(shape: float) -> tuple[int, ...]:
    """Norms of eq. (23): every whole number of the shape's parity up to the shape."""
    if not (shape == int(shape) and shape >= 1):
        raise UnsupportedNoiseError(f"eq. (23) needs a whole shape of at least 1, got shape={shape}")
    return tuple(range(2 - int(shape) % 2, int(shape) + 1, 2))


def printed_divergence(noise: Noise, radii: Mapping[int, float]) -> float:
    """Left side of eqs. (23), (26) and (27) for {norm: radius}; the condition is that it is at most `budget`."""
    scale, shape, _ = unpack(noise, 1)
    if set(radii) != set(printed_norms(shape)):
        raise ValueError(f"eq. (23) needs a radius for each of {printed_norms(shape)}, got {sorted(radii)}")
    return sum(coefficient(k, shape) * (size / scale) ** k for k, size in radii.items())


def printed_equal(
    noise: Noise, p_a: float | None = None, *, q_a: float | None = None, p_b: float | None = None
) -> float:
    """The eps with eps_1 = eps_3 = ... (or eps_2 = eps_4 = ...) of eq. (30), which the paper plots as an l_p radius.

    As the smallest of the norms is the largest, the intersection is the l1 ball (odd shapes) or l2 ball (even ones).
    """
    scale, shape, _ = unpack(noise, 1)
    most = budget(p_a, q_a=q_a, p_b=p_b)
    if not 0 < most < inf:
        return most
    norms = np.array(printed_norms(shape))
    costs = np.log([coefficient(k, shape) for k in norms.tolist()])

    def excess(x: float) -> float:
        return float(np.logaddexp.reduce(costs + norms * x)) - log(most)

    return scale * exp(root(excess, log(most) / 2))


def printed_frontier(
    noise: Noise,
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    dim: int | None = None,
    points: int = 65,
) -> Frontier:
    """Pairs of eq. (26) (shape 3) and eq. (27) (shape 4), from eps_a = eps_b to the end of the chain of eq. (24).

    `at(0)` is what the paper rounds to 1.44 for shape 3; eq. (24) never lets the second radius be 0. The pairs hold
    for the intersection of the two balls, as those of `frontier`, below which they lie for odd shapes.
    """
    scale, shape, dim = unpack(noise, dim)
    if shape not in (3, 4):
        raise UnsupportedNoiseError(f"eqs. (26) and (27) are about shapes 3 and 4, got shape {shape:g}")
    low, high = printed_norms(shape)
    most = budget(p_a, q_a=q_a, p_b=p_b)
    start = printed_equal(noise, p_a, q_a=q_a, p_b=p_b)
    factor, room = coefficient(low, shape), log(dim) * (1 / low - 1 / high)

    def partner(radius: float) -> float:
        if not 0 < most < inf:
            return most
        return scale * max((most - (radius / scale) ** high) / factor, 0.0) ** (1 / low)

    if 0 < most < inf:
        # eps_a = d^(1/a - 1/b) eps_b
        end = root(lambda x: float(np.logaddexp(high * x, log(factor) + low * (x + room))) - log(most), log(most) / 2)
        second = np.geomspace(start, scale * exp(end), points)
        first = np.array([partner(radius) for radius in second])
    else:
        first = second = np.full(points, most)
    source = papers.hayes.at("eq. (26)" if shape == 3 else "eq. (27)")
    return Frontier(noise, dim, (float(low), float(high)), first, second, Status.AS_PRINTED, source, partner)


def weighted(
    noise: Noise,
    weights: Mapping[int, float],
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    dim: int | None = None,
    chain: bool = True,
) -> dict[int, float]:
    """Radii {norm: eps} of eq. (23) with the largest sum of weight log eps, with or without the chain of eq. (24).

    The intersection of all the balls is certified. Without the chain the optimum is closed form:
    eps_k^k = sigma^k w_k B / (k c_k sum of w_j / j); the chain only keeps balls from being redundant.

    Parameters
    ----------
    noise : GeneralizedGaussian of a whole shape
        Smoothing noise.
    weights : mapping from norm to float
        One for each norm of eq. (23), at least 0, not all 0; above 0 without the chain.
    p_a, q_a, p_b : float
        As for `Bound.radius`.
    dim : int, optional
        Dimension, which the chain needs; that of the noise if absent.

    Raises
    ------
    ValueError
        The weights are not those that are needed.
    """
    scale, shape, dim = unpack(noise, dim if chain else 1)
    norms = np.array(printed_norms(shape))
    if sorted(weights) != norms.tolist() or min(weights.values()) < 0 or max(weights.values()) == 0:
        raise ValueError(f"weighted needs weights of at least 0 for the norms {norms.tolist()}, got {dict(weights)}")
    most = budget(p_a, q_a=q_a, p_b=p_b)
    if not 0 < most < inf:
        return dict.fromkeys(norms.tolist(), most)
    shares = np.array([weights[k] for k in norms.tolist()], dtype=float)
    shares = shares / shares.sum()
    costs = np.log([coefficient(k, shape) for k in norms.tolist()])
    if chain:
        logs = _chained(norms, shares, costs, log(most), log(dim))
    elif shares.min() == 0:
        raise ValueError(f"weighted without the chain needs weights above 0, got {dict(weights)}")
    else:
        logs = (np.log(shares / norms / (shares / norms).sum()) + log(most) - costs) / norms
    # moving all radii together keeps the chain, and puts the point on the side that is certified
    back = root(lambda x: float(special.logsumexp(costs + norms * (logs + x))) - log(most), 0.0)
    return {int(k): scale * exp(x) * KEPT for k, x in zip(norms, logs + back, strict=True)}


def _chained(norms: NDArray, shares: NDArray, costs: NDArray, most: float, log_dim: float) -> NDArray:
    """Solution of the geometric program in x_k = log eps_k by sequential quadratic programming."""
    if len(norms) == 1:
        return (most - costs) / norms
    steps = (1 / norms[:-1] - 1 / norms[1:]) * log_dim
    # rows x_k - x_(k+2), which lie between 0 and `steps`
    differences = np.eye(len(norms))[:-1] - np.eye(len(norms))[1:]

    def left(x: NDArray) -> float:
        return most - float(special.logsumexp(costs + norms * x))

    def left_slope(x: NDArray) -> NDArray:
        return -norms * special.softmax(costs + norms * x)

    start = np.full(len(norms), root(lambda x: -left(np.full(len(norms), x)), most / 2))
    constraints: Any = [
        optimize.NonlinearConstraint(left, 0, np.inf, jac=left_slope),  # type: ignore[arg-type]
        optimize.LinearConstraint(differences, 0, steps),
    ]
    settings: Any = {"jac": lambda x: -shares, "method": "SLSQP", "options": {"ftol": 1e-15, "maxiter": 500}}

    def objective(x: NDArray) -> float:
        return -float(shares @ x)

    found = optimize.minimize(objective, start, constraints=constraints, **settings)
    # the chain exactly, whatever the solver's tolerance
    x = np.array(found.x if np.isfinite(found.x).all() else start)
    for i in range(len(x) - 2, -1, -1):
        x[i] = np.clip(x[i], x[i + 1], x[i + 1] + steps[i])
    return x
