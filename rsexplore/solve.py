"""Formulas that need a solver; called like `Formula`, and in SymPy expressions a `Solved`.

A certificate that is the largest of a family of certificates is sound at every member, so a search that stops early or
ends beside the maximum costs tightness only, never soundness.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy as sp
from mpmath.libmp import dps_to_prec, prec_to_dps
from numpy.typing import NDArray
from sympy.core.evalf import evalf_table

from rsexplore.formula import AnyFormula, Formula, compiled, exact_function, plain
from rsexplore.notation import LATEX, SYMBOLS, p_A, p_B
from rsexplore.patience import breathe

SCAN = 17  # points of the first look; the functions searched here have one maximum
CLOSER = 6  # closer looks, each at a fifth of the distance, between the neighbours of the best point

Function = Callable[[NDArray, NDArray], NDArray]


@dataclass(frozen=True)
class Supremum(AnyFormula):
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

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Value in double precision, from below; shape of the probabilities."""
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


def maximum(objective: Callable[[Any], Any], shape: tuple[int, ...], closer: int = CLOSER) -> NDArray:
    """Largest value found of a vectorised function of a share in [0, 1].

    Parameters
    ----------
    objective : callable
        Takes shares of shape (m, *shape) and returns values of that shape, -inf where there is none.
    shape : tuple of int
        Shape of the problem.
    closer : int
        Closer looks; where the objective is slow and smooth none finds it to some 1e-8.

    Returns
    -------
    ndarray, shape `shape`
        A value that the objective takes, so never above its supremum.
    """
    column = (-1, *(1 for _ in shape))
    shares = np.linspace(0, 1, SCAN).reshape(column) + np.zeros(shape)
    best = np.full(shape, -np.inf)
    for _ in range(closer + 1):
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
    best = -mpmath.inf
    for _ in range(30):  # each at a quarter of the distance
        points = [low + (high - low) * i / 8 for i in range(9)]
        values = [_value(function, x) for x in points]
        top = max(range(9), key=values.__getitem__)
        best, low, high = max(best, values[top]), points[max(top - 1, 0)], points[min(top + 1, 8)]
    return best


def _value(function: Callable[[Any], Any], x: Any) -> mpmath.mpf:
    try:
        found = function(x)
    except ZeroDivisionError:
        return -mpmath.inf
    return found if isinstance(found, mpmath.mpf) and not mpmath.isnan(found) else -mpmath.inf


@lru_cache
def gauss(count: int) -> tuple[NDArray, NDArray]:
    """Gauss-Legendre nodes in (0, 1), and weights."""
    at, weight = np.polynomial.legendre.leggauss(count)
    return (1 + at) / 2, weight / 2


def root(function: Function, low: NDArray, high: NDArray, tolerance: float = 4e-16, least: float = 1e-305) -> NDArray:
    """Root of increasing functions between `low` and `high`, the negative side of the last bracket.

    `function` takes points and their places; Chandrupatla's method, all places at once. nan where it gives nan: what
    it tells of the side of a root is not to be trusted then. `high` where there is no change of sign. The bracket is as
    narrow as `tolerance` of the root, or `least`, in the end.
    """
    from scipy.optimize import elementwise  # a tenth of a second, which a radius should not wait for

    lost = np.zeros(len(low), dtype=bool)

    def finite(x: NDArray, place: NDArray) -> NDArray:  # an infinite value would end the search, as 0 does
        breathe()
        found = np.clip(function(x, place), -1e300, 1e300)
        lost[place] |= np.isnan(found)
        return np.nan_to_num(found)

    if not len(low):
        return low
    limits = {"xatol": least, "xrtol": tolerance, "fatol": 0.0}
    find_root: Any = elementwise.find_root  # its stubs know no args
    with np.errstate(all="ignore"):
        found = find_root(finite, (low, high), args=(np.arange(len(low)),), tolerances=limits, maxiter=120)
    (a, b), (fa, fb) = found.bracket, found.f_bracket
    return np.where(lost, np.nan, np.where((fa <= 0) & (fb > 0), a, b))


class Solved(sp.Function):
    """The radius of a bound that has no closed form, as a function of p_A, p_B and the bound's parameters.

    `subs` replaces its arguments; `evalf` is `Bound.radius_mp` where all are numbers, and raises what that raises. Of
    the digits asked, those that the evaluation does not have are left out.
    """

    bound: ClassVar[Any]  # each has its own subclass, made by `solved`
    names: ClassVar[tuple[str, ...]]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _called, (self.bound, self.args)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        pairs = zip(solved(self.bound).args, self.args, strict=True)
        given = r",\; ".join(f"{printer._print(name)} = {printer._print(x)}" for name, x in pairs if name != x)
        found = rf"\left. {self.bound.latex} \right|_{{{given}}}" if given else self.bound.latex
        # alone it is what the paper writes; in a term it would be read on beyond its end
        found = found if printer._print_level == 1 else rf"\left[{found}\right]"
        return found if exp is None else f"{found}^{{{exp}}}"

    def _code(self, printer: Any) -> str:
        where = f"rsexplore.bounds.get({self.bound.key!r}).radius"
        raise TypeError(f"{self.bound.key} has no closed form to compile: its floats come from {where}")

    _numpycode = _mpmathcode = _code

    def _known(self, prec: int) -> int:
        """How many of so many bits `evalf` has."""
        if self.args[1].is_zero:
            return min(prec, 53)  # without a runner-up it is a limit in double precision
        known = self.bound.formula.digits
        return prec if known is None else min(prec, dps_to_prec(known))

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        known = self._known(prec)
        return sp.Float(self._value(prec_to_dps(known)), precision=known) if self.is_number else None

    @lru_cache  # noqa: B019  SymPy asks again with more digits, which not every evaluation has
    def _value(self, dps: int) -> mpmath.mpf:
        """Radius to `dps` digits."""
        values = dict(zip(self.names, self.args[2:], strict=True))
        # every radius is proportional to the scale: at scale 1 it keeps the digits that a float of the scale would lose
        scale = next(values.pop(name) for name in ("sigma", "lambda") if name in values)
        if not scale.is_extended_positive:
            raise ValueError(f"{self.bound.key}: the scale of the noise must be positive, got {scale}")
        known = {name: self._float(name, value) for name, value in values.items()}
        fields = {field: known.pop(name, 1.0) for name, field in self.bound.noise.symbols.items()}
        noise, norm = self.bound.noise(**fields, dim=known.pop("d", None)), known.pop("p", None)
        digits = 2 * dps if isinstance(self.bound.formula, Supremum) else dps  # half of them are found
        q_a, top, runner = (_rational(x, digits) for x in (1 - self.args[0], *self.args[:2]))
        vote = {"q_a": str(q_a)} if q_a < top else {"p_a": str(top)}
        found = self.bound.radius_mp(noise, **vote, p_b=str(runner), norm=norm, dps=digits + 5, **known)
        with mpmath.workdps(dps + 5):
            return found * mpmath.mpf(scale.evalf(dps + 5))

    def _float(self, name: str, value: sp.Expr) -> float:
        found = float(value)
        if found < inf and sp.Rational(found) != _rational(value, 50):
            raise ValueError(f"{self.bound.key}: {name} must be a number that a float holds, got {name}={value}")
        return found


def _rational(value: sp.Expr, dps: int) -> sp.Rational:
    """Return a number exactly if it is rational, else with digits to spare."""
    return sp.Rational(value if value.is_Rational or value.is_Float else value.evalf(2 * dps + 20))


KINDS: dict[tuple[str, str], type[Solved]] = {}  # a bound that was pickled is the same function


def solved(bound: Any) -> Solved:
    """Return the radius of a bound as a `Solved` at p_A, p_B and the symbols of its parameters."""
    names = tuple(sorted({*bound.formula.parameters, *bound.params}))
    same = bound.key, repr(bound.formula)
    if same not in KINDS:
        fields = {"bound": bound, "names": names, "nargs": len(names) + 2}
        KINDS[same] = type(bound.key.replace("-", "_"), (Solved,), fields)
        evalf_table[KINDS[same]] = _evaluated
    return KINDS[same](p_A, p_B, *(SYMBOLS.get(name, sp.Symbol(name, positive=True)) for name in names))


def _called(bound: Any, arguments: tuple[Any, ...]) -> sp.Expr:
    return solved(bound).func(*arguments)


def _evaluated(called: Solved, prec: int, options: dict[str, Any]) -> tuple[Any, ...]:
    """What SymPy's table of evaluations asks for: real and imaginary part, and how many bits of each are right."""
    called = called.subs(options.get("subs", {}))
    found = called._eval_evalf(prec)
    if found is None:
        raise NotImplementedError  # SymPy's word for: leave it as it is. If the radius raises it, it is asked again
    return (found._to_mpmath(prec)._mpf_, None, called._known(prec), None) if found else (None, None, None, None)
