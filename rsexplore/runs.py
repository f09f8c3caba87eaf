"""Which certification runs the figures of the five documents need, and which logs of a folder are such runs.

`recipes.toml` has a row for each network and run (`Experiment`), and who set each of its fields. A folder of logs, as
RSEXPLORE_RUNS may name, is matched by what the logs' headers say. `training` of a header has what a network was trained
with: `arch`; `type`, which is 1 for noise alone, 2 for noise and then a step uphill in the loss (Teng et al. 2020),
"clean" for neither, or another word, and follows from `push` where it is not said; and `noise`, as `noises.to_dict`
writes it, unless it is clean.
"""

import os
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

from rsexplore import data, noises, records
from rsexplore.data import DIMS
from rsexplore.mechanisms import with_mean
from rsexplore.noises import Gaussian, Noise, PowerGaussian
from rsexplore.records import Header, Records
from rsexplore.table import Table

CLOSE = 1e-6  # deviations that are no further apart are one
WHO = ("printed", "cohen", "ours")  # set a field of a recipe: the document, the code of Cohen et al., we
SUFFIXES, TRAINING = (".tsv", ".tsv.gz"), ".train.tsv"  # of logs, and of what a training wrote beside its network


@dataclass(frozen=True)
class Experiment:
    """A network and a run with it: what to train, what to certify, and what needs it."""

    recipe: str  # its table in recipes.toml
    name: str  # of this row
    serves: tuple[tuple[str, str], ...]  # document and item, e.g. ("laplace", "Figure 7")
    data: str  # of `data.DIMS`
    arch: str  # as in `montecarlo.ARCHITECTURES`
    type: int | str  # of training
    trained: Noise | None  # training noise; None for a clean network
    noise: Noise  # that it is certified under
    n0: int
    n: int
    alpha: float
    images: int
    checkpoint: str  # where published weights are; "" if it must be trained
    votes: Mapping[str, Any]  # published ones, as arguments of `accuracy.published`; empty if there are none
    digits: str  # name of the shipped log that stands in; "" if none does
    settings: Mapping[str, Any]  # of the training: epochs, batch, ...

    @property
    def passes(self) -> int:
        """Images that the network must classify in the run."""
        return self.images * (self.n0 + self.n)

    @property
    def published(self) -> bool:
        """Whether a published log is of this very run."""
        known = data.logs(kind="certify", method="gaussian", split="test", **self.votes) if self.votes else []
        return bool(known) and abs(known[0].certify_sigma - self.noise.sigma) <= CLOSE

    def lacks(self, header: Header, radius: tuple[float, float] | None = None) -> Iterator[str]:
        """Say, one by one and the gravest first, why a run is not this one; nothing if it is.

        Parameters
        ----------
        header : Header
            Of the run's log.
        radius : (float, norm), optional
            The one radius at which its accuracy is asked for, where it is one: a run that stopped for it will do.
        """
        training, stop = header.training, header.stop
        name = header.data.get("name") if isinstance(header.data, Mapping) else None
        if name != self.data:
            needed = f"not {self.data}" if name in DIMS else f"which is none of {', '.join(DIMS)}"
            yield f"its data is {name or 'not said'}, {needed}"
        if not same(noise := noises.from_dict(dict(header.noise)), self.noise):
            yield f"its noise is {noise!r}, not {self.noise!r}"
        if training is None:
            yield "it does not say how its network was trained"
        else:
            yield from self._not_trained(training)
        if stop is not None:
            r, norm = radius or (inf, inf)
            if not (stop.get("norm") == norm and abs(stop.get("radius", -inf) - r) <= CLOSE):
                yield f"its images stopped at what they saw ({header.rule}), which gives no accuracy at other radii"
            elif header.alpha > self.alpha:
                yield f"it stopped at α = {header.alpha:g}, which says nothing at {self.alpha:g}"

    def _not_trained(self, training: Mapping[str, Any]) -> Iterator[str]:
        arch, kind, told = (training.get(name) for name in ("arch", "type", "noise"))
        if kind is None and "push" in training:  # as our trainer says it
            kind = "clean" if told is None else 2 if training["push"] else 1
        if str(arch).removeprefix("torchvision:") != self.arch:
            yield f"its architecture is {arch or 'not said'}, not {self.arch}"
        if kind != self.type:
            yield f"its training is of type {kind or 'not said'}, not {self.type}"
        if training.get("images") is not None:
            yield f"its network was trained on {training['images']} images alone"
        try:
            noise = None if told is None else noises.from_dict(told)
            if not same(noise, self.trained):
                yield f"it was trained with {noise or 'no noise that is said'}, not {self.trained or 'none'}"
        except (ValueError, TypeError) as error:
            yield f"its training noise cannot be read: {error}"


@dataclass(frozen=True, eq=False)
class Run:
    """A log of a folder; `fault` says why it cannot be read, in place of records."""

    name: str  # its path in the folder
    records: Records | None
    fault: str = ""
    time: float = 0.0  # when it was written last, as the file says

    @property
    def draws(self) -> int:
        """Of an image."""
        return self.records.header.n if self.records else 0

    @property
    def words(self) -> str:
        """What a caption says of it: file, images, draws."""
        assert self.records is not None
        whole, held = (self.records.header.data or {}).get("images"), len(self.records)
        images = f"{held:,} of {whole:,} images" if whole not in (None, held) else f"{held:,} images"
        return f"{self.name} ({images}, n = {self.draws:,})"


def experiments(document: str | None = None, item: str | None = None) -> tuple[Experiment, ...]:
    """Rows of recipes.toml, those alone that a document's item needs, e.g. ``experiments("laplace", "Figure 7")``.

    Raises
    ------
    LookupError
        None is there for it; the message lists the documents' items.
    """
    found = tuple(one for one in _all() if any(document in (None, d) and item in (None, i) for d, i in one.serves))
    if not found:
        known = sorted({f"{d}: {i}" for one in _all() for d, i in one.serves})
        raise LookupError(f"no experiment is for {document}, {item}; there are some for {known}")
    return found


def same(a: Noise | None, b: Noise | None) -> bool:
    """Whether two noises are one law: family, shape, k and norms equal, deviations within 1e-6, dims where both say."""
    if a is None or b is None:
        return a is b
    a, b = a.canonical, b.canonical
    if type(a) is not type(b) or (None not in (a.dim, b.dim) and a.dim != b.dim):
        return False
    rest = [field.name for field in fields(a) if field.name not in ("dim", "scale", "sigma")]  # type: ignore[arg-type]
    return all(getattr(a, name) == getattr(b, name) for name in rest) and abs(a.sigma - b.sigma) <= CLOSE


def logs(folder: str | os.PathLike[str] | None = None) -> list[Run]:
    """Every log under a folder (RSEXPLORE_RUNS if absent; none if that is not set), the best first.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    """
    chosen = os.environ.get("RSEXPLORE_RUNS") if folder is None else folder
    if not chosen:
        return []
    if not (top := Path(chosen)).is_dir():
        raise FileNotFoundError(f"runs must be a folder of logs, got {top}")
    paths = (path for path in sorted(top.rglob("*")) if path.name.endswith(SUFFIXES) and path.is_file())
    paths = (path for path in paths if not path.name.endswith(TRAINING))
    found = [_read(top, path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in paths]
    return sorted(found, key=lambda run: (-len(run.records or ()), -run.draws, -run.time))


def matching(one: Experiment, found: Sequence[Run], radius: tuple[float, float] | None = None) -> list[Run]:
    """Those of some logs that are an experiment's, the best first: it is the one to draw. `radius` is as in `lacks`."""
    return [run for run in found if run.records and not any(one.lacks(run.records.header, radius))]


def listing(folder: str | os.PathLike[str] | None = None) -> Table:
    """What a folder holds (RSEXPLORE_RUNS if absent): each log, what it is of, and what it serves, or why it does not.

    Raises
    ------
    ValueError
        It holds no log, or no folder is named.
    FileNotFoundError
        There is no such folder.
    """
    if not (found := logs(folder)):
        where = folder or os.environ.get("RSEXPLORE_RUNS") or "none: name one, or set RSEXPLORE_RUNS"
        raise ValueError(f"runs needs a folder with logs ({' or '.join(SUFFIXES)}), got {where}")
    rows = []
    for run in found:
        told = run.fault
        if run.records:
            header = run.records.header
            radius = (header.stop.get("radius", inf), header.stop["norm"]) if header.stop else None
            mine = [one for one in experiments() if not any(one.lacks(header, radius))]
            served = dict.fromkeys(f"{document} {item}" for one in mine for document, item in one.serves)
            at = "" if radius is None else f" at the l{radius[1]:g} radius {radius[0]:g} alone"
            told = f"serves {', '.join(served)}{at}" if mine else f"no figure: {_why(header)}"
        what = repr(run.records).removeprefix("Records(").removesuffix(")") if run.records else ""
        rows.append((run.name, what, told))
    return Table(("log", "holds", "serves"), rows)


def _why(header: Header) -> str:
    """Why a log serves nothing: what it leaves unsaid, or how it differs from the experiment that is the nearest."""
    nearest = min(experiments(), key=lambda one: len(list(one.lacks(header))))
    found = list(nearest.lacks(header))
    unsaid = [words for words in found if "not said" in words or "not say" in words]
    return "; ".join(unsaid) or f"nearest is {nearest.name}, but {'; '.join(found)}"


# ---- the table, and one log ----


@lru_cache(maxsize=1024)
def _read(top: Path, path: Path, nanoseconds: int, size: int) -> Run:
    # a stat_result would not do as a key: it compares whole seconds, and when the file was last read
    name, time = path.relative_to(top).as_posix(), nanoseconds / 1e9
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a last line that was cut off
            found = records.read(path)
    except (OSError, ValueError) as error:
        return Run(name, None, f"cannot be read: {error}", time)
    return Run(name, found, time=time) if len(found) else Run(name, None, "holds no image", time)


@lru_cache
def _all() -> tuple[Experiment, ...]:
    with files("rsexplore").joinpath("recipes.toml").open("rb") as stream:
        table = tomllib.load(stream)
    defaults, found = table.pop("defaults"), []
    for recipe, given in table.items():
        values: dict[str, Any] = {}
        for source, word in product((defaults, given), WHO):
            values |= source.get(word, {})
        lists = [name for name in ("sigma", "trained", "k", "shape") if isinstance(values.get(name), list)]
        for chosen in product(*(values[name] for name in lists)):
            name = "-".join([recipe, *(f"{value:g}" for value in chosen[::-1])])
            found.append(_experiment(recipe, name, values | dict(zip(lists, chosen, strict=True)), given))
    return tuple(found)


def _experiment(recipe: str, name: str, row: dict[str, Any], given: dict[str, Any]) -> Experiment:
    dim, sigma, shape, by = DIMS[row["data"]], row.pop("sigma"), row.pop("shape", 0), row.pop("by", "deviation")
    family: Any = {cls.__name__: cls for cls in noises.ALL}[row.pop("family")]
    k, norms, extra = row.pop("k", None), row.pop("norms", None), {"shape": float(shape)} if shape else {}
    if by == "mode":
        noise: Noise = PowerGaussian.matched(sigma, k, dim, power_norm=norms[0], tail_norm=norms[1])
    elif by == "mean":
        noise = with_mean(family, Gaussian(sigma, dim).mean_norm(inf), dim)
    else:
        noise = family(sigma, dim=dim, **extra) if by == "scale" else family.from_sigma(sigma, dim, **extra)
    deviation = row.pop("trained", None)
    deviation = sigma if deviation == "sigma" else deviation
    trained = Gaussian(deviation, dim) if deviation else None if row["type"] == "clean" else noise
    votes = dict(given.get("votes", {}))
    if votes:
        certified = votes.pop("sigma", noise.sigma)
        votes |= {"dataset": row["data"], "certify_sigma": certified, "train_sigma": deviation or certified}
    told = {"sigma": sigma, "shape": shape, "trained": trained.sigma if trained else 0}
    own = {field: row.pop(field) for field in ("data", "arch", "type", "n0", "n", "alpha", "images")}
    return Experiment(
        recipe, name, tuple(tuple(place.split(": ", 1)) for place in given["serves"]), trained=trained, noise=noise,
        votes=votes, settings={field: value for field, value in row.items() if field != "push" or own["type"] == 2},
        **{field: given.get(field, "").format(**told) for field in ("checkpoint", "digits")}, **own,
    )  # fmt: skip
