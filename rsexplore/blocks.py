"""Large arrays in blocks, whose temporaries stay in the cache, several at once: NumPy lets other threads run."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BLOCK = 2**17  # points
MOST_THREADS = 8  # more would wait for the memory


def in_blocks(function: Callable[[slice], None], size: int) -> None:
    """Call `function` for slices that cover 0 to `size`; errors are raised here."""
    blocks = [slice(start, start + BLOCK) for start in range(0, size, BLOCK)]
    if len(blocks) < 4:
        for block in blocks:
            function(block)
        return
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as pool:
        for _ in pool.map(function, blocks):
            pass
