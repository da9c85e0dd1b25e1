"""Whether a PNG is the encoding of 8-bit grey pixels and of nothing else, read independently of what wrote it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER, _DATA, _END = b"IHDR", b"IDAT", b"IEND"
_GREY_8_BIT = (8, 0, 0, 0, 0)
_AROUND = 12
"""Bytes of a chunk beside its content: length, name and checksum."""
_EXPANSION = 1032
"""Deflate makes at most so many bytes of one (zlib's technical details): a size above that is no picture's."""
_UP = 2
_FILTERS = 5
_LEVEL = 1
_ENCODER = "8-bit grey PNG, filter up, libdeflate level 1 (deflate {})"


def is_plain_png(content: bytes) -> bool:
    """Whether a PNG holds the rows of one 8-bit grey picture and nothing else.

    Nothing else is: in another chunk, behind the end, below the last row, behind the compressed data, or in a checksum.
    """
    try:
        chunks = list(_chunks(content))
        names = [name for name, _ in chunks]
        if names != [_HEADER, *[_DATA] * (len(chunks) - 2), _END] or len(chunks) < len((_HEADER, _DATA, _END)):
            return False
        width, height, *form = struct.unpack(">IIBBBBB", chunks[0][1])
        data = b"".join(piece for _, piece in chunks[1:-1])
        return tuple(form) == _GREY_8_BIT and not chunks[-1][1] and _is_rows(data, width, height)
    except (struct.error, ValueError, zlib.error):
        return False


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk; ValueError or struct.error where the file is more than whole chunks."""
    if not content.startswith(_SIGNATURE):
        raise ValueError("expected the signature of a PNG")
    position = len(_SIGNATURE)
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        named = content[position + 4 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, position + 8 + length)
        if checksum != zlib.crc32(named):
            raise ValueError("expected the checksum of the chunk")
        yield named[:4], named[4:]
        position += _AROUND + length


def _is_rows(data: bytes, width: int, height: int) -> bool:
    """Whether the compressed data are exactly so many rows, each behind the number of its filter."""
    size = height * (width + 1)
    if not 0 < size <= _EXPANSION * len(data):
        return False
    stream = zlib.decompressobj()
    rows = stream.decompress(data, size + 1)
    whole = len(rows) == size and stream.eof and not stream.unused_data and not stream.unconsumed_tail
    return whole and max(rows[:: width + 1]) < _FILTERS


def is_encoding(content: bytes, pixels: NDArray[np.uint8], encoder: str | None) -> bool | None:
    """Whether a file is what this encoder makes of these pixels, so that its bytes have no room for anything else.

    None where nobody can say, as another encoder or another version of it wrote the file.
    """
    if encoder != _installed():
        return None
    import deflate  # noqa: PLC0415 - where it is installed

    height, width = pixels.shape
    above = np.vstack([np.zeros((1, width), np.uint8), pixels[:-1]])
    rows = np.hstack([np.full((height, 1), _UP, np.uint8), pixels - above])
    header = struct.pack(">IIBBBBB", width, height, *_GREY_8_BIT)
    chunks = ((_HEADER, header), (_DATA, bytes(deflate.zlib_compress(rows.tobytes(), _LEVEL))), (_END, b""))
    return content == _SIGNATURE + b"".join(_chunk(name, piece) for name, piece in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _installed() -> str:
    """What the encoder that is installed here is called; "" where there is none."""
    try:
        return _ENCODER.format(version("deflate"))
    except PackageNotFoundError:
        return ""
