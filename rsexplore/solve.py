"""Formulas that need a solver; called like `Formula`.

A certificate that is the largest of a family of certificates is sound at every member, so a search that stops early or
ends beside the maximum costs tightness only, never soundness.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from rsexplore.formula import Formula, compiled, exact_function, plain
from rsexplore.notation import LATEX

SCAN = 17  # points of the first look; the functions searched here have one maximum
CLOSER = 6  # closer looks, each at a fifth of the distance, between the neighbours of the best point
BLOCK = 16_384  # points that are searched at once


@dataclass(frozen=True)
class Supremum:
    """Largest value of `expr` over `lower <= variable <= upper`, which may depend on the probabilities."""

    expr: sp.Expr
    variable: sp.Symbol
    lower: sp.Expr
    upper: sp.Expr

    @cached_property
    def latex(self) -> str:
        """LaTeX of the supremum as papers write it."""
        low, high, inner = (sp.latex(plain(e), symbol_names=LATEX) for e in (self.lower, self.upper, self.expr))
        return rf"\sup_{{{low} < {sp.latex(self.variable, symbol_names=LATEX)} \leq {high}}} {inner}"

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the symbols that are neither probabilities nor searched over."""
        return Formula(self.expr).parameters - {self.variable.name}

    def floats(self, probabilities: tuple[NDArray, ...], **values: float) -> NDArray:
        """Value in double precision, from below; shape of the broadcast probabilities."""
        arrays = np.broadcast_arrays(*probabilities)
        flat = [array.ravel() for array in arrays]
        found = np.empty(flat[0].shape)
        for start in range(0, len(found), BLOCK):
            block = slice(start, start + BLOCK)
            found[block] = self._search(tuple(array[block] for array in flat), values)
        return found.reshape(arrays[0].shape)

    def _search(self, probabilities: tuple[NDArray, ...], values: dict[str, float]) -> NDArray:
        lower = compiled(self.lower, ())(*probabilities)
        width = compiled(self.upper, ())(*probabilities) - lower
        symbols = tuple(sorted([*self.parameters, self.variable.name]))
        inner = compiled(self.expr, symbols)
        numbers = {name: np.float64(values[name]) for name in self.parameters}

        def objective(share: Any) -> Any:
            named = {**numbers, self.variable.name: lower + share * width}
            found = inner(*probabilities, *(named[s] for s in symbols))
            return np.where(np.isnan(found), -np.inf, found)

        return maximum(objective, probabilities[0].shape)

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Value at mpmath's working precision, to half its digits."""
        inner, numbers = exact_function(self.expr, values, self.variable)
        low, high = (exact_function(end, {})[0](pa, pb) for end in (self.lower, self.upper))
        # the lower end may be a removable singularity, where the pieces know their limit
        start, own = exact_function(self.expr.subs(self.variable, self.lower), values)
        inside = _exact_maximum(lambda x: inner(pa, pb, *numbers, x), mpmath.mpf(low), mpmath.mpf(high))
        return max(inside, _value(lambda _: start(pa, pb, *own), low))


def maximum(objective: Callable[[Any], Any], shape: tuple[int, ...]) -> NDArray:
    """Largest value found of a vectorised function of a share in [0, 1].

    Parameters
    ----------
    objective : callable
        Takes shares of shape (m, *shape) and returns values of that shape, -inf where there is none.
    shape : tuple of int
        Shape of the problem.

    Returns
    -------
    ndarray, shape `shape`
        A value that the objective takes, so never above its supremum.
    """
    column = (-1, *(1 for _ in shape))
    shares = np.linspace(0, 1, SCAN).reshape(column) + np.zeros(shape)
    best = np.full(shape, -np.inf)
    for _ in range(CLOSER + 1):
        values = objective(shares)
        best = np.maximum(best, values.max(axis=0))
        top = np.argmax(values, axis=0)[None]
        low, high = (np.take_along_axis(shares, np.clip(top + k, 0, len(shares) - 1), 0) for k in (-1, 1))
        shares = low + (high - low) * np.linspace(0, 1, 11).reshape(column)
    values = objective(shares)
    return np.maximum(np.maximum(best, values.max(axis=0)), objective(_vertex(shares, values))[0])


def _vertex(shares: NDArray, values: NDArray) -> NDArray:
    """Vertex of the parabola through the best value and its neighbours; the best place itself at an end."""
    top = np.argmax(values, axis=0)[None]
    inner = np.clip(top, 1, len(values) - 2)
    before, at, after = (np.take_along_axis(values, inner + k, 0) for k in (-1, 0, 1))
    with np.errstate(all="ignore"):
        shift = (before - after) / (2 * (before - 2 * at + after))
    usable = (top == inner) & (np.abs(shift) < 1)
    spacing = shares[1:2] - shares[:1]
    return np.take_along_axis(shares, top, 0) + np.where(usable, shift, 0.0) * spacing


def _exact_maximum(function: Callable[[Any], Any], low: Any, high: Any) -> mpmath.mpf:
    points = [low + (high - low) * i / 64 for i in range(65)]
    values = [_value(function, x) for x in points]
    top = max(range(65), key=lambda i: values[i])
    a, b = points[max(top - 1, 0)], points[min(top + 1, 64)]
    golden = (mpmath.sqrt(5) - 1) / 2
    x, y = b - golden * (b - a), a + golden * (b - a)
    at_x, at_y = _value(function, x), _value(function, y)
    for _ in range(90):
        if at_y > at_x:
            a, x, at_x = x, y, at_y
            y = a + golden * (b - a)
            at_y = _value(function, y)
        else:
            b, y, at_y = y, x, at_x
            x = b - golden * (b - a)
            at_x = _value(function, x)
    return max(values[top], at_x, at_y)


def _value(function: Callable[[Any], Any], x: Any) -> mpmath.mpf:
    try:
        found = function(x)
    except ZeroDivisionError:
        return -mpmath.inf
    return found if isinstance(found, mpmath.mpf) and not mpmath.isnan(found) else -mpmath.inf
