"""One SymPy expression, and what derives from it: NumPy, arbitrary precision and LaTeX."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from rsexplore.check import fraction
from rsexplore.notation import COMPLEMENT, LATEX, PhiInv, Piece, Psi, d, p, p_A, p_B, q_A, q_B

PROBABILITIES = (p_A, q_A, p_B, q_B)


class AnyFormula(ABC):
    """What a bound asks of its formula: a radius as a function of p_A, p_B and parameters, closed or solved for."""

    plain: sp.Expr | None = None  # the expression as papers write it, if it is closed
    digits: ClassVar[int | None] = None  # that `exact` has for certain; None if as many as mpmath's working precision

    @property
    @abstractmethod
    def latex(self) -> str:
        """LaTeX of the radius as papers write it."""

    @property
    @abstractmethod
    def parameters(self) -> frozenset[str]:
        """Names of the symbols that are no probabilities."""

    def depends_on_dimension(self, values: Mapping[str, Any]) -> bool:
        """Whether the radius is another in another dimension, at these values of the parameters; True if in doubt."""
        return True

    @abstractmethod
    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Radius in double precision; `probabilities` holds p_A, 1 - p_A, p_B, 1 - p_B, each exact."""

    @abstractmethod
    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Radius at mpmath's working precision."""

    def vote(self, r: NDArray, **values: Any) -> NDArray | None:
        """1 - p_A of two classes whose radius is r, to some digits; 1/2 or nan where that is not found. Shape of r.

        None if only a search over `floats` tells it, which is what finds the last digits in any case.
        """
        return None


@dataclass(frozen=True)
class Formula(AnyFormula):
    """A closed form in p_A, p_B and parameters.

    `expr` may use the named pieces of `notation`; `plain` is the same expression without them, as papers write it.
    """

    expr: sp.Expr

    @cached_property
    def plain(self) -> sp.Expr:  # type: ignore[override]
        """The expression in elementary functions, PhiInv and Psi alone."""
        return plain(self.expr)

    @cached_property
    def latex(self) -> str:
        """LaTeX of the expression as papers write it."""
        return sp.latex(self.plain, symbol_names=LATEX)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the symbols that are no probabilities."""
        return frozenset(s.name for s in self.expr.free_symbols if s not in PROBABILITIES)

    def depends_on_dimension(self, values: Mapping[str, Any]) -> bool:
        """Whether the value is another in another dimension, at these values of the parameters."""
        norm = values.get("p")
        return d in (self.expr if norm is None else self.expr.subs(p, number(norm))).free_symbols

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Value in double precision; `probabilities` holds p_A, 1 - p_A, p_B, 1 - p_B, each exact."""
        symbols = tuple(sorted(self.parameters))
        # NumPy's floats overflow to inf where Python's raise
        numbers = (np.float64(values[s]) for s in symbols)
        return np.asarray(compiled(self.expr, symbols)(*probabilities, *numbers))

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Value at mpmath's working precision, of the plain expression."""
        function, arguments = exact_function(self.expr, values)
        return function(pa, pb, *arguments)


def plain(expr: sp.Expr) -> sp.Expr:
    """Return `expr` with every named piece written out and the complements as 1 - p."""
    while expr.has(Piece):
        expr = expr.replace(lambda e: isinstance(e, Piece), lambda e: e.plain())
    return expr.subs({q_A: 1 - p_A, q_B: 1 - p_B})


@lru_cache(maxsize=512)
def compiled(expr: sp.Expr, symbols: tuple[str, ...]) -> Any:
    """Return a NumPy function of p_A, 1 - p_A, p_B, 1 - p_B and the named symbols."""
    functions: dict[str, Any] = {}

    def with_complements(piece: Any) -> Any:
        kind = type(piece)
        functions[kind.__name__] = kind.floats
        arguments = [x for a in piece.args for x in ((a, COMPLEMENT[a]) if a in COMPLEMENT else (a,))]
        return sp.Function(kind.__name__)(*arguments)

    stable = expr.replace(lambda e: isinstance(e, (Piece, PhiInv, Psi)), with_complements)
    names = {s.name: s for s in stable.free_symbols}
    arguments = [*PROBABILITIES, *(names.get(s, sp.Symbol(s)) for s in symbols)]
    # NumPy's amax and amin, which SymPy prints for Max and Min, do not broadcast
    functions |= {"amax": lambda xs, axis: reduce(np.maximum, xs), "amin": lambda xs, axis: reduce(np.minimum, xs)}
    return sp.lambdify(arguments, stable, modules=[functions, "scipy", "numpy"])


def exact_function(expr: sp.Expr, values: Mapping[str, Any], *variables: sp.Symbol) -> tuple[Any, list[mpmath.mpf]]:
    """Return an mpmath function of p_A, p_B, the symbols that have values, and variables; and those values."""
    known = {s: number(values[s.name]) for s in expr.free_symbols if values.get(s.name) is not None}
    # small whole numbers and infinity go into the expression, where a piece may have a limit to know
    fixed = {s: v for s, v in known.items() if s not in variables and (v.is_infinite or (v.is_Integer and v < 64))}
    rest = tuple(sorted(known.keys() - fixed.keys() - set(variables), key=str))
    return _exact(expr.subs(fixed), (p_A, p_B, *rest, *variables)), [as_mpf(known[s]) for s in rest]


@lru_cache(maxsize=512)
def _exact(expr: sp.Expr, arguments: tuple[sp.Symbol, ...]) -> Any:
    return sp.lambdify(arguments, plain(expr), "mpmath")


def number(value: Any) -> sp.Expr:
    """Return a number (float, string, mpf, int, inf) as the exact SymPy number that it is."""
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, str):
        return sp.Rational(value) if "inf" not in value else sp.oo
    if isinstance(value, sp.Rational):
        return value
    if mpmath.isinf(value):
        return sp.oo
    return sp.Rational(fraction(value))


def as_mpf(value: sp.Expr) -> mpmath.mpf:
    """Return a SymPy rational, or infinity, at mpmath's working precision."""
    return mpmath.mpf(int(value.p)) / int(value.q) if value.is_finite else mpmath.inf
