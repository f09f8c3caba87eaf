"""Certified accuracy: the share of images that are classified right, with a radius at least as large as asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.check import as_given, floats
from rsexplore.confidence import ABSTAINED
from rsexplore.noises import Noise
from rsexplore.records import Header, Records


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
    records: Records | None = None  # the log that it is a view of

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
        self, bound: Bound | str, alpha: float | None = None, norm: float | str | None = None, **options: Any
    ) -> "Curve":
        """Return the curve of the same log under another bound, norm or confidence level (that of the log if absent).

        A printed radius is read back as a bound on p_A, which any bound for the same noise turns into its radius; a new
        level goes through the votes. Arguments and errors are those of `curve`; TypeError too if it is of no log.
        """
        if self.records is None:
            raise TypeError(f"rescore needs a curve of a log, got {self!r}")
        return replace(curve(self.records, bound, alpha=alpha, norm=norm, **options), provenance=self.provenance)


def curve(
    records: Records,
    bound: Bound | str | None = None,
    *,
    alpha: float | None = None,
    rounding: str = "printed",
    norm: float | str | None = None,
    uncertified: bool = False,
    read: str = "run",
    **params: float | None,
) -> Curve:
    """Certified accuracy of a log, at every radius where it changes.

    Parameters
    ----------
    records : Records
        A log; every row counts in the denominator.
    bound : Bound or str, optional
        What turns votes into radii, or its key; if absent, a log of others keeps the radii that it prints.
    alpha : float in (0, 1), optional
        Failure probability of one image's radius; that of the log if absent.
    rounding : {"printed", "lower", "upper"}
        What a printed radius stands for; see `records.Records.q_a`. The true accuracy is never below that of "lower"
        nor above that of "upper".
    norm : float >= 1 or "inf", optional
        Norm of the ball; that of the theorem if absent.
    uncertified : bool
        Whether a bound that is no certificate (heuristic, as printed) is taken, to show what it would give.
    read : {"run", "anytime"}
        By what the run was made for, or by the bound at every number of draws; see `records.Records.q_a`.
    **params : float
        Parameters of the bound.

    Raises
    ------
    TypeError
        `records` is no Records, or `bound` neither a Bound nor a key.
    KeyError
        No bound has such a key.
    ValueError
        There is no bound, and the log has counts, or another norm is asked for. Or the bound is no certificate, or the
        images have no labels.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    if not isinstance(records, Records):
        raise TypeError(f"certified needs Records first, e.g. from rsexplore.records.read, got {records!r}")
    if not records.labelled:
        raise ValueError(f"certified needs labels, which tell what is right, got {records!r} without")
    bound = None if bound is None else _proved(bound, uncertified)
    header, q_a = records.header, records.q_a(alpha, rounding, read)
    if bound is not None:
        votes = np.stack(records.top_two() if header.exact else (q_a,))  # what is exact holds for p_A and p_B together
        (values, *p_b), where = np.unique(votes, axis=1, return_inverse=True)  # many images have the same votes
        radius = bound.radius(records.noise, q_a=values, p_b=p_b[0] if p_b else None, norm=norm, **params)[where]
    elif records.radius is None:
        raise ValueError("certified needs a bound for a log of counts, got bound=None")
    elif params or norm not in (None, 2):
        raise ValueError(f"certified needs a bound for another norm or for parameters, got norm={norm} {params}")
    elif alpha in (None, header.alpha):
        radius = records.printed.radii(rounding)
    else:
        radius = records.noise.sigma * np.maximum(-special.ndtri(q_a), 0)
    right = records.predict == records.label
    if rounding == "upper":
        right |= records.predict == ABSTAINED  # nobody knows what it would have been put into
    # whole images are summed, so shares are exact
    radii, images = np.unique(radius[right & ((q_a <= 0.5) | header.exact) & ~np.isnan(radius)], return_counts=True)
    share = images[::-1].cumsum()[::-1] / len(records)
    level, native = header.alpha if alpha is None or header.exact else alpha, 2.0 if bound is None else bound.norm
    chosen: Any = native if norm is None else norm  # where both are None bound.radius has refused it
    facts = {"rows": len(records), "abstained": int(np.sum(records.predict == ABSTAINED))}
    return Curve(radii, share, records.noise, header.n, level, float(chosen), facts, bound, records)


def certified(records: Records, bound: Bound | str | None = None, radii: ArrayLike = 0.0, **options: Any) -> Any:
    """Share of all images that are classified right, without abstention, with a radius of at least `radii`.

    Parameters
    ----------
    records, bound, **options
        As of `curve`, whose errors are raised too: ``alpha=``, ``rounding=``, ``norm=``, ...
    radii : array_like, shape (...)
        In units of the input.

    Returns
    -------
    float or ndarray, shape (...)
        A float where `radii` is a scalar.
    """
    return curve(records, bound, **options).at(radii)


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
    wanted |= {"train_sigma": train_sigma, "certify_sigma": certify_sigma}
    wanted |= {"subset": subset} if subset else {"split": "test"}
    for curve in shipped().values():
        if all(curve.provenance[key] == value for key, value in wanted.items()):
            return curve
    raise LookupError(f"no published curve of {wanted} is shipped; there is {list(shipped())}")


@lru_cache
def shipped() -> dict[str, Curve]:
    """Every curve of a published log that is shipped, by the name of its file.

    Its records have the radii of the images that are right; of the others, which no curve shows, none is kept.
    """
    found = {}
    for item in sorted(files("rsexplore").joinpath("datasets", "curves").iterdir(), key=lambda item: item.name):
        first, _, *lines = item.read_text(encoding="utf-8").splitlines()
        head = json.loads(first)
        radii, images = np.array([line.split("\t") for line in lines], dtype=float).T
        right, rows = int(images[0]), head["rows"]
        radius = np.append(np.repeat(radii, (images - np.append(images[1:], 0)).astype(int)), np.zeros(rows - right))
        predict = np.repeat([0, ABSTAINED, 1], [right, head["abstained"], rows - right - head["abstained"]])
        run = head["noise"], head["n0"], head["n"], head["alpha"]
        header = Header(*run, data=head, radius_format=head["radius_format"])
        log = Records(header, np.arange(rows), np.zeros(rows, int), predict, np.full(rows, np.nan), radius=radius)
        found[item.name] = replace(curve(log), provenance=head)
    return found


def _proved(given: Any, uncertified: bool) -> Bound:
    bound = named(given)
    if not isinstance(bound, Bound):
        raise TypeError(f'certified needs a Bound or its key, such as "cohen-l2", got {bound!r}')
    if not (bound.certifies or uncertified):
        right = f" (the right one is {bound.corrected_by})" if bound.corrected_by else ""
        right = f" (take {bound.instead}, which is proved)" if bound.instead else right
        raise ValueError(
            f"certified needs a proved bound, got {bound.key}, {bound.source}, which is {bound.status.value}{right}; "
            "uncertified=True shows what it would give"
        )
    return bound
