"""Votes after a shift: the least that a class can keep, exactly, and what each divergence knows of it.

Least vote after = f(1 - p), f being the trade-off function of a noise and its shift (Dong, Roth and Su 2019); the most
that a class of p_B can have is 1 - f(p_B). docs/divergences.md has the proofs.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.bound import UnsupportedNoiseError, Vote
from rsexplore.bounds.soap import mixed
from rsexplore.check import TINY, Probabilities, as_given, floats, norm_order, read
from rsexplore.comparison import exact_bound
from rsexplore.divergences.between import Ball, renyi, tv
from rsexplore.dual import FLOOR, kept, law_of
from rsexplore.noises import Gaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.notation import PhiInv, Psi
from rsexplore.solve import maximum, root

LOST = 1e-12  # share by which a least vote is lowered and 1 minus it raised: more than rounding makes
ROOM = 1e-11  # share by which a divergence is enlarged, for the same
CURVES: dict[str, tuple[str, str, float | None]] = {  # title, bound that looks the same, Renyi order
    "exact": ("exact", "cohen-l2", None),
    "renyi": ("Rényi, best order", "renyi-l2", None),
    "kl": ("KL", "kl-l2", 1.0),
    "chi2": ("χ²", "chi2-l2", 2.0),
    "hellinger": ("Hellinger = Bhattacharyya", "hellinger-l2", 0.5),
    "infinite": ("D_∞", "li-l1", np.inf),
    "tv": ("total variation", "tv-l2", None),
}
AXES: dict[type[Noise], tuple[Any, Any]] = {  # quantile function of a coordinate in some unit, and its law
    Gaussian: (PhiInv.floats, special.ndtr),
    Laplace: (Psi.floats, lambda x: np.where(x < 0, np.exp(-np.abs(x)) / 2, 1 - np.exp(-np.abs(x)) / 2)),
    Uniform: (lambda p, q: p - q, lambda x: np.clip((1 + x) / 2, 0, 1)),
}


def least_vote(
    noise: Noise, r: ArrayLike, p_a: ArrayLike | None = None, *,
    q_a: ArrayLike | None = None, norm: float | str | None = None, by: str = "exact",
) -> Vote:  # fmt: skip
    """Least vote, after a shift of length up to `r`, of a class that has p_A before; 0 where nothing is left.

    Parameters
    ----------
    noise, p_a, q_a, norm
        As for `exact_radius`; any vote in [0, 1], also below 1/2.
    r : array_like, shape (...), in the input's units
        Length of the shift; broadcasts with the votes. A number wider than float64 is rounded up.
    by : key of `CURVES`
        What knows it: "exact" (Neyman-Pearson), or a divergence of the new law from the old.

    Returns
    -------
    Vote
        p_A after the shift, never above the true one, and `q_a` = 1 - p_A, never below it; the exact ones to some 1e-9
        of themselves. The most vote of a class of p_B is that `q_a` at q_a=p_B. nan for a vote outside [0, 1] or r < 0.

    Raises
    ------
    UnsupportedNoiseError
        The curve is not known here: of the noise in that norm, or of this divergence between it and its shift.
    MissingDimensionError
        It depends on `noise.dim`, which is not set.
    """
    norm = noise.natural_norm if norm is None else norm_order("least_vote", norm)
    if by not in CURVES:
        raise ValueError(f"least_vote: by must be one of {', '.join(CURVES)}, got {by!r}")
    points = Probabilities.of(*read("least_vote", p_a, q_a, None))
    p, q, size = np.broadcast_arrays(points.pa, points.qa, floats("least_vote", "r", r, "above"))
    valid = (p >= 0) & (q >= 0) & (size >= 0)
    flat = (np.where(valid, x, 0.5).ravel() for x in (p, q, size))
    with np.errstate(all="ignore"):
        found = _exact(noise, norm, *flat) if by == "exact" else _known(noise, norm, by, *flat)
        found = np.where(np.isfinite(found).all(0), found * [[1 - LOST], [1 + LOST]], [[0.0], [1.0]]).clip(0, 1)
        found[0] = np.where(found[0] < TINY, 0, found[0])  # where floats lose digits
    lost, least = (np.where(valid, x.reshape(p.shape), np.nan) for x in found[::-1])
    return Vote(as_given(lost, r, p_a, q_a), as_given(least, r, p_a, q_a))


def _exact(noise: Noise, norm: float, p: NDArray, q: NDArray, r: NDArray) -> NDArray:
    """Least vote and 1 minus it; shape (2, points)."""
    bound, own = exact_bound(noise, norm), noise.canonical
    if bound is None or type(own) not in (*AXES, PowerGaussian):
        asked = f"{noise.family} noise in the l{norm:g} norm"
        raise UnsupportedNoiseError(f"least_vote: the exact curve of {asked} is not known here")
    if isinstance(own, PowerGaussian):
        if mixed(own):
            raise UnsupportedNoiseError(
                "least_vote: the exact curve of eq. (9) is left out, as each point takes seconds"
            )
        law = law_of(own.dim, own.k, own.power_norm, own.tail_norm)
        shift = r / own.scale * bound.formula.stretch(own.dim, norm)
        gone = (p < FLOOR) | (shift > 1e4)  # nothing that a float holds is left
        found = kept(law, np.maximum(p, FLOOR), np.maximum(q, FLOOR), np.where(gone, 1, np.maximum(shift, 1e-100)))
        return np.where(gone, [[0.0], [1.0]], np.where(r == 0, [p, q], found))
    # a half-line along an axis, moved by r in the unit in which the radius is the quantile
    quantile, cdf = AXES[type(own)]
    unit = bound.radius(noise, q_a=0.25, norm=norm) / quantile(np.array(0.75), np.array(0.25))
    place = quantile(p, q)
    at = place - r / unit - 2**-49 * (np.abs(place) + r / unit)
    return np.where((q == 0) & np.isinf(place), [[1.0], [0.0]], [cdf(at), cdf(-at)])


def _known(noise: Noise, norm: float, by: str, p: NDArray, q: NDArray, r: NDArray) -> NDArray:
    """The same by a divergence, which of the votes for and against is no larger than of the noise and its shift."""
    order = CURVES[by][2]
    if by == "renyi" and not isinstance(noise.canonical, Gaussian):
        raise UnsupportedNoiseError(f"least_vote: the best order is known for Gaussian noise, got {noise!r}")
    between = tv if by == "tv" else partial(renyi, order=order or 1.0)
    lengths, places = np.unique(r, return_inverse=True)
    spent = np.array([between(noise, Ball(x, norm)) if x < np.inf else np.inf for x in lengths.tolist()])[places]
    if by == "tv":
        spent = spent * (1 + ROOM) + 2e-16  # beside it, the rounding of p
        return np.array([p - spent, q + spent])
    if order == np.inf:
        lost = np.exp(spent * (1 + ROOM)) * q
        return np.array([1 - lost - 2e-16, lost])

    def each(share: Any) -> NDArray:
        orders = np.where(np.abs(share - 1 / 3) < 0.01, 1.0, 0.5 + 1.5 * share)  # beside 1 digits are lost
        return _odds(p, q, orders, orders * spent)

    # between Gaussian noises the divergence is proportional to the order: the one that leaves most
    odds = maximum(each, p.shape, closer=0) if order is None else _odds(p, q, np.array([order]), spent)
    certain = (q == 0) & (by != "hellinger") & (spent < np.inf)
    return np.where(certain, [p, q], [special.expit(odds), special.expit(-odds)])


def _odds(p: NDArray, q: NDArray, order: NDArray, spent: NDArray) -> NDArray:
    """Least log-odds of a vote after, within Renyi divergences of two classes, from below; -inf for no vote."""
    order, spent, p, q = np.broadcast_arrays(order, spent, p, np.maximum(q, TINY))
    shape, (order, spent, p, q) = order.shape, (x.ravel() for x in (order, spent, p, q))
    log_p, log_q = np.where(q < 0.5, np.log1p(-q), np.log(p)), np.where(q < 0.5, np.log(q), np.log1p(-p))

    def spare(odds: NDArray, i: NDArray) -> NDArray:
        v, w, a, b, above = -np.logaddexp(0, -odds), -np.logaddexp(0, odds), log_p[i], log_q[i], order[i] - 1
        sum_ = np.logaddexp(v + above * (v - a), w + above * (w - b)) / above
        needed = np.where(above == 0, np.exp(v) * (v - a) + np.exp(w) * (w - b), sum_)
        rounding = 1e-15 * (1 - v - w - a - b) / np.where(above == 0, 1, np.abs(above))
        return spent[i] * (1 + ROOM) + rounding - needed

    least = np.full(order.shape, -745.0)
    found = root(spare, least, log_p - log_q)
    return np.where(spare(least, np.arange(len(least))) < 0, found, -np.inf).reshape(shape)
