"""Pixels as a PNG, packed lightly: it must be made in a blink, and goes no further than from kernel to page."""

import struct

import numpy as np
from numpy.typing import NDArray

try:  # the same format in a sixth of the time, on the processors that it is built for
    from isal import isal_zlib as deflate
except ImportError:
    import zlib as deflate  # type: ignore[no-redef]

FAST = 1  # level of compression
# A server may hold back what fills no TCP segment until the browser has acknowledged what it sent before, which takes
# up to 40 ms (Nagle's algorithm and delayed acknowledgement). On loopback a segment is 65,483 bytes.
LEAST = 3 * 2**14  # bytes of an image, of which three go as four of text


class Packer:
    """Writes PNGs of one size; it keeps its memory, as asking for fresh megabytes takes as long as filling them."""

    def __init__(self, height: int, width: int) -> None:
        # the 0 at the head of each row says that its colours stand as they are: for text and lines on white, Deflate
        # is faster and better on them than on differences between neighbours
        self._rows = np.zeros((height, 3 * width + 1), dtype=np.uint8)
        self._head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def png(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return an image, shape (height, width, 4), as a PNG of its first three channels."""
        colors = self._rows[:, 1:].reshape(*pixels.shape[:2], 3)  # the same memory
        for i in range(3):  # by colour: NumPy steps slowly over the fourth
            colors[..., i] = pixels[..., i]
        body = _chunk(b"IHDR", self._head) + _chunk(b"IDAT", deflate.compress(self._rows.data, FAST))
        padding = _chunk(b"paDd", bytes(max(0, LEAST - len(body))))  # private, and skipped by every reader
        return b"\x89PNG\r\n\x1a\n" + body + padding + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", deflate.crc32(data, deflate.crc32(kind)))
