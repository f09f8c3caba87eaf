"""How many copies pass through a network at once: from a table on a CPU, by a short search elsewhere.

The noise does not depend on it, the time and the memory of a run do.
"""

import time
from math import inf

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.logits import Model

# Coordinates of an image, and the copies at which a CPU is fastest for images up to that size. Once a layer of a few
# images fills a cache, more copies gain nothing, and take their memory.
CPU_SIZES = ((1024, 400), (16_384, 32), (65_536, 16), (inf, 8))
FEW = 100  # copies at once on other devices, where there are too few for a search
# What a network holds at once for one image, in images: 42 for an EfficientNet, some 170 for a WideResNet-28-10.
HELD = 256
DEVICE_SIZES = tuple(2**power for power in range(6, 14))
SHARE = 0.02  # of the run, that a search may take
LONGEST = 5.0  # seconds, that it may take
WORTH = 25  # batches of the largest size that a run must have before anything is searched
NEAR = 0.9  # of the best rate; what comes so near is measured again, for a neighbour may have slowed the better one
AGAIN = 2  # times
AT_LEAST = 0.3  # seconds for one size each time, or its part of what the search may take
ROUNDS = 3  # batches of one size, of which the first one pays for what is set up once


def usual_batch_size(image: Tensor) -> int:
    """Copies at which networks for such images are fastest on a CPU, or as many as there is memory for."""
    coordinates = image.numel()
    on_cpu = image.device.type == "cpu"
    size = next(size for largest, size in CPU_SIZES if coordinates <= largest) if on_cpu else FEW
    return max(1, min(size, memory.free(image.device) // max(1, HELD * coordinates * image.element_size())))


def best_batch_size(logits_of: Model, image: Tensor, copies: int) -> int:
    """Copies that are to pass through a network at once; on a CPU nothing is measured.

    Parameters
    ----------
    logits_of : callable
        Maps a batch (b, ...) to logits; not compiled, for each size would be compiled anew.
    image : Tensor, shape (...)
        On the device of the run.
    copies : int
        Copies that the run will count.
    """
    if image.device.type == "cpu" or copies < WORTH * DEVICE_SIZES[-1]:
        return usual_batch_size(image)
    return fastest(logits_of, image, copies)


def fastest(logits_of: Model, image: Tensor, copies: int) -> int:
    """Size at which most copies a second pass; ends before a size that would not fit, or would take too long."""
    rates, took = dict[int, float](), dict[int, float]()
    losers, seconds = 0, 0.0
    for size in DEVICE_SIZES:
        try:
            rates[size], took[size], held = _rate(logits_of, image, size, seconds)
        except Exception as error:
            if not memory.is_exhaustion(error):
                raise
            memory.release(image.device)
            if not rates:
                return size // 2  # the run halves it further where it must
            break
        best = max(rates.values())
        limit = min(LONGEST, SHARE * copies / best)
        seconds = min(AT_LEAST, limit / len(DEVICE_SIZES) / (1 + AGAIN))
        # one slow size may be a neighbour's doing; two are not
        losers = losers + 1 if rates[size] < NEAR * best else 0
        coming = max(seconds, ROUNDS * 2 * size / rates[size])
        if losers == 2 or sum(took.values()) + coming > limit or 2 * held > memory.free(image.device):
            break
    for size in [size for size in rates if rates[size] > NEAR * best] * AGAIN:
        if sum(took.values()) + took[size] < limit:
            rate, more, _ = _rate(logits_of, image, size, seconds)
            rates[size], took[size] = max(rates[size], rate), took[size] + more
    return max(rates, key=rates.__getitem__)


def _rate(logits_of: Model, image: Tensor, size: int, seconds: float) -> tuple[float, float, int]:
    """Copies a second (the best of some batches), the seconds that these took, and the bytes that they held."""
    best, begin, rounds = inf, time.perf_counter(), 0
    with torch.inference_mode(), memory.held(image.device) as held:
        batch = image.expand(size, *image.shape)
        while rounds < ROUNDS or time.perf_counter() - begin < seconds:
            own = batch.clone()  # the model may spoil it
            _wait(image)
            start = time.perf_counter()
            logits_of(own)
            _wait(image)
            if rounds:
                best = min(best, time.perf_counter() - start)
            rounds += 1
    return size / best, time.perf_counter() - begin, held()


def _wait(image: Tensor) -> None:
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
