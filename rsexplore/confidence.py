"""From counts to bounds on a probability that hold with confidence 1 - alpha, and to the class that noise leaves.

They are for a number of draws that was fixed beforehand; `anytime.py` is for those who look on the way.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.check import as_given, floats

# SciPy's inverse was seen to be wrong by up to 1.5e-10 of the value for n <= 1e7, either way; a bound is moved by this
# share of itself to its safe side. It was seen to be wrong by far more for alpha <= 1e-250: LEAST_ALPHA keeps away.
SHAVE = 2.0**-30
LEAST_ALPHA = 1e-200
# The closed form for all successes is wrong by a few units in the last place, and the power by |log alpha| / n times
# the rounding of its exponent.
CLOSED_SHAVE = 2.0**-49
EXPONENT_SHAVE = 2.0**-52
ABSTAINED = -1  # stands for a class where none is predicted


def clopper_pearson_lower(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
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
    given = count, n, alpha
    count, n, alpha = checked("clopper_pearson_lower", *given)
    inside = special.betaincinv(np.maximum(count, 1), n - np.maximum(count, 1) + 1, alpha) * (1 - SHAVE)
    every = alpha ** (1 / n) * (1 - CLOSED_SHAVE + np.log(alpha) / n * EXPONENT_SHAVE)
    return as_given(np.where(count == 0, 0.0, np.where(count == n, every, inside)), *given)


def clopper_pearson_tail(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """1 - `clopper_pearson_lower`, without the cancellation: the q_a = 1 - p_a that a radius takes.

    Parameters and errors are those of `clopper_pearson_lower`.

    Returns
    -------
    float or ndarray of float64, shape (...)
        1 where count = 0, 1 - alpha^(1/n) where count = n, nan where an argument is nan. Rounded up, at most 1.
    """
    given = count, n, alpha
    count, n, alpha = checked("clopper_pearson_tail", *given)
    failures = n - np.maximum(count, 1)
    inside = np.minimum(special.betainccinv(failures + 1, n - failures, alpha) * (1 + SHAVE), 1.0)
    every = np.minimum(-np.expm1(np.log(alpha) / n) * (1 + CLOSED_SHAVE), 1.0)
    return as_given(np.where(count == 0, 1.0, np.where(count == n, every, inside)), *given)


def clopper_pearson_upper(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """One-sided upper bound on the probability of an event seen `count` times in `n` independent draws.

    Parameters and errors are those of `clopper_pearson_lower`; the bound is below the truth with probability at most
    `alpha`.

    Returns
    -------
    float or ndarray of float64, shape (...)
        1 where count = n, 1 - alpha^(1/n) where count = 0, nan where an argument is nan. Rounded up, at most 1.
    """
    given = count, n, alpha
    count, n, alpha = checked("clopper_pearson_upper", *given)
    # the event's complement was seen n - count times
    return as_given(np.asarray(clopper_pearson_tail(n - count, n, alpha)), *given)


def hoeffding_lower(count: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """count / n - sqrt(log(1 / alpha) / (2 n)), or 0: a looser `clopper_pearson_lower`, kept to compare with.

    Parameters and errors are those of `clopper_pearson_lower`. Rounded down.

    Source
    ------
    W. Hoeffding, J. Amer. Statist. Assoc. 58 (1963) 13-30, Theorem 1.
    """
    given = count, n, alpha
    count, n, alpha = checked("hoeffding_lower", *given)
    return as_given(np.maximum(count / n - np.sqrt(-np.log(alpha) / (2 * n)) - SHAVE**1.5, 0.0), *given)


def top_two(counts: ArrayLike, predicted: ArrayLike, alpha: float) -> tuple[Any, Any]:
    """Bounds on the predicted class and on its strongest rival that hold together: what a bilateral radius takes.

    Half of `alpha` goes to either (Bonferroni). The rival's bound is that of the largest other count: it is no smaller
    than the bound of the class which truly comes second, whichever that is, and nothing has to be selected.

    Parameters
    ----------
    counts : array_like of int, shape (..., classes)
        Votes; none of them has served to choose `predicted`.
    predicted : array_like of int, shape (...)
        The class in question.
    alpha : float, in (0, 1), at least 2e-200
        Probability with which one of the two bounds may be wrong.

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
    votes, chosen = floats("top_two", "counts", counts, "exact"), np.asarray(predicted)
    if votes.ndim < 1 or votes.shape[-1] < 2:
        raise ValueError(f"top_two: counts must have shape (..., classes) with two classes at least, got {votes.shape}")
    if np.any(votes < 0):
        raise ValueError(f"top_two: counts must be at least 0, got {votes.min():g}")
    if not np.issubdtype(chosen.dtype, np.integer) or np.any((chosen < 0) | (chosen >= votes.shape[-1])):
        raise ValueError(f"top_two: predicted must be classes from 0 to {votes.shape[-1] - 1}, got {predicted!r}")
    mine = np.arange(votes.shape[-1]) == chosen[..., None]
    own, rival = np.where(mine, votes, 0).sum(-1), np.where(mine, 0, votes).max(-1)
    given = (alpha, predicted) if votes.ndim == 1 else (votes,)
    q_a, p_b = two_bounds(own, rival, votes.sum(-1), alpha)
    return as_given(q_a, *given), as_given(p_b, *given)


def two_bounds(count: ArrayLike, rival: ArrayLike, n: ArrayLike, alpha: float) -> tuple[NDArray, NDArray]:
    """Bounds of `top_two`, from the votes of the predicted class and the most of any other one, each of shape (...)."""
    half = floats("top_two", "alpha", alpha, "below") / 2
    q_a = np.asarray(clopper_pearson_tail(count, n, half))
    return q_a, np.minimum(clopper_pearson_upper(rival, n, half), q_a)


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
    votes = floats("prediction", "counts", counts, "exact")
    if votes.ndim < 1 or votes.shape[-1] < 2:
        raise ValueError(
            f"prediction: counts must have shape (..., classes) with two classes at least, got {votes.shape}"
        )
    if np.any(votes < 0):
        raise ValueError(f"prediction: counts must be at least 0, got {votes.min():g}")
    second, first = np.moveaxis(np.sort(votes, axis=-1)[..., -2:], -1, 0)
    first, both, level = checked("prediction", first, first + second, alpha)
    tied = first * 2 == both
    # P(X >= first) for X ~ Binomial(both, 1/2), doubled for the other side
    chance = 2 * special.betainc(np.maximum(first, 1), both - first + 1, 0.5)
    found = np.where(tied | (chance > level), ABSTAINED, votes.argmax(-1)).astype(np.int64)
    return as_given(found, alpha) if votes.ndim == 1 else found


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
