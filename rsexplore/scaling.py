"""How radii move with the dimension: fitted exponents beside the laws, and the exact radius in one hard direction.

**Independent noise and a shift that is spread evenly over the coordinates.**
A shift of w in every coordinate has l_p length d^(1/p) w. Its log-likelihood ratio is a sum of d independent terms, so
the exact radius in this one direction follows from their law. It is an upper limit on every certificate in the l_p
norm, and the radius itself only where the even spread is the worst direction.

As d grows at a fixed vote the ratio tends to a normal law of mean -I w^2 d / 2 and variance I w^2 d, with I the Fisher
information of one coordinate (local asymptotic normality), and the radius to
(PhiInv(p_A) - PhiInv(p_B)) / 2 d^(1/p - 1/2) / sqrt(I). At a given deviation I >= 1 / sigma^2, with equality for the
Gaussian alone (Cramer and Rao), so that no smooth independent noise beats the Gaussian in the limit.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isinf, log1p, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from rsexplore import bounds, convolution
from rsexplore.bound import Bound, MissingDimensionError, UnsupportedNoiseError
from rsexplore.check import Probabilities, norm_order, read, whole
from rsexplore.convolution import CELLS, Bracket
from rsexplore.divergences.generalized_gaussian import KLRadius
from rsexplore.dual import Dual
from rsexplore.formula import Formula, number
from rsexplore.mechanisms import HALF, Law
from rsexplore.noises import ExponentialLinf, GeneralizedGaussian, Laplace, Noise, Uniform
from rsexplore.notation import PhiInvGap, d, p
from rsexplore.solve import Supremum

DIMS = (16, 64, 256, 1024, 3072, 6144, 12_288, 24_576, 49_152, 98_304, 150_528)


def even_spread_radius(
    noise: Noise,
    p_a: float | None = None,
    dim: int | None = None,
    norm: float = 2,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    cells: int = CELLS,
) -> Bracket:
    """Exact radius along the direction (1, ..., 1), between two bounds.

    The Neyman-Pearson value for that direction: an upper limit on every certificate in the l_`norm` norm, and no
    certificate itself. For uniform noise it is closed form; else the two bounds come from the law of the log-likelihood
    ratio, convolved `dim` times.

    Parameters
    ----------
    noise : Gaussian, Laplace, GeneralizedGaussian of shape >= 1, or Uniform
        Smoothing noise.
    p_a, q_a, p_b : float
        As for `Bound.radius`; for other than uniform noise 1 - p_A and p_B are at least 1e-12.
    dim : int, optional
        Dimension; that of the noise if absent.
    norm : float >= 1
        Norm in which the shift is measured.
    cells : int
        Lattice points to a standard deviation of one coordinate's ratio; the bracket's relative width is about
        1 / (8 cells^2).

    Returns
    -------
    Bracket
        Bounds low and high, with their middle `value` and half-width `error`, in units of the input; 0 where
        p_A <= p_B, nan for probabilities outside [0, 1].

    Raises
    ------
    UnsupportedNoiseError
        Another noise.
    MissingDimensionError
        Neither `dim` nor the noise's dimension is given.
    ValueError
        A probability is too small.
    """
    dim, stretch, points = _asked("even_spread_radius", noise, dim, norm, p_a, q_a, p_b)
    if not points.valid:
        return Bracket(nan, nan)
    if points.tied:
        return Bracket(0.0, 0.0)
    _, qa, pb, _ = (float(x) for x in points.cut)
    if isinstance(noise, Uniform):
        # {L = inf} has probability 1 - (1 - w / 2 scale)^d after the shift and 0 before: half the gap is lost
        gap = (0.5 - qa) + (0.5 - pb)
        shift = -2 * noise.scale * np.expm1(log1p(-gap / 2) / dim)
        return Bracket.around(stretch * shift, stretch * shift)
    found = convolution.radius(noise, dim, qa, pb, cells)
    return Bracket(stretch * found.low, stretch * found.high)


def limit_radius(
    noise: Noise,
    p_a: float | None = None,
    dim: int | None = None,
    norm: float = 2,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
) -> float:
    """What `even_spread_radius` tends to as d grows: (PhiInv(p_A) - PhiInv(p_B)) / 2 d^(1/p - 1/2) / sqrt(I).

    For uniform noise, which has no Fisher information, -2 scale log(1 - (p_A - p_B) / 2) d^(1/p - 1).
    """
    dim, stretch, points = _asked("limit_radius", noise, dim, norm, p_a, q_a, p_b)
    if not points.valid:
        return nan
    if points.tied:
        return 0.0
    if isinstance(noise, Uniform):
        return float(-2 * noise.scale * log1p(-(points.pa - points.pb) / 2) * stretch / dim)
    quantiles = float(PhiInvGap.floats(*points.cut)) / 2
    return quantiles * stretch / sqrt(dim * convolution.fisher_information(noise))


def _asked(
    owner: str, noise: Noise, dim: int | None, norm: float, *votes: float | None
) -> tuple[int, float, Probabilities]:
    """The dimension, the l_`norm` length of (1, ..., 1), and the probabilities."""
    dim = noise.dim if dim is None else dim
    if dim is None:
        raise MissingDimensionError(f"{owner} needs the dimension: {noise!r} has dim=None")
    whole(owner, "dim", dim)
    return int(dim), float(dim) ** (1 / norm_order(owner, norm)), Probabilities.of(*read(owner, *votes))


class Slope(NamedTuple):
    """Slope of log radius against log d by least squares, and its standard error from the scatter about the line."""

    value: float
    error: float


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
    values, logs = np.array(radii), np.log(np.asarray(dims, dtype=float))
    if len(logs) < 3 or len(np.unique(logs)) < len(logs):
        raise ValueError(f"exponent needs at least 3 different dims, got {len(logs)}")
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"exponent needs finite radii above 0, got {radii} at dims={tuple(dims)}")
    (slope, _), covariance = np.polyfit(logs, np.log(values), 1, cov=True)
    return Slope(float(slope), float(np.sqrt(covariance[0, 0])))


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
    power, flat = _at_scale(bound, noise, norm), isinf(getattr(noise, "tail_norm", nan))
    if isinstance(noise, ExponentialLinf):  # the scale at fixed deviation of one coordinate
        power -= 1
    elif flat:
        power -= HALF
    if bound.norm is not None and norm > bound.norm:
        power += _inverse(norm) - _inverse(bound.norm)
    if fixed == "sigma":
        return Law(power)
    # E ||z||_inf at fixed deviation is a power of log d
    if isinstance(noise, GeneralizedGaussian):
        return Law(power, -1 / Fraction(noise.shape).limit_denominator(1000))
    if isinstance(noise, Laplace):
        return Law(power, Fraction(-1))
    return Law(power, Fraction(0) if flat or isinstance(noise, Uniform | ExponentialLinf) else -HALF)


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
