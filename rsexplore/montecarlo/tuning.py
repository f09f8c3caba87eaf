"""The batch size at which a network is fastest here, found by measuring."""

import time

import torch
from torch import Tensor

from rsexplore.montecarlo import memory
from rsexplore.montecarlo.counts import BATCH_SIZE
from rsexplore.montecarlo.logits import Model

SIZES = {"cpu": (25, 50, 100, 200, 400, 800)}
DEVICE_SIZES = tuple(2**power for power in range(6, 14))
SHARE = 0.02  # of the run, that measuring may take
WORTH = 25  # batches of the largest size that a run must have before anything is measured
NEAR = 0.9  # of the best rate; what comes so near is measured again, for a neighbour may have slowed the better one
AGAIN = 2  # times
BETWEEN = 1.5e-4  # seconds that the engine itself takes for a batch on a CPU
AT_LEAST = 0.3  # seconds for one size each time, or its part of the share


def best_batch_size(logits_of: Model, image: Tensor, copies: int) -> int:
    """Size at which most copies a second pass through a network.

    The votes do not depend on it. What measuring takes is bounded by a share of the run.

    Parameters
    ----------
    logits_of : callable
        Maps a batch (b, ...) to logits.
    image : Tensor, shape (...)
        On the device of the run.
    copies : int
        Copies that the run will count.
    """
    sizes = SIZES.get(image.device.type, DEVICE_SIZES)
    if copies < WORTH * sizes[-1]:
        return BATCH_SIZE
    rates, took, losers, seconds = dict[int, float](), dict[int, float](), 0, 0.0
    for size in sizes:
        try:
            rates[size], took[size] = _rate(logits_of, image, size, seconds)
        except Exception as error:
            if not memory.is_exhaustion(error) or not rates:
                raise
            memory.release(image.device)
            break
        best = max(rates.values())
        share = SHARE * copies / best
        seconds = min(AT_LEAST, share / len(sizes) / (1 + AGAIN))
        # one slow size may be a neighbour's doing; after two larger batches only lose, or measuring costs too much
        losers = losers + 1 if rates[size] < NEAR * best else 0
        if losers == 2 or sum(took.values()) > share:
            break
    for size in [size for size in rates if rates[size] > NEAR * best] * AGAIN:
        if sum(took.values()) + took[size] < share:
            rate, more = _rate(logits_of, image, size, seconds)
            rates[size], took[size] = max(rates[size], rate), took[size] + more
    return max(rates, key=rates.__getitem__)


def _rate(logits_of: Model, image: Tensor, size: int, seconds: float) -> tuple[float, float]:
    """Copies a second, the best of some batches after a first one, which take about `seconds`, and what they took."""
    best, begin, rounds = float("inf"), time.perf_counter(), 0
    between = BETWEEN if image.device.type == "cpu" else 0.0
    with torch.inference_mode():
        batch = image.expand(size, *image.shape)
        while rounds < 3 or time.perf_counter() - begin < seconds:
            own = batch.clone()  # the model may spoil it
            _wait(image)
            start = time.perf_counter()
            logits_of(own)
            _wait(image)
            if rounds:  # the first one pays for what is set up once
                best = min(best, time.perf_counter() - start)
            rounds += 1
    return size / (best + between), time.perf_counter() - begin


def _wait(image: Tensor) -> None:
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
