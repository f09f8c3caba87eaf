"""Bounds on the robust radius of a smoothed classifier, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, partial
from math import inf, isinf, prod
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Expr

from rsexplore.check import Probabilities, as_given, exactly_one, floats, is_number, norm_order, read
from rsexplore.formula import Formula, as_mpf, number
from rsexplore.notation import p_B
from rsexplore.papers import Source
from rsexplore.solve import root, solved

# A certifying radius is moved towards 0 by this share of itself, which covers the rounding of the evaluation (the
# tests hold every float radius against 50 digits, on the lower side), so that rounding never enlarges a certificate.
SHAVE = 2.0**-42
LEAST_RADIUS = 1e-300  # in input units; a smaller one is given as 0, for rounding it towards 0 may fail
BLOCK = 2**14  # points that are answered at once: what is computed on the way stays in the cache
NEAR = 1e-6  # share of a vote within which it is looked for first
HALF = int(np.float64(0.5).view(np.int64))  # number of floats from 0 to 1/2


class Status(Enum):
    """What a bound's radius may be used for."""

    TIGHT = "tight"  # proved, and attained by some classifier
    SOUND = "sound"  # proved
    HEURISTIC = "heuristic"  # approximate, or not proved as a certificate
    AS_PRINTED = "as printed"  # kept only to show what a paper prints

    @property
    def certifies(self) -> bool:
        """Whether a radius of this status is a certificate."""
        return self in (Status.TIGHT, Status.SOUND)


class UnsupportedNoiseError(TypeError):
    """A bound was asked about a noise, or a norm, for which it states nothing."""


class MissingDimensionError(ValueError):
    """A radius depends on the dimension of the input, and the noise has none."""


@dataclass(frozen=True)
class Vote:
    """What `Bound.vote` finds: 1 - p_A and p_A. The smaller one is exact, so give a radius that one in the tails."""

    q_a: Any
    p_a: Any


@dataclass(frozen=True, eq=False)
class Bound:
    """A theorem about the radius within which a smoothed classifier keeps its class.

    `norm` is the norm in which the theorem is stated, None if it is stated for every p >= 1. `params` are the free
    parameters of the formula with their defaults. `restates` names a bound that is the same theorem in another norm.
    `formula` is a SymPy expression or an `AnyFormula`.
    """

    key: str
    title: str
    noise: type[Any]
    norm: float | None
    source: Source
    formula: Any
    status: Status
    params: Mapping[str, float | None] = field(default_factory=dict)
    erratum: str | None = None
    corrected_by: str | None = None
    instead: str | None = None  # a proved bound to take, where neither this nor what corrects it is one
    too_small: bool = False  # AS_PRINTED and never above the proved bound that corrects it: wrong, but no false claim
    restates: str | None = None
    estimated: Callable[[Any], bool] | None = None  # at which noises the error of the floats is no proved bound
    member: Callable[[Any], bool] | None = None  # which noises of the family the theorem is about; all if None
    member_text: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.formula, Expr):
            object.__setattr__(self, "formula", Formula(self.formula))
        if (self.status is Status.AS_PRINTED) != (self.corrected_by is not None):
            raise ValueError(f"{self.key}: AS_PRINTED and corrected_by go together, got {self.status}")
        if self.too_small and self.status is not Status.AS_PRINTED:
            raise ValueError(f"{self.key}: too_small is said of a formula AS_PRINTED, got {self.status}")

    def printed(self, formula: Any, **changed: Any) -> "Bound":
        """Return what the paper prints for this theorem, and is wrong: kept to be shown, and no certificate."""
        own = {"key": f"{self.key}-printed", "title": f"{self.title}, as printed", "corrected_by": self.key}
        return replace(self, **{**own, "formula": formula, "status": Status.AS_PRINTED, **changed})

    def __repr__(self) -> str:
        return f"<Bound {self.key}: {self.status.value}, {self.source}>"

    def _repr_latex_(self) -> str:
        return f"$r = {self.latex}$"

    @property
    def latex(self) -> str:
        """LaTeX of the radius as the paper writes it."""
        return self.formula.latex

    @property
    def expr(self) -> Expr:
        """The radius in SymPy, of the symbols in `notation`: the paper's expression, or a function that evaluates."""
        return self.formula.plain or solved(self)

    @property
    def certifies(self) -> bool:
        """Whether the radius is a certificate."""
        return self.status.certifies

    @cached_property
    def two_class(self) -> bool:
        """Whether the theorem is about two classes: there is no p_B in it."""
        return not self.expr.has(p_B)

    def supports(self, noise: Any) -> bool:
        """Whether the theorem is about this noise, under this name of its law or the canonical one."""
        return self._own(noise) is not None

    def _own(self, noise: Any) -> Any:
        """Return the noise as a member of the theorem's family, None if it is not of it."""
        same = (noise, getattr(noise, "canonical", noise))
        return next((x for x in same if type(x) is self.noise and (self.member is None or self.member(x))), None)

    def caveat(self, noise: Any) -> str:
        """What a status does not say of the floats at this noise; empty if nothing."""
        own = self._own(noise)
        unproved = self.estimated is not None and own is not None and self.estimated(own)
        return "numerical error estimated, not bounded" if unproved else ""

    def status_at(self, norm: float | None, two_class: bool = True) -> Status:
        """Status of the radius in a norm, and for two classes or more.

        A radius that is only carried over from another norm is not TIGHT; nor is a two-class one with more classes.
        """
        carried = norm is not None and self.norm is not None and norm != self.norm
        loose = carried or (self.two_class and not two_class)
        return Status.SOUND if loose and self.status is Status.TIGHT else self.status

    def radius(
        self,
        noise: Any,
        p_a: ArrayLike | None = None,
        *,
        q_a: ArrayLike | None = None,
        p_b: ArrayLike | None = None,
        norm: float | str | None = None,
        **params: float | None,
    ) -> Any:
        """Radius within which the smoothed class cannot change, in the l_`norm` norm and the input's units.

        Parameters
        ----------
        noise : Noise
            Smoothing noise, of the family of the theorem.
        p_a, q_a : array_like, shape (...), in [0, 1]
            Lower bound on the top-class probability, or 1 minus it; give exactly one, q_a near p_a = 1. Numbers wider
            than float64 (longdouble, Decimal, Fraction, mpmath) are moved to where the radius only becomes smaller.
        p_b : array_like, shape (...), in [0, 1], optional
            Upper bound on the runner-up's probability; 1 - p_a if absent or larger.
        norm : float >= 1 or "inf", optional
            Norm of the ball; that of the theorem if absent. In another norm the radius is that of the largest ball
            inside the theorem's ball, which needs `noise.dim` if the norm is of a larger order.
        **params : float
            Values for `params`.

        Returns
        -------
        float or ndarray, shape (...)
            A float where each of p_a, q_a, p_b is a scalar; arrays without axes stay arrays.
            0 where p_a <= p_b, inf where the bound has no limit, nan outside [0, 1]. A radius that certifies is
            rounded towards 0 (by 2.3e-13 of itself; to 0 below 1e-300). As-printed formulas are given as they are,
            even below 0.

        Raises
        ------
        UnsupportedNoiseError
            `noise` is not of this bound's family, or no norm is known.
        MissingDimensionError
            The radius depends on `noise.dim`, which is not set.
        TypeError
            Both or neither of p_a and q_a are given, or an unknown parameter is; or a probability is no real number
            (bool, complex, text) or is masked.
        """
        given = read(self.key, p_a, q_a, p_b)
        norm = None if norm is None else norm_order(self.key, norm)
        values = self._values(noise, norm, params)
        factor = self._factor(noise, norm)
        shape = next(x.shape for x in given if x is not None)
        flat = [None if x is None else x.reshape(-1) for x in given]
        found = np.empty(prod(shape))
        with np.errstate(all="ignore"):
            for start in range(0, found.size, BLOCK):
                block = slice(start, start + BLOCK)
                points = Probabilities.of(*(None if x is None else x[block] for x in flat))
                found[block] = self._floats(points, factor, values)
        return as_given(found.reshape(shape), p_a, q_a, p_b)

    def vote(
        self,
        noise: Any,
        r: ArrayLike,
        *,
        p_b: ArrayLike | None = None,
        norm: float | str | None = None,
        **params: float | None,
    ) -> Vote:
        """Least vote for the top class that has a radius of at least `r`, by one search for all bounds.

        Parameters
        ----------
        noise, p_b, norm, **params
            As of `radius`; p_b of shape (...).
        r : array_like, shape (...), in the input's units
            Wanted radius. A number wider than float64 is rounded up.

        Returns
        -------
        Vote
            `q_a`, the largest 1 - p_A whose radius is at least r (to 12 digits of itself), and `p_a`; floats where r
            and p_b are scalars, else arrays of shape (...). `radius(noise, q_a=q_a)` lies in [r, r (1 + 1e-9)] where
            floats are that dense, for r from 1e-6 of the noise's scale on, and p_b is at most 1/2, above which the
            radius begins with a jump. Below p_a = 1/2, which takes a p_b, give `p_a`. What has to be solved for
            differs in the last digits between one point and many at once (exact duals of more than 12: by 1e-9).

            q_a is 0 where only certainty has such a radius (r = inf, or beyond that of 1 - p_A = 2.2e-308), and nan
            where no vote has: above the largest radius of a bound that ends (Hellinger's at 1.665 sigma, total
            variation's at 1.349 sigma), for r < 0, and for nan. For r = 0 it is the tie with p_b.

        Raises
        ------
        ValueError
            The radius of a formula, as printed, falls as the vote grows.
        UnsupportedNoiseError, MissingDimensionError, TypeError
            As of `radius`.
        """
        norm = None if norm is None else norm_order(self.key, norm)
        factor, values = self._factor(noise, norm), self._values(noise, norm, params)
        if not self.certifies and float(self.radius(noise, q_a=0.0, norm=norm, **params)) < 0:
            raise ValueError(
                f"{self.key} ({self.source}): no vote is the least for a radius, which falls as the vote grows; "
                f"take {self.corrected_by}"
            )
        wanted, rivals = np.broadcast_arrays(
            floats(self.key, "r", r, "above"), 0.0 if p_b is None else floats(self.key, "p_b", p_b, "above")
        )
        found = np.empty((2, wanted.size))
        with np.errstate(all="ignore"):
            for start in range(0, wanted.size, BLOCK):
                block = slice(start, start + BLOCK)
                goal, rival = wanted.reshape(-1)[block], None if p_b is None else rivals.reshape(-1)[block]
                found[:, block] = self._least(np.where(goal < 0, np.nan, goal), rival, factor, values)
        return Vote(*(as_given(x.reshape(wanted.shape), r, 0.0 if p_b is None else p_b) for x in found))

    def _least(self, r: NDArray, p_b: NDArray | None, factor: float, values: dict[str, Any]) -> NDArray:
        """The q_a and p_a of `vote`; shape (2, points).

        Votes are told by their place: how many floats of 1 - p_A lie between it and 1/2, with a minus, or how many of
        p_A where that is below 1/2. So both tails, and what is next to a tie, are as fine as floats are.
        """

        def at(place: NDArray) -> NDArray:  # floats above 0 are in the order of their bits
            small = (HALF - np.abs(place).astype(np.int64)).view(np.float64)
            return np.where(place > 0, [1 - small, small], [small, 1 - small])

        def short(place: NDArray, i: NDArray) -> NDArray:  # never 0, so that the last of equal radii is found
            qa, pa = at(place)
            points = Probabilities(pa, qa, *((qa, pa) if p_b is None else (p_b[i], 1 - p_b[i])))
            radii = self._floats(points, factor, values)
            return np.where(pa < points.pb, inf, np.where(radii == r[i], -LEAST_RADIUS, r[i] - radii))

        first, last = np.full(r.shape, -float(HALF)), np.full(r.shape, 0.0 if p_b is None else float(HALF))
        place, left = last.copy(), np.arange(len(r))
        near = None if p_b is not None else self.formula.vote(r / factor, **values)
        if near is not None:  # radii take long there: first close to what it knows of the vote
            ends = [(near * (1 + share)).view(np.int64) - float(HALF) for share in (-NEAR, NEAR)]
            place = root(short, ends[0], ends[1], least=1.0)
            left = np.flatnonzero(~(place < ends[1]))
        place[left] = root(lambda x, i: short(x, left[i]), first[left], last[left], least=1.0)
        lost = np.isnan(place) | (place == last) & (short(last, np.arange(len(r))) > 0)  # certainty will not do
        q_a, p_a = np.where(lost, np.nan, at(np.where(lost, 0.0, place)))
        # the one that is a difference is moved to the larger vote
        least = np.where((place > 0) & (1 - q_a < p_a), np.nextafter(q_a, 0), q_a)
        return np.array([least, np.where((place <= 0) & (1 - p_a > q_a), np.nextafter(p_a, 1), p_a)])

    def _factor(self, noise: Any, norm: float | None) -> float:
        return (1 - SHAVE if self.certifies else 1.0) / self._shrink(noise, norm)

    def _floats(self, points: Probabilities, factor: float, values: dict[str, Any]) -> NDArray:
        """Radius at so many points, of shape (points,)."""
        radii = self.formula.floats(points.cut, **values) * factor
        if self.certifies:
            radii = np.where(radii > LEAST_RADIUS, radii, 0.0)
        return np.where(points.valid, np.where(points.tied, 0.0, radii), np.nan)

    def radius_mp(
        self,
        noise: Any,
        p_a: Any = None,
        *,
        q_a: Any = None,
        p_b: Any = None,
        norm: float | None = None,
        dps: int = 50,
        **params: float | None,
    ) -> mpmath.mpf:
        """Radius to `dps` decimal digits, of the formula as it is written; not rounded towards 0.

        Parameters are those of `radius`, but scalars; numbers may be strings such as ``"1e-300"``, and floats stand
        for exactly the binary fraction that they are. Suprema are found to half of `dps` digits. Where p_b is 0 the
        value is the limit in double precision.

        Returns
        -------
        mpmath.mpf
            nan outside [0, 1], 0 where p_a <= p_b.
        """
        exactly_one(p_a, q_a)
        norm = None if norm is None else norm_order(self.key, norm)
        values = self._values(noise, norm, params)
        given = {name: x for name, x in (("p_a", p_a), ("q_a", q_a), ("p_b", p_b)) if x is not None}
        for name, x in given.items():
            if np.isnan(float(mpmath.mpf(x)) if isinstance(x, str) else floats(self.key, name, x)):
                return mpmath.nan
        top = number(p_a) if q_a is None else 1 - number(q_a)
        runner = 1 - top if p_b is None else number(p_b)
        if not (0 <= top <= 1 and 0 <= runner <= 1):
            return mpmath.nan
        if top <= runner:
            return mpmath.mpf(0)
        runner = min(runner, 1 - top)
        if runner == 0:  # the formula may divide by it; its limit is what the floats know
            pa, pb = (np.array(float(x)) for x in (top, runner))
            with np.errstate(all="ignore"):
                at = self.formula.floats((pa, np.array(float(1 - top)), pb, 1 - pb), **values)
            return mpmath.mpf(float(at / self._shrink(noise, norm)))
        smallest = min([float(mpmath.log10(as_mpf(x))) for x in (top, 1 - top, runner, top - runner) if x > 0])
        with mpmath.workdps(int(dps - 2 * smallest + 20)):
            value = self.formula.exact(as_mpf(top), as_mpf(runner), **values)
            value = value / self._shrink(noise, norm)
            value = max(value, mpmath.mpf(0)) if self.certifies else value
        with mpmath.workdps(dps):
            return +value

    def _values(self, noise: Any, norm: float | None, params: Mapping[str, float | None]) -> dict[str, Any]:
        """Values of the formula's symbols, from the noise, the norm and the parameters."""
        own = self._own(noise)
        if own is None:
            needed = self.member_text or self.noise.__name__
            raise UnsupportedNoiseError(f"{self.key} ({self.source}) needs {needed} noise, got {noise!r}")
        if unknown := set(params) - set(self.params):
            raise TypeError(f"{self.key} takes parameters {sorted(self.params)}, got {sorted(unknown)}")
        values: dict[str, Any] = {**self.params, **params}
        for name, value in values.items():
            if value is not None and not (is_number(value) and 0 < value < inf):
                raise ValueError(f"{self.key}: {name} must be positive and finite, got {name}={value}")
        for symbol in self.formula.parameters - set(values):
            values[symbol] = norm if symbol == "p" else own.symbol(symbol)
        if self.norm is None and norm is None:
            raise UnsupportedNoiseError(f"{self.key} ({self.source}) holds for every norm: say which, e.g. norm=inf")
        if values.get("d", 0) is None:
            # an l_p radius may not depend on d, as for p <= 2
            if not self.formula.depends_on_dimension(values):
                return {**values, "d": 1}
            raise MissingDimensionError(f"{self.key} ({self.source}) needs the dimension: {noise!r} has dim=None")
        return values

    def _shrink(self, noise: Any, norm: float | None) -> float:
        """Factor by which the largest l_`norm` ball inside the unit ball of the theorem's norm is smaller."""
        if norm is None or self.norm is None or norm <= self.norm:
            return 1.0
        if noise.dim is None:
            asked = f"{self.key} ({self.source}) in the l_{norm:g} norm"
            raise MissingDimensionError(f"{asked} needs the dimension: {noise!r} has dim=None")
        return float(noise.dim ** (1 / self.norm - (0 if isinf(norm) else 1 / norm)))


# what a file in `bounds` writes: tight(key, title, noise, norm, source, formula)
tight = partial(Bound, status=Status.TIGHT)  # the file names the classifier that attains it
sound = partial(Bound, status=Status.SOUND)
heuristic = partial(Bound, status=Status.HEURISTIC)
