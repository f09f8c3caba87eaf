"""Certified accuracy: the share of images that are classified right, with a radius at least as large as asked for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore import noises
from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.check import as_given, floats
from rsexplore.noises import Noise
from rsexplore.records import ABSTAINED, Records
from rsexplore.rounding import Printed


@dataclass(frozen=True, eq=False)
class Curve:
    """Certified accuracy against the radius: a staircase that falls just above each of `radii`."""

    radii: NDArray[np.float64]  # (steps,) ascending, in units of the input
    certified: NDArray[np.float64]  # (steps,) share of all images that are right with a radius >= radii
    noise: Noise
    n: int
    alpha: float
    norm: float
    provenance: Mapping[str, Any]  # has `rows`; a published curve has `radius_format` too
    bound: Bound | None = None  # what the radii are of; None for those that a log prints

    def __repr__(self) -> str:
        what = "as printed" if self.bound is None else self.bound.key
        most = float(self.certified[0]) if len(self.certified) else 0.0
        return (
            f"<Curve {self.noise!r}, {what}, l{self.norm:g}: {most:.1%} of {self.provenance['rows']} images at "
            f"radius 0, {len(self.radii)} steps, n={self.n}, alpha={self.alpha:g}>"
        )

    def at(self, radii: ArrayLike) -> Any:
        """Certified accuracy at `radii`, shape (...), a float for a scalar; nan at nan."""
        asked = floats("at", "radii", radii, "above")
        share = np.append(self.certified, 0.0)[np.searchsorted(self.radii, asked)]
        return as_given(np.where(np.isnan(asked), np.nan, share), radii)

    def rescore(
        self,
        bound: Bound | str,
        alpha: float | None = None,
        norm: float | str | None = None,
        *,
        rounding: str = "printed",
        uncertified: bool = False,
        **params: float | None,
    ) -> "Curve":
        """Return the curve of the same images under another bound, norm or confidence level.

        A published radius is read back as a bound on p_A, which any bound for the same noise turns into its radius; a
        new level goes through the votes. `rounding` and `uncertified` are those of `certified`.

        Raises
        ------
        TypeError
            `bound` is neither a Bound nor a key of one.
        ValueError
            Its radii do not tell p_A, because it is a view of counts or was re-scored before; or the bound is no
            certificate.
        UnsupportedNoiseError, MissingDimensionError
            As of `bound.radius`.
        """
        bound = _checked("rescore", bound, uncertified)
        if "radius_format" not in self.provenance:
            raise ValueError("rescore needs a curve of published radii, got one that is scored under a bound already")
        # an image on which they abstained could be right; at a looser level "upper" gives it a radius
        radii = np.append(self.radii, 0.0)
        abstained = np.arange(len(radii)) == len(self.radii)
        images = np.rint(self.certified * self.provenance["rows"])
        images = np.append(images - np.append(images[1:], 0), self.provenance["abstained"])
        printed = Printed(radii, abstained, self.noise, self.n, self.alpha, self.provenance["radius_format"])
        q_a = printed.q_a(alpha, rounding)
        scored = {"params": params, "rounding": rounding, "published_alpha": self.alpha}
        provenance = {k: v for k, v in self.provenance.items() if k != "radius_format"} | scored
        steps = _steps(bound.radius(self.noise, q_a=q_a, norm=norm, **params), q_a, images, provenance["rows"])
        level = self.alpha if alpha is None else alpha
        return Curve(*steps, self.noise, self.n, level, _norm(bound, norm), provenance, bound)


def curve(
    records: Records,
    bound: Bound | str | None = None,
    *,
    alpha: float | None = None,
    rounding: str = "printed",
    norm: float | str | None = None,
    uncertified: bool = False,
    **params: float | None,
) -> Curve:
    """Certified accuracy of a log, at every radius where it changes.

    Parameters and errors are those of `certified`.
    """
    if not isinstance(records, Records):
        raise TypeError(f"certified needs Records first, e.g. from rsexplore.records.read, got {records!r}")
    bound = None if bound is None else _checked("certified", bound, uncertified)
    header = records.header
    q_a = records.q_a(alpha, rounding)
    if bound is None:
        radius = _published_radius(records, q_a, alpha, rounding, norm, params)
    else:
        radius = bound.radius(records.noise, q_a=q_a, norm=norm, **params)
    right = records.predict == records.label
    if rounding == "upper":
        right |= records.predict == ABSTAINED  # nobody knows what it would have been put into
    provenance: dict[str, Any] = {"rows": len(records), "abstained": int(np.sum(records.predict == ABSTAINED))}
    if bound is None and alpha in (None, header.alpha) and rounding == "printed":
        provenance["radius_format"] = header.radius_format
    level = header.alpha if alpha is None else alpha
    steps = _steps(radius, q_a, right.astype(float), len(records))
    return Curve(*steps, records.noise, header.n, level, _norm(bound, norm), provenance, bound)


def certified(
    records: Records,
    bound: Bound | str | None = None,
    radii: ArrayLike = 0.0,
    *,
    alpha: float | None = None,
    rounding: str = "printed",
    norm: float | str | None = None,
    uncertified: bool = False,
    **params: float | None,
) -> Any:
    """Share of all images that are classified right, without abstention, with a radius of at least `radii`.

    Parameters
    ----------
    records : Records
        A log; every row counts in the denominator.
    bound : Bound or str, optional
        What turns votes into radii, or its key; if absent, a log of others keeps the radii that it prints.
    radii : array_like, shape (...)
        In units of the input.
    alpha : float in (0, 1), optional
        Failure probability of one image's radius; that of the log if absent.
    rounding : {"printed", "lower", "upper"}
        What a printed radius stands for; see `records.Records.q_a`. The true accuracy is never below that of "lower"
        nor above that of "upper".
    norm : float >= 1 or "inf", optional
        Norm of the ball; that of the theorem if absent.
    uncertified : bool
        Whether a bound that is no certificate (heuristic, as printed) is taken, to show what it would give.
    **params : float
        Parameters of the bound.

    Returns
    -------
    float or ndarray, shape (...)
        A float where `radii` is a scalar.

    Raises
    ------
    TypeError
        `records` is no Records, or `bound` neither a Bound nor a key.
    KeyError
        No bound has such a key.
    ValueError
        There is no bound, and the log has counts, or another norm is asked for. Or the bound is no certificate.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    found = curve(records, bound, alpha=alpha, rounding=rounding, norm=norm, uncertified=uncertified, **params)
    return found.at(radii)


def published(
    source: str,
    dataset: str,
    train_sigma: float,
    certify_sigma: float,
    subset: str | None = None,
    method: str = "gaussian",
) -> Curve:
    """Certified accuracy of a published log, as shipped: it needs neither the log nor a network.

    Parameters
    ----------
    source, dataset, method : str
        As in `data.logs`, e.g. "locuslab-smoothing", "imagenet", "gaussian".
    train_sigma, certify_sigma : float
        Deviations of the Gaussian noise in training and in certification.
    subset : str, optional
        Which images, e.g. "every100"; the only one of test images if absent.

    Raises
    ------
    LookupError
        No such curve is shipped; the message lists those that are.
    """
    wanted: dict[str, Any] = {"source": source, "dataset": dataset, "method": method}
    wanted |= {"train_sigma": float(train_sigma), "certify_sigma": float(certify_sigma)}
    wanted |= {"subset": subset} if subset else {"split": "test"}
    for name, head in shipped():
        if all(head[key] == value for key, value in wanted.items()):
            return read_shipped(name)
    raise LookupError(f"no published curve of {wanted} is shipped; there is {[name for name, _ in shipped()]}")


def _checked(owner: str, given: Any, uncertified: bool) -> Bound:
    bound = named(given)
    if not isinstance(bound, Bound):
        raise TypeError(f'{owner} needs a Bound or its key, such as "cohen-l2", got {bound!r}')
    if not (bound.certifies or uncertified):
        right = f" (the right one is {bound.corrected_by})" if bound.corrected_by else ""
        right = f" (take {bound.instead}, which is proved)" if bound.instead else right
        raise ValueError(
            f"{owner} needs a proved bound, got {bound.key}, {bound.source}, which is {bound.status.value}{right}; "
            "uncertified=True shows what it would give"
        )
    return bound


def _published_radius(
    records: Records, q_a: NDArray, alpha: float | None, rounding: str, norm: float | str | None, params: Mapping
) -> NDArray:
    if records.radius is None:
        raise ValueError("certified needs a bound for a log of counts, got bound=None")
    if params or norm not in (None, 2):
        raise ValueError(f"certified needs a bound for another norm or for parameters, got norm={norm} {dict(params)}")
    if alpha in (None, records.header.alpha):
        return records.printed.radii(rounding)
    return records.noise.sigma * np.maximum(-special.ndtri(q_a), 0)


def _steps(radius: NDArray, q_a: NDArray, images: NDArray, rows: int) -> tuple[NDArray, NDArray]:
    """Return where the staircase falls and the share up to there; whole images are summed, so shares are exact."""
    kept = (q_a <= 0.5) & (images > 0) & ~np.isnan(radius)
    radii, where = np.unique(radius[kept], return_inverse=True)
    falls = np.bincount(where, weights=images[kept], minlength=len(radii))
    return radii, falls[::-1].cumsum()[::-1] / rows


def _norm(bound: Bound | None, norm: float | str | None) -> float:
    native = 2.0 if bound is None else bound.norm
    chosen = native if norm is None else norm
    assert chosen is not None  # bound.radius has refused it
    return float(chosen)


@lru_cache
def shipped() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Names of the curves that are shipped, and their provenance."""
    folder = files("rsexplore").joinpath("printed", "curves")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".tsv"))
    return tuple((name, json.loads(next(_lines(name)))) for name in names)


def _lines(name: str) -> Iterator[str]:
    with files("rsexplore").joinpath("printed", "curves", name).open(encoding="utf-8") as stream:
        yield from stream


def read_shipped(name: str) -> Curve:
    """Curve of that name, one of `shipped`.

    Raises
    ------
    LookupError
        None is shipped under it.
    """
    if name not in (known := [name for name, _ in shipped()]):
        raise LookupError(f"no published curve is called {name!r}; there are {', '.join(known)}")
    first, _, *lines = _lines(name)
    head = json.loads(first)
    radii, images = np.array([line.split("\t") for line in lines], dtype=float).T
    noise = noises.from_dict(head["noise"])
    return Curve(radii, images / head["rows"], noise, head["n"], head["alpha"], 2.0, head)
