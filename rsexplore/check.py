"""What an argument must be; every message says who complains, what was needed and what came.

`read` takes the bounds on the probabilities of the top class and the runner-up, and `Probabilities` holds them with
their complements, so that nothing is lost in either tail.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import wraps
from inspect import signature
from math import inf, isfinite, nextafter
from numbers import Rational, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TINY = float(np.finfo(float).tiny)  # below it floats lose digits


def is_number(value: Any) -> bool:
    """Whether `value` is a real number of Python or NumPy, and no bool."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def number(owner: str, name: str, value: Any) -> None:
    """Raise unless `value` is a number."""
    if not is_number(value):
        raise TypeError(f"{owner}: {name} must be a number, got {name}={value!r}")


def positive(owner: str, name: str, value: Any) -> None:
    """Raise unless `value` is a finite number above 0."""
    number(owner, name, value)
    value = float(value)
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{owner}: {name} must be positive and finite, got {name}={value}")
    if not 1e-200 <= value <= 1e200:
        raise ValueError(f"{owner}: {name} must lie between 1e-200 and 1e200, got {name}={value}")


def whole(owner: str, name: str, value: Any) -> int:
    """Return `value` as an int; raise unless it is a whole number from 1 to 10^150."""
    if not (is_number(value) and 1 <= float(value) <= 1e150 and int(value) == value):
        raise ValueError(f"{owner}: {name} must be a whole number of at least 1, got {name}={value!r}")
    return int(value)


def floats(owner: str, name: str, value: Any, side: str = "nearest") -> NDArray[np.float64]:
    """Return real numbers of any type as float64, moved to the side on which an answer stays safe.

    Parameters
    ----------
    owner, name : str
        Who asks, and what it is to him: for messages.
    value : array_like of real numbers, shape (...)
        NumPy's and Python's numbers, Decimal, Fraction, mpmath's and SymPy's; also in one array.
    side : {"nearest", "below", "above", "exact"}
        Where a number goes that no float64 is, such as one of a wider type. "exact" refuses it.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    TypeError
        It is no real number (bool, complex, text, None), or part of it is masked.
    ValueError
        No float64 is that number, and `side` is "exact".
    """
    parts = list(_parts(value))  # of lists NumPy makes one array, and takes bools and what is masked for numbers
    if any(np.ma.is_masked(part) for part in parts):
        raise TypeError(f"{owner}: {name} must not be masked; say what stands there, e.g. {name}.filled(numpy.nan)")
    array = np.asarray(value)
    if array.dtype.kind not in "fiuO" or any(np.asarray(part).dtype.kind == "b" for part in parts):
        raise _no_real(owner, name, value)
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64)
    if array.dtype.kind in "iu" and not np.any((array > 2**53) | (array < -(2**53))):
        return array.astype(np.float64)
    each = [_moved(owner, name, x, side) for x in array.astype(object).ravel()]
    return np.array(each, dtype=np.float64).reshape(array.shape)


def _parts(value: Any) -> Iterator[Any]:
    """Yield what stands in lists of lists."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)
    elif not isinstance(value, float):
        yield value


def _moved(owner: str, name: str, value: Any, side: str) -> float:
    """Return the float nearest to a number, or the next one on a side of it."""
    if isinstance(value, bool | np.bool_) or not (isinstance(value, Decimal | Real) or hasattr(value, "_mpf_")):
        raise _no_real(owner, name, value)
    # what Python compares with a float exactly
    exact = fraction(value) if isinstance(value, Rational) else value
    try:
        near = float(exact)
    except OverflowError:
        near = inf if exact > 0 else -inf
    if near != near:
        return near
    if side == "exact" and near != exact:
        raise ValueError(f"{owner}: {name} must be a number that a float64 holds, got {name}={value}")
    while side == "below" and near > exact:
        near = nextafter(near, -inf)
    while side == "above" and near < exact:
        near = nextafter(near, inf)
    return near


def tail(owner: str, name: str, value: Any) -> NDArray[np.float64] | None:
    """Return 1 - p, moved upwards, where all p lie in [1/2, 1] in a type wider than float64; None elsewhere.

    Near 1 that keeps what p itself loses in float64.
    """
    array = np.asarray(value)
    if (array.dtype.kind != "O" and array.dtype.itemsize <= 8) or not all(x == x and 0.5 <= x <= 1 for x in array.flat):
        return None
    rests = [1 - fraction(x) for x in array.flat]
    return floats(owner, f"1 - {name}", np.array(rests, dtype=object).reshape(array.shape), "above")


def fraction(value: Any) -> Fraction:
    """Return a finite number of any type as the fraction that it is."""
    if hasattr(value, "_mpf_"):
        sign, man, exp, _ = value._mpf_
        return (-1) ** sign * Fraction(int(man)) * Fraction(2) ** int(exp)
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(*value.as_integer_ratio())


def _no_real(owner: str, name: str, value: Any) -> TypeError:
    return TypeError(f"{owner}: {name} must be real numbers, and neither bool nor text, got {name}={value!r}")


def as_given(found: Any, *arguments: Any) -> Any:
    """Return a Python number where no argument is an array or a sequence; arrays stay arrays, those of shape () too."""
    arrays = any(isinstance(x, np.ndarray) or np.ndim(x) for x in arguments)
    return np.asarray(found) if arrays else found.item()  # arithmetic makes a scalar of an array of shape ()


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of float64 arrays take real numbers of any type, which broadcast; scalars give a float."""

    @wraps(function)
    def checked(*args: Any, **named: Any) -> Any:
        given = signature(function).bind(*args, **named).arguments
        arrays = {name: floats(function.__name__, name, value) for name, value in given.items()}
        with np.errstate(all="ignore"):
            return as_given(function(**arrays), *given.values())

    return checked


def norm_order(owner: str, norm: Any) -> float:
    """Return the order of a norm as a float; "inf" is one too."""
    norm = inf if isinstance(norm, str) and norm == "inf" else norm
    if not (is_number(norm) and norm >= 1):
        raise ValueError(f"{owner}: norm must be a number of at least 1, got norm={norm!r}")
    return float(norm)


def exactly_one(p_a: Any, q_a: Any) -> None:
    """Raise unless one of the two is given."""
    if (p_a is None) == (q_a is None):
        raise TypeError(f"give exactly one of p_a and q_a, got p_a={p_a!r} and q_a={q_a!r}")


def read(owner: str, p_a: Any, q_a: Any, p_b: Any) -> list[NDArray | None]:
    """Return the arguments as float64 of one shape, each moved to where the radius only becomes smaller.

    A p_A in a wider type comes back as its q_A where that keeps more of it, that is from 1/2 on.

    Raises
    ------
    TypeError
        Both or neither of p_a and q_a are given, or one is no array of real numbers.
    """
    exactly_one(p_a, q_a)
    sides = (("p_a", p_a, "below"), ("q_a", q_a, "above"), ("p_b", p_b, "above"))
    given = [None if x is None else floats(owner, name, x, side) for name, x, side in sides]
    if p_a is not None and (rest := tail(owner, "p_a", p_a)) is not None:
        given[:2] = [None, rest]
    shape = np.broadcast_shapes(*(x.shape for x in given if x is not None))
    return [None if x is None else np.broadcast_to(x, shape) for x in given]


class Probabilities(NamedTuple):
    """p_A, 1 - p_A, p_B and 1 - p_B as floats, each exact where the caller's numbers are."""

    pa: NDArray
    qa: NDArray
    pb: NDArray
    qb: NDArray

    @classmethod
    def of(cls, p_a: Any, q_a: Any, p_b: Any) -> "Probabilities":
        """Return the four arrays, from arrays of one shape; p_B is 1 - p_A in the two-class case."""
        pa, qa = (p_a, 1 - p_a) if q_a is None else (1 - q_a, q_a)
        return cls(pa, qa, qa, pa) if p_b is None else cls(pa, qa, p_b, 1 - p_b)

    @property
    def valid(self) -> NDArray:
        """Where all lie in [0, 1]."""
        return np.all([(x >= 0) & (x <= 1) for x in self], axis=0)

    @property
    def tied(self) -> NDArray:
        """Where there is no radius: p_A is not above p_B, or too small for a float with all its digits."""
        return (self.pa <= self.pb) | (self.pa < TINY)

    @property
    def cut(self) -> tuple[NDArray, ...]:
        """The four arrays with p_B no larger than 1 - p_A, which it never exceeds.

        Tails below the smallest float with all its digits (2.2e-308) are moved up to it, which only lowers a radius.
        """
        qa, pb = (np.where((tail > 0) & (tail < TINY), TINY, tail) for tail in (self.qa, self.pb))
        over = pb > qa
        return self.pa, qa, np.where(over, qa, pb), np.where(over, self.pa, self.qb)
