"""Pictures as PNG files, with nothing but the standard library: hosts' pictures go to the sidecar this way."""

from __future__ import annotations

import struct
import zlib
from typing import Union


def encode(pixels: Union[bytes, bytearray, memoryview], height: int, width: int, level: int = 3) -> bytes:
    """A PNG file of 8-bit RGB pixels, [H, W, 3] row by row. Raises ValueError where they are not as many as the sizes ask for.

    `level` is zlib's, 0 to 9; pictures on their way to a sidecar next door need not be small.
    """
    data = memoryview(pixels).cast("B")
    if height < 1 or width < 1:
        raise ValueError(f"png: {height} by {width} pixels (expected: at least 1 by 1)")
    if len(data) != 3 * height * width:
        raise ValueError(f"png: {len(data)} bytes (expected: {3 * height * width}, of [{height}, {width}, 3])")
    row = 3 * width
    filtered = b"".join(part for y in range(height) for part in (b"\0", data[y * row : (y + 1) * row]))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered, level)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
