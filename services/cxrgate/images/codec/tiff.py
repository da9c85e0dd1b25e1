"""TIFF: a strict look at its one directory, and 16-bit samples, of which Pillow drops the low byte in colour."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURES = (b"II*\0", b"MM\0*")
_ENTRY = 12
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 256, 257, 258, 259, 262, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES, _PREDICTOR = 273, 278, 279, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _SUB_FILES, _FORMAT = 322, 323, 324, 325, 330, 339
_LOOKED_AT = frozenset(
    {
        _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _STRIP_OFFSETS, _ROWS_PER_STRIP,
        _STRIP_BYTES, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _FORMAT,
    }
)  # fmt: skip
_FORMATS = {1: "B", 3: "H", 4: "I"}
"""BYTE, SHORT and LONG: the types of every number that is looked at."""
_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE = range(4)
_HORIZONTAL = 2
_WHOLE_NUMBERS = 1


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF that passed the checks. `entries` holds, per tag, where its entry lies and its numbers."""

    bits: int
    samples: int
    order: str
    entries: dict[int, tuple[int, tuple[int, ...]]] = field(repr=False)

    @property
    def white_is_zero(self) -> bool:
        """Whether the largest sample is black."""
        return self.number(_PHOTOMETRIC, -1) == _WHITE_IS_ZERO

    def number(self, tag: int, default: int = 0) -> int:
        """The first number of a tag."""
        return self.entries.get(tag, (0, (default,)))[1][0]


def check_tiff(content: bytes) -> Tiff:
    """Raise ImageError unless this is one whole page of 8 or 16 bits, grey or RGB, compressed without loss.

    Reasons: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, FRAMES, IMAGE_UNDECODABLE.
    """
    order = "<" if content.startswith(b"II") else ">"
    entries = _directory(content, order)
    tiff = Tiff(entries.get(_BITS, (0, (1,)))[1][0], entries.get(_SAMPLES, (0, (1,)))[1][0], order, entries)
    check_dimensions(tiff.number(_WIDTH), tiff.number(_HEIGHT))
    _check_kind(tiff)
    _check_pixels(content, tiff)
    return tiff


def _directory(content: bytes, order: str) -> dict[int, tuple[int, tuple[int, ...]]]:
    try:
        (start,) = struct.unpack_from(f"{order}4xI", content)
        (count,) = struct.unpack_from(f"{order}H", content, start)
        (following,) = struct.unpack_from(f"{order}I", content, start + 2 + count * _ENTRY)
        places = [start + 2 + number * _ENTRY for number in range(count)]
        tags = [struct.unpack_from(f"{order}H", content, place)[0] for place in places]
        # Of a tag that stands there twice readers take the first or the last: they would see two pictures.
        if len(set(tags)) != count:
            raise ImageError("IMAGE_UNDECODABLE", "the TIFF's directory names a tag twice: save it again")
        found = {tag: (place, _numbers(content, order, place)) for tag, place in zip(tags, places, strict=True)}
    except struct.error as error:
        raise ImageError("TRUNCATED", "the TIFF ends before or within its directory: copy or save it again") from error
    if following or _SUB_FILES in found:
        raise ImageError("FRAMES", "the TIFF holds several pages: save each in a file of its own")
    entries = {tag: entry for tag, entry in found.items() if tag in _LOOKED_AT}
    if not all(numbers for _, numbers in entries.values()):
        raise ImageError(
            "IMAGE_UNDECODABLE",
            "the TIFF's directory states its size, bits or the like in a type that such numbers do not have, or leaves "
            "the number out: save it again",
        )
    return entries


def _numbers(content: bytes, order: str, place: int) -> tuple[int, ...]:
    """The numbers of one entry; none for tags that are not looked at, and for types that no looked-at tag has."""
    tag, kind, count = struct.unpack_from(f"{order}HHI", content, place)
    letter = _FORMATS.get(kind)
    if letter is None or not count:
        return ()
    size = struct.calcsize(letter) * count
    at = place + 8 if size <= 4 else struct.unpack_from(f"{order}I", content, place + 8)[0]
    if at + size > len(content):
        raise ImageError("TRUNCATED", "the TIFF ends within a value of its directory: copy or save it again")
    return struct.unpack_from(f"{order}{count}{letter}", content, at) if tag in _LOOKED_AT else ()


def _check_kind(tiff: Tiff) -> None:
    bits = set(tiff.entries.get(_BITS, (0, (1,)))[1])
    if len(bits) != 1 or tiff.bits not in {8, 16} or tiff.number(_FORMAT, _WHOLE_NUMBERS) != _WHOLE_NUMBERS:
        raise ImageError(
            "MODE_FORBIDDEN", "the TIFF's samples are not whole numbers of 8 or 16 bits: convert it to 8 or 16 bits"
        )
    compression = tiff.number(_COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        raise ImageError(
            "MODE_FORBIDDEN",
            "the TIFF's compression is not read: save it without compression, or with LZW, deflate or PackBits",
        )
    photometric = tiff.number(_PHOTOMETRIC, -1)
    known = {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, *([_PALETTE] if tiff.bits == 8 else [])}
    if photometric not in known:
        raise ImageError(
            "MODE_FORBIDDEN", "the TIFF's PhotometricInterpretation is neither BlackIsZero nor RGB: save it as such"
        )
    alpha = int(tiff.bits == 8)  # it would have to be told apart before 16-bit samples are read, see read_tiff_16_bits
    allowed = {_RGB: {3, 3 + alpha}, _BLACK_IS_ZERO: {1, 1 + alpha}}.get(photometric, {1})
    if tiff.samples not in allowed or (tiff.samples > 1 and tiff.number(_PLANAR, 1) != 1):
        raise ImageError(
            "MODE_FORBIDDEN", "the TIFF has other channels than grey or RGB, or keeps them apart: convert it to grey"
        )


def _check_pixels(content: bytes, tiff: Tiff) -> None:
    """Every strip or tile is there, and lies within the file."""
    width, height = tiff.number(_WIDTH), tiff.number(_HEIGHT)
    tiled = _TILE_OFFSETS in tiff.entries
    if tiled and _STRIP_OFFSETS in tiff.entries:
        raise ImageError("IMAGE_UNDECODABLE", "the TIFF has both strips and tiles, one of them is read: save it again")
    across, down = (tiff.number(_TILE_WIDTH), tiff.number(_TILE_HEIGHT)) if tiled else (width, height)
    down = down if tiled else min(tiff.number(_ROWS_PER_STRIP, height), height)
    offsets = tiff.entries.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, (0, ()))[1]
    lengths = tiff.entries.get(_TILE_BYTES if tiled else _STRIP_BYTES, (0, ()))[1]
    if min(across, down) < 1 or max(across, down) > 2 * max(width, height) or len(offsets) != len(lengths):
        raise ImageError(
            "IMAGE_UNDECODABLE", "the TIFF's strips or tiles have a size that does not fit the picture: save it again"
        )
    if len(offsets) != -(-width // across) * -(-height // down):
        raise ImageError(
            "TRUNCATED", f"the TIFF's {len(offsets)} strips or tiles do not cover the picture: save it again"
        )
    if any(offset + length > len(content) for offset, length in zip(offsets, lengths, strict=True)):
        raise ImageError("TRUNCATED", "the TIFF ends within a strip or tile: copy or save it again")


def read_tiff_16_bits(content: bytes, tiff: Tiff) -> NDArray[np.uint16]:
    """Samples uint16[height, width, samples]; errors are Pillow's.

    Pillow reads plain 16-bit grey whole. So the file is read as if each sample were a grey pixel, and differences
    between neighbours (Predictor 2), which would then be taken between the wrong ones, are summed up here.
    """
    width, height = tiff.number(_WIDTH), tiff.number(_HEIGHT)
    changed = bytearray(content)
    for tag in (_WIDTH, _TILE_WIDTH):
        _replace(changed, tiff, tag, tiff.number(tag) * tiff.samples)
    for tag, number in ((_BITS, 16), (_SAMPLES, 1), (_PHOTOMETRIC, _BLACK_IS_ZERO), (_PREDICTOR, 1), (_FORMAT, 1)):
        _replace(changed, tiff, tag, number)
    with Image.open(io.BytesIO(changed), formats=("TIFF",)) as image:
        values = np.asarray(image).astype(np.uint16).reshape(height, width, tiff.samples)
    if tiff.number(_PREDICTOR, 1) != _HORIZONTAL:
        return values
    across = tiff.number(_TILE_WIDTH, width)
    parts = [values[:, left : left + across] for left in range(0, width, across)]
    return np.concatenate([np.cumsum(part, axis=1, dtype=np.uint16) for part in parts], axis=1)


def openable(content: bytes, tiff: Tiff) -> bytes:
    """The file as Pillow opens it: it knows no big endian file of 16 bits whose white is zero."""
    if not tiff.white_is_zero or tiff.bits != 16:
        return content
    changed = bytearray(content)
    _replace(changed, tiff, _PHOTOMETRIC, _BLACK_IS_ZERO)
    return bytes(changed)


def _replace(content: bytearray, tiff: Tiff, tag: int, number: int) -> None:
    """Make an entry one LONG, in place; one that is not there stays away."""
    if tag in tiff.entries:
        struct.pack_into(f"{tiff.order}HII", content, tiff.entries[tag][0] + 2, 4, 1, number)
