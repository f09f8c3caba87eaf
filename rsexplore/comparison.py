"""Every bound that applies to a noise, side by side, under the exact radius."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import bounds
from rsexplore.bound import Bound, MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.noises import Noise
from rsexplore.table import Table, rounded_down


class Row(NamedTuple):
    """One bound at one point; `share` is the radius over the exact one, nan where the exact one is not known."""

    bound: Bound
    radius: float
    share: float
    status: Status


@dataclass(frozen=True)
class Comparison:
    """Rows of `compare`, largest radius first; prints as a table."""

    noise: Noise
    norm: float
    rows: tuple[Row, ...]
    omitted: tuple[Bound, ...] = ()  # apply too, but need the noise's dimension

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def table(self) -> Table:
        """The rows as text; radii are rounded towards 0."""
        rows = []
        for bound, radius, share, status in self.rows:
            of_exact = "" if np.isnan(share) else f"{share:.1%}"
            rows.append((bound.key, rounded_down(radius), of_exact, status.value, bound.source))
        return Table(("bound", f"l{self.norm:g} radius", "of exact", "status", "source"), rows)

    @property
    def remark(self) -> str:
        """What the table does not show; empty if nothing."""
        if not self.rows:
            return f"no bound for {self.noise!r} in the l{self.norm:g} norm yet"
        keys = ", ".join(bound.key for bound in self.omitted)
        return f"left out, for want of dim: {keys}" if keys else ""

    def __str__(self) -> str:
        return "\n".join(filter(None, (str(self.table) if self.rows else "", self.remark)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return (self.table._repr_html_() if self.rows else "") + (f"<p>{self.remark}</p>" if self.remark else "")


def compare(
    noise: Noise,
    p_a: float | None = None,
    *,
    q_a: float | None = None,
    p_b: float | None = None,
    norm: float | None = None,
    **params: float,
) -> Comparison:
    """Every bound that applies, at one point, largest radius first.

    Parameters
    ----------
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out, and named under the table.
    p_a, q_a, p_b : float
        As for `Bound.radius`.
    norm : float >= 1, optional
        Norm of the ball; if absent the one in which most is known of the family (2 for Gaussian noise).
    **params : float
        Parameters of bounds, e.g. ``c=3`` or ``order=2``; each goes to the bounds that have it.

    Raises
    ------
    ValueError
        A probability is outside [0, 1].
    TypeError
        No bound has such a parameter, or not exactly one of p_a and q_a is given.
    MissingDimensionError
        Every bound depends on `noise.dim` here, which is not set.
    """
    for name, value in (("p_a", p_a), ("q_a", q_a), ("p_b", p_b)):
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"compare: {name} must lie in [0, 1], got {name}={value}")
    norm = noise.natural_norm if norm is None else norm
    applicable = bounds.of(noise, norm)
    if unknown := set(params) - {name for b in bounds.ALL for name in b.params}:
        raise TypeError(f"no bound has parameters {sorted(unknown)}")
    exact = exact_bound(noise, norm)
    best = np.nan if exact is None else float(exact.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm))
    rows: list[Row] = []
    omitted: list[Bound] = []
    for bound in applicable:
        own = {name: value for name, value in params.items() if name in bound.params}
        try:
            radius = float(bound.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm, **own))
        except MissingDimensionError:
            omitted.append(bound)
            if len(omitted) == len(applicable):
                raise
            continue
        share = radius / best if best > 0 and isfinite(best) else np.nan
        rows.append(Row(bound, radius, share, bound.status_at(norm, two_class=p_b is None)))
    return Comparison(noise, norm, tuple(sorted(rows, key=lambda r: -r.radius)), tuple(omitted))


def exact_bound(noise: Noise, norm: float) -> Bound | None:
    """Return the bound that is proved and attained for this noise and norm, for any number of classes, if known."""
    candidates = (b for b in bounds.of(noise, norm) if b.norm in (norm, None))
    return next((b for b in candidates if b.status is Status.TIGHT and not b.two_class), None)


def exact_radius(
    noise: Noise,
    p_a: ArrayLike | None = None,
    *,
    q_a: ArrayLike | None = None,
    p_b: ArrayLike | None = None,
    norm: float | None = None,
) -> NDArray:
    """Neyman-Pearson radius: the largest that any certificate from p_A and p_B can give.

    Proved, with a witness that attains it, for Gaussian noise in every l_p norm with p >= 1 (Cohen et al. 2019), for
    Laplace noise in l1 (ours, containing Teng et al. 2020), for uniform noise in l1 (Yang et al. 2020), and for
    power-Gaussian noise (soap bubbles 2020): eq. (8) in every l_p norm, eqs. (9) and (10) in l_inf, solved in floats on
    the certified side. For any number of classes. The float returned is rounded towards 0.

    Parameters and shapes are those of `Bound.radius`; without a norm it is the one in which most is known of the
    family.

    Raises
    ------
    UnsupportedNoiseError
        The exact radius of this noise in this norm is not known here.
    MissingDimensionError
        It depends on `noise.dim`, which is not set.
    """
    norm = noise.natural_norm if norm is None else norm
    bound = exact_bound(noise, norm)
    if bound is None:
        raise UnsupportedNoiseError(
            f"exact_radius is proved for Gaussian (every norm), Laplace (l1), Uniform (l1) and PowerGaussian noise "
            f"(eq. 8 every norm, eqs. 9 and 10 l_inf), "
            f"got {noise!r} in the l{norm:g} norm"
        )
    return bound.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm)
