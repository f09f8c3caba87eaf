"""Algorithms 1 and 2 of Soap bubbles 2020, by sampling as the paper has them, and the terms of its Figures 3 and 4.

They are baselines: the same certificate without sampling is `bounds.get("soap-dual")`. As printed, Algorithm 1 takes
the best of many confidence bounds and Algorithm 2 uses alpha twice; `corrected` shares alpha among all statements.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.confidence import clopper_pearson_lower
from rsexplore.noises import PowerGaussian

LAMBDAS = np.exp(np.linspace(-4, 4, 33))


def worst_shift(noise: PowerGaussian, r: float, norm: float) -> NDArray:
    """Shift that Theorems 2 and 5 prove worst: r along an axis in l2, r in every coordinate in l_inf."""
    assert noise.dim is not None
    if norm not in (2, np.inf) or (norm == 2 and noise.power_norm != 2):
        raise ValueError(
            f"worst_shift is proved for l2 with power_norm=2 and for l_inf, got norm={norm} with {noise!r}"
        )
    return r * np.eye(1, noise.dim)[0] if norm == 2 else np.full(noise.dim, float(r))


def hoeffding(lam: float, n: int, alpha: float, sides: int = 1) -> float:
    """Deviation of a mean of n values in [0, lambda] that is passed with probability at most alpha (Theorem 7).

    Theorem 7 is about the absolute value, where two sides count; it leaves that out. A certificate needs one side.
    """
    return lam * sqrt(log(sides / alpha) / (2 * n))


def sampled_distance(
    noise: PowerGaussian, shift: NDArray, lam: ArrayLike, n: int, rng: np.random.Generator, batch: int = 2000
) -> NDArray:
    """Monte Carlo mean of (lambda - pi_delta / pi_0)^+ under pi_0 for each lambda, from n draws."""
    lam, total, left = np.atleast_1d(np.asarray(lam, dtype=float)), 0.0, n
    while left:
        z = noise.draw(rng, (min(batch, left), len(shift)))
        ratio = np.exp(np.minimum(noise.log_density(z - shift) - noise.log_density(z), 700.0))
        total = total + np.maximum(lam[:, None] - ratio, 0).sum(1)
        left -= len(z)
    return np.asarray(total) / n


@dataclass(frozen=True)
class Sampled:
    """What one of the algorithms found: a lower bound on V, which certifies from 1/2 on."""

    value: float
    lam: float
    alpha_spent: float  # probability that the bound is wrong, by the union bound


def _bound(
    noise: PowerGaussian, p: float, lam: float, shift: NDArray, n1: int, n2: int, each: float, rng: np.random.Generator
) -> float:
    """Lower bound lambda p_0 - D(lambda) - error on V(p) from n1 votes and n2 draws; either half is wrong in `each`."""
    lower = float(clopper_pearson_lower(int(rng.binomial(n1, p)), n1, each))
    return float(lam * lower - sampled_distance(noise, shift, lam, n2, rng)[0] - hoeffding(lam, n2, each))


def algorithm_1(
    noise: PowerGaussian, p: float, r: float, norm: float, rng: np.random.Generator, *,
    n1: int = 100_000, n2: int = 100_000, alpha: float = 0.001, lambdas: NDArray = LAMBDAS, corrected: bool = True,
) -> Sampled:  # fmt: skip
    """Best of the bounds over a grid of lambda; p is the true vote of the class.

    `corrected` gives each of the 2 |grid| statements its share of alpha; as printed each has all of it.
    """
    each = alpha / (2 * len(lambdas)) if corrected else alpha
    shift = worst_shift(noise, r, norm)
    best, lam = max((_bound(noise, p, lam, shift, n1, n2, each, rng), lam) for lam in lambdas.tolist())
    return Sampled(best, lam, min(1.0, 2 * len(lambdas) * each))


def algorithm_2(
    noise: PowerGaussian, p: float, r: float, norm: float, rng: np.random.Generator, *, pilot: int = 2_000,
    n1: int = 100_000, n2: int = 100_000, alpha: float = 0.001, lambdas: NDArray = LAMBDAS, corrected: bool = True,
) -> Sampled:  # fmt: skip
    """A pilot chooses lambda, fresh samples give the bound; p is the true vote of the class."""
    shift, each = worst_shift(noise, r, norm), alpha / 2 if corrected else alpha
    first = float(clopper_pearson_lower(int(rng.binomial(pilot, p)), pilot, each))
    lam = float(lambdas[np.argmax(lambdas * first - sampled_distance(noise, shift, lambdas, pilot, rng))])
    return Sampled(_bound(noise, p, lam, shift, n1, n2, each, rng), lam, 2 * each)


def reachable(n1: int, n2: int, alpha: float, *, corrected: bool = True) -> float:
    """Largest p whose V the algorithms can use: all n1 votes for the class, less Hoeffding's share.

    max over lambda of lambda p - D(lambda) - lambda e is V(p - e) exactly, e = sqrt(log(1/alpha) / (2 n2)).
    """
    each = alpha / 2 if corrected else alpha
    return float(clopper_pearson_lower(n1, n1, each)) - hoeffding(1.0, n2, each)


def overlap_map(
    noise: PowerGaussian, shift: ArrayLike, reach: float, cells: int = 401
) -> tuple[NDArray, NDArray, float]:
    """Figure 3: a density and its shift on a grid of the plane, and the share that they have in common."""
    axis = (np.arange(cells) + 0.5) / cells * 2 * reach - reach
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    here, there = (np.exp(noise.log_density(points - d)) for d in (np.zeros(2), np.asarray(shift, dtype=float)))
    return here, there, float(np.minimum(here, there).sum() * (axis[1] - axis[0]) ** 2)


def ball_accuracy(noise: PowerGaussian, size: float, rng: Any = 0, n: int = 100_000) -> float:
    """Figure 4's accuracy: P(||z||_2 <= size). Exact for eqs. (8) and (9), which agree; sampled for eq. (10)."""
    assert noise.dim is not None
    if noise.tail_norm == 2:
        return float(special.gammainc(noise.gamma, (size / noise.scale) ** 2 / 2))
    return float((np.linalg.norm(noise.draw(np.random.default_rng(rng), (n, noise.dim)), axis=1) <= size).mean())


def at_accuracy(
    inside: float, size: float, k: float, dim: int, norms: tuple[float, float] = (2, 2), rng: Any = 0,
    n: int = 100_000,
) -> PowerGaussian:  # fmt: skip
    """Return the member with P(||z||_2 <= size) = inside; `norms` are those of the power and of the tail.

    Exact for eqs. (8) and (9), whose scales are then the same; from `n` draws for eq. (10).
    """
    unit = PowerGaussian(1.0, k, dim, *norms)
    if unit.tail_norm == 2:
        return PowerGaussian(size / sqrt(2 * special.gammaincinv(unit.gamma, inside)), k, dim, *norms)
    length = np.linalg.norm(unit.draw(np.random.default_rng(rng), (n, dim)), axis=1)
    return PowerGaussian(size / float(np.quantile(length, inside)), k, dim, *norms)


def robustness(noise: PowerGaussian, r: float, lam: float = 1.0, rng: Any = 0, n: int = 100_000) -> float:
    """Figure 4's robustness term: max over ||delta||_inf <= r of D(lambda), sampled; the paper states neither."""
    return float(sampled_distance(noise, worst_shift(noise, r, np.inf), lam, n, np.random.default_rng(rng))[0])


def pareto(accuracy: ArrayLike, distance: ArrayLike) -> NDArray:
    """Places of the points that no other beats in both: higher accuracy, smaller distance; by falling accuracy."""
    accuracy, distance = np.asarray(accuracy), np.asarray(distance)
    order = np.lexsort((distance, -accuracy))
    best = np.minimum.accumulate(distance[order])
    keep = np.concatenate([[True], distance[order][1:] < best[:-1]])
    return order[keep]
