"""The one encoding of what is released: 8-bit grey PNG with IHDR, IDAT and IEND, and nothing else.

Written here and not by Pillow, whose encoder (13.0, with zlib-ng) was measured to give different bytes for equal
pixels from one process to the next: a resumed run could not be compared with an uninterrupted one byte for byte.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from cxrgate.images.codec.png import SIGNATURE, chunk

COMPRESSION = 4
"""zlib level: the higher ones save a few per cent of size for several times the work."""

_UP = 2
_GREY_8_BIT = (8, 0, 0, 0, 0)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode uint8[height, width]; equal pixels give equal bytes, and decoding gives the pixels back."""
    height, width = pixels.shape
    # Each row as its difference from the one above (PNG specification, section 9.2, filter type 2).
    filtered = np.empty((height, width + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[:, 1:] = np.diff(pixels, axis=0, prepend=np.zeros((1, width), np.uint8))
    header = struct.pack(">IIBBBBB", width, height, *_GREY_8_BIT)
    data = zlib.compress(filtered.tobytes(), COMPRESSION)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
