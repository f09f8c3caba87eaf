"""What a smoothing mechanism certifies at a given size of its noise: Theorems 12 to 18 and Table 1 of the framework.

A mechanism is D-robust at eps within r if the divergence D between the noise and every shift of norm r is at most eps,
for D either D_inf or D_MR. The size of the noise is E ||z||_inf. The paper's upper limits on r carry no constants: here
they are functions with constant 1, to be compared by their growth in the dimension only.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from rsexplore.noises import ExponentialLinf, Gaussian, Laplace, Noise
from rsexplore.table import Table

DIVERGENCES = ("D_inf", "D_MR")
FAMILIES: tuple[type[Noise], ...] = (Gaussian, ExponentialLinf)
DIMS = tuple(10**k for k in range(4, 149, 6))  # logarithms of logarithms need room to show

HALF = Fraction(1, 2)


class GrowthLaw(NamedTuple):
    """Growth d^power (log d)^log_power."""

    power: Fraction
    log_power: Fraction = Fraction(0)

    def slope(self, dim: float) -> float:
        """Derivative of the logarithm by log d, at one dimension."""
        return float(self.power) + (float(self.log_power) / log(dim) if self.log_power else 0.0)

    def fitted(self, dims: Sequence[int]) -> float:
        """Slope of the straight line through the law itself at `dims`, which is what `exponent` fits to radii."""
        logs = np.log(np.asarray(dims, dtype=float))
        values = float(self.power) * logs
        if self.log_power:
            values = values + float(self.log_power) * np.log(logs)
        return float(np.polyfit(logs, values, 1)[0])

    def __str__(self) -> str:
        powers = [("d", self.power), ("log d", self.log_power)]
        below = [(base, -e) for base, e in powers if e < 0]
        over = " ".join(_power(base, e) for base, e in powers if e > 0) or "1"
        if not below:
            return f"O({over})"
        if all(e == HALF for _, e in below):
            return f"O({over}/sqrt({' '.join(base for base, _ in below)}))"
        under = " ".join(_power(base, e) for base, e in below)
        return f"O({over}/({under}))" if len(below) > 1 else f"O({over}/{under})"


def _power(base: str, exponent: Fraction) -> str:
    if exponent in (HALF, 1):
        return base if exponent == 1 else f"sqrt({base})"
    bracketed = f"({base})" if " " in base else base
    return f"{bracketed}^{exponent}" if exponent.denominator == 1 else f"{bracketed}^({exponent})"


def radius(noise: Noise, eps: float, divergence: str = "D_MR", norm: float = inf) -> float:
    """Largest r within which the noise and its shifts are within `eps`, in the l_`norm` norm and the input's units.

    Gaussian: D_MR is ||shift||_2^2 / (2 sigma^2) (Theorem 10; Theorem 18 for norm inf), D_inf is infinite, so 0.
    ExponentialLinf: D_inf is ||shift||_inf / scale (Theorem 13), for norm 2 as well, on an axis; D_MR is at most half
    its square (Theorem 8), so the radius may be larger. Laplace (ours): D_inf is ||shift||_1 / scale.

    Raises
    ------
    ValueError
        Another divergence, norm or noise, D_MR of Laplace noise, or a noise without `dim`.
    """
    _check(divergence, norm)
    if noise.dim is None:
        raise ValueError(f"radius needs the dimension, got {noise!r}")
    root = np.sqrt(float(noise.dim))
    noise = noise if isinstance(noise, ExponentialLinf) else noise.canonical
    if isinstance(noise, Gaussian):
        return 0.0 if divergence == "D_inf" else float(noise.sigma * sqrt(2 * eps) / (1 if norm == 2 else root))
    pure = eps if divergence == "D_inf" else sqrt(2 * eps)
    if isinstance(noise, ExponentialLinf):
        return noise.scale * pure
    if isinstance(noise, Laplace) and divergence == "D_inf":
        return float(noise.scale * eps / (root if norm == 2 else root**2))
    raise ValueError(f"radius knows no {divergence} of {noise!r}")


def limit(mean: float, eps: float, dim: int, divergence: str = "D_MR", norm: float = inf) -> float:
    """Upper limit on r for noise added on all of R^d with E ||z||_inf <= mean, up to a constant (here 1), eps = O(1).

    D_MR: mean sqrt(eps) for norm 2 (Theorem 12), mean sqrt(eps / d) for norm inf (Theorem 17).
    D_inf: mean eps / d for norm inf (Theorem 16); mean eps / sqrt(d) for norm 2 (not in the paper: the proof of Theorem
    16 with the cube {0, r / sqrt(d)}^d of Theorem 12).
    """
    _check(divergence, norm)
    root = float(np.sqrt(float(dim)))
    if divergence == "D_MR":
        return mean * sqrt(eps) / (1 if norm == 2 else root)
    return mean * eps / (root if norm == 2 else root**2)


def with_mean(family: type[Noise], mean: float, dim: int) -> Noise:
    """Return the member of a family with E ||z||_inf = mean, exactly (Theorem 15 for ExponentialLinf)."""
    unit = family.from_sigma(1.0, dim)
    return family.from_sigma(mean / unit.mean_norm(inf), dim)


def growth(
    family: type[Noise], divergence: str, norm: float, dims: Sequence[int] = DIMS, fixed: str = "mean"
) -> tuple[Fraction, Fraction] | None:
    """Exponents (a, b) of the growth d^a (log d)^b of the radius at eps = 1, to the nearest half; None where it is 0.

    `fixed` says what stays the same as d grows: "mean" is E ||z||_inf, "sigma" the deviation of one coordinate.
    """
    if fixed not in ("mean", "sigma"):
        raise ValueError(f"growth needs fixed='mean' or 'sigma', got fixed={fixed!r}")
    noises = [with_mean(family, 1.0, d) if fixed == "mean" else family.from_sigma(1.0, d) for d in dims]
    radii = [radius(noise, 1.0, divergence, norm) for noise in noises]
    return None if max(radii) == 0 else _exponents(dims, radii)


def limit_growth(divergence: str, norm: float, dims: Sequence[int] = DIMS) -> tuple[Fraction, Fraction]:
    """The same exponents of `limit`."""
    return _exponents(dims, [limit(1.0, 1.0, d, divergence, norm) for d in dims])


def _exponents(dims: Sequence[int], values: Sequence[float]) -> tuple[Fraction, Fraction]:
    logs = np.log(np.array(dims, dtype=float))
    columns = np.stack([np.ones_like(logs), logs, np.log(logs)], axis=1)
    _, power, log_power = np.linalg.lstsq(columns, np.log(values), rcond=None)[0]
    return Fraction(round(2 * power), 2), Fraction(round(2 * log_power), 2)


def verdict(family: type[Noise], divergence: str, norm: float) -> str:
    """How near a mechanism comes to the limit as the dimension grows, at fixed E ||z||_inf; a cell of Table 1."""
    found = growth(family, divergence, norm)
    if found is None:
        return "unable to certify"
    power, log_power = (x - y for x, y in zip(found, limit_growth(divergence, norm), strict=True))
    near = "optimal" if (power, log_power) == (0, 0) else "near optimal" if power == 0 else "not optimal"
    return f"{near}, {GrowthLaw(*found)}"


def table_1(families: Sequence[type[Noise]] = FAMILIES) -> Table:
    """Table 1 of the unified framework, from the radii and limits above, at fixed E ||z||_inf.

    The paper prints O(1) for the Gaussian in l2, which is its growth at fixed sigma; the other cells agree.
    """
    columns = [(norm, divergence) for norm in (2, inf) for divergence in DIVERGENCES]
    head = ["mechanism", *(f"l{norm:g}, {divergence}" for norm, divergence in columns)]
    rows = [[family.__name__, *(verdict(family, div, norm) for norm, div in columns)] for family in families]
    return Table(head, rows)


def corollary_11_crossing(c: float) -> float:
    """Largest q_A = 1 - p_A at which the radius of Corollary 11 as printed reaches the exact one, two classes.

    With x = PhiInv(p_A) it solves log(p_A / q_A) = sqrt(2) (1 + c) x. The left side over x grows from 4 / sqrt(2 pi):
    for c <= 2 / sqrt(pi) - 1 = 0.128 the printed radius is above the exact one everywhere, and 1/2 is returned; above
    that it is too large for q_A below the crossing, and only there. Numbers below 1e-300 (c > 12) come out as 0.
    """
    if not c >= 0:
        raise ValueError(f"corollary_11_crossing: c must be at least 0, got c={c}")
    slope = sqrt(2) * (1 + c)
    if slope <= 4 / sqrt(2 * np.pi):
        return 0.5

    def excess(x: float) -> float:
        return float((special.log_ndtr(x) - special.log_ndtr(-x)) / x - slope)

    return float(special.ndtr(-optimize.brentq(excess, 1e-6, 4 * slope, xtol=1e-14, rtol=1e-14)))


def _check(divergence: str, norm: float) -> None:
    if divergence not in DIVERGENCES:
        raise ValueError(f"divergence must be one of {DIVERGENCES}, got {divergence!r}")
    if norm not in (2, inf):
        raise ValueError(f"norm must be 2 or inf, got norm={norm}")
