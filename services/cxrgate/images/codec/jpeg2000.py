"""JPEG 2000: a strict look at the codestream's segments, then pixels by OpenJPEG (which fills up what is cut off)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import decode

from cxrgate.core import ImageError
from cxrgate.images.codec.colour import join_channels
from cxrgate.images.codec.depth import to_8_bits
from cxrgate.images.codec.limits import check_dimensions

FILE_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
STREAM_SIGNATURE = b"\xff\x4f\xff\x51"
_TILE_PART, _END = 0xFF90, b"\xff\xd9"
_TILE_HEADER = 12
_MOST_TILES = 4096
_COLOUR_SPACES = {16: "sRGB", 17: "grey"}
_UNKNOWN_LENGTH = 0


@dataclass(frozen=True, slots=True)
class Codestream:
    """What the SIZ segment says: size in pixels, components, and bits and sign of their samples."""

    width: int
    height: int
    components: int
    precision: int
    signed: bool
    tiles: int


def decode_jpeg2000(content: bytes) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width] of a file or bare codestream, and whether colour channels were joined.

    Raises:
        ImageError: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, FRAMES or IMAGE_UNDECODABLE.
    """
    stream = find_codestream(content)
    found = check_codestream(stream)
    if found.signed or found.precision > 16 or found.components not in {1, 3}:
        raise ImageError(
            "MODE_FORBIDDEN",
            "the JPEG 2000 has signed samples, more than 16 bits, or other channels than grey or RGB: convert it",
        )
    values = read_codestream(stream)
    stated = found.precision if 8 < found.precision < 16 else None
    scaled = to_8_bits(values.astype(np.uint16), found.precision if found.precision < 8 else stated)
    return join_channels(np.atleast_3d(scaled))


def find_codestream(content: bytes) -> bytes:
    """The codestream itself or, as some writers put it into DICOM too, the one in a JP2 file; errors as above."""
    if content.startswith(STREAM_SIGNATURE):
        return content
    if not content.startswith(FILE_SIGNATURE):
        cut = len(content) < len(FILE_SIGNATURE)
        raise ImageError("TRUNCATED" if cut else "IMAGE_UNDECODABLE", "the file holds no JPEG 2000 codestream")
    return _stream_of_file(content)


def read_codestream(stream: bytes) -> NDArray[np.integer]:
    """Samples [height, width] or [height, width, components] of a codestream that check_codestream let through."""
    try:
        return np.asarray(decode(stream, j2k_format=0))
    except (RuntimeError, ValueError) as error:
        raise ImageError(
            "IMAGE_UNDECODABLE", "the JPEG 2000 codestream cannot be decoded: save the image again"
        ) from error


def check_codestream(stream: bytes) -> Codestream:
    """Raise ImageError unless every tile is there, whole, up to the end of the codestream.

    Reasons: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, IMAGE_UNDECODABLE.
    """
    found = _size(stream)
    position, tiles = 2, set()
    while stream[position : position + 2] != _END:
        if position + 4 > len(stream):
            raise ImageError("TRUNCATED", "the JPEG 2000 ends before the end of its codestream: copy or save it again")
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _TILE_PART:
            tile, position = _tile_part(stream, position)
            tiles.add(tile)
        elif marker < 0xFF00 or tiles or length < 2:
            raise ImageError("IMAGE_UNDECODABLE", "the JPEG 2000's codestream is out of order: save the image again")
        else:
            position += 2 + length
    if tiles != set(range(found.tiles)):
        raise ImageError("TRUNCATED", f"the JPEG 2000 holds {len(tiles)} of {found.tiles} tiles: copy or save it again")
    return found


def _size(stream: bytes) -> Codestream:
    if len(stream) < 43:
        raise ImageError("TRUNCATED", "the JPEG 2000 ends before the size of its picture: copy or save it again")
    _capabilities, right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = (
        struct.unpack_from(">HIIIIIIIIH", stream, 6)
    )
    check_dimensions(right - left, bottom - top)
    samples = stream[42 : 42 + 3 * components]
    if not components or len(samples) < 3 * components or len(set(struct.iter_unpack("3B", samples))) != 1:
        raise ImageError("MODE_FORBIDDEN", "the JPEG 2000's components differ in depth: convert it to grey")
    if samples[1:3] != b"\1\1" or 0 in {tile_width, tile_height}:
        raise ImageError("MODE_FORBIDDEN", "the JPEG 2000 has components of reduced size: convert it to grey")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if not 1 <= tiles <= _MOST_TILES:
        raise ImageError(
            "IMAGE_UNDECODABLE", f"the JPEG 2000 has {tiles} tiles, 1 to {_MOST_TILES} are read: save it with fewer"
        )
    return Codestream(right - left, bottom - top, components, (samples[0] & 0x7F) + 1, bool(samples[0] & 0x80), tiles)


def _tile_part(stream: bytes, position: int) -> tuple[int, int]:
    """The number of a tile, and where its part ends."""
    if position + _TILE_HEADER > len(stream):
        raise ImageError("TRUNCATED", "the JPEG 2000 ends within a tile: copy or save it again")
    tile, length = struct.unpack_from(">HI", stream, position + 4)
    # The last part may leave its length out; it goes on to the end of the codestream then.
    end = stream.rfind(_END) if length == _UNKNOWN_LENGTH else position + length
    if end < position + _TILE_HEADER or end > len(stream):
        raise ImageError("TRUNCATED", "the JPEG 2000 ends within a tile: copy or save it again")
    return tile, end


def _stream_of_file(content: bytes) -> bytes:
    """The one codestream of a JP2 file, grey or RGB without palette or alpha."""
    streams = []
    for kind, data in _boxes(content):
        if kind == b"jp2c":
            streams.append(data)
        if kind == b"jp2h":
            _check_header(data)
    if len(streams) != 1:
        raise ImageError(
            "FRAMES" if streams else "TRUNCATED",
            f"the JPEG 2000 holds {len(streams)} codestreams: save one picture alone",
        )
    if not streams[0].startswith(STREAM_SIGNATURE):
        raise ImageError("IMAGE_UNDECODABLE", "the file holds no JPEG 2000 codestream")
    return streams[0]


def _check_header(data: bytes) -> None:
    for kind, inner in _boxes(data):
        if kind in {b"pclr", b"cmap", b"cdef"}:
            raise ImageError(
                "MODE_FORBIDDEN", "the JPEG 2000 has a palette, alpha or other channels: convert it to grey"
            )
        if kind == b"colr" and inner[:1] == b"\1" and int.from_bytes(inner[3:7]) not in _COLOUR_SPACES:
            raise ImageError(
                "MODE_FORBIDDEN", "the JPEG 2000's colour space is neither grey nor sRGB: convert the image to grey"
            )


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(content):
        if position + 8 > len(content):
            raise ImageError("TRUNCATED", "the JPEG 2000 ends within a box: copy or save it again")
        length, kind = struct.unpack_from(">I4s", content, position)
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[position + 8 : position + 16]), 16
        end = position + length if length else len(content)
        if length and length < head:
            raise ImageError(
                "IMAGE_UNDECODABLE", "a box of the JPEG 2000 says a size that does not fit: save the image again"
            )
        if end > len(content):
            raise ImageError("TRUNCATED", "the JPEG 2000 ends within a box: copy or save it again")
        yield kind, content[position + head : end]
        position = end
