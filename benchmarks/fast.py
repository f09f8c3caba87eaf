"""What `certify(fast=True)` gains on a network as it is, and how many votes it moves.

    python benchmarks/fast.py                    # prints the table, in minutes
    python benchmarks/fast.py > benchmarks/fast.md

Operations are what torch dispatches for one batch on a CPU: on a GPU each starts a kernel at least, which is what small
layers wait for. Time is CPU time of a whole call, or on a GPU time by the clock: the least of the turns, which the ways
take one after the other; what is in bfloat16 has only the first on a CPU. All draw the same noise. The first network is
trained here, on digits that are made larger, under the noise that it then votes under; the others are as they are made,
so that nothing is said of their votes.
"""

import argparse
import time

import torch
from report import machine, table
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from rsexplore import data
from rsexplore.montecarlo import ARCHITECTURES, certify
from rsexplore.montecarlo.networks import fast
from rsexplore.noises import Gaussian

NOISE, N0 = Gaussian(0.25), 20
WAYS = {
    "as it is": {},
    "channels_last": {"channels_last": True},
    "autocast to bfloat16": {"autocast": "bfloat16"},
    "fast": {"fast": True, "autocast": None},
    "fast, in bfloat16": {"fast": True, "autocast": "bfloat16"},
}
HEADER = (
    "network",
    "way",
    "batch norms folded",
    "operations",
    "time of a vote, ms",
    "of the first way's",
    "votes moved",
)


class Operations(TorchDispatchMode):
    """Counts what torch is asked for."""

    number = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.number += 1
        return function(*args, **(kwargs or {}))


def pictures(split: data.Split) -> torch.Tensor:
    """Digits as pictures (n, 3, 32, 32)."""
    return nn.functional.interpolate(torch.tensor(split.images), scale_factor=4.0).float().repeat(1, 3, 1, 1)


def trained(net: nn.Module, epochs: int) -> nn.Module:
    """The network after some training on noisy digits, in evaluation mode."""
    digits = data.digits().train
    images, labels = pictures(digits), torch.tensor(digits.labels)
    steps = [part for _ in range(epochs) for part in torch.randperm(len(images)).split(64)]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, len(steps))
    for part in steps:
        batch = images[part] + NOISE.sigma * torch.randn(len(part), *images.shape[1:])
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(batch), labels[part]).backward()
        optimizer.step()
        rates.step()
    return net.eval()


def operations(net: nn.Module, autocast: str | None = None, fast_: bool = False, **_: object) -> int:
    """Operations of one batch on a CPU."""
    dtype = getattr(torch, autocast or "float32")
    net, batch = (fast(net, dtype)[0] if fast_ else net).cpu(), torch.rand(2, 3, 32, 32)
    with torch.inference_mode(), Operations() as found, torch.autocast("cpu", dtype, bool(autocast) and not fast_):
        net(batch.to(dtype) if fast_ else batch)
    return found.number


def rows(name: str, net: nn.Module, count: int, n: int, turns: int, device: str):
    """One line a way."""
    split, seconds, found = data.digits().test, {way: [] for way in WAYS}, {}
    images, labels = pictures(split)[:count], split.labels[:count]
    clock = time.perf_counter if device == "cuda" else time.process_time
    for turn in range(turns):
        for way, options in WAYS.items():
            if turn and device == "cpu" and options.get("autocast"):
                continue
            start = clock()
            found[way] = certify(net, images, labels, NOISE, N0, n, device=device, progress=False, **options)
            seconds[way].append((clock() - start) / (count * (N0 + n)))
    first = [min(seconds["as it is"]), found["as it is"]]
    for way, options in WAYS.items():
        told = found[way].header.model.get("fast", "").partition(" batch")[0]
        taken = operations(net, options.get("autocast"), bool(options.get("fast")))
        pairs = [(mine.counts, theirs.counts) for mine, theirs in zip(found[way].rows, first[1].rows, strict=True)]
        moved = sum(max(0, mine[k] - theirs.get(k, 0)) for mine, theirs in pairs for k in mine)
        least = min(seconds[way])
        shown = f"{moved:,} of {count * n:,}" if name.endswith("trained") else ""
        yield [name, way, told, f"{taken}", f"{1000 * least:.3f}", f"{least / first[0]:.2f}", shown]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=5, help="of all ways (default %(default)s)")
    options.add_argument("--epochs", type=int, default=2, help="of the network that is trained (default %(default)s)")
    options.add_argument("--device", default="cpu", help="cpu or cuda (default %(default)s)")
    given = options.parse_args()
    torch.manual_seed(0)
    card = f"; {torch.cuda.get_device_name()}" if given.device == "cuda" else ""
    print(f"# Fast copies of networks\n\n{machine('torch', 'rsexplore')}{card}\n")
    nets = {
        "cifar_resnet20, trained": (trained(ARCHITECTURES["cifar_resnet20"](), given.epochs), 5, 400),
        "cifar_resnet110": (ARCHITECTURES["cifar_resnet110"]().eval(), 3, 20),
        "wide_resnet40_2": (ARCHITECTURES["wide_resnet40_2"]().eval(), 3, 20),
    }
    lines = (row for name, (net, *size) in nets.items() for row in rows(name, net, *size, given.turns, given.device))
    table(list(HEADER), lines)


if __name__ == "__main__":
    main()
