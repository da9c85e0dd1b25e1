"""A strict look at a WebP's chunks: one lossless picture, whole, before Pillow decodes it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURE = b"RIFF"
KIND = b"WEBP"
_START = 12
_LOSSLESS_MARK = 0x2F


def is_webp(content: bytes) -> bool:
    """Whether the content begins as a WebP file does."""
    return content.startswith(SIGNATURE) and content[8:_START] == KIND


def check_webp(content: bytes) -> None:
    """Raise ImageError unless this is one whole lossless picture.

    Reasons: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, FRAMES, IMAGE_UNDECODABLE.
    """
    pictures = 0
    for name, data in _chunks(content):
        if name == b"VP8 ":
            raise ImageError("MODE_FORBIDDEN", "the WebP is lossy: save the image as PNG, or as lossless WebP")
        if name in {b"ANIM", b"ANMF"}:
            raise ImageError("FRAMES", "the file is an animation: save one picture alone")
        if name == b"VP8L":
            _check_picture(data)
            pictures += 1
    if pictures != 1:
        raise ImageError(
            "FRAMES" if pictures else "TRUNCATED", f"the WebP holds {pictures} pictures: save one picture alone"
        )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) or len(content) < _START:
        raise ImageError(
            "TRUNCATED", f"the WebP has {len(content)} bytes, its header says {end}: copy or save it again"
        )
    position = _START
    while position < end:
        if position + 8 > end:
            raise ImageError("TRUNCATED", "the file ends within a chunk: copy or save it again")
        name, length = struct.unpack_from("<4sI", content, position)
        if position + 8 + length > end:
            raise ImageError("TRUNCATED", "the file ends within a chunk: copy or save it again")
        yield name, content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _check_picture(data: bytes) -> None:
    if len(data) < 5 or data[0] != _LOSSLESS_MARK:
        raise ImageError("IMAGE_UNDECODABLE", "the WebP has no header of a lossless picture: save it again")
    bits = int.from_bytes(data[1:5], "little")
    check_dimensions((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
