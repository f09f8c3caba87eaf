"""Every bound that applies to a noise, side by side, under the exact radius."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rsexplore import bounds
from rsexplore.bound import Bound, MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.check import as_given, norm_order, read
from rsexplore.noises import Noise
from rsexplore.table import Table, rounded_down

PROBABILITIES = ("p_a", "q_a", "p_b")


class ComparisonRow(NamedTuple):
    """One bound at one vote; `share` is the radius over the exact one, nan where the exact one is not known.

    Of `p_a`, `q_a` and `p_b` those are None that `compare` was not given; decimals are here as they were given.
    """

    bound: Bound
    radius: float
    share: float
    status: Status
    p_a: float | Decimal | None = None
    q_a: float | Decimal | None = None
    p_b: float | Decimal | None = None

    @property
    def vote(self) -> dict[str, float | Decimal]:
        """The probabilities that were given, by their names."""
        return {name: x for name in PROBABILITIES if (x := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Comparison:
    """Rows of `compare`: vote by vote, largest radius first; prints as a table.

    `found[0]` is a row, `found["cohen-l2"]` the row of that bound, or a tuple of rows if there are more votes than one.
    """

    noise: Noise
    norm: float
    rows: tuple[ComparisonRow, ...]
    omitted: tuple[Bound, ...] = ()  # apply too, but need the noise's dimension
    several: bool = False  # whether votes came as an array

    def __iter__(self) -> Iterator[ComparisonRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | str | Bound) -> Any:
        """Row at a place, rows of a slice, or what a bound says.

        Raises
        ------
        KeyError
            The bound is not in the table; the message lists those that are.
        IndexError
            There is no such place.
        """
        if isinstance(which, int | slice):
            return self.rows[which]
        key = bounds.get(which).key
        found = tuple(row for row in self.rows if row.bound.key == key)
        if not found:
            known = ", ".join(dict.fromkeys(row.bound.key for row in self.rows))
            raise KeyError(f"{key} is not in the table; there are {known}")
        return found if self.several else found[0]

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as plain data, e.g. for ``pandas.DataFrame``: full precision, text for bound, status and source."""
        return [
            {
                **row.vote,
                "bound": row.bound.key,
                "radius": row.radius,
                "share": row.share,
                "status": row.status.value,
                "caveat": row.bound.caveat(self.noise),
                "source": str(row.bound.source),
            }
            for row in self.rows
        ]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dicts` as comma-separated values with a head; a file that is there is replaced."""
        rows = self.to_dicts()
        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]) if rows else ["bound", "radius", "share", "status", "source"])
            writer.writeheader()
            writer.writerows(rows)

    @property
    def table(self) -> Table:
        """The rows as text; radii are rounded towards 0."""
        given = list(self.rows[0].vote) if self.several and self.rows else []
        rows = []
        for row in self.rows:
            vote = (f"{row.vote[name]:.10g}" for name in given)
            of_exact = "" if np.isnan(row.share) else f"{row.share:.1%}"
            caveat = row.bound.caveat(self.noise)
            status = row.status.value + (f" ({caveat})" if caveat else "")
            rows.append((*vote, row.bound.key, rounded_down(row.radius), of_exact, status, row.bound.source))
        return Table((*given, "bound", f"l{self.norm:g} radius", "of exact", "status", "source"), rows)

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
    p_a: ArrayLike | None = None,
    *,
    q_a: ArrayLike | None = None,
    p_b: ArrayLike | None = None,
    norm: float | str | None = None,
    **params: float,
) -> Comparison:
    """Every bound that applies, vote by vote, largest radius first.

    Parameters
    ----------
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out, and named under the table.
    p_a, q_a, p_b : array_like, shape (...), in [0, 1]
        As for `Bound.radius`; one row for each vote and bound.
    norm : float >= 1 or "inf", optional
        Norm of the ball; if absent the one in which most is known of the family (2 for Gaussian noise).
    **params : float
        Parameters of bounds, e.g. ``c=3`` or ``order=2``; each goes to the bounds that have it.

    Raises
    ------
    ValueError
        A probability is outside [0, 1].
    TypeError
        No bound has such a parameter, not exactly one of p_a and q_a is given, or one is no array of real numbers.
    MissingDimensionError
        Every bound depends on `noise.dim` here, which is not set.
    """
    given = zip(PROBABILITIES, read("compare", p_a, q_a, p_b), strict=True)
    votes: dict[str, Any] = {name: x.ravel() for name, x in given if x is not None}
    for name, values in votes.items():
        if not (right := (values >= 0) & (values <= 1)).all():
            raise ValueError(f"compare: {name} must lie in [0, 1], got {name}={values[~right][0]:g}")
    norm = noise.natural_norm if norm is None else norm_order("compare", norm)
    if unknown := set(params) - {name for b in bounds.ALL for name in b.params}:
        raise TypeError(f"no bound has parameters {sorted(unknown)}")
    found: dict[Any, Any] = {}
    omitted: list[Bound] = []
    for bound in bounds.of(noise, norm):
        own = {name: value for name, value in params.items() if name in bound.params}
        try:
            found[bound] = bound.radius(noise, **votes, norm=norm, **own)
        except MissingDimensionError as error:
            omitted.append(bound)
            missing = error
    if omitted and not found:
        raise missing
    best = found.get(exact_bound(noise, norm), np.nan)
    with np.errstate(all="ignore"):
        shares = {b: np.where((best > 0) & np.isfinite(best), radii / best, np.nan) for b, radii in found.items()}
    status = {bound: bound.status_at(norm, two_class=p_b is None) for bound in found}
    told = {name: values.tolist() for name, values in votes.items()}
    asked = zip(PROBABILITIES, (p_a, q_a, p_b), strict=True)
    exact = {name: np.asarray(x, dtype=object) for name, x in asked if x is not None}
    if any(isinstance(x, Decimal) for values in exact.values() for x in values.flat):
        told = {name: x.ravel().tolist() for name, x in zip(exact, np.broadcast_arrays(*exact.values()), strict=True)}
    rows: list[ComparisonRow] = []
    for i in range(len(next(iter(told.values())))):
        vote = {name: values[i] for name, values in told.items()}
        here = (ComparisonRow(b, float(radii[i]), float(shares[b][i]), status[b], **vote) for b, radii in found.items())
        rows += sorted(here, key=lambda row: -row.radius)
    several = not isinstance(as_given(np.zeros(1), p_a, q_a, p_b), float)
    return Comparison(noise, norm, tuple(rows), tuple(omitted), several)


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
    norm: float | str | None = None,
) -> Any:
    """Neyman-Pearson radius: the largest that any certificate from p_A and p_B can give.

    Proved, with a witness that attains it, for Gaussian noise in every l_p norm with p >= 1 (Cohen et al. 2019), for
    Laplace noise in l1 (ours, containing Teng et al. 2020), for uniform noise in l1 (Yang et al. 2020), and for
    power-Gaussian noise (soap bubbles 2020): eq. (8) in every l_p norm, eqs. (9) and (10) in l_inf, solved in floats on
    the certified side (for eq. (9) by an error that is estimated, not bounded). Members of other families that are one
    of these are answered as such, e.g. GeneralizedGaussian of shape 1 or 2. For any number of classes. The float
    returned is rounded towards 0.

    Parameters, shapes and types are those of `Bound.radius`: a float where each probability is a scalar. Without a norm
    it is the one in which most is known of the family.

    Raises
    ------
    UnsupportedNoiseError
        The exact radius of this noise in this norm is not known here.
    MissingDimensionError
        It depends on `noise.dim`, which is not set.
    """
    norm = noise.natural_norm if norm is None else norm_order("exact_radius", norm)
    bound = exact_bound(noise, norm)
    if bound is None:
        raise UnsupportedNoiseError(
            f"exact_radius is proved for Gaussian (every norm), Laplace (l1), Uniform (l1) and PowerGaussian noise "
            f"(eq. 8 every norm, eqs. 9 and 10 l_inf), "
            f"got {noise!r} in the l{norm:g} norm"
        )
    return bound.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm)
