"""Bounds on a probability that hold at every number of draws at once, so that one may look and stop when one likes.

Averaged over p with the weight Beta(1/2, 1/2), the likelihood ratio of p against the true probability p_0,

    M = B(s + 1/2, f + 1/2) / B(1/2, 1/2) / (p_0^s (1 - p_0)^f)    after s successes and f failures,

is a martingale of mean 1 in the number of draws. It thus reaches 1 / alpha ever with a probability of at most alpha
(Ville), and the p_0 at which it has not are a confidence sequence: an interval, for log M is convex in p_0.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.check import as_given, floats
from rsexplore.confidence import checked, clopper_pearson_tail

# log M is a difference of terms as large as log n!, each right to a few 1e-16 of itself; bounds are moved outwards by
# what this share of them could change.
ROUNDING = 1e-13
HALVINGS = 120  # from [0, 1] to neighbouring floats above 1e-20, below which no n up to 2^53 leads


def log_evidence(count: ArrayLike, n: ArrayLike, p: ArrayLike) -> Any:
    """Logarithm of M, the evidence that `count` successes in `n` draws give against the probability `p`.

    Parameters
    ----------
    count, n : array_like of int, shape (...)
        Successes, and draws: 0 <= count <= n, n >= 1.
    p : array_like, shape (...), in [0, 1]
        The probability in question.

    Returns
    -------
    ndarray, shape (...)
        Above log(1 / alpha), at any number of draws, with a probability of at most alpha if `p` is the truth; inf for
        what cannot be (a success at p = 0).

    Raises
    ------
    ValueError
        An argument is outside its range.

    Source
    ------
    J. Ville, Etude critique de la notion de collectif (1939); H. Robbins, Ann. Math. Statist. 41 (1970) 1397-1409;
    T. L. Lai, Ann. Statist. 4 (1976) 265-280. Reviewed by S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
    Ann. Statist. 49 (2021) 1055-1080.
    """
    given = count, n, p
    count, n, _ = checked("log_evidence", count, n, 0.5)
    p = floats("log_evidence", "p", p)
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"log_evidence: p must lie in [0, 1], got p={p[(p < 0) | (p > 1)].flat[0]:g}")
    return as_given(np.asarray(_mixture(count, n) - special.xlogy(count, p) - special.xlog1py(n - count, -p)), *given)


def anytime_tail(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """1 - `anytime_lower`, without the cancellation: the q_a = 1 - p_a that a radius takes. Rounded up, at most 1.

    Parameters and errors are those of `anytime_lower`.
    """
    given = count, n, alpha
    count, n, alpha = checked("anytime_tail", *given)
    return as_given(_tail(n - count, n, alpha), *given)


def anytime_lower(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """Lower bound on the probability of an event seen `count` times in `n` draws; `n` may depend on what was seen.

    Over all n at once, this bound and `anytime_upper` are on their sides of the true probability but for a probability
    of at most `alpha`, for both together.

    Parameters
    ----------
    count : array_like of int, shape (...)
        Successes, 0 <= count <= n.
    n : array_like of int, shape (...)
        Draws, n >= 1.
    alpha : array_like, shape (...), in (0, 1), at least 1e-200
        Probability with which any of the bounds may be wrong.

    Returns
    -------
    float or ndarray of float64, shape (...)
        A float where every argument is a scalar. 0 where count = 0, nan where an argument is nan. Rounded down.

    Raises
    ------
    ValueError
        An argument is outside its range.

    Source
    ------
    As of `log_evidence`.
    """
    given = count, n, alpha
    count, n, alpha = checked("anytime_lower", *given)
    return as_given(np.maximum(np.nextafter(1 - _tail(n - count, n, alpha), -1), 0), *given)


def anytime_upper(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """Upper bound on the probability of an event seen `count` times in `n` draws, as `anytime_lower`. Rounded up.

    Parameters and errors are those of `anytime_lower`.
    """
    given = count, n, alpha
    count, n, alpha = checked("anytime_upper", *given)
    return as_given(_tail(count, n, alpha), *given)


def stopped_tail(count: ArrayLike, draws: ArrayLike, n: int, alpha: ArrayLike) -> Any:
    """Upper bound on 1 - p for a run that may end when it likes and must end at `n`, a number fixed beforehand.

    Half of `alpha` is for the bound at every number of draws, half for the one that only `n` draws are read by; those
    who come to `n` have both. So the stop hardly costs anything where it does not come.

    Parameters
    ----------
    count, alpha : array_like, shape (...)
        As of `anytime_lower`.
    draws : array_like of int, shape (...)
        At which the run ended, 1 <= draws <= n.
    n : int, >= 1
        Most draws.

    Returns
    -------
    ndarray of float64, shape (...)
        1 where count = 0, nan where an argument is nan. Rounded up.

    Raises
    ------
    ValueError
        An argument is outside its range.

    Source
    ------
    As of `log_evidence`, and Clopper and Pearson 1934, by a union bound.
    """
    given = count, draws, alpha
    count, draws, alpha = checked("stopped_tail", *given)
    if np.any(draws > n):
        raise ValueError(f"stopped_tail: draws must be at most n={n}, got draws={np.nanmax(draws):g}")
    anytime = anytime_tail(count, draws, alpha / 2)
    both = np.minimum(anytime, clopper_pearson_tail(count, draws, alpha / 2))
    return as_given(np.where(draws == n, both, anytime), *given)


def decision(count: ArrayLike, n: ArrayLike, q: ArrayLike, alpha: ArrayLike) -> Any:
    """Whether votes show, at a number that may depend on them, that 1 - p is below or above `q`.

    Parameters
    ----------
    count, n, alpha : array_like, shape (...)
        As of `anytime_lower`.
    q : array_like, shape (...), in (0, 1)
        Where 1 - p is to be compared with.

    Returns
    -------
    ndarray of int64, shape (...)
        1 where `anytime_tail` is at most `q`, -1 where 1 - `anytime_upper` is at least `q`, else 0. However often one
        looks, either of these ever is wrong with a probability of at most `alpha`.
    """
    given = count, n, q, alpha
    count, n, alpha = checked("decision", count, n, alpha)
    q = floats("decision", "q", q)
    known = _outside(n - count, n, q, alpha)
    return as_given(np.where(known, np.sign(q - (n - count) / n), 0).astype(np.int64), *given)


def _mixture(count: NDArray, n: NDArray) -> NDArray:
    return special.betaln(count + 0.5, n - count + 0.5) - np.log(np.pi)


def _outside(count: NDArray, n: NDArray, p: NDArray, alpha: NDArray) -> NDArray[np.bool_]:
    """Whether the probability `p` of what was seen `count` times is ruled out, however log M is rounded."""
    needed = -np.log(alpha) + ROUNDING * (special.gammaln(n + 1) + 1)
    return _mixture(count, n) - special.xlogy(count, p) - special.xlog1py(n - count, -p) >= needed


def _tail(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """Upper end of the interval, by halving; what is returned has been seen to lie outside of it."""
    low, high = count / n, np.ones_like(count)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        out = _outside(count, n, middle, alpha)
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return np.where(np.isnan(count + n + alpha), np.nan, high)
