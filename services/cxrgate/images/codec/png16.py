"""PNGs of 16 bits per sample, whole: Pillow drops the low byte of all but plain grey ones.

PNG's filters work byte by byte and relate each byte to the one in the same place of the neighbouring pixels. So the
high bytes of all samples are rows of an 8-bit PNG of the same filters, and the low bytes are those of another.
"""

from __future__ import annotations

import io
import struct

import deflate
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.images.codec.png import Png, PngHeader, write_png


def read_16_bits(png: Png) -> NDArray[np.uint16]:
    """Samples uint16[height, width, samples].

    Args:
        png: with 16 bits per sample.

    Raises:
        OSError, SyntaxError, ValueError: Pillow's, for a filter that PNG does not know.
    """
    high, low = (_read(png.header, _every_second_byte(png, first)) for first in (0, 1))
    return np.asarray(high.astype(np.uint16) * 256 + low, dtype=np.uint16)


def _every_second_byte(png: Png, first: int) -> bytes:
    """The filtered rows of an 8-bit picture of the high (0) or low (1) bytes."""
    data, header = np.frombuffer(png.data, np.uint8), png.header
    parts, position = [], 0
    for rows, columns in header.passes:
        stride = 1 + header.row_bytes(columns)
        lines = data[position : position + rows * stride].reshape(rows, stride)
        parts.append(np.hstack([lines[:, :1], lines[:, 1 + first :: 2]]).tobytes())
        position += rows * stride
    return b"".join(parts)


def _read(header: PngHeader, rows: bytes) -> NDArray[np.uint8]:
    """An 8-bit picture uint8[height, width, samples] of filtered rows."""
    shape = struct.pack(">IIBBBBB", header.width, header.height, 8, header.colour, 0, 0, int(header.interlaced))
    content = write_png([(b"IHDR", shape), (b"IDAT", deflate.zlib_compress(rows, 0)), (b"IEND", b"")])
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        return np.asarray(image).reshape(header.height, header.width, header.samples)
