"""The one encoding of what is released: 8-bit grey PNG with IHDR, IDAT and IEND, and nothing else.

Written here and not by Pillow, whose encoder (13.0, with zlib-ng) was measured to give different bytes for equal
pixels from one process to the next: a resumed run could not be compared with an uninterrupted one byte for byte.

Deflated by libdeflate, whose bytes depend on its version and not on the CPU (github.com/ebiggers/libdeflate#400; equal
on five CPUs, from one without SSE4 to one with AVX-512, emulated by QEMU). ISA-L needs two thirds of its time, and gave
three different encodings on the same five CPUs. zlib takes four times as long.
"""

from __future__ import annotations

import struct
from importlib.metadata import version

import deflate
import numpy as np
from numpy.typing import NDArray

from cxrgate.images.codec.png import write_png

COMPRESSION = 1
"""libdeflate's level: as small as zlib's level 4; the higher ones save a few per cent for several times the work."""

ENCODER = f"8-bit grey PNG, filter up, libdeflate level {COMPRESSION} (deflate {version('deflate')})"
"""What the bytes of a released file depend on besides the pixels; another one gives other bytes of the same pixels."""

_UP = 2
_GREY_8_BIT = (8, 0, 0, 0, 0)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode uint8[height, width]; equal pixels give equal bytes, and decoding gives the pixels back."""
    height, width = pixels.shape
    # Each row as its difference from the one above (PNG specification, section 9.2, filter type 2).
    filtered = np.empty((height, width + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, *_GREY_8_BIT)
    data = deflate.zlib_compress(filtered, COMPRESSION)
    return write_png([(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")])
