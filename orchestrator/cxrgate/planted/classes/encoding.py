"""C1 and C2: the very image, encoded otherwise."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from cxrgate.planted.leak import Leak, Pixels

QUALITIES = (95, 70, 40, 10)


def jpeg(quality: int) -> Callable[[Pixels], bytes]:
    """An encoder of uint8[height, width] at that quality."""

    def encode(pixels: Pixels) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return encode


def png_16(pixels: Pixels) -> bytes:
    """A 16-bit PNG of the same grey levels, as PadChest and many exports have them."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) * 257).save(buffer, "PNG")
    return buffer.getvalue()


IDENTICAL = (Leak("identical", "same pixels"),)
RE_ENCODED = (
    *(Leak("re_encoded", f"jpeg {quality}", encode=jpeg(quality)) for quality in QUALITIES),
    Leak("re_encoded", "png 16 bit", encode=png_16),
)
