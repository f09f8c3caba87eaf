"""Exponents of the growth of a radius with the dimension: fitted, and as theory has them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf, isinf
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from rsexplore import bounds, mechanisms
from rsexplore.bound import Bound, UnsupportedNoiseError
from rsexplore.divergences.kl_radius import KLRadius
from rsexplore.dual import Dual
from rsexplore.formula import Formula, number
from rsexplore.mechanisms import HALF, Law
from rsexplore.noises import ExponentialLinf, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.notation import d, p
from rsexplore.solve import Supremum
from rsexplore.table import Table

DIMS = (16, 64, 256, 1024, 3072, 6144, 12_288, 24_576, 49_152, 98_304, 150_528)


class Slope(NamedTuple):
    """Slope of log radius against log d by least squares, and its standard error from the scatter about the line."""

    value: float
    error: float


class Fit(NamedTuple):
    """One row of `table_1`: what grows, its law, the fitted slope and that of the law at the same dimensions."""

    mechanism: str
    divergence: str
    norm: float
    law: Law
    slope: Slope
    theory: float


def _line(logs: np.ndarray, values: np.ndarray) -> Slope:
    if len(logs) < 3 or len(np.unique(logs)) < len(logs):
        raise ValueError(f"exponent needs at least 3 different dims, got {len(logs)}")
    away = logs - logs.mean()
    slope = float(away @ values / (away @ away))
    rest = values - values.mean() - slope * away
    return Slope(slope, float(np.sqrt(rest @ rest / (len(logs) - 2) / (away @ away))))


def exponent(
    bound: Bound | str | Callable[[Noise], Any],
    noise_of_dim: Callable[[int], Noise],
    p_a: ArrayLike | None = None,
    *,
    q_a: ArrayLike | None = None,
    p_b: ArrayLike | None = None,
    dims: Sequence[int] = DIMS,
    norm: float | None = None,
    **params: float,
) -> Slope:
    """Fitted slope of log radius against log d.

    Parameters
    ----------
    bound : Bound, str or callable
        A bound, its key, or any function of a noise that gives a positive number (then probabilities and `norm` are its
        own affair and must not be given).
    noise_of_dim : callable
        Noise for a dimension, e.g. ``lambda dim: Gaussian(1.0, dim)``: what stays fixed as d grows is said here.
    p_a, q_a, p_b : float
        As for `Bound.radius`.
    dims : sequence of int
        At least three different dimensions.
    norm : float >= 1, optional
        Norm of the ball; that of the theorem if absent.
    **params : float
        Parameters of the bound.

    Returns
    -------
    Slope
        Value and standard error; the error tells how far the radii are from any power of d.

    Raises
    ------
    ValueError
        A radius is 0, infinite or nan, so it has no logarithm, or there are fewer than three dimensions.
    """
    if callable(bound) and not isinstance(bound, Bound):
        if any(x is not None for x in (p_a, q_a, p_b, norm)) or params:
            raise TypeError("exponent: a function of the noise takes no probabilities, norm or parameters")
        radii = [float(bound(noise_of_dim(dim))) for dim in dims]
    else:
        chosen = bounds.get(bound) if isinstance(bound, str) else bound
        chance: dict[str, Any] = {"p_a": p_a, "q_a": q_a, "p_b": p_b, "norm": norm, **params}
        radii = [float(chosen.radius(noise_of_dim(dim), **chance)) for dim in dims]
    values = np.array(radii)
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"exponent needs finite radii above 0, got {radii} at dims={tuple(dims)}")
    return _line(np.log(np.asarray(dims, dtype=float)), np.log(values))


def law(bound: Bound | str, noise: Noise, norm: float | None = None, fixed: str = "sigma") -> Law:
    """Growth of a bound's radius with the dimension.

    Parameters
    ----------
    bound : Bound or str
        A bound or its key.
    noise : Noise
        Any member of the family; its k stays the same as d grows.
    norm : float >= 1, optional
        Norm of the ball; that of the theorem if absent. Of a larger order than the theorem's, the ball inside costs
        d^(1/norm - 1/theorem's). For Gaussian noise and p < 2 the l_p radius is the l2 radius: O(1).
    fixed : "sigma" or "mean"
        What stays the same: the deviation of one coordinate, or E ||z||_inf.

    Raises
    ------
    UnsupportedNoiseError
        The law of this radius is not known here, or no norm is.
    """
    bound = bounds.get(bound) if isinstance(bound, str) else bound
    if fixed not in ("sigma", "mean"):
        raise ValueError(f"law needs fixed='sigma' or 'mean', got fixed={fixed!r}")
    if not bound.supports(noise):
        raise UnsupportedNoiseError(f"{bound.key} says nothing of {noise!r}")
    norm = bound.norm if norm is None else norm
    if norm is None:
        raise UnsupportedNoiseError(f"{bound.key} ({bound.source}) holds for every norm: say which, e.g. norm=inf")
    power = _at_scale(bound, noise, norm) + _scale(noise)
    if bound.norm is not None and norm > bound.norm:
        power += _inverse(norm) - _inverse(bound.norm)
    return Law(power, -_log_mean(noise) if fixed == "mean" else Fraction(0))


def local_slope(bound: Bound | str, noise: Noise, dim: float, norm: float | None = None, fixed: str = "sigma") -> float:
    """Slope of log radius against log d at one dimension, as theory has it; arguments as for `law`."""
    return law(bound, noise, norm, fixed).slope(dim)


def _inverse(norm: float) -> Fraction:
    return Fraction(0) if isinf(norm) else 1 / Fraction(norm).limit_denominator(10**6)


def _at_scale(bound: Bound, noise: Noise, norm: float) -> Fraction:
    """Exponent of the radius in the theorem's own norm at fixed scale."""
    spread = -max(Fraction(0), HALF - _inverse(norm))
    if isinstance(bound.formula, (Formula, Supremum)):
        expr = bound.formula.expr if bound.norm is not None else bound.formula.expr.subs(p, number(norm))
        found = expr.as_powers_dict().get(d, sp.Integer(0))
        if d not in (expr / d**found).free_symbols:
            return Fraction(int(found.p), int(found.q))
    elif isinstance(bound.formula, Dual):
        return spread if bound.norm is None else -HALF if isinf(bound.norm) else Fraction(0)
    elif isinstance(bound.formula, KLRadius) and isinstance(noise, GeneralizedGaussian):
        # a cost that is linear near 0, where a divergence is quadratic, takes half a power of d more
        if bound.formula.cost == "printed":
            return _inverse(max(norm, noise.shape)) - 1
        return _inverse(norm) - 1 if bound.formula.cost == "polynomial" and noise.shape == 1 else spread
    raise UnsupportedNoiseError(f"law: the growth of {bound.key} ({bound.source}) with d is not known here")


def _scale(noise: Noise) -> Fraction:
    """Exponent of the scale at fixed deviation of one coordinate."""
    if isinstance(noise, ExponentialLinf):
        return Fraction(-1)
    return -HALF if isinstance(noise, PowerGaussian) and isinf(noise.tail_norm) else Fraction(0)


def _log_mean(noise: Noise) -> Fraction:
    """Exponent of log d in E ||z||_inf at fixed deviation."""
    if isinstance(noise, GeneralizedGaussian):
        return 1 / Fraction(noise.shape).limit_denominator(1000)
    if isinstance(noise, Laplace):
        return Fraction(1)
    flat = isinf(noise.tail_norm) if isinstance(noise, PowerGaussian) else isinstance(noise, (Uniform, ExponentialLinf))
    return Fraction(0) if flat else HALF


def table_1(dims: Sequence[int] = DIMS[4:]) -> tuple[Fit, ...]:
    """Every row of Table 1 of the unified framework that certifies, and the limits, with fitted slopes.

    Radii at eps = 1 and E ||z||_inf = 1, and limits, are those of `mechanisms`; so are the laws, from dimensions up to
    10^148. The slope is fitted at `dims`, beside that of the law at the same dimensions.
    """
    rows = []
    for norm in (2, inf):
        for divergence in mechanisms.DIVERGENCES:
            for family in mechanisms.FAMILIES:
                if grows := mechanisms.growth(family, divergence, norm):
                    members = [mechanisms.with_mean(family, 1.0, n) for n in dims]
                    radii = [mechanisms.radius(noise, 1.0, divergence, norm) for noise in members]
                    rows.append(_fit(family.__name__, divergence, norm, Law(*grows), dims, radii))
            limits = [mechanisms.limit(1.0, 1.0, n, divergence, norm) for n in dims]
            grows = mechanisms.limit_growth(divergence, norm)
            rows.append(_fit("limit", divergence, norm, Law(*grows), dims, limits))
    return tuple(rows)


def _fit(name: str, divergence: str, norm: float, grows: Law, dims: Sequence[int], radii: Sequence[float]) -> Fit:
    logs = np.log(np.asarray(dims, dtype=float))
    return Fit(name, divergence, norm, grows, _line(logs, np.log(radii)), grows.fitted(dims))


def fit_table(fits: Sequence[Fit]) -> Table:
    """Rows of `table_1` as text."""
    head = ("mechanism", "norm", "divergence", "law", "fitted slope", "of the law")
    rows = []
    for f in fits:
        fitted = f"{f.slope.value:.4f} ± {f.slope.error:.4f}"
        rows.append((f.mechanism, f"l{f.norm:g}", f.divergence, f.law, fitted, f"{f.theory:.4f}"))
    return Table(head, rows)
