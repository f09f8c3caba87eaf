"""The CPU time of a certification beside that of a plain loop, which is what one writes by hand.

    python benchmarks/certify.py                       # prints the tables
    python benchmarks/certify.py > benchmarks/certify.md

The loop takes one image at a time, with a fixed batch, and counts classes on the host: with the allocator setting of
`montecarlo.engine.kept_heap` at its own best batch size, and in a process of its own with an allocator that nobody has
touched. What the first gains on the second is not the engine's doing, for any loop may have it. `certify` chooses all
by itself, and what that takes is counted. All take turns, and CPU time is compared, for a busy machine slows each a
little otherwise; on a GPU it is time by the clock.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch
from report import machine, table

from rsexplore.montecarlo import CifarResNet, certify, load_model
from rsexplore.montecarlo.engine import kept_heap
from rsexplore.montecarlo.runner import GPU_SIZES
from rsexplore.noises import Gaussian

SIGMA, N0 = 0.25, 100
IMAGES = 4
PLAIN_BATCH = 400


@dataclass(frozen=True)
class Case:
    """A network, what it is given, and how."""

    name: str
    shape: tuple[int, ...]
    threads: int
    copies: int  # of each image in one turn
    sizes: tuple[int, ...]  # batches of the plain loop
    device: str = "cpu"
    autocast: torch.dtype | None = None

    def network(self) -> torch.nn.Module:
        """Return the network on its device, in evaluation mode."""
        torch.set_num_threads(self.threads)
        if self.name == "digits net":
            return load_model("digits-gaussian-0.25")
        torch.manual_seed(0)
        if self.name == "small net":
            first, second = torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.Conv2d(16, 32, 3, 2, 1)
            last = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(32, 10)
            return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), *last).eval()
        if self.name == "cifar_resnet110":
            return CifarResNet(110).eval()
        from torchvision.models import resnet50

        return resnet50().eval().to(self.device, memory_format=torch.channels_last)

    def images(self) -> torch.Tensor:
        """Return a few images on the device."""
        return torch.rand(IMAGES, *self.shape, generator=torch.Generator().manual_seed(0)).to(self.device)

    def seconds(self, work: Callable[[], object]) -> float:
        """CPU time a copy of some work, or on a GPU the time by the clock."""
        clock = time.perf_counter if self.device == "cuda" else time.process_time
        start = clock()
        work()
        return (clock() - start) / (IMAGES * self.copies)


def plain(case: Case, size: int, kept: bool) -> float:
    """Seconds a copy of a plain loop: one image at a time, a fixed batch, classes counted on the host."""
    model = _own.setdefault(case.name, case.network())

    def loop() -> None:
        for image in case.images():
            counts, left = np.zeros(1000, dtype=np.int64), case.copies
            while left:
                batch = image.repeat(min(size, left), *[1] * image.ndim)
                noise = torch.randn_like(batch) * SIGMA
                counts += np.bincount(model(batch + noise).argmax(1).cpu().numpy(), minlength=1000)
                left -= len(batch)

    precision = torch.autocast(case.device, case.autocast, case.autocast is not None)
    with kept_heap() if kept else nullcontext(), torch.inference_mode(), precision:
        return case.seconds(loop)


_own: dict[str, torch.nn.Module] = {}


def engine(case: Case) -> float:
    """Seconds a copy of a whole call of `certify`: checks, digests, the choice of a batch size and all."""
    model, images, n = _own.setdefault(case.name, case.network()), case.images(), case.copies - N0
    options = {"threads": case.threads, "autocast": case.autocast, "channels_last": case.device == "cuda"}
    return case.seconds(lambda: certify(model, images, [0] * IMAGES, Gaussian(SIGMA), N0, n, progress=False, **options))


def throughput(case: Case, turns: int) -> list[str]:
    """One row: `certify` and the plain loops, in turns."""
    ours, untouched, loops = [], [], {size: [] for size in case.sizes}
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        for turn in range(turns + 1):
            found = engine(case), other.submit(plain, case, PLAIN_BATCH, False).result()
            alike = {size: plain(case, size, True) for size in case.sizes}
            if turn:  # the first pays for what is set up once
                ours, untouched = [*ours, found[0]], [*untouched, found[1]]
                loops = {size: [*loops[size], alike[size]] for size in loops}
    best = min(loops, key=lambda size: np.median(loops[size]))
    ratios = np.array(ours) / np.array(loops[best])
    return [
        case.name,
        "x".join(map(str, case.shape)),
        f"{case.threads}",
        f"{1 / np.median(ours):,.0f}",
        f"{1 / np.median(loops[best]):,.0f} ({best})",
        f"{np.median(ours) / np.median(loops[best]):.2f}",
        f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})",
        f"{1 / np.median(untouched):,.0f} ({PLAIN_BATCH})",
    ]


def peak(n: int) -> list[str]:
    """One row: the largest resident memory of a fresh process that counts n votes, beyond what it had before."""
    code = f"""
import re, torch
from pathlib import Path
from rsexplore.montecarlo import certify, load_model
from rsexplore.noises import Gaussian
def resident(name):
    return int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
model, image = load_model("digits-gaussian-0.25"), torch.zeros(1, 1, 8, 8)
def run(n):
    certify(model, image, [0], Gaussian({SIGMA}), {N0}, n, batch_size={PLAIN_BATCH}, progress=False)
Path("/proc/self/clear_refs").write_text("5")  # the peak of the start is forgotten
before = resident("VmRSS")
run({n})
print(before, resident("VmHWM"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = (int(kib) / 1024 for kib in done.stdout.split())
    return [f"{n:,}", f"{after:.0f}", f"{after - before:.0f}", f"{n * 64 * 4 / 2**20:,.1f}"]


def cases(threads: int) -> list[Case]:
    """Return what can run here."""
    found = [
        Case("digits net", (1, 8, 8), 1, 40_000, (100, 200, 400, 800)),
        Case("small net", (3, 32, 32), 1, 8_000, (16, 32, 64, 128, 256)),
        Case("cifar_resnet110", (3, 32, 32), threads, 500, (32, 64, 128)),
    ]
    if not torch.cuda.is_available():
        print("resnet50 at 224x224 in bfloat16 was left out: there is no CUDA device here.\n")
        return found
    try:
        import torchvision  # noqa: F401
    except ImportError:
        print("resnet50 at 224x224 in bfloat16 was left out: torchvision is not installed.\n")
        return found
    return [*found, Case("resnet50", (3, 224, 224), threads, 100_000, GPU_SIZES, "cuda", torch.bfloat16)]


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=9, help="of certify and loops (default %(default)s)")
    options.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the larger networks")
    options.add_argument("--only", nargs="+", metavar="NETWORK", help="these rows of the first table; others say so")
    given = options.parse_args()
    device = f"; {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    print(f"# CPU time of certification\n\n{machine('torch', 'numpy', 'scipy', 'rsexplore')}{device}\n")
    print(
        "Votes in a second of CPU time, with the loop's batch size in brackets; medians of the turns. The ratios are of"
    )
    print("CPU time, certify's to that of the loop with the same allocator setting at its own best batch size: of the")
    print("medians, and the median, least and largest of the turns. At most 1.05 is what is aimed at.\n")
    head = ["network", "image", "threads", "certify", "plain loop with the same allocator setting",
            "CPU time, certify / that", "by turns", "plain loop"]  # fmt: skip
    left_out = ["not measured", *[""] * 4]
    table(head, (
        throughput(case, given.turns) if not given.only or case.name in given.only
        else [case.name, "x".join(map(str, case.shape)), f"{case.threads}", *left_out]
        for case in cases(given.threads)
    ))  # fmt: skip
    print(
        "\n## Peak memory\n\nOf a fresh process, one image of 1x8x8, batches of 400. The last column is what all noisy"
    )
    print("copies would take.\n")
    table(["n", "peak, MiB", "of it by certify, MiB", "n copies, MiB"], (peak(10**power) for power in range(3, 7)))


if __name__ == "__main__":
    main()
