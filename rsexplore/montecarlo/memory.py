"""Memory of a run: what the allocator keeps, and what an exhausted one says."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

# Parameters of glibc's mallopt, and values under which freed memory stays with the process. By default every large
# activation is mapped from the system and unmapped after its layer: 1.3 million page faults in 100,000 votes.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEPT = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**24}
# Setting any of them ends glibc's own adaptation, so a run leaves what that would have come to after one large array.
_AFTER = {_MMAP_MAX: 65536, _TRIM_THRESHOLD: 2**26, _TOP_PAD: 0, _MMAP_THRESHOLD: 2**25}

_lock = Lock()
_runs = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Let glibc keep what the layers of a network free, for a while; elsewhere this does nothing.

    The whole process is concerned, as with torch's number of threads. Afterwards the memory goes back to the system.
    """
    global _runs
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    glibc = library if library and hasattr(library, "mallopt") else None  # musl has none of this
    with _lock:
        _runs += 1
        if glibc and _runs == 1:
            for parameter, value in _KEPT.items():
                glibc.mallopt(parameter, value)
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if glibc and _runs == 0:
                for parameter, value in _AFTER.items():
                    glibc.mallopt(parameter, value)
                glibc.malloc_trim(0)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left, which a smaller batch may cure."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # torch has no type of its own for a CPU and for some other devices
    words = ("DefaultCPUAllocator: can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
