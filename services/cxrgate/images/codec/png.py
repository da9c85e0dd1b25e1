"""A strict look at a PNG's chunks, because Pillow is lenient.

Pillow accepts a missing IEND, a wrong checksum and too few rows (the missing ones are black), and shows the first
frame of an animation only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import deflate

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Buffer = bytes | bytearray | memoryview

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {_GREY: {1, 2, 4, 8, 16}, _RGB: {8, 16}, _PALETTE: {1, 2, 4, 8}, _GREY_ALPHA: {8, 16}, _RGB_ALPHA: {8, 16}}
"""Bits per sample that the specification allows for each colour type."""
_INTERLACED = 1
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_LARGEST_TEXT = 2**20
_PIECE = 2**20
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps between columns and rows, of the seven passes of an interlaced PNG."""


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What IHDR says: size in pixels, bits per sample, colour type, and whether the rows come in seven passes."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def samples(self) -> int:
        """Samples per pixel."""
        return _SAMPLES[self.colour]

    @property
    def passes(self) -> list[tuple[int, int]]:
        """Rows and columns of each pass that has any."""
        steps = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        sizes = [(len(range(y, self.height, down)), len(range(x, self.width, right))) for x, y, right, down in steps]
        return [(rows, columns) for rows, columns in sizes if rows and columns]

    def row_bytes(self, columns: int) -> int:
        """Bytes of a row of so many pixels, without its filter byte."""
        return (columns * self.samples * self.depth + 7) // 8

    @property
    def data_bytes(self) -> int:
        """Bytes of the whole picture, inflated."""
        return sum(rows * (1 + self.row_bytes(columns)) for rows, columns in self.passes)


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG that passed the checks.

    Attributes:
        header: what IHDR says.
        significant: sBIT's largest number of bits.
        data: the filtered rows.
        content: a PNG of the same picture, which is read faster where it could be made.
    """

    header: PngHeader
    significant: int | None
    data: bytes | bytearray = field(repr=False)
    content: bytes = field(repr=False)


def check_png(content: bytes) -> Png:
    """Raise ImageError unless this is one whole picture without a transparent colour.

    Reasons: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA, IMAGE_UNDECODABLE. Bytes after IEND and
    pixels beyond the last row are allowed: what is released is encoded anew.
    """
    header, significant, chunks = None, None, list(_chunks(content))
    for name, data in chunks:
        if (name == b"IHDR") != (header is None):
            raise ImageError(
                "IMAGE_UNDECODABLE", "the PNG has a second IHDR chunk, or one that is not at the start: save it again"
            )
        if header is None:
            header = _header(data)
        elif name == b"sBIT":
            significant = _significant(header, data)
        elif name != b"IDAT":
            _check_other(name, data)
    if header is None:
        raise ImageError("TRUNCATED", "the PNG has no IHDR chunk: save it again")
    deflated = b"".join(data for name, data in chunks if name == b"IDAT")
    rows = _inflate_whole(deflated, header.data_bytes)
    if rows is None:
        return Png(header, significant, _inflate(deflated, header.data_bytes), content)
    return Png(header, significant, rows, _stored(chunks, rows) or content)


def write_png(chunks: Iterable[tuple[bytes, Buffer]]) -> bytes:
    """A PNG of these chunks, names with data."""
    pieces: list[Buffer] = [SIGNATURE]
    for name, data in chunks:
        length, checksum = (
            struct.pack(">I", number) for number in (len(data), deflate.crc32(data, deflate.crc32(name)))
        )
        pieces += [length, name, data, checksum]
    return b"".join(pieces)


def _stored(chunks: list[tuple[bytes, memoryview]], rows: bytearray) -> bytes | None:
    """The PNG with its rows stored and not deflated, so that Pillow need not inflate them again.

    None where the pixels do not lie in neighbouring chunks, as PNG demands: then Pillow has its own way.
    """
    places = [place for place, (name, _) in enumerate(chunks) if name == b"IDAT"]
    first, end = places[0], places[-1] + 1
    if len(places) != end - first:
        return None
    return write_png([*chunks[:first], (b"IDAT", deflate.zlib_compress(rows, 0)), *chunks[end:]])


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, position, name = memoryview(content), len(SIGNATURE), b""
    while name != b"IEND":
        if position + 12 > len(content):
            raise ImageError("TRUNCATED", "the PNG ends before its IEND chunk: copy or save it again")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        if end + 4 > len(content):
            raise ImageError("TRUNCATED", "the file ends within a chunk: copy or save it again")
        if deflate.crc32(view[position + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ImageError("CRC", "the checksum of a chunk of the PNG does not fit: copy or save it again")
        yield name, view[position + 8 : end]
        position = end + 4


def _header(data: memoryview) -> PngHeader:
    if len(data) != 13:
        raise ImageError(
            "IMAGE_UNDECODABLE", f"the PNG's IHDR chunk has {len(data)} bytes in place of 13: save it again"
        )
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", data)
    check_dimensions(width, height)
    if depth not in _DEPTHS.get(colour, set()) or compression or filters or interlace > _INTERLACED:
        raise ImageError(
            "IMAGE_UNDECODABLE", "the PNG's depth, colour type or methods are none that PNG knows: save it again"
        )
    return PngHeader(width, height, depth, colour, bool(interlace))


def _significant(header: PngHeader, data: memoryview) -> int:
    """The most significant bits that a channel has, alpha left out."""
    channels = 3 if header.colour in {_RGB, _PALETTE, _RGB_ALPHA} else 1
    bits = max(data[:channels], default=0)
    if len(data) < channels or not 1 <= bits <= 16:
        raise ImageError(
            "METADATA",
            "the PNG's sBIT chunk says a number of significant bits that its depth cannot have: save it without",
        )
    return bits


def _check_other(name: bytes, data: memoryview) -> None:
    if name == b"tRNS":
        raise ImageError("MODE_FORBIDDEN", "the PNG's tRNS chunk makes a colour transparent: save it without")
    if name in _ANIMATION:
        raise ImageError("FRAMES", "the file is an animation: save one picture alone")
    if name in {b"zTXt", b"iCCP"}:
        _check_text(bytes(data).partition(b"\0")[2][1:])
    elif name == b"iTXt" and (text := bytes(data).partition(b"\0")[2])[:1] == b"\1":
        _check_text(text[2:].split(b"\0", 2)[-1])
    elif name[:1].isupper() and name not in _CRITICAL:
        raise ImageError("IMAGE_UNDECODABLE", "the PNG has a critical chunk that PNG does not know: save it again")


def _check_text(compressed: bytes) -> None:
    """Inflate compressed text only so far as to see that it is small."""
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(compressed, _LARGEST_TEXT)
    except zlib.error as error:
        raise ImageError("METADATA", "a text of the PNG cannot be inflated: save it without") from error
    if inflater.unconsumed_tail:
        raise ImageError("METADATA", f"the PNG has more than {_LARGEST_TEXT} bytes of text, inflated: save it without")


def _inflate_whole(deflated: bytes, expected: int) -> bytearray | None:
    """The picture inflated; None unless it is sound, ends with its last row and has a checksum that fits."""
    try:
        rows = deflate.zlib_decompress(deflated, expected)
    except deflate.DeflateError:
        return None
    return rows if len(rows) == expected else None


def _inflate(data: bytes, expected: int) -> bytes:
    """The picture inflated, in pieces and no further than its last row, to see that every row is there."""
    inflater, found = zlib.decompressobj(), bytearray()
    try:
        while len(found) < expected and (piece := inflater.decompress(data, min(_PIECE, expected - len(found)))):
            found += piece
            data = inflater.unconsumed_tail
    except zlib.error as error:
        raise ImageError("IMAGE_UNDECODABLE", "the PNG's pixels cannot be inflated: copy or save it again") from error
    if len(found) < expected:
        raise ImageError(
            "TRUNCATED",
            f"the PNG has {len(found)} bytes of pixels, inflated, its size asks for {expected}: copy or save it again",
        )
    return bytes(found)
