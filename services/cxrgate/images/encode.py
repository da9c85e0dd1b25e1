"""The one encoding of what is released: 8-bit grey PNG with IHDR, IDAT and IEND, and nothing else."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COMPRESSION = 3
"""zlib level: the higher ones save a few per cent of size for several times the work."""


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode uint8[height, width]; equal pixels give equal bytes, and decoding gives the pixels back."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=COMPRESSION)
    return buffer.getvalue()
