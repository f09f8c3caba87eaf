"""Memory of a run: what there is, what the allocator keeps, and what an exhausted one says."""

import ctypes
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import torch

# Parameters of glibc's mallopt, and values under which freed memory stays with the process. By default every large
# activation is mapped from the system and unmapped after its layer: 1.3 million page faults in 100,000 votes.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEPT = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**24}
# Setting any of them ends glibc's own adaptation, so a run leaves what that would have come to after one large array.
_AFTER = {_MMAP_MAX: 65536, _TRIM_THRESHOLD: 2**26, _TOP_PAD: 0, _MMAP_THRESHOLD: 2**25}

UNKNOWN = 2**62  # bytes, where a system does not tell: no limit
CONTROL_GROUPS = Path("/sys/fs/cgroup")

_lock = Lock()
_runs = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Let glibc keep what the layers of a network free, for a while; elsewhere this does nothing.

    The whole process is concerned, as with torch's number of threads. Afterwards the memory goes back to the system.
    """
    global _runs
    library = _glibc()
    with _lock:
        _runs += 1
        if library and _runs == 1:
            _set(library, _KEPT)
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if library and _runs == 0:
                _set(library, _AFTER)
                library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def _set(library: ctypes.CDLL, values: dict[int, int]) -> None:
    for parameter, value in values.items():
        library.mallopt(parameter, value)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left, which a smaller batch may cure."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # torch has no type of its own for a CPU and for some other devices
    words = ("DefaultCPUAllocator: can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def release(device: torch.device) -> None:
    """Give cached memory back to a device after it was exhausted."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def free(device: torch.device) -> int:
    """Bytes that a device has left for this process; `UNKNOWN` where it does not tell."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu" or not sys.platform.startswith("linux"):
        return UNKNOWN
    available = _number(Path("/proc/meminfo"), r"^MemAvailable:\s*(\d+) kB$")
    return min(UNKNOWN if available is None else available * 1024, _left_to_group())


def _left_to_group() -> int:
    """Bytes left to the control group of this process, by which a container or a cluster's job is limited."""
    left = UNKNOWN
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, kind, inside = line.split(":", 2)
        if kind not in ("", "memory"):
            continue
        root = CONTROL_GROUPS / kind
        for folder in (root, root / inside.strip("/")):  # a container sees its own group at the root
            limit = _number(folder / ("memory.limit_in_bytes" if kind else "memory.max"))
            used = _number(folder / ("memory.usage_in_bytes" if kind else "memory.current"))
            cached = _number(folder / "memory.stat", r"^inactive_file (\d+)$") or 0  # which gives way
            if limit is not None and used is not None:
                left = min(left, max(0, limit - used + cached))
    return left


def _number(path: Path, pattern: str = r"^(\d+)$") -> int | None:
    found = re.search(pattern, _text(path), re.MULTILINE)
    return int(found[1]) if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def held(device: torch.device) -> Iterator[Callable[[], int]]:
    """Give a function that says how many bytes were held at most since, beside those of before; 0 if nobody counts."""
    if device.type != "cuda":
        yield lambda: 0
        return
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    yield lambda: torch.cuda.max_memory_allocated(device) - before
