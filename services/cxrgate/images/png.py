"""A strict look at a PNG's chunks: Pillow accepts a missing IEND and a wrong checksum, and ignores other frames."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from cxrgate.core import ImageError
from cxrgate.images.limits import check_dimensions

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_LARGEST_TEXT = 2**20


def check_png(content: bytes) -> None:
    """Raise ImageError unless this is one whole 8-bit grey or RGB picture without transparency.

    Reasons: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA. Bytes after IEND are allowed: what is
    released is encoded anew.
    """
    for index, (name, data) in enumerate(_chunks(content)):
        if (name == b"IHDR") != (index == 0) or (name == b"IHDR" and len(data) != 13):
            raise ImageError("IMAGE_UNDECODABLE", "expected one IHDR chunk of 13 bytes at the start")
        if name == b"IHDR":
            _check_header(data)
        elif name == b"tRNS":
            raise ImageError("MODE_FORBIDDEN", "expected no transparency")
        elif name in {b"acTL", b"fcTL", b"fdAT"}:
            raise ImageError("FRAMES", "expected one frame, got an animation")
        elif name in {b"zTXt", b"iTXt", b"iCCP"}:
            _check_text(data)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position, name = len(SIGNATURE), b""
    while name != b"IEND":
        if position + 12 > len(content):
            raise ImageError("TRUNCATED", "expected an IEND chunk, the file ends before it")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        if end + 4 > len(content):
            raise ImageError("TRUNCATED", "expected a whole chunk, the file ends within it")
        if zlib.crc32(content[position + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ImageError("CRC", "expected the checksum of each chunk to fit")
        yield name, content[position + 8 : end]
        position = end + 4


def _check_header(data: bytes) -> None:
    width, height, depth, colour = struct.unpack_from(">IIBB", data)
    check_dimensions(width, height)
    if depth != 8 or colour not in {_GREY, _RGB}:
        raise ImageError("MODE_FORBIDDEN", f"expected 8-bit grey or RGB, got {depth} bit of colour type {colour}")


def _check_text(data: bytes) -> None:
    """Inflate compressed text only so far as to see that it is small."""
    compressed = data[data.find(b"\0") + 2 :]
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(compressed, _LARGEST_TEXT)
    except zlib.error:
        return  # uncompressed text, or rubbish that nobody reads
    if inflater.unconsumed_tail:
        raise ImageError("METADATA", f"expected at most {_LARGEST_TEXT} bytes of text, inflated")
