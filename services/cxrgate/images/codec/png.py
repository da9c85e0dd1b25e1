"""A strict look at a PNG's chunks, because Pillow is lenient.

Pillow accepts a missing IEND, a wrong checksum and too few rows (the missing ones are black), and shows the first
frame of an animation only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_INTERLACED = 1
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_LARGEST_TEXT = 2**20
_PIECE = 2**20
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps between columns and rows, of the seven passes of an interlaced PNG."""


def check_png(content: bytes) -> None:
    """Raise ImageError unless this is one whole 8-bit grey or RGB picture without transparency.

    Reasons: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA, IMAGE_UNDECODABLE. Bytes after IEND and
    pixels beyond the last row are allowed: what is released is encoded anew.
    """
    expected, pieces = 0, []
    for index, (name, data) in enumerate(_chunks(content)):
        if (name == b"IHDR") != (index == 0):
            raise ImageError("IMAGE_UNDECODABLE", "expected one IHDR chunk, at the start")
        if name == b"IHDR":
            expected = _check_header(data)
        elif name == b"IDAT":
            pieces.append(data)
        else:
            _check_other(name, data)
    _check_rows(pieces, expected)


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, position, name = memoryview(content), len(SIGNATURE), b""
    while name != b"IEND":
        if position + 12 > len(content):
            raise ImageError("TRUNCATED", "expected an IEND chunk, the file ends before it")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        if end + 4 > len(content):
            raise ImageError("TRUNCATED", "expected a whole chunk, the file ends within it")
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ImageError("CRC", "expected the checksum of each chunk to fit")
        yield name, view[position + 8 : end]
        position = end + 4


def _check_header(data: memoryview) -> int:
    """The number of bytes that the picture has, inflated."""
    if len(data) != 13:
        raise ImageError("IMAGE_UNDECODABLE", f"expected an IHDR chunk of 13 bytes, got {len(data)}")
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", data)
    check_dimensions(width, height)
    if depth != 8 or colour not in {_GREY, _RGB}:
        raise ImageError("MODE_FORBIDDEN", f"expected 8-bit grey or RGB, got {depth} bit of colour type {colour}")
    if compression or filters or interlace > _INTERLACED:
        raise ImageError("IMAGE_UNDECODABLE", "expected the compression, filter and interlace methods of PNG")
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    samples = 3 if colour == _RGB else 1
    return sum(
        len(range(top, height, down)) * (1 + samples * len(range(left, width, right)))
        for left, top, right, down in passes
    )


def _check_other(name: bytes, data: memoryview) -> None:
    if name == b"tRNS":
        raise ImageError("MODE_FORBIDDEN", "expected no transparency")
    if name in _ANIMATION:
        raise ImageError("FRAMES", "expected one frame, got an animation")
    if name in {b"zTXt", b"iCCP"}:
        _check_text(bytes(data).partition(b"\0")[2][1:])
    elif name == b"iTXt" and (text := bytes(data).partition(b"\0")[2])[:1] == b"\1":
        _check_text(text[2:].split(b"\0", 2)[-1])
    elif name[:1].isupper() and name not in _CRITICAL:
        raise ImageError("IMAGE_UNDECODABLE", "expected no critical chunk but those of PNG")


def _check_text(compressed: bytes) -> None:
    """Inflate compressed text only so far as to see that it is small."""
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(compressed, _LARGEST_TEXT)
    except zlib.error as error:
        raise ImageError("METADATA", "expected text that can be inflated") from error
    if inflater.unconsumed_tail:
        raise ImageError("METADATA", f"expected at most {_LARGEST_TEXT} bytes of text, inflated")


def _check_rows(pieces: list[memoryview], expected: int) -> None:
    """Inflate the picture, in pieces and no further than its last row, to see that every row is there."""
    inflater, data, found = zlib.decompressobj(), b"".join(pieces), 0
    try:
        while found < expected and (piece := inflater.decompress(data, min(_PIECE, expected - found))):
            found, data = found + len(piece), inflater.unconsumed_tail
    except zlib.error as error:
        raise ImageError("IMAGE_UNDECODABLE", "expected pixels that can be inflated") from error
    if found < expected:
        raise ImageError("TRUNCATED", f"expected {expected} bytes of pixels, inflated, got {found}")
