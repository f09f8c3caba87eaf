"""What DSRS (Li et al. 2022) published: bounds on votes of the true class, and radii, under Gaussian and eq. (8) noise.

Their radii are Neyman-Pearson's, from these bounds, by numerical integration and a search of about 100 s each; ours are
exact duals of the same. Their k is that of |z|^(-2k), half of that of `PowerGaussian`, and their sigma the root mean
square of a coordinate.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray

from rsexplore import data
from rsexplore.comparison import exact_radius
from rsexplore.log import content
from rsexplore.noises import Gaussian, Noise, PowerGaussian


@dataclass(frozen=True, eq=False)
class Compared:
    """One of their lists of radii, beside ours from the same bounds; arrays of shape (images,)."""

    entry: data.Entry  # of the radii
    noise: Noise
    norm: float
    theirs: NDArray[np.float64]  # in units of the input; 0 where nothing is certified
    ours: NDArray[np.float64]
    unit: NDArray[np.float64]  # the deviation, in l_inf over the root of the dimension


def entries(kind: str) -> list[data.Entry]:
    """Their lists of radii ("radius") or of bounds ("pa")."""
    return data.logs(source="dsrs", kind=kind)


def noise(entry: data.Entry) -> Noise:
    """Noise that an entry was certified under, for l2 families."""
    dim = data.DIMS[entry.dataset]
    if entry.certify_noise == "gaussian":
        return Gaussian(entry.certify_sigma, dim)
    if entry.certify_noise == "general_gaussian":
        return PowerGaussian.from_sigma(entry.certify_sigma, dim, k=2 * float(entry.certify_k))
    raise ValueError(f"dsrs: noise must be gaussian or general_gaussian, got {entry.certify_noise} in {entry.path}")


def numbers(entry: data.Entry, start: str = "") -> dict[int, float]:
    """A number of each image, by its index, from the lines with a start: a radius, or a bound ("o ") on its vote."""
    lines = content(data.fetch(entry)).decode("utf-8").splitlines()
    cells = (line.removeprefix(start).split() for line in lines if line.startswith(start))
    return {int(index): float(number) for index, number, *_ in cells}


@lru_cache
def compared() -> tuple[Compared, ...]:
    """Every list of radii, beside ours from the same bounds; none where RSEXPLORE_DATA names no folder of the logs."""
    if not os.environ.get("RSEXPLORE_DATA"):
        return ()
    made = []
    for entry in entries("radius"):
        # the bounds of one list are not there
        for of in data.logs(path=entry.path.replace("radius/", "pa/", 1).replace("_linf.txt", ".txt")):
            law, theirs, lower = noise(entry), numbers(entry), numbers(of, "o ")
            found = radius(law, 1 - np.array([lower[index] for index in theirs]))
            norm = inf if "_linf" in entry.path else 2.0
            spread = data.DIMS[entry.dataset] ** (0.5 - 1 / norm)
            unit = np.full(len(found), law.sigma / spread)
            made.append(Compared(entry, law, norm, np.array([*theirs.values()]), found / spread, unit))
    return tuple(made)


def radius(law: Noise, q_a: NDArray) -> NDArray[np.float64]:
    """Exact l2 radius, 0 where nothing is certified."""
    found = np.zeros(len(q_a))
    near = q_a > 0.499  # a tie, where radii are as steep as a table cannot be: one by one
    for some in np.flatnonzero(near & (q_a < 0.5)), np.flatnonzero(~near):
        found[some] = exact_radius(law, q_a=q_a[some], norm=2.0)
    return found
