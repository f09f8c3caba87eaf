"""The certification engine beside bare inference of the same network, in the same run.

    python benchmarks/certify.py                       # prints the tables; about ten minutes
    python benchmarks/certify.py > benchmarks/certify.md

Bare inference is the network on one batch that lies ready, at its fastest batch size and with the heap kept. The plain
loop is what one writes by hand, each time in a process of its own: once as it stands, with an allocator that nobody has
touched, and once with the engine's allocator setting (`montecarlo.memory.kept_heap`) and batch size. What the second
gains on the first is not the engine's doing, for any loop may have it. Engine and network alternate several times a
second within each turn, so that a busy machine slows both; a ratio is the median over the turns.
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
from scipy import stats

from rsexplore import confidence, data
from rsexplore.montecarlo import CifarResNet, certify, load_model
from rsexplore.montecarlo.memory import kept_heap
from rsexplore.montecarlo.progress import Progress
from rsexplore.montecarlo.stopping import Stop
from rsexplore.montecarlo.tuning import DEVICE_SIZES, best_batch_size
from rsexplore.noises import Gaussian

SIGMA, ALPHA, N0, N = 0.25, 0.001, 100, 100_000
IMAGES = 4
PLAIN_BATCH = 400
LONG_RUN = 10**7  # copies; for the choice of a batch size
SLICE = 0.4  # seconds that engine and network have alternately
SHARES = (0.25, 0.5, 0.75, 0.9)  # of the certified radius


@dataclass(frozen=True)
class Case:
    """A network, what it is given, and how."""

    name: str
    shape: tuple[int, ...]
    threads: int
    seconds: float  # of the engine in one turn
    sizes: tuple[int, ...]  # of bare inference
    device: str = "cpu"
    autocast: torch.dtype | None = None

    def network(self) -> torch.nn.Module:
        """Return the network on its device, in evaluation mode."""
        torch.set_num_threads(self.threads)
        if self.name == "digits net":
            return load_model("digits-gaussian-0.25")
        torch.manual_seed(0)
        if self.name == "cifar_resnet110":
            return CifarResNet(110).eval()
        from torchvision.models import resnet50

        return resnet50().eval().to(self.device, memory_format=torch.channels_last)

    def images(self) -> torch.Tensor:
        """Return a few images on the device."""
        return torch.rand(IMAGES, *self.shape, generator=torch.Generator().manual_seed(0)).to(self.device)

    def wait(self) -> None:
        """Wait for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def bare(case: Case, model: Callable, size: int, seconds: float) -> tuple[int, float]:
    """Images that pass the network alone, and the seconds that they take."""
    batch, done = case.images()[:1].expand(size, *case.shape).clone(), 0
    if case.device == "cuda":
        batch = batch.to(memory_format=torch.channels_last)
    with kept_heap(), torch.inference_mode(), torch.autocast(case.device, case.autocast, case.autocast is not None):
        model(batch)  # pays for what is set up once
        case.wait()
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            model(batch)
            case.wait()
            done += size
        return done, time.perf_counter() - start


def plain(case: Case, seconds: float, size: int, kept: bool) -> float:
    """Votes a second of a plain loop: one image at a time, a fixed batch, classes counted on the host."""
    model, image = _own.setdefault(case.name, case.network()), case.images()[0]
    counts, done = np.zeros(1000, dtype=np.int64), 0
    with (
        kept_heap() if kept else nullcontext(),
        torch.no_grad(),
        torch.autocast(case.device, case.autocast, case.autocast is not None),
    ):
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            batch = image.repeat(size, *[1] * image.ndim)
            noise = torch.randn_like(batch) * SIGMA
            counts += np.bincount(model(batch + noise).argmax(1).cpu().numpy(), minlength=1000)
            done += size
    return done / (time.perf_counter() - start)


_own: dict[str, torch.nn.Module] = {}


class Pauses:
    """Has the engine pause after each slice of time, and measures the bare network in the pauses.

    Slices of as many copies would hold more of a slow stretch's time than of a quick one's, and the pauses would not.
    """

    def __init__(self, case: Case, model: Callable, size: int) -> None:
        self._case, self._model, self._size, self._resumed = case, model, size, time.perf_counter()
        self.images, self.seconds, self.paused = 0, 0.0, 0.0

    def __call__(self, progress: Progress) -> None:
        """Is told how far the engine is."""
        if time.perf_counter() < self._resumed + SLICE:
            return
        self._case.wait()  # what is still under way is the engine's
        start = time.perf_counter()
        done, seconds = bare(self._case, self._model, self._size, SLICE)
        self.images, self.seconds = self.images + done, self.seconds + seconds
        self._resumed = time.perf_counter()
        self.paused += self._resumed - start


def engine(case: Case, model: torch.nn.Module, size: int, chosen: int, rate: float) -> tuple[float, float]:
    """Images a second of the bare network, and votes a second of a whole call of `certify`: checks, digests and all."""
    n = int(rate * case.seconds) // IMAGES
    pauses = Pauses(case, model, size)
    start = time.perf_counter()
    certify(model, case.images(), [0] * IMAGES, Gaussian(SIGMA), N0, n, batch_size=chosen, threads=case.threads,
            autocast=case.autocast, channels_last=case.device == "cuda", progress=pauses)  # fmt: skip
    seconds = time.perf_counter() - start - pauses.paused
    return pauses.images / pauses.seconds, IMAGES * (N0 + n) / seconds


def throughput(case: Case, turns: int) -> list[str]:
    """One row: bare inference, the engine and the plain loops, in turns."""
    model = case.network()
    image = case.images()[0]
    with torch.autocast(case.device, case.autocast, case.autocast is not None), kept_heap():
        chosen = best_batch_size(model, image, LONG_RUN)
    rates = {size: max(_rate(case, model, size) for _ in range(3)) for size in case.sizes}
    size = max(rates, key=rates.__getitem__)
    found, spawn = [], get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as first, ProcessPoolExecutor(1, spawn) as second:
        others = [(first, PLAIN_BATCH, False), (second, chosen, True)]
        for other, *way in others:
            other.submit(plain, case, 0.1, *way).result()
        for _ in range(turns):
            pair = engine(case, model, size, chosen, rates[size])
            loops = [other.submit(plain, case, case.seconds / 2, *way).result() for other, *way in others]
            found.append((*pair, *loops))
    bares, ours, loops, alike = np.array(found).T
    return [
        case.name,
        "x".join(map(str, case.shape)),
        f"{case.threads}",
        f"{np.median(bares):,.0f} ({size})",
        f"{np.median(ours):,.0f} ({chosen})",
        f"{np.median(ours / bares):.2f} ({min(ours / bares):.2f} to {max(ours / bares):.2f})",
        f"{np.median(loops):,.0f} ({PLAIN_BATCH})",
        f"{np.median(alike):,.0f} ({chosen})",
        f"{np.median(ours / alike):.2f} ({min(ours / alike):.2f} to {max(ours / alike):.2f})",
    ]


def _rate(case: Case, model: Callable, size: int) -> float:
    done, seconds = bare(case, model, size, case.seconds / 10)
    return done / seconds


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


def published(sigma: float) -> np.ndarray:
    """p_A of every certified image of a published CIFAR-10 log (its lower bound, taken for the truth)."""
    log = data.log("locuslab-smoothing", "cifar10", train_sigma=sigma, certify_sigma=sigma)
    q = log.q_a()
    return 1 - q[q < 0.5]


def draws_until_decided(p: np.ndarray, q: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws of each image until 1 - p is known to be below or above q, and which it is."""
    sizes = Stop(0, 2, "", 0, ALPHA, N).looks().sizes
    count, before = np.zeros(len(p), dtype=int), 0
    draws, decided = np.full(len(p), N), np.zeros(len(p), dtype=int)
    for size in sizes:
        count, before = count + rng.binomial(size - before, p), size
        now = np.where(decided == 0, confidence.decision(count, size, q, ALPHA / 2), 0)
        draws, decided = np.where(now != 0, size, draws), decided + now
    last = (decided == 0) & (confidence.stopped_tail(count, N, N, ALPHA) <= q)
    return draws, np.where(last, 1, decided)


def stopping(sigma: float) -> list[list[str]]:
    """Rows for one log: what the anytime stop takes of N draws, for some wanted shares of each certified radius."""
    rng, p, rows = np.random.default_rng(0), published(sigma), []
    for share in SHARES:
        q = stats.norm.sf(share * stats.norm.ppf(p))  # 1 - p_A at which that share of the radius is certified
        draws, decided = draws_until_decided(p, q, rng)
        fixed = confidence.clopper_pearson_tail(rng.binomial(N, p), N, ALPHA) <= q
        rows.append([f"{sigma:g}", f"{len(p)}", f"{share:g}", f"{N:,}", f"{np.median(draws):,.0f}",
                     f"1/{N / np.median(draws):.0f}", f"{draws.mean():,.0f}", f"{np.quantile(draws, 0.9):,.0f}",
                     f"{np.mean(decided == 1):.1%}", f"{np.mean(fixed):.1%}"])  # fmt: skip
    return rows


def cases(threads: int) -> list[Case]:
    """Return what can run here."""
    found = [Case("digits net", (1, 8, 8), 1, 10.0, (100, 200, 400, 800))]
    found += [Case("cifar_resnet110", (3, 32, 32), threads, 8.0, (16, 32, 64, 100))]
    if not torch.cuda.is_available():
        print("resnet50 at 224x224 in bfloat16 was left out: there is no CUDA device here.\n")
        return found
    try:
        import torchvision  # noqa: F401
    except ImportError:
        print("resnet50 at 224x224 in bfloat16 was left out: torchvision is not installed.\n")
        return found
    return [*found, Case("resnet50", (3, 224, 224), threads, 8.0, DEVICE_SIZES, "cuda", torch.bfloat16)]


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=9, help="of bare, engine and loops (default %(default)s)")
    options.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the larger networks")
    given = options.parse_args()
    device = f"; {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    print(f"# Speed of certification\n\n{machine('torch', 'numpy', 'scipy', 'rsexplore')}{device}\n")
    print("Votes a second, with the batch size in brackets; medians of the turns, and least and largest ratio.\n")
    same = "plain loop with the same allocator setting"
    head = ["network", "image", "threads", "bare", "engine", "engine / bare", "plain loop", same, "engine / that"]
    table(head, (throughput(case, given.turns) for case in cases(given.threads)))
    print(
        "\n## Peak memory\n\nOf a fresh process, one image of 1x8x8, batches of 400. The last column is what all noisy"
    )
    print("copies would take.\n")
    table(["n", "peak, MiB", "of it by certify, MiB", "n copies, MiB"], (peak(10**power) for power in range(3, 7)))
    print(f"\n## Draws with the anytime stop\n\nalpha = {ALPHA:g} with and without; p_A as in the published CIFAR-10")
    print("logs; wanted is a share of each certified radius. Last: the images certified with the stop, and with all")
    print("draws.\n")
    head = ["sigma", "images", "wanted", "fixed n", "median", "of n", "mean", "90 %", "certified", "with all draws"]
    try:
        table(head, (row for sigma in (0.12, 0.25, 0.5, 1.0) for row in stopping(sigma)))
    except data.DataUnavailableError as error:
        print(f"left out: {error}")


if __name__ == "__main__":
    main()
