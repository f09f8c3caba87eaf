"""Independent noise and a shift that is spread evenly over the coordinates: exact radii, their limit, the Gaussian's.

A shift of w in every coordinate has l_p length d^(1/p) w. Its log-likelihood ratio is a sum of d independent terms, so
the exact radius in this one direction follows from their law. It is an upper limit on every certificate in the l_p
norm, and the radius itself only where the even spread is the worst direction.

As d grows at a fixed vote the ratio tends to a normal law of mean -I w^2 d / 2 and variance I w^2 d, with I the Fisher
information of one coordinate (local asymptotic normality), and the radius to
(PhiInv(p_A) - PhiInv(p_B)) / 2 d^(1/p - 1/2) / sqrt(I). At a given deviation I >= 1 / sigma^2, with equality for the
Gaussian alone (Cramer and Rao), so that no smooth independent noise beats the Gaussian in the limit.
"""

from collections.abc import Sequence
from math import isinf, log1p, nan, sqrt
from typing import NamedTuple

import numpy as np

from rsexplore import bounds, convolution
from rsexplore.bound import MissingDimensionError
from rsexplore.check import Probabilities
from rsexplore.convolution import CELLS, Bracket
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.notation import PhiInvGap
from rsexplore.table import Table

SOLVED = 1e-8  # share by which a solved radius may lie below the exact one
FAMILIES: tuple[Noise, ...] = (
    Laplace.from_sigma(1.0),
    GeneralizedGaussian.from_sigma(1.0, shape=1.5),
    GeneralizedGaussian.from_sigma(1.0, shape=3.0),
    GeneralizedGaussian.from_sigma(1.0, shape=4.0),
    GeneralizedGaussian.from_sigma(1.0, shape=8.0),
    Uniform.from_sigma(1.0),
)


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
    dim, stretch = _dimension(noise, dim, norm)
    points = _points(p_a, q_a, p_b)
    if not points.valid:
        return Bracket(nan, nan)
    if points.pa <= points.pb:
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
    dim, stretch = _dimension(noise, dim, norm)
    points = _points(p_a, q_a, p_b)
    if not points.valid:
        return nan
    if points.pa <= points.pb:
        return 0.0
    if isinstance(noise, Uniform):
        return float(-2 * noise.scale * log1p(-(points.pa - points.pb) / 2) * stretch / dim)
    quantiles = float(PhiInvGap.floats(*points.cut)) / 2
    return quantiles * stretch / sqrt(dim * convolution.fisher_information(noise))


def limit_share(noise: Noise) -> float:
    """1 / (sigma sqrt(I)): the limit of the radius over that of Gaussian noise of the same deviation; at most 1.

    0 for uniform noise.
    """
    return 0.0 if isinstance(noise, Uniform) else 1 / (noise.sigma * sqrt(convolution.fisher_information(noise)))


class Contest(NamedTuple):
    """A noise beside the Gaussian: radius over the Gaussian's, and what that tends to as d grows."""

    noise: Noise
    dim: int
    q_a: float
    share: Bracket
    limit: float


def iid_against_gaussian(
    q_a: float, dims: Sequence[int] = (1, 16, 256, 3072), family: Sequence[Noise] = FAMILIES, cells: int = CELLS
) -> tuple[Contest, ...]:
    """Even-spread radii of independent noise over the Gaussian's of the same deviation, two classes, in any norm.

    A share below 1 proves that the noise certifies less than the Gaussian in l_p for every p >= 2, where the Gaussian's
    radius is attained by the even spread. A share above 1 proves nothing: another direction may be worse.
    """
    rows = []
    for noise in family:
        for dim in dims:
            gaussian = limit_radius(Gaussian(noise.sigma), None, dim, q_a=q_a)
            found = even_spread_radius(noise, None, dim, q_a=q_a, cells=cells)
            share = Bracket(found.low / gaussian, found.high / gaussian)
            rows.append(Contest(noise, dim, q_a, share, limit_share(noise)))
    return tuple(rows)


def spherical_against_gaussian(
    q_a: float, dim: int = 3072, parts: Sequence[float] = (0.0, 1 / 30, 1 / 6, 1 / 3, 2 / 3)
) -> tuple[Contest, ...]:
    """Exact l2 radii of spherical noise, family (8) with k = part * dim, over the Gaussian's; two classes.

    Of the two Gaussians that the paper's noise may be held against this is the one with the same mode of ||z||_2. As d
    grows at a fixed part the share tends to 1: the certificate sees the mean length of the noise and little else.
    """
    rows = []
    gaussian = float(bounds.get("cohen-l2").radius(Gaussian(1.0), q_a=q_a))
    for part in parts:
        noise = PowerGaussian.matched(1.0, float(round(part * dim)), dim)
        share = float(bounds.get("soap-dual").radius(noise, q_a=q_a)) / gaussian
        rows.append(Contest(noise, dim, q_a, Bracket(share, share * (1 + SOLVED)), 1.0))
    return tuple(rows)


def contest_table(contests: Sequence[Contest]) -> Table:
    """Contests as text."""
    head = ("noise", "d", "1 - p_A", "radius / Gaussian's", "as d grows")
    rows = [
        (c.noise.label, c.dim, f"{c.q_a:g}", f"{c.share.value:.5f} ± {c.share.error:.0e}", f"{c.limit:.5f}")
        for c in contests
    ]
    return Table(head, rows)


def _dimension(noise: Noise, dim: int | None, norm: float) -> tuple[int, float]:
    """The dimension, and the l_`norm` length of (1, ..., 1)."""
    dim = noise.dim if dim is None else dim
    if dim is None:
        raise MissingDimensionError(f"even_spread_radius needs the dimension: {noise!r} has dim=None")
    if not (dim >= 1 and int(dim) == dim):
        raise ValueError(f"even_spread_radius: dim must be a whole number of at least 1, got dim={dim}")
    if not norm >= 1:
        raise ValueError(f"even_spread_radius: norm must be at least 1, got norm={norm}")
    return int(dim), 1.0 if isinf(norm) else float(dim) ** (1 / norm)


def _points(p_a: float | None, q_a: float | None, p_b: float | None) -> Probabilities:
    if (p_a is None) == (q_a is None):
        raise TypeError(f"give exactly one of p_a and q_a, got p_a={p_a!r} and q_a={q_a!r}")
    return Probabilities.of(*(None if x is None else np.asarray(x, dtype=float) for x in (p_a, q_a, p_b)))
