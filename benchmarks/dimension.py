"""Measured growth of certified radii with the dimension: the same digits at 8, 16, 32 and 64 pixels.

    PYTHONPATH=notebooks python benchmarks/dimension.py --out DIR > benchmarks/dimension.md    # nets and logs are kept

Every pixel is repeated f x f times, and the noise's deviation grows like f, so that the mean over a block is as noisy
at every size and votes are neither won nor lost: at one deviation a larger image's votes are near 1, where radii end at
what n votes can tell. As radii are homogeneous in the noise, theory's slope is that at a fixed deviation plus 1/2.
"""

import argparse
import sys
import time
from math import inf
from pathlib import Path

import numpy as np
import torch

from reproduce import zoo
from reproduce.zoo import SIDES
from rsexplore import bounds, scaling
from rsexplore.montecarlo import train

SIGMA, EPOCHS, N, IMAGES, RESAMPLES = 0.25, 60, 2000, 100, 2000
CASES = (  # family, norm, bound
    ("gaussian", 2, "cohen-l2"),
    ("gaussian", 1, "cohen-lp"),
    ("gaussian", inf, "cohen-lp"),
    ("laplace", 1, "laplace-l1"),
    ("linf", inf, "pure-dp-linf"),
)
DIMS = [side**2 for side in SIDES]
HEAD = f"""# Radii measured against the dimension

Made by `python benchmarks/dimension.py`. Digits at {", ".join(map(str, SIDES))} pixels, each pixel of 8x8 repeated;
one net for each size and noise, {EPOCHS} epochs; noise of deviation {SIGMA} f a pixel for f x f copies; {IMAGES} test
images, n = {N:,}, alpha = 0.001. Median radius over all images, 0 where wrong; slope of its logarithm against log d,
with the standard error from {RESAMPLES:,} resamples of the images, not of the nets: one trained anew has other votes.
Theory: the law at a fixed deviation, plus 1/2, as the deviation grows like sqrt(d). The last table has the share of
images with the right class, and of right votes.
"""


def measured(family: str, side: int, out: Path):
    """Counts of one model, made unless they are in `out`."""
    name, recipe = zoo.named(family, SIGMA * side / 8, side, epochs=EPOCHS)
    path = train(recipe, out / f"{name}.safetensors", progress=False)
    return zoo.count(recipe, path, n=N, indices=np.arange(IMAGES), log=out / f"{name}.tsv")


def slope(medians: np.ndarray) -> np.ndarray:
    """Slopes of log medians, shape (..., sides), against log d."""
    away = np.log(DIMS) - np.mean(np.log(DIMS))
    return np.log(medians) @ away / (away @ away)


def line(family: str, norm: float, key: str, logs: list) -> str:
    """Row of the table for one bound and norm."""
    radii = np.array([bounds.get(key).radius(log.noise, q_a=log.q_a(), norm=norm) for log in logs])
    radii = np.where([log.predict == log.label for log in logs], radii, 0)  # (sides, images)
    rng = np.random.default_rng(0)
    resampled = np.array([np.median(radii[:, rng.integers(IMAGES, size=IMAGES)], axis=1) for _ in range(RESAMPLES)])
    medians, error = np.median(radii, axis=1), slope(resampled).std()
    theory = scaling.law(key, logs[0].noise, norm).fitted(DIMS) + 0.5
    slopes = f"{slope(medians):.3f} ± {error:.3f} | {round(theory, 3) + 0.0:.3f}"
    cells = " | ".join(f"{median:.4f}" for median in medians)
    return f"| {family} | l{norm:g} | {key} | {cells} | {slopes} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for models and logs")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    begin = time.perf_counter()
    logs = {family: [measured(family, side, out) for side in SIDES] for family in ("gaussian", "laplace", "linf")}
    print(HEAD)
    print(f"| noise | norm | bound | {' | '.join(f'd = {dim}' for dim in DIMS)} | slope | theory |")
    print("| --- " * (5 + len(DIMS)) + "|")
    for family, norm, key in CASES:
        print(line(family, norm, key, logs[family]))
    print(f"\n| noise | {' | '.join(f'right, votes at {side} px' for side in SIDES)} |")
    print("| --- " * (1 + len(SIDES)) + "|")
    for family, found in logs.items():
        shares = [
            (np.mean(x.predict == x.label), np.mean([row.counts.get(row.label, 0) for row in x.rows]) / N)
            for x in found
        ]
        print(f"| {family} | " + " | ".join(f"{right:.2f}, {votes:.3f}" for right, votes in shares) + " |")
    print(f"{(time.perf_counter() - begin) / 60:.1f} minutes on one thread", file=sys.stderr)


if __name__ == "__main__":
    main()
