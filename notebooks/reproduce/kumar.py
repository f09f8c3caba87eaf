"""Counts under Laplace and generalized Gaussian noise that Kumar, Levine, Goldstein and Feizi (2020) published.

ResNet-110 for CIFAR-10, trained and certified with noise of one shape (1, which is Laplace, to 6) and one deviation:
500 images, 100,000 votes each. The licence is for research and forbids passing the logs on, so none is here.
Whoever may use them gets his own copy:

    git clone https://github.com/alevine0/smoothingGenGaussian "$RSEXPLORE_DATA/smoothingGenGaussian"

and they are drawn beside, or in place of, the digits that stand in. `data/kumar.csv` has their checksums.
"""

import hashlib
import os
from functools import lru_cache, partial
from math import log
from pathlib import Path
from typing import Any

from reproduce.printed import rows
from rsexplore import noises, records, runs
from rsexplore.log import content

FOLDER, DIM = "smoothingGenGaussian", 3072
WORDS = "Kumar et al. 2020"


@lru_cache
def listed() -> tuple[dict[str, Any], ...]:
    """What is published for images of full size: shape, sigma, sha256 and path of each log."""
    return tuple(row | {"shape": float(row["shape"]), "sigma": float(row["sigma"])} for row in rows("kumar"))


def nearest(one: runs.Experiment) -> records.Records | None:
    """Log of the shape of an experiment's noise, at the deviation that comes nearest; None if there is none at hand.

    Raises
    ------
    ValueError
        The file is not the published one.
    """
    noise, top = one.noise.canonical, os.environ.get("RSEXPLORE_DATA")
    made = partial(noises.GeneralizedGaussian.from_sigma, dim=DIM)
    found = [row for row in listed() if runs.same(made(noise.sigma, shape=row["shape"]), noise)]
    alike = one.trained is not None and runs.same(one.trained, noise) and (one.type, one.arch) == (1, "cifar_resnet110")
    known = found and alike and not isinstance(noise, noises.Gaussian)
    if not (known and top and (folder := Path(top, FOLDER)).is_dir()):
        return None
    row = min(found, key=lambda row: round(abs(log(row["sigma"] / noise.sigma)), 6))
    raw = content(path := folder / row["path"])
    if hashlib.sha256(raw).hexdigest() != row["sha256"]:
        raise ValueError(f"{path} is not the published log: its sha256 must be {row['sha256']}; clone it again")
    noise = made(row["sigma"], shape=row["shape"]).canonical
    data = {"source": WORDS, "dataset": "cifar10", "images": 500}
    return records.read(path, records.Header(noises.to_dict(noise), 100, 100_000, 0.001, data=data))
