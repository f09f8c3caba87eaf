"""What stands in for networks and votes that were not published: runs of ours on the digits, made once and stored.

    PYTHONPATH=notebooks python -m reproduce.ours    # makes what is not in data/ours/, 20 minutes on one core

There are votes of a network under noise that it was not trained with, a clean network, attacks, and how often smoothing
leaves a clean network's class. Noise is that of a pixel in [0, 1].
"""

import gzip
from collections.abc import Callable
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reproduce.printed import DATA, rows
from rsexplore import data, records
from rsexplore.mechanisms import with_mean
from rsexplore.noises import ExponentialLinf, Gaussian, Laplace, Noise

OURS = DATA / "ours"
CLEAN = "digits-clean"
DIM, DRAWS = 64, 10_000
# another batch size may move a vote, by the order of sums; this one is the fastest of 100 to 800
COUNTED: dict[str, Any] = {"batch_size": 400, "threads": 1, "data": "digits test", "progress": False}
SIGMAS = (0.25, 0.5, 1.0)
ATTACKED = 200  # images, half as many as Hayes 2020 attacks; the clean network is attacked on all
POINT = Gaussian(0.002, DIM)  # no noise to speak of: its length is 0.016
AGREEMENT = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # deviations
TRAINED = "digits-gaussian-0.5"
RUNS: dict[str, tuple[Noise, int]] = {}  # name of a log of it: noise that it is certified under, and how many images
for sigma in SIGMAS:
    gaussian = Gaussian(sigma, DIM)
    RUNS[f"{TRAINED}-at-gaussian-{sigma:g}"] = gaussian, 250
    # of the same mean largest coordinate, as in the unified framework
    RUNS[f"{TRAINED}-at-linf-{sigma:g}"] = with_mean(ExponentialLinf, gaussian.mean_norm(inf), DIM), 100


@lru_cache
def log(name: str) -> records.Records:
    """Stored log, of the first test digits."""
    return records.read(OURS / f"{name}.tsv.gz")


def stored(path: Path, run: Callable[..., records.Records]) -> records.Records:
    """Records of a gzip file, which is made if it is not there, by a run with its log at `log`."""
    if not path.exists():
        run(log=path.with_suffix(""))
        # without a time in its head, so that the same votes give the same bytes
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes(), mtime=0))
        path.with_suffix("").unlink()
    return records.read(path)


def network(name: str) -> Any:
    """Network of the package, or the clean one."""
    from rsexplore.montecarlo import load_model

    return load_model(OURS / f"{CLEAN}.safetensors" if name == CLEAN else name)


def sizes(name: str, norm: float) -> NDArray[np.float64]:
    """Norm of the smallest perturbation found of each test digit; inf where none was, nan where there was no class."""
    found = rows("ours/attacks")
    return np.array([float(row["size"]) for row in found if (row["network"], float(row["norm"])) == (name, norm)])


def undefended(norm: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper bound on the accuracy of the clean network under attack: radii, and share right at more than each."""
    found = np.sort(sizes(CLEAN, norm))  # 0 where the class is wrong without any attack
    ends = np.concatenate([[0.0], found[np.isfinite(found)]])
    return ends, np.array([np.mean(found > end) for end in ends])


def agreement() -> dict[str, NDArray[np.float64]]:
    """Share of test digits that smoothing leaves the clean network's class, by family, for each of `AGREEMENT`."""
    found = rows("ours/agreement")
    return {family: np.array([float(row["share"]) for row in found if row["family"] == family])
            for family in ("Laplace", "Gaussian")}  # fmt: skip


# how they were made


def attacked(name: str, norm: float, images: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Sizes of attacks on some test digits: on the network smoothed with its own noise, the clean one with none."""
    from rsexplore.montecarlo import attack

    model = network(name)
    if name != CLEAN:
        return attack(model, images, Gaussian(float(name.rpartition("-")[2]), DIM), norm).size
    right = _classes(model, images) == labels
    found = attack(model, images, POINT, norm, n=24, samples=1, batch_size=len(images))
    moved = images + np.nan_to_num(found.delta).astype(images.dtype)
    broken = (_classes(model, moved) != labels) & np.isfinite(found.size)
    return np.where(right, np.where(broken, found.size, inf), 0.0)


def counted(name: str, log: Path | None = None, images: int | None = None) -> records.Records:
    """Votes that a stored log has, or those of its first images, counted anew."""
    from rsexplore.montecarlo import certify

    (noise, most), test = RUNS[name], data.digits().test
    chosen = slice(images or most)
    return certify(network(TRAINED), test.images[chosen], test.labels[chosen], noise, n=DRAWS, log=log, **COUNTED)


def agrees(family: type[Noise], sigma: float, draws: int = 1000) -> float:
    """Share of the test digits whose class is the clean network's own after smoothing."""
    from rsexplore.montecarlo import certify

    images, model = data.digits().test.images, network(CLEAN)
    own = _classes(model, images)
    found = certify(model, images, own, family.from_sigma(sigma, DIM), n0=draws, n=1, **COUNTED)
    return float(np.mean(found.predict == own))


def _classes(model: Any, images: NDArray) -> NDArray[np.int64]:
    import torch

    with torch.no_grad():
        return np.asarray(model(torch.as_tensor(images)).argmax(1))


def main() -> None:
    """Make what is not there."""
    from rsexplore.montecarlo import recipe, train

    OURS.mkdir(exist_ok=True)
    test = data.digits().test
    if not (path := OURS / f"{CLEAN}.safetensors").exists():
        train(recipe("digits"), path, progress=False)
    if not (path := OURS / "agreement.csv").exists():
        lines = ["family,sigma,share"]
        for family in (Laplace, Gaussian):
            lines += [f"{family.__name__},{sigma},{agrees(family, sigma)}" for sigma in AGREEMENT]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not (path := OURS / "attacks.csv").exists():
        lines = ["network,norm,index,size"]
        for name, norm in ((CLEAN, 1.0), (CLEAN, 2.0), ("digits-gaussian-0.25", 2.0)):
            most = len(test.images) if name == CLEAN else ATTACKED
            sizes = attacked(name, norm, test.images[:most], test.labels[:most])
            lines += [f"{name},{norm:g},{at},{size:.6g}" for at, size in enumerate(sizes)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in RUNS:
        print(name, stored(OURS / f"{name}.tsv.gz", partial(counted, name)), flush=True)


if __name__ == "__main__":
    main()
