"""How radii move with the dimension: fitted exponents beside the laws, and the exact radius in one hard direction.

**Independent noise and a shift that is spread evenly over the coordinates.**
A shift of w in every coordinate has l_p length d^(1/p) w. Its log-likelihood ratio is a sum of d independent terms, so
the exact radius in this one direction follows from their law. It is an upper limit on every certificate in the l_p
norm, and the radius itself only where the even spread is the worst direction.

As d grows at a fixed vote the ratio tends to a normal law of mean -I w^2 d / 2 and variance I w^2 d, with I the Fisher
information of one coordinate (local asymptotic normality), and the radius to
(PhiInv(p_A) - PhiInv(p_B)) / 2 d^(1/p - 1/2) / sqrt(I). At a given deviation I >= 1 / sigma^2, with equality for the
Gaussian alone (Cramer and Rao), so that no smooth independent noise beats the Gaussian in the limit.

**The law of the sum, by FFT and between two bounds.**
One coordinate's log-likelihood ratio L = log f(z - w) / f(z) is put on a lattice twice:

* each value is moved to the nearest lattice point. A threshold on the sum of the moved values is a classifier, and its
  two probabilities are known, so by Neyman and Pearson the least probability after the shift is not above what it has;
* each value is split between its two neighbours so that both probabilities stay what they are. The pair of laws that
  arises tells the two centres apart at least as well, and so do d copies: the least probability is not below its value.

Both errors are of second order in the step. The reflection z -> w - z swaps the two centres and changes the sign of L,
so that the probability of {S <= l} after the shift is that of {S >= -l} before it: one law serves for both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, isinf, log, log1p, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from scipy import fft, optimize, special

from rsexplore import bounds
from rsexplore.bound import Bound, MissingDimensionError, UnsupportedNoiseError
from rsexplore.check import Probabilities, norm_order, read, whole
from rsexplore.divergences import generalized_gaussian as gg
from rsexplore.dual import Dual
from rsexplore.formula import Formula, number
from rsexplore.mechanisms import HALF, GrowthLaw
from rsexplore.noises import ExponentialLinf, GeneralizedGaussian, Laplace, Noise, Uniform
from rsexplore.notation import PhiInvGap, d, p
from rsexplore.quadrature import half_line, interval
from rsexplore.solve import Supremum

DIMS = (16, 64, 256, 1024, 3072, 6144, 12_288, 24_576, 49_152, 98_304, 150_528)
LARGEST = 100.0  # values of L beyond stand for certainty
MOST = 2**22  # lattice points on either side of 0
NEGLIGIBLE = 1e-18  # probability that is left out of a window
CELLS = 128  # lattice points to one standard deviation of L; the relative error is about 1 / (12 CELLS^2)
SMALLEST = 1e-12  # least 1 - p_A: below, the rounding of the FFT counts
ROUNDING = 1e-9  # share by which brackets are widened for the rounding of floats


class Bracket(NamedTuple):
    """Two numbers between which the exact one lies."""

    low: float
    high: float

    @property
    def value(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def error(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2

    @classmethod
    def around(cls, one: float, other: float, scale: float = 1.0) -> "Bracket":
        """Two numbers times `scale`, widened for the rounding of floats."""
        return cls(scale * min(one, other) * (1 - ROUNDING), scale * max(one, other) * (1 + ROUNDING))


def fisher_information(noise: Noise) -> float:
    """Fisher information of one coordinate for its location, E (log f)'^2, in 1 / units^2; see `unit` for the noises.

    It is twice the curvature of the divergence; 1 / sigma^2 for Gaussian noise.
    """
    scale, shape = gg.unit("fisher_information", noise)
    return 2 * gg.curvature(shape) / scale**2


def _deviation(shift: float, s: float) -> float:
    """Standard deviation of L under the normalised geometric mean of the two densities."""
    middle = shift / 2
    y, above = half_line(log(120) / s + 0.6, gg.STEP / (s + 1))
    share, _, below = interval(gg.STEP / (s + 1))
    z, weights = np.r_[middle * (1 + share), shift + y], np.r_[middle * below, above]
    # in the middle of the two centres the geometric mean is largest
    with np.errstate(over="ignore"):
        weights = weights * np.exp(middle**s - (z**s + np.abs(z - shift) ** s) / 2)
    z, weights = z[weights > 0], weights[weights > 0]  # beyond, the ratio overflows
    return sqrt(float(weights @ gg.loss(z, shift, s) ** 2 / weights.sum()))


def lattice(shape: float, shift: float, cells: int, spread: bool) -> tuple[NDArray, float]:
    """Probabilities of L on the points -J h, ..., J h, and the step h, for one coordinate of scale 1.

    With `spread` each value is split between its neighbours (a pair of laws that is easier to tell apart; a mass that
    only one of the two has is left out), without it is moved to the nearest point.
    """
    if shape == 1:  # the atoms at both ends lie on the lattice
        largest, step, count = shift, shift / cells, cells
    else:
        reach = shift + (-log(NEGLIGIBLE)) ** (1 / shape)  # the shifted coordinate hardly goes beyond
        largest, step = min(float(gg.loss(reach, shift, shape)), LARGEST), _deviation(shift, shape) / cells
        count = ceil(largest / step)
    if count > MOST:
        raise ValueError(f"lattice: {shape=:g} at {shift=:g} needs {count} lattice points, above {MOST}")

    def tails(ratios: NDArray) -> tuple[NDArray, NDArray]:
        z = gg.edge(ratios, shift, shape)
        return gg.upper(z, shape), gg.upper(z - shift, shape)

    if not spread:
        before, after = tails((np.arange(count) + 0.5) * step)
        up, down = (np.append(-np.diff(x), x[-1]) for x in (before, after))
        return np.concatenate([down[::-1], [1 - before[0] - after[0]], up]), step
    edges = np.arange(count + 1) * step
    before, after = tails(edges)
    if shape == 1:  # P(L > shift) is 0: the atom belongs to the end
        before[-1], after[-1] = exp(-shift) / 2, 0.5
    mass, shifted = -np.diff(before), -np.diff(after)
    with np.errstate(over="ignore"):
        grow = np.exp(-edges[:-1])
    # mass that goes to the upper neighbour, so that after the shift the cell keeps its probability too
    moved = np.clip((shifted * grow - mass) / np.expm1(step), 0, mass)
    at = np.append(mass - moved, before[-1]) + np.append(0.0, moved)
    at[0] *= 2  # both sides of 0
    # P(-k) = exp(k h) P(k); written with the probabilities after the shift where exp overflows
    mirrored = np.exp(np.minimum(edges, 700)) * at
    return np.concatenate([mirrored[:0:-1], at]), step


@dataclass(frozen=True, eq=False)
class Sum:
    """Law of the sum S of `dim` independent values on a lattice."""

    values: NDArray  # shape (n,), increasing
    tilted: NDArray  # P(S = value) exp(value / 2) / size, which sums to 1
    log_size: float
    rounding: float  # error of an entry of `tilted`

    @classmethod
    def of(cls, weights: NDArray, step: float, dim: int) -> "Sum":
        """The `dim`-fold convolution of the law that `lattice` gives."""
        count = len(weights) // 2
        places = np.arange(-count, count + 1)
        tilt = np.where(weights > 0, np.log(np.maximum(weights, 1e-320)) + places * step / 2, -np.inf)
        size = float(special.logsumexp(tilt))
        tilt = np.exp(tilt - size)
        half = cls._window(tilt, places * step, step, dim)
        if half > MOST:
            raise ValueError(
                f"Sum: the window of dim={dim} needs {half} lattice points, above {MOST}: take fewer cells"
            )
        length = fft.next_fast_len(2 * half + 1, real=True)
        # places outside the window wrap around, with negligible probability
        start = np.bincount(places % length, weights=tilt, minlength=length)
        found = fft.irfft(fft.rfft(start) ** dim, length)
        middle = np.arange(-half, half + 1)
        # the relative error of a power of the transform, and that of the inverse transform
        error = 4 * np.finfo(float).eps * (dim + np.log2(length)) * float(found.max())
        return cls(middle * step, np.maximum(found[middle], 0), dim * size, error)

    @staticmethod
    def _window(tilt: NDArray, ratios: NDArray, step: float, dim: int) -> int:
        """Lattice points on each side of 0 beyond which S has negligible probability (Chernoff)."""
        deviation = sqrt(dim * float(tilt @ ratios**2))
        largest, least = dim * float(ratios[-1]), 10 * deviation
        for _ in range(60):
            if least >= largest:
                return ceil(largest / step)
            rates = np.minimum(np.array([0.25, 0.5, 1.0]) * least / deviation**2, 700 / ratios[-1])
            moments = [np.log(tilt @ np.exp(rate * sign * ratios)) for rate in rates for sign in (-1, 1)]
            bounds = dim * np.reshape(moments, (3, 2)).max(axis=1) - rates * least
            if bounds.min() < log(NEGLIGIBLE):
                return ceil(least / step)
            least *= 1.5
        raise ArithmeticError(f"no window found for dim={dim}, step={step}")

    def least(self, q: float, side: int) -> float:
        """Probability after the shift of {S <= l}, where it is 1 - q before; ties at l are split.

        From below for side -1, from above for 1: the rounding of the FFT is added to all tails, or taken off.
        """
        # E exp(S / 2) limits both errors of {S <= 0}, far below what rounding leaves
        most = exp(self.log_size) if side > 0 and log(q) >= self.log_size else 1.0
        with np.errstate(divide="ignore"):
            masses = np.exp(np.minimum(np.log(self.tilted) - self.values / 2 + self.log_size, 0))
        noise = self.rounding * np.exp(np.minimum(self.log_size - self.values / 2, 50))
        tails = np.cumsum((masses + side * noise)[::-1])[::-1]  # P(S >= value)
        reached = np.flatnonzero(tails >= q)
        if not len(reached):
            return 0.0 if side < 0 else most
        place = reached[-1]
        step = self.values[1] - self.values[0]
        mirror = int(np.searchsorted(self.values, -self.values[place] - step / 2))
        tails = np.append(tails, 0.0)
        share = (q - tails[place + 1]) / (tails[place] - tails[place + 1])
        return float(np.clip(tails[mirror + 1] + (1 - share) * (tails[mirror] - tails[mirror + 1]), 0, most))


def least_probability(noise: Noise, shift: float, dim: int, q_a: float, cells: int = CELLS) -> Bracket:
    """Least probability that a class of probability 1 - `q_a` can have after all `dim` coordinates move by `shift`.

    Exact for this one shift (Neyman-Pearson). `shift` is in units of the input, q_a in [1e-12, 1 - 1e-12].

    Raises
    ------
    ValueError
        q_a is out of its range.
    UnsupportedNoiseError
        See `unit`.
    """
    if not SMALLEST <= q_a <= 1 - SMALLEST:
        raise ValueError(f"least_probability: q_a must be in [{SMALLEST}, 1 - {SMALLEST}], got q_a={q_a}")
    scale, shape = gg.unit("least_probability", noise)
    if shift == 0:
        return Bracket(1 - q_a, 1 - q_a)
    found = Bracket.around(
        *(_law(shape, abs(shift) / scale, dim, cells, side < 0).least(q_a, side) for side in (-1, 1))
    )
    return Bracket(found.low, min(found.high, 1.0))


@lru_cache(maxsize=2)
def _law(shape: float, shift: float, dim: int, cells: int, spread: bool) -> Sum:
    return Sum.of(*lattice(shape, shift, cells, spread), dim)


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
    certificate itself. The top class falls to at least V(p_A), another rises to at most 1 - V(1 - p_B); both limits are
    attained together. For uniform noise it is closed form; else the two bounds come from the law of the log-likelihood
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
    if pb < SMALLEST:  # which is not above qa
        raise ValueError(f"even_spread_radius: 1 - p_A and p_B must be at least {SMALLEST}, got p_b={pb}, q_a={qa}")
    scale, shape = gg.unit("even_spread_radius", noise)

    def excess(log_shift: float, spread: bool) -> float:
        law, side = _law(shape, exp(log_shift), dim, cells, spread), -1 if spread else 1
        left, taken = law.least(qa, side), 0.5 if pb == qa else law.least(pb, side)
        # on the scale of normal quantiles the excess is almost linear in the shift
        return float(special.ndtri(max(taken, 1e-300)) + special.ndtri(max(left, 1e-300)))

    def solve(spread: bool, near: float) -> float:
        low = high = near
        width = 0.05
        while excess(low, spread) < 0:
            low, width = low - width, 2 * width
        while excess(high, spread) > 0:
            high, width = high + width, 2 * width
        return low if low == high else optimize.brentq(excess, low, high, (spread,), xtol=1e-10, rtol=1e-12)

    guess = (special.ndtri(1 - pb) - special.ndtri(qa)) / 2
    inner = solve(True, log(guess / sqrt(dim * 2 * gg.curvature(shape))))
    outer = solve(False, inner)
    return Bracket.around(exp(inner), exp(outer), stretch * scale)


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
    return quantiles * stretch / sqrt(dim * fisher_information(noise))


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


def law(bound: Bound | str, noise: Noise, norm: float | None = None, fixed: str = "sigma") -> GrowthLaw:
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
        return GrowthLaw(power)
    # E ||z||_inf at fixed deviation is a power of log d
    if isinstance(noise, GeneralizedGaussian):
        return GrowthLaw(power, -1 / Fraction(noise.shape).limit_denominator(1000))
    if isinstance(noise, Laplace):
        return GrowthLaw(power, Fraction(-1))
    return GrowthLaw(power, Fraction(0) if flat or isinstance(noise, Uniform | ExponentialLinf) else -HALF)


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
    elif isinstance(bound.formula, gg.KLRadius) and isinstance(noise, GeneralizedGaussian):
        # a cost that is linear near 0, where a divergence is quadratic, takes half a power of d more
        if bound.formula.cost == "printed":
            return _inverse(max(norm, noise.shape)) - 1
        return _inverse(norm) - 1 if bound.formula.cost == "polynomial" and noise.shape == 1 else spread
    raise UnsupportedNoiseError(f"law: the growth of {bound.key} ({bound.source}) with d is not known here")
