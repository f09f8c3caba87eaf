"""Every bound that applies to a noise, side by side, under the exact radius."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import bounds
from rsexplore.bound import Bound, MissingDimensionError, Status, UnsupportedNoiseError
from rsexplore.check import as_given, floats, norm_order, read
from rsexplore.noises import Noise, Uniform
from rsexplore.table import Table, rounded_down

PROBABILITIES = ("p_a", "q_a", "p_b")
ROUNDING = 2.0**-50  # of a sum, for each number in it and a few more


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
    Laplace noise in l1 (ours, containing Teng et al. 2020), for uniform noise in l1 (Yang et al. 2020), for splitting
    noise in l1 between images on its grid (Levine and Feizi 2021), and for power-Gaussian noise (soap bubbles 2020):
    eq. (8) in every l_p norm, eqs. (9) and (10) in l_inf, solved in floats on the certified side (for eq. (9) by an
    error that is estimated, not bounded). Members of other families that are one of these are answered as such, e.g.
    GeneralizedGaussian of shape 1 or 2. For any number of classes. The float returned is rounded towards 0.

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
            f"exact_radius is proved for Gaussian (every norm), Laplace, Uniform and Splitting (l1), and PowerGaussian "
            f"noise (eq. 8 every norm, eqs. 9 and 10 l_inf), "
            f"got {noise!r} in the l{norm:g} norm"
        )
    return bound.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm)


def boxed_radius(
    noise: Noise,
    images: ArrayLike,
    q_a: ArrayLike,
    *,
    p_b: ArrayLike | None = None,
    box: tuple[float, float] = (0.0, 1.0),
) -> NDArray[np.float64]:
    """Exact l1 radius of each image under uniform noise, against images in the box alone.

    A shift leaves 1 - prod(1 - |delta_i| / (2 scale)) of the cube of noise outside its copy, most on an axis, which the
    box may not let a pixel follow so far; the worst shift then fills pixels with most room, one after the other.
    It needs the image, and so is no `Bound`. It is never below that of `uniform-l1`, and equal to it where one pixel
    can move so far: from 1/2 in every pixel, scale 0.866, p_A = 0.9 it is 0.771 in place of 0.693; with one pixel at
    0.6, 0.742; with one at 0.7 or beyond, as in nearly all pictures, nothing is gained.

    Parameters
    ----------
    noise : Uniform
        Smoothing noise.
    images : array_like of float, shape (images, ...)
        In the box, in the units of the noise.
    q_a, p_b : array_like, shape (images,) or ()
        Bounds on 1 - p_A and p_B, as `Bound.radius` takes them.
    box : (low, high)
        Least and largest value of a pixel.

    Returns
    -------
    ndarray, shape (images,)
        Rounded towards 0. inf where no image of the box changes the class, nan where the votes are no probabilities.

    Raises
    ------
    UnsupportedNoiseError
        The noise is not uniform.
    ValueError
        A pixel lies outside of the box or is no number, the noise is of another dimension, or shapes do not fit.

    Source
    ------
    V. Voracek and M. Hein, Improving l1-certified robustness via randomized smoothing by leveraging box constraints,
    ICML 2023. Proof, and why nothing larger is true: docs/uniform.md, Proposition 2.
    """
    if not isinstance(noise, Uniform):
        raise UnsupportedNoiseError(f"boxed_radius needs Uniform noise, got {noise!r}")
    (low, high), pixels = box, floats("boxed_radius", "images", images)
    pixels = pixels.reshape(len(pixels), -1) if pixels.ndim > 1 else pixels
    if pixels.ndim != 2 or noise.dim not in (None, pixels.shape[1]):
        raise ValueError(f"boxed_radius: images must have shape (images, ...), dim={noise.dim}, got {np.shape(images)}")
    if not ((pixels >= low) & (pixels <= high)).all():
        raise ValueError(f"boxed_radius: pixels must lie in {box=}, got {pixels.min()} to {pixels.max()}")
    width, found = 2 * noise.scale, np.empty(len(pixels))
    goals = np.broadcast_to(bounds.get("uniform-l1").radius(noise, q_a=np.asarray(q_a), p_b=p_b), found.shape)
    for place, goal in enumerate(goals):  # the class may change where copies share no more than 1 - goal / width
        room = np.sort(np.maximum(pixels[place] - low, high - pixels[place]))[::-1]
        with np.errstate(divide="ignore"):
            shared = np.append(0.0, np.log1p(-np.minimum(room / width, 1)).cumsum())  # its logarithm, after each pixel
        shared *= 1 + ROUNDING * (8 + np.arange(len(shared)))
        wanted = np.log1p(-goal / width)
        full = np.searchsorted(-shared[1:], -wanted)  # pixels that move as far as they can; all, if none can do more
        if full < len(room):
            radius = (room[:full].sum() - width * np.expm1(wanted - shared[full])) * (1 - ROUNDING * (full + 8))
            found[place] = max(radius, goal)
        else:
            found[place] = np.nan if np.isnan(goal) else np.inf
    return found
