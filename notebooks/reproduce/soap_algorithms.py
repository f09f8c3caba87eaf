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
from scipy.optimize import brentq

from rsexplore.confidence import clopper_pearson_lower
from rsexplore.dual import law_of, worst_case
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
    """What one of the algorithms found: a lower bound on V, and whether it exceeds 1/2."""

    value: float
    lam: float
    alpha_spent: float  # probability that the bound is wrong, by the union bound

    @property
    def certified(self) -> bool:
        return self.value >= 0.5


def algorithm_1(
    noise: PowerGaussian, p: float, r: float, norm: float, rng: np.random.Generator, *,
    n1: int = 100_000, n2: int = 100_000, alpha: float = 0.001, lambdas: NDArray = LAMBDAS, corrected: bool = True,
) -> Sampled:  # fmt: skip
    """Best of the bounds lambda p_0 - D(lambda) - error over a grid; p is the true vote of the class.

    `corrected` gives each of the 2 |grid| statements its share of alpha; as printed each has all of it.
    """
    each = alpha / (2 * len(lambdas)) if corrected else alpha
    shift, best, at = worst_shift(noise, r, norm), -np.inf, 1.0
    for lam in lambdas:
        lower = float(clopper_pearson_lower(int(rng.binomial(n1, p)), n1, each))
        bound = lam * lower - sampled_distance(noise, shift, lam, n2, rng)[0] - hoeffding(lam, n2, each)
        if bound > best:
            best, at = float(bound), float(lam)
    return Sampled(best, at, min(1.0, 2 * len(lambdas) * each))


def algorithm_2(
    noise: PowerGaussian, p: float, r: float, norm: float, rng: np.random.Generator, *,
    pilot: int = 2_000, n1: int = 100_000, n2: int = 100_000, alpha: float = 0.001,
    lambdas: NDArray = LAMBDAS, corrected: bool = True,
) -> Sampled:  # fmt: skip
    """A pilot chooses lambda, fresh samples give the bound; p is the true vote of the class."""
    shift, each = worst_shift(noise, r, norm), alpha / 2 if corrected else alpha
    first = float(clopper_pearson_lower(int(rng.binomial(pilot, p)), pilot, each))
    lam = float(lambdas[np.argmax(lambdas * first - sampled_distance(noise, shift, lambdas, pilot, rng))])
    lower = float(clopper_pearson_lower(int(rng.binomial(n1, p)), n1, each))
    bound = lam * lower - sampled_distance(noise, shift, lam, n2, rng)[0] - hoeffding(lam, n2, each)
    return Sampled(float(bound), lam, 2 * each)


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


def ball_accuracy(noise: PowerGaussian, size: float, rng: Any = None, n: int = 100_000) -> float:
    """Figure 4's accuracy: P(||z||_2 <= size). Exact for eqs. (8) and (9), which agree; sampled for eq. (10)."""
    assert noise.dim is not None
    if noise.tail_norm == 2:
        return float(special.gammainc(noise.gamma, (size / noise.scale) ** 2 / 2))
    rng = np.random.default_rng(0) if rng is None else rng
    return float((np.linalg.norm(noise.draw(rng, (n, noise.dim)), axis=1) <= size).mean())


def at_accuracy(
    inside: float, size: float, k: float, dim: int, norms: tuple[float, float] = (2, 2), rng: Any = None,
    n: int = 100_000,
) -> PowerGaussian:  # fmt: skip
    """Return the member with P(||z||_2 <= size) = inside; `norms` are those of the power and of the tail.

    Exact for eqs. (8) and (9), whose scales are then the same; from `n` draws for eq. (10).
    """
    unit = PowerGaussian(1.0, k, dim, *norms)
    if unit.tail_norm == 2:
        return PowerGaussian(size / sqrt(2 * special.gammaincinv(unit.gamma, inside)), k, dim, *norms)
    rng = np.random.default_rng(0) if rng is None else rng
    length = np.linalg.norm(unit.draw(rng, (n, dim)), axis=1)
    return PowerGaussian(size / float(np.quantile(length, inside)), k, dim, *norms)


def robustness(noise: PowerGaussian, r: float, lam: float = 1.0, rng: Any = None, n: int = 100_000) -> float:
    """Figure 4's robustness term: max over ||delta||_inf <= r of D(lambda), sampled; the paper states neither."""
    rng = np.random.default_rng(0) if rng is None else rng
    return float(sampled_distance(noise, worst_shift(noise, r, np.inf), lam, n, rng)[0])


def pareto(accuracy: ArrayLike, distance: ArrayLike) -> NDArray:
    """Places of the points that no other beats in both: higher accuracy, smaller distance; by falling accuracy."""
    accuracy, distance = np.asarray(accuracy), np.asarray(distance)
    order = np.lexsort((distance, -accuracy))
    best = np.minimum.accumulate(distance[order])
    keep = np.concatenate([[True], distance[order][1:] < best[:-1]])
    return order[keep]


def needed(noise: PowerGaussian, r: float) -> float:
    """Least 1 - p at which the exact l_inf certificate of two classes still reaches r, by bisection."""
    assert noise.dim is not None
    law = law_of(noise.dim, float(noise.k), noise.power_norm, noise.tail_norm)
    low, high = -40.0, log(0.5)
    for _ in range(50):
        middle = (low + high) / 2
        reached = worst_case(law, np.exp(middle), r / noise.scale) >= 0.5
        low, high = (middle, high) if reached else (low, middle)
    return float(np.exp(low))


def limit_radius(noise: PowerGaussian, q: ArrayLike) -> NDArray:
    """l_inf radius of eq. (10) in the limit of many dimensions, two classes; an approximation, not a certificate.

    There L is that of Laplace noise with shift over scale tau = r dim / (scale sqrt(dim - 1 - k)): -tau with
    probability 1/2, else min(2 E, 2 tau) - tau with E exponential. So V(p) = e^-tau / (4 (1 - p)), and the radius is
    scale sqrt(dim - 1 - k) / dim log(1 / (2 (1 - p))), O(1 / dim). Its relative error is O(1 / dim): 1.6e-4 at
    dim = 3072, k = dim / 2.

    Parameters
    ----------
    noise : PowerGaussian
        With both norms inf, and k < dim - 1.
    q : array_like, shape (...)
        1 - p_A, in (0, 1].

    Returns
    -------
    ndarray, shape (...)
        Radius in input units; 0 where q >= 1/2.

    Raises
    ------
    ValueError
        The noise is not of eq. (10), or k >= dim - 1.
    """
    assert noise.dim is not None
    if (noise.power_norm, noise.tail_norm) != (np.inf, np.inf) or not noise.k < noise.dim - 1:
        raise ValueError(f"limit_radius needs both norms inf and k < dim - 1, got {noise!r}")
    unit = noise.scale * sqrt(noise.dim - 1 - noise.k) / noise.dim
    return unit * np.maximum(-np.log(2 * np.asarray(q, dtype=float)), 0.0)


def collapse_rate(kappa: float, c: float) -> float:
    """Theorem 4's t: lambda - D(lambda) falls as t^-dim for eq. (10), k = kappa dim and ||z||_inf of mode c r.

    ln t = -max over x > 1/(2c) of (1 - kappa) (ln x - (x^2 - 1) / 2) + ln(1 - 1 / (2 c x)), x the norm over its mode:
    by Laplace's method from lambda - D = lambda S(log lambda) + S(-log lambda). The paper proves that some t > 1
    exists and leaves a factor 1 - eps that is not needed. Exact in the exponent alone: not a certificate.

    Parameters
    ----------
    kappa : float
        k / dim, in [0, 1).
    c : float
        Mode of ||z||_inf over the radius of the attack, above 0.

    Raises
    ------
    ValueError
        kappa or c is out of range.
    """
    if not (0 <= kappa < 1 and c > 0):
        raise ValueError(f"collapse_rate needs 0 <= kappa < 1 and c > 0, got kappa={kappa}, c={c}")

    def slope(x: float) -> float:
        return (1 - kappa) * (1 - x * x) + 1 / (2 * c * x - 1)

    low = max(1.0, 1 / (2 * c)) * (1 + 1e-12)
    x = brentq(slope, low, low + 2 / sqrt(1 - kappa) + 2 / c, xtol=1e-14)
    return float(np.exp((1 - kappa) * ((x * x - 1) / 2 - log(x)) - np.log1p(-1 / (2 * c * x))))
