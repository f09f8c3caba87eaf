"""Generalized Gaussian noise as Hayes 2020 prints it: eqs. (14), (22) to (31), the volumes of section 3.3, a witness.

With c_k the coefficients of eq. (14), eq. (23) reads: sum of c_k (eps_k / sigma)^k <= B over k = shape, shape - 2, ...;
eqs. (26) and (27) are its cases of shape 3 and 4. For even shapes the left side is the largest divergence over the
intersection of the balls, for odd ones more than that: read so, the printed condition is sound. Read as the paper does,
"trade an l3 radius of 0.86 for an l1 radius of 1.44", it is not (`witness`).

"max eps_2, ..., eps_p" in eq. (22) maximises a vector. Here the sum of weight_k log eps_k is maximised instead, whose
optima are the frontier.
"""

from collections.abc import Mapping
from math import exp, sqrt
from typing import NamedTuple

import mpmath
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from rsexplore import scaling
from rsexplore.divergences.generalized_gaussian import inverse, kappa, polynomial, terms
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.tradeoff import KEPT, budget, unpack

CHUNK = 2**21  # numbers that are drawn at once


def kappa_printed(u: ArrayLike, s: float) -> NDArray:
    """The polynomial of eq. (14), for whole s: kappa if s is even, an upper bound if s is odd."""
    return np.asarray(polynomial(np.abs(u), terms(s)))


def volume_ratio(p: float, dim: float) -> float:
    """Volume of the unit l_p ball over that of the l_inf ball: Gamma(1 + 1/p)^d / Gamma(1 + d/p). Section 3.3."""
    one, all_of_them = mpmath.mpf(1) / p, mpmath.mpf(dim) / p  # 1 + 1 / p loses half the digits of a float
    with mpmath.workdps(30):
        return float(mpmath.exp(dim * mpmath.loggamma(1 + one) - mpmath.loggamma(1 + all_of_them)))


def least_order(ratio: float, dim: float) -> float:
    """Least p at which `volume_ratio` is `ratio`; section 3.3 says p must be 9 d for 0.99, and 8.811 d is enough."""
    if not 0 < ratio < 1:
        raise ValueError(f"least_order: ratio must lie in (0, 1), got ratio={ratio}")
    # 1 - ratio is about pi^2 / 12 (d / p)^2 for large p
    return float(optimize.brentq(lambda p: volume_ratio(p, dim) - ratio, 1.0, 2 + 10 * dim / sqrt(1 - ratio)))


def printed_equal(
    noise: Noise, p_a: float | None = None, *, q_a: float | None = None, p_b: float | None = None
) -> float:
    """The eps with eps_1 = eps_3 = ... (or eps_2 = eps_4 = ...) of eq. (30), which the paper plots as an l_p radius.

    As the smallest of the norms is the largest, the intersection is the l1 ball (odd shapes) or l2 ball (even ones).
    """
    scale, shape, _ = unpack(noise, 1)
    return float(scale * inverse(budget(p_a, q_a=q_a, p_b=p_b), terms(shape)))


def weighted(
    noise: Noise, weights: Mapping[int, float], p_a: float | None = None, *, q_a: float | None = None
) -> dict[int, float]:
    """Radii {norm: eps} of eq. (23) with the largest sum of weight log eps, for two classes.

    eps_k^k = sigma^k w_k B / (k c_k sum of w_j / j), with a weight above 0 for each norm of eq. (23). The intersection
    of all the balls is certified, without the chain of eq. (24) too, which only keeps balls from being redundant.
    """
    scale, shape, _ = unpack(noise, 1)
    factors, most = terms(shape), budget(p_a, q_a=q_a)
    if set(weights) != set(factors) or min(weights.values()) <= 0:
        raise ValueError(f"weighted needs weights above 0 for the norms {[*factors]}, got {dict(weights)}")
    total = sum(weight / k for k, weight in weights.items())
    return {k: scale * KEPT * (weights[k] * most / (k * c * total)) ** (1 / k) for k, c in factors.items()}


class Estimate(NamedTuple):
    """A probability by Monte Carlo, and its standard error."""

    value: float
    error: float


class Witness(NamedTuple):
    """What becomes of a class of probability 1 - q_a under a shift that is spread evenly."""

    radius: float  # of the shift, in the l_shape norm and the input's units
    budget: float  # divergence that a change of class needs
    divergence: float  # divergence of the shift
    vote: scaling.Bracket  # least probability after the shift, from the exact law
    sampled: Estimate  # the same by Monte Carlo


def witness(radius: float | None = None, q_a: float = 0.01, draws: int = 20_000, seed: int = 0) -> Witness:
    """The class {log-likelihood ratio <= threshold} of probability 1 - `q_a` before and after an even shift.

    The noise is GeneralizedGaussian(1, 3, dim=3072), that of the paper's example. `radius` is the shift's length in the
    l3 norm, that which eq. (30) gives (0.8646) if absent. `draws` and `seed` are for Monte Carlo, whose time grows as
    draws times dimension. A `vote` below 1/2 at a shift shows that no certificate reaches its length.
    """
    noise, dim = GeneralizedGaussian(1.0, 3.0, dim=3072), 3072
    radius = printed_equal(noise, q_a=q_a) if radius is None else radius
    shift = radius / dim ** (1 / 3)
    vote = scaling.least_probability(noise, shift, dim, q_a)
    return Witness(radius, budget(q_a=q_a), dim * float(kappa(shift, 3.0)), vote,
                   sampled_vote(noise, shift, q_a, draws, seed))  # fmt: skip


def sampled_vote(noise: Noise, shift: float, q_a: float, draws: int = 20_000, seed: int = 0) -> Estimate:
    """Least probability after an even shift of a class of probability 1 - `q_a` before, by Monte Carlo.

    V is the largest over l of exp(l) p_A - E max(exp(l) - exp(S), 0), and of E min(exp(l + S), 1) - exp(l) (1 - p_A),
    for S the log-likelihood ratio under the noise: no l gives more than V. One half of the draws finds l as their
    quantile and the form that varies less, the other half takes the mean, so that nothing is fitted to it.

    Raises
    ------
    ValueError
        There are too few draws for the quantile.
    """
    scale, shape, dim = unpack(noise, None)
    if not draws * q_a >= 10:
        raise ValueError(f"sampled_vote needs at least 10 / q_a draws, got draws={draws} with q_a={q_a}")
    rng, parts = np.random.default_rng(seed), []
    size = max(CHUNK // dim, 1)
    for start in range(0, draws, size):
        z = noise.draw(rng, (min(size, draws - start), dim)) / scale
        parts.append((np.abs(z) ** shape - np.abs(z - shift / scale) ** shape).sum(axis=1))
    pilot, rest = np.concatenate(parts)[::2], np.concatenate(parts)[1::2]
    level = float(np.quantile(pilot, 1 - q_a))

    def before(s: NDArray) -> NDArray:
        return exp(level) * (1 - q_a) - np.maximum(exp(level) - np.exp(np.minimum(s, level)), 0)

    def after(s: NDArray) -> NDArray:
        return np.exp(np.minimum(level + s, 0)) - exp(level) * q_a

    values = min((before, after), key=lambda form: form(pilot).std())(rest)
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / sqrt(len(rest)))
