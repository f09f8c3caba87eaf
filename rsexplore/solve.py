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

from rsexplore.formula import PROBABILITIES, Formula, compiled, exact_function, number, plain
from rsexplore.notation import LATEX

GRID = 33  # points of the first scan; the functions searched here have one maximum
GOLDEN = (np.sqrt(5) - 1) / 2


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
        probabilities = tuple(np.broadcast_arrays(*probabilities))
        lower = compiled(self.lower, ())(*probabilities)
        width = compiled(self.upper, ())(*probabilities) - lower
        symbols = tuple(sorted([*self.parameters, self.variable.name]))
        inner = compiled(self.expr, symbols)

        def objective(share: Any) -> Any:
            named = {**values, self.variable.name: lower + share * width}
            found = inner(*probabilities, *(named[s] for s in symbols))
            return np.where(np.isfinite(found), found, -np.inf)

        return maximum(objective, probabilities[0].shape)

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Value at mpmath's working precision, to half its digits."""
        known = self.expr.free_symbols - {self.variable}
        expr = self.expr.subs({s: number(values[s.name]) for s in known if s.name in values})
        inner = sp.lambdify([PROBABILITIES[0], PROBABILITIES[2], self.variable], plain(expr), modules=["mpmath"])
        low, high = (exact_function(plain(e))(pa, pb) for e in (self.lower, self.upper))
        # the lower end may be a removable singularity, where the pieces know their limit
        start = exact_function(plain(expr.subs(self.variable, self.lower)))
        inside = _exact_maximum(lambda x: inner(pa, pb, x), mpmath.mpf(low), mpmath.mpf(high))
        return max(inside, _value(lambda _: start(pa, pb), low))


def maximum(objective: Callable[[Any], Any], shape: tuple[int, ...]) -> NDArray:
    """Largest value found of a vectorised function of a share in [0, 1]: a scan, then golden sections beside its best.

    Parameters
    ----------
    objective : callable
        Takes shares of shape `shape` and returns values of that shape, -inf where there is none.
    shape : tuple of int
        Shape of the problem.

    Returns
    -------
    ndarray, shape `shape`
        A value that the objective takes, so never above its supremum.
    """
    best, where = np.full(shape, -np.inf), np.zeros(shape)
    for share in np.linspace(0, 1, GRID):
        value = objective(np.full(shape, share))
        where = np.where(value > best, share, where)
        best = np.maximum(best, value)
    low, high = np.maximum(where - 1 / (GRID - 1), 0), np.minimum(where + 1 / (GRID - 1), 1)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = objective(left), objective(right)
    for _ in range(30):
        best = np.maximum(best, np.maximum(at_left, at_right))
        up = at_right > at_left
        low, high = np.where(up, left, low), np.where(up, high, right)
        new = np.where(up, low + GOLDEN * (high - low), high - GOLDEN * (high - low))
        value = objective(new)
        left, right = np.where(up, right, new), np.where(up, new, left)
        at_left, at_right = np.where(up, at_right, value), np.where(up, value, at_left)
    return np.maximum(best, np.maximum(at_left, at_right))


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
    return found if isinstance(found, mpmath.mpf) and mpmath.isfinite(found) else -mpmath.inf
