"""What an argument must be; every message says who complains, what was needed and what came."""

from math import isfinite
from typing import Any

import numpy as np


def is_number(value: Any) -> bool:
    """Whether `value` is a real number of Python or NumPy, and no bool."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def positive(owner: str, name: str, value: Any) -> None:
    """Raise unless `value` is a finite number above 0."""
    if not is_number(value):
        raise TypeError(f"{owner}: {name} must be a number, got {name}={value!r}")
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
