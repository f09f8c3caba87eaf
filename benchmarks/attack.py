"""How far found perturbations are from certified radii: the shipped digits models, each under its noise.

    export PYTHONPATH=notebooks
    python benchmarks/attack.py                            # 200 test images a noise at sigma 0.25, minutes
    python benchmarks/attack.py > benchmarks/attack.md
    python benchmarks/attack.py --images 20 --models digits-gaussian-0.5 digits-laplace-0.5

Hayes 2020 (section 3.4, Figure 5) finds perturbations of 2 to 2.5 times the certified radius on CIFAR-10.
"""

import argparse
import time
from math import inf, isinf

import numpy as np
import torch
from numpy.typing import NDArray

from reproduce.zoo import SHIPPED, noise_of
from rsexplore import bounds, data
from rsexplore.bound import Bound
from rsexplore.montecarlo import attack, certify, load_model, names
from rsexplore.noises import Noise
from rsexplore.records import Records

# family -> norm of the attack, where it is not the noise's own; a radius in l3 or l4 is one in l2 as well
NORMS = {"gg3": 2.0, "gg4": 2.0, "mixed": inf}
HEADER = ("model", "norm", "bound", "images", "found", "inside", "median ratio", "quartiles", "seconds")


def best(records: Records, noise: Noise, norm: float) -> tuple[Bound, NDArray]:
    """The certificate whose median radius is largest, and its radii."""
    proved = [bound for bound in bounds.of(noise, norm) if bound.certifies]
    radii = [bound.radius(noise, q_a=records.q_a(), norm=norm) for bound in proved]
    place = int(np.argmax([np.median(radius) for radius in radii]))
    return proved[place], radii[place]


def row(name: str, noise: Noise, norm: float, given: argparse.Namespace) -> list[str]:
    """Certify and attack the same images; one line of the table."""
    start, test, model = time.perf_counter(), data.digits().test, load_model(name)
    images, labels = test.images[: given.images], test.labels[: given.images]
    records = certify(model, images, labels, noise, 100, given.n, progress=False)
    bound, radius = best(records, noise, norm)
    pushed = attack(model, images, noise, norm, n=given.votes, steps=given.steps, rounds=given.rounds)
    # an image that certifies nothing has no ratio
    both = np.isfinite(pushed.size) & (radius > 0)
    inside = np.sum(pushed.size[both] <= radius[both])
    low, middle, high = np.percentile(pushed.size[both] / radius[both], (25, 50, 75))
    label = "inf" if isinf(norm) else f"{norm:g}"
    counts = (str(len(images)), str(int(both.sum())), str(int(inside)))
    seconds = f"{time.perf_counter() - start:.0f}"
    return [f"`{name}`", label, f"`{bound.key}`", *counts, f"{middle:.2f}", f"{low:.2f} to {high:.2f}", seconds]


def main() -> None:
    """Print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--n", type=int, default=10_000, help="draws of a certificate (default %(default)s)")
    parser.add_argument("--votes", type=int, default=1000, help="draws that tell a class to the attack")
    parser.add_argument("--steps", type=int, default=5, help="gradient steps of one descent")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--models", nargs="+", help="shipped models; those at sigma 0.25 if absent")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {
        name: noise_of(SHIPPED[name]) for name in SHIPPED if name in names() and name in (given.models or names())
    }
    print(f"| {' | '.join(HEADER)} |\n| {' | '.join(['---'] * len(HEADER))} |", flush=True)
    for name, noise in chosen.items():
        if given.models or abs(noise.sigma - 0.25) < 1e-6:
            norm = NORMS.get(name.split("-")[1], noise.natural_norm)
            print(f"| {' | '.join(row(name, noise, norm, given))} |", flush=True)
    print(
        f"\nCertificates: {given.n:,} draws, alpha 0.001. Found: images with both a radius and a perturbation. Inside: "
        "perturbations no larger than the radius. Ratios: found over certified."
    )


if __name__ == "__main__":
    main()
