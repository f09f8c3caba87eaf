"""From counts to bounds on a probability that hold with confidence 1 - alpha, and to the class that noise leaves.

The first ones are for a number of draws that was fixed beforehand. Those from `log_evidence` on hold at every number of
draws at once, so that one may look and stop when one likes. Averaged over p with the weight Beta(1/2, 1/2), the
likelihood ratio of p against the true probability p_0,

    M = B(s + 1/2, f + 1/2) / B(1/2, 1/2) / (p_0^s (1 - p_0)^f)    after s successes and f failures,

is a martingale of mean 1 in the number of draws. It thus reaches 1 / alpha ever with a probability of at most alpha
(Ville), and the p_0 at which it has not are a confidence sequence: an interval, for log M is convex in p_0.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.check import as_given, floats, is_number

# SciPy's inverse was seen to be wrong by up to 1.5e-10 of the value for n <= 1e7, either way; a bound is moved by this
# share of itself to its safe side. It was seen to be wrong by far more for alpha <= 1e-250: LEAST_ALPHA keeps away.
SHAVE = 2.0**-30
LEAST_ALPHA = 1e-200
# The closed form for all successes is wrong by a few units in the last place, and the power by |log alpha| / n times
# the rounding of its exponent.
CLOSED_SHAVE = 2.0**-49
EXPONENT_SHAVE = 2.0**-52
SHARE = 0.9  # of alpha, for p_A where p_B has the rest: loses .1 % to a one-sided bound where p_B is of no use
ABSTAINED = -1  # stands for a class where none is predicted
# log M is a difference of terms as large as log n!, each right to a few 1e-16 of itself; bounds are moved outwards by
# what this share of them could change.
ROUNDING = 1e-13
HALVINGS = 120  # from [0, 1] to neighbouring floats above 1e-20, below which no n up to 2^53 leads


def checked(owner: str, count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> tuple[NDArray, ...]:
    """Return the arguments as float64 (SciPy's inverse fails on float32), or say which of them is out of range."""
    named = (("count", count, "exact"), ("n", n, "exact"), ("alpha", alpha, "below"))
    successes, draws, level = np.broadcast_arrays(*(floats(owner, name, x, side) for name, x, side in named))
    for name, needed, bad, values in (
        ("n", "a whole number of at least 1", (draws < 1) | ~_whole(draws), draws),
        ("count", "a whole number from 0 to n", (successes < 0) | (successes > draws) | ~_whole(successes), successes),
        ("alpha", "between 0 and 1, both excluded", (level <= 0) | (level >= 1), level),
        ("alpha", f"at least {LEAST_ALPHA:g}", level < LEAST_ALPHA, level),
    ):
        if np.any(bad):
            at = np.argmax(bad)
            raise ValueError(f"{owner}: {name} must be {needed}, got {name}={values.flat[at]:g} (n={draws.flat[at]:g})")
    return successes, draws, level


def _whole(values: NDArray) -> NDArray:
    """Return True for whole numbers, and for nan, which passes through."""
    return (values == np.floor(values)) & ~np.isinf(values) | np.isnan(values)


def from_counts(bound: Callable[[NDArray, NDArray, NDArray], NDArray]) -> Callable[..., Any]:
    """Give a bound its arguments as float64 arrays, checked, and the caller a number for numbers, else an array."""

    @wraps(bound, ("__module__", "__name__", "__qualname__", "__doc__"))
    def answer(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
        found = bound(*checked(bound.__name__, count, n, alpha))
        return as_given(np.asarray(found), count, n, alpha)

    del answer.__wrapped__  # its hints are not the caller's
    return answer


@from_counts
def clopper_pearson_lower(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """One-sided lower bound on the probability of an event seen `count` times in `n` independent draws.

    Parameters
    ----------
    count : array_like of int, shape (...)
        Successes, 0 <= count <= n.
    n : array_like of int, shape (...)
        Draws, n >= 1.
    alpha : array_like, shape (...), in (0, 1), at least 1e-200
        Probability with which the bound may be above the true probability. One of a type wider than float64 is rounded
        down.

    Returns
    -------
    float or ndarray of float64, shape (...)
        A float where every argument is a scalar. 0 where count = 0, alpha^(1/n) where count = n, nan where an argument
        is nan. Rounded down.

    Raises
    ------
    ValueError
        An argument is outside its range, or a count is a number that no float64 is.
    TypeError
        An argument is no real number (bool, complex, text) or is masked.

    Source
    ------
    C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.
    """
    inside = special.betaincinv(np.maximum(count, 1), n - np.maximum(count, 1) + 1, alpha) * (1 - SHAVE)
    every = alpha ** (1 / n) * (1 - CLOSED_SHAVE + np.log(alpha) / n * EXPONENT_SHAVE)
    return np.where(count == 0, 0.0, np.where(count == n, every, inside))


@from_counts
def clopper_pearson_tail(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """1 - `clopper_pearson_lower`, without the cancellation: the q_a = 1 - p_a that a radius takes.

    Parameters and errors are those of `clopper_pearson_lower`.

    Returns
    -------
    float or ndarray of float64, shape (...)
        1 where count = 0, 1 - alpha^(1/n) where count = n, nan where an argument is nan. Rounded up, at most 1.
    """
    failures = n - np.maximum(count, 1)
    inside = np.minimum(special.betainccinv(failures + 1, n - failures, alpha) * (1 + SHAVE), 1.0)
    every = np.minimum(-np.expm1(np.log(alpha) / n) * (1 + CLOSED_SHAVE), 1.0)
    return np.where(count == 0, 1.0, np.where(count == n, every, inside))


@from_counts
def clopper_pearson_upper(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """One-sided upper bound on the probability of an event seen `count` times in `n` independent draws.

    Parameters and errors are those of `clopper_pearson_lower`; the bound is below the truth with probability at most
    `alpha`.

    Returns
    -------
    float or ndarray of float64, shape (...)
        1 where count = n, 1 - alpha^(1/n) where count = 0, nan where an argument is nan. Rounded up, at most 1.
    """
    # the event's complement was seen n - count times
    return clopper_pearson_tail(n - count, n, alpha)


@from_counts
def hoeffding_lower(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """count / n - sqrt(log(1 / alpha) / (2 n)), or 0: a looser `clopper_pearson_lower`, kept to compare with.

    Parameters and errors are those of `clopper_pearson_lower`. Rounded down.

    Source
    ------
    W. Hoeffding, J. Amer. Statist. Assoc. 58 (1963) 13-30, Theorem 1.
    """
    return np.maximum(count / n - np.sqrt(-np.log(alpha) / (2 * n)) - SHAVE**1.5, 0.0)


def top_two(counts: ArrayLike, predicted: ArrayLike, alpha: float, share: float = SHARE) -> tuple[Any, Any]:
    """Bounds on the predicted class and on its strongest rival that hold together: what a bilateral radius takes.

    `alpha` is split between them (Bonferroni). The rival's bound is that of the largest other count: it is no smaller
    than the bound of the class which truly comes second, whichever that is, and nothing has to be selected.

    Parameters
    ----------
    counts : array_like of int, shape (..., classes)
        Votes; none of them has served to choose `predicted`.
    predicted : array_like of int, shape (...)
        The class in question.
    alpha : float, in (0, 1)
        Probability with which one of the two bounds may be wrong; no part of it below 1e-200.
    share : float, in (0, 1)
        Part of `alpha` that the predicted class's bound may be wrong with; the rival's has the rest. It is chosen
        before one looks, and belongs to what is said of the radius.

    Returns
    -------
    q_a : float or ndarray, shape (...)
        Upper bound on 1 - p_A; a float for the votes of one image.
    p_b : float or ndarray, shape (...)
        Upper bound on the probability of every other class; at most q_a.

    Raises
    ------
    ValueError
        An argument is outside its range.
    """
    votes, chosen = _votes("top_two", counts), np.asarray(predicted)
    if not np.issubdtype(chosen.dtype, np.integer) or np.any((chosen < 0) | (chosen >= votes.shape[-1])):
        raise ValueError(f"top_two: predicted must be classes from 0 to {votes.shape[-1] - 1}, got {predicted!r}")
    mine = np.arange(votes.shape[-1]) == chosen[..., None]
    own, rival = np.where(mine, votes, 0).sum(-1), np.where(mine, 0, votes).max(-1)
    given = (alpha, predicted) if votes.ndim == 1 else (votes,)
    q_a, p_b = two_bounds(own, rival, votes.sum(-1), alpha, share)
    return as_given(q_a, *given), as_given(p_b, *given)


def _votes(owner: str, counts: ArrayLike) -> NDArray:
    votes = floats(owner, "counts", counts, "exact")
    if votes.ndim < 1 or votes.shape[-1] < 2:
        raise ValueError(f"{owner}: counts must have shape (..., classes) with two classes at least, got {votes.shape}")
    if np.any(votes < 0):
        raise ValueError(f"{owner}: counts must be at least 0, got {votes.min():g}")
    return votes


def two_bounds(count: ArrayLike, rival: ArrayLike, n: ArrayLike, alpha: float, share: float) -> tuple[NDArray, NDArray]:
    """Bounds of `top_two`, from the votes of the predicted class and the most of any other one, each of shape (...)."""
    if not (is_number(share) and 0 < share < 1):
        raise ValueError(f"top_two: share, a part of alpha, must be between 0 and 1, got share={share!r}")
    level = floats("top_two", "alpha", alpha, "below")
    q_a = np.asarray(clopper_pearson_tail(count, n, share * level))
    return q_a, np.minimum(clopper_pearson_upper(rival, n, level - share * level), q_a)


def prediction(counts: ArrayLike, alpha: ArrayLike) -> Any:
    """Class that the smoothed classifier chooses, or `ABSTAINED` where the votes do not tell it at level `alpha`.

    Parameters
    ----------
    counts : array_like of int, shape (..., classes)
        Votes.
    alpha : array_like, shape (...), in (0, 1)
        Probability with which a class other than the smoothed classifier's may be returned.

    Returns
    -------
    int or ndarray of int64, shape (...)
        An int for the votes of one image.

    Raises
    ------
    ValueError
        An argument is outside its range.

    Source
    ------
    Cohen, Rosenfeld and Kolter 2019, PREDICT and Proposition 1: the two-sided binomial test that the two classes with
    the most votes are as likely, which needs no correction for their choice (Hung and Fithian 2019).
    """
    votes = _votes("prediction", counts)
    second, first = np.moveaxis(np.sort(votes, axis=-1)[..., -2:], -1, 0)
    first, both, level = checked("prediction", first, first + second, alpha)
    tied = first * 2 == both
    # P(X >= first) for X ~ Binomial(both, 1/2), doubled for the other side
    chance = 2 * special.betainc(np.maximum(first, 1), both - first + 1, 0.5)
    found = np.where(tied | (chance > level), ABSTAINED, votes.argmax(-1)).astype(np.int64)
    return as_given(found, alpha) if votes.ndim == 1 else found


def log_evidence(count: NDArray, n: NDArray, p: NDArray) -> NDArray:
    """Logarithm of M, the evidence that `count` successes in `n` draws give against the probability `p`.

    Parameters
    ----------
    count, n, p : ndarray, shape (...), or numbers
        Successes, draws, and the probability in question; they are not checked.

    Returns
    -------
    ndarray, shape (...)
        Above log(1 / alpha), at any number of draws, with a probability of at most alpha if `p` is the truth; inf for
        what cannot be (a success at p = 0).

    Source
    ------
    J. Ville, Etude critique de la notion de collectif (1939); H. Robbins, Ann. Math. Statist. 41 (1970) 1397-1409;
    T. L. Lai, Ann. Statist. 4 (1976) 265-280. Reviewed by S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
    Ann. Statist. 49 (2021) 1055-1080.
    """
    mixture = special.betaln(count + 0.5, n - count + 0.5) - np.log(np.pi)
    return mixture - special.xlogy(count, p) - special.xlog1py(n - count, -p)


@from_counts
def anytime_tail(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """1 - `anytime_lower`, without the cancellation: the q_a = 1 - p_a that a radius takes. Rounded up, at most 1.

    Parameters and errors are those of `anytime_lower`.
    """
    return anytime_upper(n - count, n, alpha)


@from_counts
def anytime_lower(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
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
    return np.maximum(np.nextafter(1 - anytime_tail(count, n, alpha), -1), 0)


@from_counts
def anytime_upper(count: NDArray, n: NDArray, alpha: NDArray) -> NDArray:
    """Upper bound on the probability of an event seen `count` times in `n` draws, as `anytime_lower`. Rounded up.

    Parameters and errors are those of `anytime_lower`.
    """
    low, high = count / n, np.ones_like(count)
    needed = -np.log(alpha) + ROUNDING * (special.gammaln(n + 1) + 1)  # however log M is rounded
    for _ in range(HALVINGS):  # what is returned has been seen to lie outside of the interval
        middle = (low + high) / 2
        out = log_evidence(count, n, middle) >= needed
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return np.where(np.isnan(count + n + alpha), np.nan, high)
