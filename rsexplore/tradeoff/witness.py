"""A shift inside the printed "l3 radius" that overturns a vote of 0.99: eq. (26) is no statement about an l3 ball."""

from math import exp, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore import convolution
from rsexplore.convolution import Bracket
from rsexplore.divergences.generalized_gaussian import kappa
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.tradeoff.base import budget, unpack
from rsexplore.tradeoff.printed import printed_equal

CHUNK = 2**21  # numbers that are drawn at once


class Sampled(NamedTuple):
    """A probability by Monte Carlo, and its standard error."""

    value: float
    error: float


class Witness(NamedTuple):
    """What becomes of a class of probability 1 - q_a under a shift that is spread evenly."""

    radius: float  # of the shift, in the l_shape norm and the input's units
    budget: float  # divergence that a change of class needs
    divergence: float  # divergence of the shift
    vote: Bracket  # least probability after the shift, from the exact law
    sampled: Sampled  # the same by Monte Carlo


def witness(
    noise: Noise | None = None, q_a: float = 0.01, radius: float | None = None, draws: int = 20_000, seed: int = 0
) -> Witness:
    """The class {log-likelihood ratio <= threshold} of probability 1 - `q_a` before and after an even shift.

    Parameters
    ----------
    noise : Noise, optional
        GeneralizedGaussian(1, 3, dim=3072), that of the paper's example, if absent.
    q_a : float in [1e-12, 1)
        1 - p_A; two classes.
    radius : float, optional
        Length of the shift in the l_shape norm; that which eq. (30) gives (0.8646 for the example) if absent.
    draws, seed : int
        For Monte Carlo; its time grows as draws times dimension.

    Returns
    -------
    Witness
        A `vote` below 1/2 at a shift shows that no certificate reaches its length.
    """
    noise = GeneralizedGaussian(1.0, 3.0, dim=3072) if noise is None else noise
    scale, shape, dim = unpack(noise, None)
    radius = printed_equal(noise, q_a=q_a) if radius is None else radius
    shift = radius / dim ** (1 / shape)
    vote = convolution.least_probability(noise, shift, dim, q_a)
    divergence = dim * float(kappa(shift / scale, shape))
    return Witness(radius, budget(q_a=q_a), divergence, vote, sampled_vote(noise, shift, q_a, draws, seed))


def sampled_vote(noise: Noise, shift: float, q_a: float, draws: int = 20_000, seed: int = 0) -> Sampled:
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
    rng = np.random.default_rng(seed)
    size = max(CHUNK // dim, 1)
    parts = []
    for start in range(0, draws, size):
        z = noise.draw(rng, (min(size, draws - start), dim)) / scale
        parts.append((np.abs(z) ** shape - np.abs(z - shift / scale) ** shape).sum(axis=1))
    ratios = np.concatenate(parts)
    pilot, rest = ratios[::2], ratios[1::2]
    level = float(np.quantile(pilot, 1 - q_a))

    def before(s: NDArray) -> NDArray:
        return exp(level) * (1 - q_a) - np.maximum(exp(level) - np.exp(np.minimum(s, level)), 0)

    def after(s: NDArray) -> NDArray:
        return np.exp(np.minimum(level + s, 0)) - exp(level) * q_a

    form = min((before, after), key=lambda f: f(pilot).std())
    values = form(rest)
    return Sampled(float(values.mean()), float(values.std(ddof=1)) / sqrt(len(rest)))
