"""A strict look at a BMP's headers: Pillow fills up what a run-length coded picture lacks."""

from __future__ import annotations

import struct

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURE = b"BM"
_FILE_HEADER = 14
_INFO_HEADERS = {40, 52, 56, 108, 124}
"""Sizes of the headers since Windows 3; older ones have other fields."""
_PLAIN = {0, 3}
"""Uncompressed, and uncompressed with masks that say where the channels lie."""


def check_bmp(content: bytes) -> None:
    """Raise ImageError unless this is one whole uncompressed picture.

    Reasons: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, IMAGE_UNDECODABLE.
    """
    if len(content) < _FILE_HEADER + min(_INFO_HEADERS):
        raise ImageError("TRUNCATED", "the BMP ends within its headers: copy or save it again")
    start, size, width, height, _planes, bits, compression = struct.unpack_from("<10xIIiiHHI", content)
    if size not in _INFO_HEADERS:
        raise ImageError("IMAGE_UNDECODABLE", "the BMP is older than Windows 3: save the image as PNG")
    check_dimensions(width, abs(height))
    if compression not in _PLAIN:
        raise ImageError("MODE_FORBIDDEN", "the BMP is compressed: save it uncompressed, or as PNG")
    needed = start + (width * bits + 31) // 32 * 4 * abs(height)
    if start < _FILE_HEADER + size or len(content) < needed:
        raise ImageError("TRUNCATED", f"the BMP ends after {len(content)} of {needed} bytes: copy or save it again")
