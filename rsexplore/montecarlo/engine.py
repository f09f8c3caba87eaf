"""Votes of many images under noise, in full batches across the borders of images.

An image's noise comes from a generator of its own, in blocks of a size that depends on nothing but the image's shape
and the kind of device. So neither batches, nor neighbours, nor stops, nor a new start where memory was short change it.
Classes are counted where they are found, and an image's counts come back once, or when they are looked at.
"""

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsexplore.montecarlo.logits import Model, checked_logits, no_class, read_classes
from rsexplore.montecarlo.rng import EvenRng, TorchRng

# Copies, and coordinates, that one call of the sampler draws. Constants, so that the batch size never changes the
# noise. A CPU's second-level cache holds 2 MiB; a GPU wants work for all its cores.
BLOCK_COPIES, FIRST_COPIES = 400, 100
BLOCK_COORDINATES = {"cpu": 2**19}
DEVICE_BLOCK_COORDINATES = 2**24

# The last batch of a run is filled up to a multiple of this with copies that are not counted: a network given two or
# three images takes other routes through its sums than in a full batch, and might round otherwise.
QUANTUM = 25

Votes = NDArray[np.int64]


class Sampler(Protocol):
    """What makes noisy copies: a `Noise`, or one on a grid."""

    def apply(self, images: Tensor, rng: Any, n: int | None = None) -> Tensor:
        """Return noisy copies of images (n, ...), or so many of one image (1, ...), each with a draw of its own."""


@dataclass(eq=False)
class Work:
    """One image to be voted on."""

    key: Any  # the caller's name of it
    image: Tensor  # (...) floating, in the units of the noise
    rng: TorchRng | EvenRng
    samples: tuple[int, ...]  # sizes of separate samples, drawn one after the other


# From an image and its counts (samples, classes): how many copies, of all samples, it is to have when its counts are
# looked at next. An image that has so many has ended.
Until = Callable[[Work, Votes], int]


class Image:
    """An image in work: where its noise stands and what was counted."""

    def __init__(self, work: Work, noise: Sampler, num_classes: int, until: Until | None) -> None:
        self.work, self._noise, self._start, device = work, noise, work.rng.state, work.image.device
        coordinates = BLOCK_COORDINATES.get(device.type, DEVICE_BLOCK_COORDINATES)
        self._largest = max(1, min(BLOCK_COPIES, coordinates // max(1, work.image.numel())))
        self._until = until or (lambda work, counts: sum(work.samples))
        self.counts = torch.zeros(len(work.samples), num_classes + 1, dtype=torch.int64, device=device)
        self.begin()

    def begin(self) -> None:
        """Begin, or begin again: the next copies are the first ones."""
        self.work.rng.state = self._start
        self.counts.zero_()
        self._blocks, self.placed = self._drawn(), 0
        self._left: Tensor | None = None
        self.ended(np.zeros((len(self.counts), self.counts.shape[1] - 1), dtype=np.int64))

    def _drawn(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield blocks of noisy copies, each with the counts that it belongs to.

        Their sizes depend on nothing else, and none reaches over the end of a sample. The first ones of a sample are
        shorter, for it may end early.
        """
        for counts, copies in zip(self.counts, self.work.samples, strict=True):
            start = 0
            while start < copies:
                size = min(self._largest, max(FIRST_COPIES, start), copies - start)
                yield counts, self._noise.apply(self.work.image[None], self.work.rng, size)
                start += size

    def ended(self, counts: Votes) -> bool:
        """Whether an image of these counts has ended; else copies may be placed up to the next look at them."""
        self.stop = self._until(self.work, counts)
        return self.room <= 0

    @property
    def room(self) -> int:
        """How many copies may be placed."""
        return self.stop - self.placed

    def place(self, rows: Tensor) -> tuple[Tensor, int]:
        """Write noisy copies into the first of `rows`; return the counts that they belong to, and how many they are."""
        if self._left is None:
            self._counts, self._left = next(self._blocks)
        left, size = self._left, min(len(self._left), len(rows), self.room)
        rows[:size] = left[:size]
        self._left = left[size:] if size < len(left) else None
        self.placed += size
        return self._counts, size

    def send(self) -> None:
        """Send the counts on their way from the device, behind all that it has been asked for so far."""
        cuda = self.counts.is_cuda
        self._sent = self.counts.to("cpu", non_blocking=cuda)
        self._arrival = torch.cuda.current_stream(self.counts.device).record_event() if cuda else None

    def received(self) -> Votes:
        """Return the counts, shape (samples, classes).

        Raises
        ------
        ModelOutputError
            Some copy left no class.
        """
        if self._arrival is not None:
            self._arrival.synchronize()
        found = self._sent.numpy()
        if found[:, -1].any():
            sample = found[(found[:, -1] > 0).argmax()]
            raise no_class(f"{sample[-1]} of {sample.sum()} noisy copies")
        return found[:, :-1].copy()


@dataclass
class Engine:
    """Counts votes with one model and one noise."""

    logits_of: Model  # maps a batch (b, ...) to logits (b, num_classes); may spoil what it is given
    noise: Sampler
    num_classes: int
    batch_size: int  # copies that pass through the model at once; halved for good where memory does not suffice
    fixed_shape: bool = False  # whether every batch is filled up to `batch_size`, as a compiled model wants it
    channels_last: bool = False  # memory format of image batches
    counted: int = 0  # copies, of all images so far

    def run(
        self, works: Iterable[Work], until: Until | None = None, tick: Callable[[int], Any] = lambda copies: None
    ) -> Iterator[tuple[Work, Votes]]:
        """Yield every image and its counts (samples, classes), as they are done.

        Parameters
        ----------
        works : iterable of Work
            Taken up as there is room in a batch. All images of one shape.
        until : callable, optional
            When an image is looked at, and ends (`Until`); after all its samples if absent.
        tick : callable
            Is told how many copies were counted, batch by batch.

        Raises
        ------
        ModelOutputError
            The logits have another shape, or some copy has a nan, a +inf or no finite logit.
        """
        source, ready, halted = iter(works), list[Image](), list[Image]()
        while True:
            while sum(image.room for image in ready) < self.batch_size and (work := next(source, None)) is not None:
                ready.append(Image(work, self.noise, self.num_classes, until))
            if not ready and not halted:
                return
            try:
                size = self._count(ready) if ready else 0
            except Exception as error:
                if not is_exhaustion(error) or self.batch_size == 1:
                    raise
                self.batch_size //= 2
                for image in ready:  # what was placed may not have been counted
                    image.begin()
                continue
            seen, ready = [image for image in ready if not image.room], [image for image in ready if image.room]
            for image in seen:
                image.send()
            self.counted += size
            if size:
                tick(size)
            # a GPU works on this batch while the counts after the last one are read
            late = any(image.counts.is_cuda for image in seen)
            due, halted = (halted, seen) if late else (halted + seen, [])
            for image in due:
                counts = image.received()
                if image.ended(counts):
                    yield image.work, counts
                else:
                    ready.insert(0, image)

    @torch.inference_mode()
    def _count(self, ready: list[Image]) -> int:
        """Pass a batch through the model and count its classes; return of how many copies."""
        size = min(self.batch_size, sum(image.room for image in ready))
        step = self.batch_size if self.fixed_shape else min(QUANTUM, self.batch_size)
        filled = min(-(-size // step) * step, self.batch_size)
        like = ready[0].work.image
        form = torch.channels_last if self.channels_last and like.ndim == 3 else torch.contiguous_format
        rows = torch.empty((filled, *like.shape), dtype=like.dtype, device=like.device, memory_format=form)
        parts, placed = list[tuple[Tensor, int, int]](), 0  # counts, and the rows that they belong to
        for image in ready:
            while image.room and placed < size:
                counts, copies = image.place(rows[placed:size])
                parts.append((counts, placed, placed + copies))
                placed += copies
        if size < filled:
            rows[size:] = rows[0]
        logits = checked_logits(self.logits_of(rows), filled, self.num_classes)
        classes = read_classes(logits[:size], self.num_classes)
        ones = torch.ones_like(classes)
        for counts, start, end in parts:
            counts.scatter_add_(0, classes[start:end], ones[start:end])
        return size


def usual_batch_size(image: Tensor) -> int:
    """Copies at which networks for such images are fastest on a CPU; few for a GPU, where a long run finds its own.

    The noise does not depend on it, the time and the memory of a run do. Copies that fill a cache are enough, and those
    of a block need not be put together from two.
    """
    return max(8, min(BLOCK_COPIES, BLOCK_COORDINATES["cpu"] // max(1, image.numel()))) if image.is_cpu else 100


# Parameters of glibc's mallopt, and values under which freed memory stays with the process. By default every large
# activation is mapped from the system and unmapped after its layer: 1.3 million page faults in 100,000 votes.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEPT = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**24}
# Setting any of them ends glibc's own adaptation, so a run leaves what that would have come to after one large array.
_AFTER = {_MMAP_MAX: 65536, _TRIM_THRESHOLD: 2**26, _TOP_PAD: 0, _MMAP_THRESHOLD: 2**25}

_lock, _runs = Lock(), 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Let glibc keep what the layers of a network free, for a while; elsewhere this does nothing.

    The whole process is concerned, as with torch's number of threads. Afterwards the memory goes back to the system.
    """
    _count_run(1, _KEPT)
    try:
        yield
    finally:
        _count_run(-1, _AFTER)


def _count_run(step: int, values: dict[int, int]) -> None:
    """Count a run in or out; set these values if it is the first one or the last."""
    global _runs
    with _lock:
        _runs += step
        library: Any = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
        if _runs == (step > 0) and hasattr(library, "mallopt"):  # musl has none of this
            for parameter, value in values.items():
                library.mallopt(parameter, value)
            library.malloc_trim(0)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left, which a smaller batch may cure."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # torch has no type of its own for a CPU and for some other devices
    words = ("DefaultCPUAllocator: can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def usable_device(device: torch.device | str, owner: str = "certify") -> torch.device:
    """Return a device on which numbers can be kept.

    Raises
    ------
    ValueError
        It has no such name, is not there, or keeps none.
    """
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    # torch says that a device is missing by any of these
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{owner}: device must be one that is here, got device={device!r} ({reason})") from None
    if found.type == "meta":
        raise ValueError(f"{owner}: device must be one that keeps numbers, got the device meta of an empty model")
    return found


def devices() -> tuple[str, ...]:
    """Names of the devices that are here, the processor first."""
    cuda = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return ("cpu", *cuda, *(("mps",) if torch.backends.mps.is_available() else ()))
