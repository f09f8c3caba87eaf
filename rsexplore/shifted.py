"""Votes after a shift: the least that a class can keep, exactly, and what each divergence knows of it.

Least vote after = f(1 - p), f being the trade-off function of a noise and its shift (Dong, Roth and Su 2019); the most
that a class of p_B can have is 1 - f(p_B). docs/divergences.md has the proofs.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.bound import UnsupportedNoiseError, Vote
from rsexplore.check import TINY, Probabilities, as_given, floats, norm_order, read
from rsexplore.comparison import exact_bound
from rsexplore.divergences.between import Ball, renyi, tv
from rsexplore.dual import FLOOR, Dual, Mixed, kept, law_of
from rsexplore.dual.law import bracket
from rsexplore.noises import Gaussian, Laplace, Noise, Uniform
from rsexplore.notation import PhiInv, Psi, either
from rsexplore.solve import maximum, root

LOST = 1e-12  # share by which a least vote is lowered and 1 minus it raised: more than rounding makes
ROOM = 1e-11  # share by which a divergence is enlarged, for the same
FURTHEST = 1500.0  # change of log-odds between votes that floats tell apart
ORDERS = (0.5, 2.0)  # between which the best Renyi order is sought


class Known(NamedTuple):
    """A divergence by which a least vote is known: its name, the bound with the same look, its Renyi order."""

    title: str
    key: str
    order: float | None = None  # of total variation, and the best one, None


DIVERGENCES = {
    "renyi": Known("Rényi, best order", "renyi-l2"),
    "kl": Known("KL", "kl-l2", 1.0),
    "chi2": Known("χ²", "chi2-l2", 2.0),
    "hellinger": Known("Hellinger = Bhattacharyya", "hellinger-l2", 0.5),
    "infinite": Known("D_∞", "li-l1", np.inf),
    "tv": Known("total variation", "tv-l2"),
}
AXES: dict[type[Noise], tuple[Any, Any]] = {  # quantile function of a coordinate in some unit, and its law
    Gaussian: (PhiInv.floats, special.ndtr),
    Laplace: (Psi.floats, lambda x: np.where(x < 0, np.exp(-np.abs(x)) / 2, 1 - np.exp(-np.abs(x)) / 2)),
    Uniform: (lambda p, q: p - q, lambda x: np.clip((1 + x) / 2, 0, 1)),
}


def least_vote(
    noise: Noise,
    r: ArrayLike,
    p_a: ArrayLike | None = None,
    *,
    q_a: ArrayLike | None = None,
    norm: float | str | None = None,
    by: str | None = None,
) -> Vote:
    """Least vote, after a shift of length up to `r`, of a class that has p_A before; 0 where nothing is left.

    Parameters
    ----------
    noise, p_a, q_a, norm
        As for `exact_radius`; any vote in [0, 1], also below 1/2.
    r : array_like, shape (...), in the input's units
        Length of the shift; broadcasts with the votes. A number wider than float64 is rounded up.
    by : key of `DIVERGENCES`, optional
        What a divergence of the new law from the old says; the exact one (Neyman-Pearson) if absent.

    Returns
    -------
    Vote
        p_A after the shift, never above the true one, and `q_a` = 1 - p_A, never below it; each to some 1e-11 of itself
        (divergences near r = 0, or of votes below 1e-15, less). The most vote of a class of p_B is that `q_a` at
        q_a=p_B. nan for a vote outside [0, 1], or r < 0.

    Raises
    ------
    UnsupportedNoiseError
        The curve is not known here: of the noise in that norm, or of this divergence between it and its shift.
    MissingDimensionError
        It depends on `noise.dim`, which is not set.
    """
    norm = noise.natural_norm if norm is None else norm_order("least_vote", norm)
    if by not in (None, *DIVERGENCES):
        raise ValueError(f"least_vote: by must be one of {', '.join(DIVERGENCES)}, or None for the exact one, got {by!r}")
    points = Probabilities.of(*read("least_vote", p_a, q_a, None))
    p, q, size = np.broadcast_arrays(points.pa, points.qa, floats("least_vote", "r", r, "above"))
    valid = (p >= 0) & (q >= 0) & (size >= 0)
    size = np.where(valid, size, 0)
    with np.errstate(all="ignore"):
        found = (_exact if by is None else _known)(noise, norm, by, *(x.ravel() for x in (p, q, size)))
    known = np.isfinite(found).all(0)
    least = np.where(known, np.maximum(found[0] * (1 - LOST), 0), 0).reshape(p.shape)
    lost = np.where(known, np.minimum(found[1] * (1 + LOST), 1), 1).reshape(p.shape)
    return Vote(*(as_given(np.where(valid, x, np.nan), r, p_a, q_a) for x in (lost, least)))


def _exact(noise: Noise, norm: float, _: Any, p: NDArray, q: NDArray, r: NDArray) -> NDArray:
    """Least vote and 1 minus it; shape (2, points)."""
    bound, own = exact_bound(noise, norm), noise.canonical
    if bound is None:
        raise UnsupportedNoiseError(f"least_vote: no exact curve of {noise!r} in the l{norm:g} norm is known here")
    if isinstance(bound.formula, Dual):
        law: Any = law_of(own.dim, own.k, own.power_norm, own.tail_norm)  # type: ignore[attr-defined]
        if isinstance(law, Mixed):
            raise UnsupportedNoiseError(f"least_vote: {noise!r} (eq. 9) is left out: each point takes as long as a radius")
        shift = np.maximum(r / own.scale * bound.formula.stretch(own.dim, norm), 1e-100)  # type: ignore[attr-defined]
        found = kept(law, np.maximum(p, FLOOR), np.maximum(q, FLOOR), shift)
        return np.where(p < FLOOR, [[0.0], [1.0]], np.where(r == 0, [p, q], found))
    if type(own) not in AXES:
        raise UnsupportedNoiseError(f"least_vote: the exact curve of {noise!r} is not coded")
    # a half-line along an axis, moved by r in the unit in which the radius is the quantile
    quantile, law = AXES[type(own)]
    place = quantile(p, q)
    unit = bound.radius(noise, q_a=0.25, norm=norm) / quantile(np.array(0.75), np.array(0.25))
    at = place - r / unit - 2**-49 * (np.abs(place) + r / unit)
    return np.where((q == 0) & np.isinf(place), [[1.0], [0.0]], [law(at), law(-at)])


def _known(noise: Noise, norm: float, by: str, p: NDArray, q: NDArray, r: NDArray) -> NDArray:
    """The same by a divergence, which of the votes for and against is no larger than of the noise and its shift."""
    order, gaussian = DIVERGENCES[by].order, isinstance(noise.canonical, Gaussian)
    if by == "renyi" and not gaussian:
        raise UnsupportedNoiseError(f"least_vote: Rényi of the best order is coded for Gaussian noise, got {noise!r}")
    between = tv if by == "tv" else partial(renyi, order=1.0 if order is None else order)
    lengths, places = np.unique(r, return_inverse=True)
    spent = np.array([between(noise, Ball(x, norm)) if x < np.inf else np.inf for x in lengths.tolist()])[places]
    if by == "tv":
        spent = spent * (1 + ROOM) + 2e-16  # beside it, the rounding of p
        return np.array([p - spent, q + spent])
    if order == np.inf:
        lost = np.exp(spent * (1 + ROOM) + either(p < 0.5, lambda: np.log1p(-p), lambda: np.log(q)))
        return np.array([1 - lost - 2e-16, lost])
    small = np.maximum(q, TINY)
    if by == "renyi":  # every order is right: the one that leaves most

        def rise(share: NDArray) -> NDArray:
            orders = ORDERS[0] + (ORDERS[1] - ORDERS[0]) * share
            rows = np.broadcast_arrays(p, small, orders, orders * spent)
            return -_fall(*(x.ravel() for x in rows)).reshape(orders.shape)

        fall = -maximum(rise, p.shape, closer=0)
    else:
        fall = _fall(p, small, np.full(p.shape, order), spent)
    found = np.exp([np.log(p) - _tilted(small, p, fall), np.log(small) - _tilted(p, small, -fall)])
    return np.where((p == 0) | np.isinf(fall), [[0.0], [1.0]], np.where((q == 0) & (by != "hellinger"), [p, q], found))


def _fall(p: NDArray, q: NDArray, order: NDArray, spent: NDArray) -> NDArray:
    """By how much the log-odds of p may fall within a Renyi divergence, from above; inf if to nothing. Shape (n,)."""
    order = np.where(np.abs(order - 1) < 3e-3, 1.0, order)  # beside 1 digits are lost
    above = order - 1
    room = np.where(above == 0, spent, np.expm1(above * spent) / above) * (1 + ROOM)

    def spare(place: NDArray, i: NDArray) -> NDArray:  # at minus the logarithm of the fall, in which it is nearly linear
        fall, a, b = np.exp(-place), p[i], q[i]
        needed = _bent(-_tilted(b, a, fall), a, order[i]) + _bent(-_tilted(a, b, -fall), b, order[i])
        return np.log(room[i]) - np.log(needed)

    least = -np.log(FURTHEST)
    guess = np.nan_to_num(-np.log(room / (order * p * q)) / 2, nan=0.0, posinf=690.0, neginf=least).clip(least, 690)
    found = np.exp(-root(spare, *bracket(spare, guess, np.full(p.shape, 0.5), least)))
    return np.where(spare(np.full(p.shape, least), np.arange(len(p))) < 0, found, np.inf)


def _tilted(p: NDArray, q: NDArray, s: NDArray) -> NDArray:
    """log(q + p e^s), for p + q = 1."""
    grown = p * np.expm1(s)
    return either(np.abs(grown) < 0.5, lambda: np.log1p(grown), lambda: np.logaddexp(np.log(q), np.log(p) + s))


def _bent(x: NDArray, weight: NDArray, order: NDArray) -> NDArray:
    """weight (u^order - 1 - order (u - 1)) / (order - 1) at u = e^x, without cancellation; 0 or above."""
    near, term, factor = np.zeros(x.shape), x**2 / 2, order
    for n in range(3, 15):
        near, term, factor = near + factor * term, term * x / n, order * (1 + factor)
    power, rest = np.exp(np.log(weight) + order * x), weight * np.expm1(x)
    far = np.where(order == 1, power * x - rest, (power - weight - order * rest) / (order - 1))
    return np.where(np.abs(x) < 0.25, weight * near, far)
