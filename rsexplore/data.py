"""Data: the digits and logs of our own models, which are shipped, and the certification logs that others published.

Logs of others are never shipped. `registry.csv` says what each is, where it is in the folder that RSEXPLORE_DATA
names, where it came from and the sha256 of its uncompressed bytes, which every read is checked against.
"""

import csv
import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from rsexplore import noises, records
from rsexplore.log import content

UPSTREAM = "https://raw.githubusercontent.com"
REPOSITORIES = {  # repository and commit of each source
    "locuslab-smoothing": ("locuslab/smoothing", "78a4d949e4f627d000a78908e001f8ca66c92943"),
    "smoothing-adversarial": ("Hadisalman/smoothing-adversarial", "cff781d53ed5fa7df6ba567d3b51df202b6ec14e"),
    "smoothing-consistency": ("jh-jeong/smoothing-consistency", "a11954aa91adb9924eecf49aaca74051e79bbb86"),
    "smoothmix": ("jh-jeong/smoothmix", "cb1fd33055a29d0c41bbc429a982fdec709e993c"),
    "dsrs": ("llylly/DSRS", "13b15a58b3afef2ee12b49f978950039bd776ded"),
}
DIMS = {"cifar10": 3072, "imagenet": 150528}  # coordinates of an image, of each data set of published logs and recipes
TRAINING_DIGITS = 1297
ZOO_SUFFIX = ".tsv.gz"

# of classes: in the order of their numbers, or by these, or by ImageNet's folder names; or where they are written
Names = Sequence[str] | Mapping[Any, str] | os.PathLike[str]


class DataUnavailableError(RuntimeError):
    """A log is neither in a local folder nor in the cache, and cannot be downloaded."""


@dataclass(frozen=True, eq=False)
class Split:
    """Some images of a data set."""

    images: NDArray[np.float32]  # (n, channels, height, width) in [0, 1]
    labels: NDArray[np.int64]  # (n,) classes; all -1 where they are not known
    index: NDArray[np.int64]  # (n,) place in the data set: scikit-learn's of the digits
    files: tuple[str, ...] = ()  # (n,) names of the pictures, of a folder of them


class Digits(Split):
    """1,797 hand-written digits, in a fixed order: the first 1,297 for training, the last 500 for tests."""

    @property
    def train(self) -> Split:
        """The images to train on."""
        return Split(self.images[:TRAINING_DIGITS], self.labels[:TRAINING_DIGITS], self.index[:TRAINING_DIGITS])

    @property
    def test(self) -> Split:
        """The images to certify."""
        return Split(self.images[TRAINING_DIGITS:], self.labels[TRAINING_DIGITS:], self.index[TRAINING_DIGITS:])


def class_names(given: Names | None) -> dict[int, str]:
    """Names of classes by their numbers, from a list, a dict, or a file with a name a line.

    ImageNet's folder names may be a dict's keys, or stand before the names in a file (``n01440764 tench, Tinca tinca``,
    of which the first name is taken): their order is that of the classes, so all must be there.
    """
    if isinstance(given, str | os.PathLike):
        given = Path(given).expanduser().read_text("utf-8-sig").splitlines()
        if all(re.match(r"n\d{8}\s", line) for line in given):
            given = [line[10:].partition(",")[0].strip() for line in sorted(given)]
    if isinstance(given, Mapping):
        if not all(re.fullmatch(r"n\d{8}", str(key)) for key in given):
            return {int(key): str(name) for key, name in given.items()}
        given = [given[key] for key in sorted(given)]
    return {key: str(name) for key, name in enumerate(given or ())}


def digits(side: int = 8) -> Digits:
    """Digits of scikit-learn (UCI, optical recognition of handwritten digits), each pixel repeated up to `side`.

    Parameters
    ----------
    side : int
        A multiple of 8. Repeating each pixel f x f times multiplies l2 distances by f and leaves l_inf ones.

    Raises
    ------
    ValueError
        `side` is no multiple of 8.
    """
    factor = side // 8
    if factor < 1 or side != 8 * factor:
        raise ValueError(f"digits: side must be a positive multiple of 8, got side={side}")
    with files("rsexplore").joinpath("datasets", "digits.npz").open("rb") as stream, np.load(stream) as stored:
        images, labels, index = stored["images"], stored["labels"], stored["index"]
    pixels = images[:, None].repeat(factor, axis=2).repeat(factor, axis=3) / np.float32(16)
    return Digits(pixels, labels.astype(np.int64), index.astype(np.int64))


def zoo() -> tuple[str, ...]:
    """Names of the shipped logs, sorted: each is the name of the model, certified under its own noise."""
    found = files("rsexplore").joinpath("datasets", "zoo").iterdir()
    return tuple(sorted(item.name.removesuffix(ZOO_SUFFIX) for item in found if item.name.endswith(ZOO_SUFFIX)))


def zoo_log(name: str) -> records.Records:
    """Shipped log of one of our models on the 500 test digits; `reproduce.zoo` in notebooks/ made it.

    Raises
    ------
    LookupError
        No log of that name is shipped; the message lists them.
    """
    if name not in zoo():
        raise LookupError(f"no shipped log is called {name!r}; there are {', '.join(zoo())}")
    with as_file(files("rsexplore").joinpath("datasets", "zoo", name + ZOO_SUFFIX)) as path:
        return records.read(path)


@dataclass(frozen=True)
class Entry:
    """One published log."""

    path: str  # under RSEXPLORE_DATA
    kind: str  # certify, predict, predict_attack, pa or radius
    source: str
    dataset: str
    arch: str
    method: str  # of training
    split: str  # test or train
    subset: str  # full, or every20 for images 0, 20, 40, ...
    train_noise: str
    train_sigma: float
    train_k: str
    certify_noise: str
    certify_sigma: float
    certify_k: str
    rows: int
    expected_rows: int  # more than `rows` in a log that was broken off
    n0: int | None
    n: int
    alpha_stated: float
    alpha_found: float | None  # level that the printed radii fit; None where they are too small to tell
    radius_format: str
    source_path: str  # in its repository
    sha256: str  # of the bytes there

    @property
    def note(self) -> str:
        """What a figure of this log must say."""
        return f"{self.rows} of {self.expected_rows} images" if self.rows != self.expected_rows else ""

    @property
    def url(self) -> str:
        """Where upstream has it, or a mirror that RSEXPLORE_UPSTREAM names."""
        base = os.environ.get("RSEXPLORE_UPSTREAM") or UPSTREAM
        return "/".join([base.rstrip("/"), *REPOSITORIES[self.source], quote(self.source_path)])

    @property
    def header(self) -> records.Header:
        """What the run was, at the level that its radii have."""
        if self.kind != "certify" or self.certify_noise != "gaussian":
            raise ValueError(f"only certify logs under Gaussian noise can be read, got {self.path}: use fetch")
        assert self.n0 is not None
        noise = noises.to_dict(noises.Gaussian(self.certify_sigma, DIMS[self.dataset]))
        data = {name: getattr(self, name) for name in ("source", "dataset", "subset", "split", "alpha_stated", "note")}
        alpha = self.alpha_stated if self.alpha_found is None else self.alpha_found
        model = {"name": f"{self.arch} {self.method} {self.train_noise} {self.train_sigma:g}"}
        return records.Header(noise, self.n0, self.n, alpha, model=model, data=data, radius_format=self.radius_format)


def logs(**filters: Any) -> list[Entry]:
    """Published logs whose fields equal the filters, e.g. ``logs(source="smoothmix", certify_sigma=0.5)``.

    Raises
    ------
    ValueError
        A filter is no field of `Entry`.
    """
    names = [item.name for item in fields(Entry)]
    if unknown := sorted(set(filters) - set(names)):
        raise ValueError(f"logs can be filtered by {names}, got {unknown}")
    return [entry for entry in _registry() if all(getattr(entry, name) == value for name, value in filters.items())]


def log(source: str, dataset: str, *, train_sigma: float, certify_sigma: float, **filters: Any) -> records.Records:
    """Published log of certified radii, had as `fetch` has it.

    Parameters
    ----------
    source, dataset : str
        E.g. "locuslab-smoothing", "imagenet".
    train_sigma, certify_sigma : float
        Deviations of the noise in training and in certification.
    **filters
        Any other field of `Entry`. Where not given: method="gaussian", and test images.

    Raises
    ------
    LookupError
        No log fits, or more than one does; the message lists them.
    DataUnavailableError
        The log cannot be had; the message says what was tried and what to do.
    """
    wanted: dict[str, Any] = {"source": source, "dataset": dataset, "method": "gaussian", "kind": "certify"}
    wanted |= {"train_sigma": train_sigma, "certify_sigma": certify_sigma}
    wanted |= {name: value for name, value in filters.items() if value is not None}
    wanted = wanted if "subset" in wanted else {"split": "test"} | wanted
    found = logs(**wanted)
    if len(found) != 1:
        near = [entry.path for entry in (found or logs(source=source, dataset=dataset, kind=wanted["kind"]))]
        more = f" and {len(near) - 20} more" if len(near) > 20 else ""
        raise LookupError(f"one log must fit {wanted}, got {len(found)}; there is {near[:20]}{more}")
    return records.read(fetch(found[0]), found[0].header)


def fetch(entry: Entry) -> Path:
    """Checked file of a registered log: from the folder RSEXPLORE_DATA, else the cache, else downloaded into it.

    Raises
    ------
    DataUnavailableError
        There is no such file, or it is not the one that was registered.
    """
    folder = os.environ.get("RSEXPLORE_DATA")
    if folder and (local := Path(folder, entry.path)).exists():
        try:
            same = hashlib.sha256(content(local)).hexdigest() == entry.sha256
        except (OSError, ValueError):  # cut off, no gzip at all, or far too large
            same = False
        if not same:
            raise DataUnavailableError(f"{local} is damaged: its bytes must have sha256 {entry.sha256}; copy it again")
        return local
    import pooch

    def downloaded(url: str, output: Any, of: Any) -> None:
        _tell(entry.url.removesuffix(quote(entry.source_path)))
        pooch.downloaders.choose_downloader(url)(url, output, of)

    cached, logger = cache() / entry.path.removesuffix(".gz"), pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # its lines are red in a notebook
    try:
        return Path(pooch.retrieve(entry.url, entry.sha256, cached.name, cached.parent, downloader=downloaded))
    # without a network pooch passes on errors of four libraries; all are OSError, but for a wrong checksum
    except (OSError, ValueError, ImportError) as error:
        tried = f"the folder RSEXPLORE_DATA ({folder or 'not set'}), the cache {cache()}, and {entry.url} ({error})"
        raise DataUnavailableError(
            f"the published log {entry.path} cannot be had. Looked for it in {tried}. Set RSEXPLORE_DATA to a folder "
            "that has it at that path, or connect to the network; rsexplore.accuracy.published needs neither, for the "
            "logs that the papers' figures use."
        ) from error
    finally:
        logger.setLevel(level)


@lru_cache
def _tell(upstream: str) -> None:
    """Say that the network is used: one grey line for each repository."""
    words = f"rsexplore: looking for published logs at {upstream} (RSEXPLORE_DATA may name a folder that has them)"
    print(f"\x1b[90m{words}\x1b[0m" if "ipykernel" in sys.modules or sys.stdout.isatty() else words)


def cache() -> Path:
    """Folder of downloaded logs: RSEXPLORE_CACHE, else the user's cache."""
    import pooch

    return Path(os.environ.get("RSEXPLORE_CACHE") or pooch.os_cache("rsexplore"))


@lru_cache
def _registry() -> tuple[Entry, ...]:
    with files("rsexplore").joinpath("registry.csv").open(encoding="utf-8") as stream:
        return tuple(_entry(row) for row in csv.DictReader(stream))


def _entry(row: dict[str, str]) -> Entry:
    # the first six folders of the path are fields, which the registry does not say twice
    told = dict(zip(("kind", "source", "dataset", "arch", "method", "subset"), row["path"].split("/"), strict=False))
    values: dict[str, Any] = row | told | {"split": "train" if told["subset"].startswith("train_") else "test"}
    values["subset"] = told["subset"].removeprefix("train_")
    numbers = {int: "rows expected_rows n0 n", float: "train_sigma certify_sigma alpha_stated alpha_found"}
    for kind, names in numbers.items():
        values |= {name: kind(row[name]) if row[name] else None for name in names.split()}
    return Entry(**values)
