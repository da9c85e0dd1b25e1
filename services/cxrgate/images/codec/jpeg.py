"""A strict look at a JPEG's segments: decoders accept a missing end, and each build reads other kinds."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import check_dimensions

SIGNATURE = b"\xff\xd8\xff"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_BARE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a segment."""
_SEQUENTIAL = frozenset({0xC0, 0xC1})
BASELINE = frozenset({*_SEQUENTIAL, 0xC2})
"""Baseline, extended and progressive, with Huffman coding."""
LOSSLESS = frozenset({0xC3})
JPEG_LS = frozenset({0xF7})
_WHOLE_SPECTRUM = bytes((0, 63, 0))
"""First and last coefficient and the bits' place, as the header of a sequential scan must give them."""
_FRAMES = {*range(0xC0, 0xD0), *JPEG_LS} - {0xC4, 0xC8, 0xCC}
_AFTER_SCAN = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])", re.DOTALL)
"""The next marker after coded data: there 0xFF stands for itself before 0x00, and restarts belong to it."""
_AFTER_LS_SCAN = re.compile(rb"\xff(?=[\x80-\xcf\xd8-\xfe])", re.DOTALL)
"""The same in JPEG-LS, where a byte after 0xFF that belongs to the pixels is below 0x80 (ISO 14495-1, A.1)."""


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """What a frame header says: its kind, bits per sample, size in pixels and number of components."""

    kind: int
    precision: int
    width: int
    height: int
    components: int


def check_jpeg(content: bytes) -> None:
    """Raise ImageError unless this is one whole 8-bit baseline or progressive picture of one or three components.

    Reasons: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, FRAMES, IMAGE_UNDECODABLE. Bytes after the end are allowed: what
    is released is encoded anew.
    """
    frame = read_frame(content)
    if frame.kind not in BASELINE or frame.precision != 8:
        raise ImageError(
            "MODE_FORBIDDEN", "the JPEG is neither baseline nor progressive with 8 bits: save it as such, or as PNG"
        )
    if frame.components not in {1, 3}:
        raise ImageError("MODE_FORBIDDEN", "the JPEG is CMYK or of another colour space: convert it to grey")


def read_frame(content: bytes) -> JpegFrame:
    """The one frame header of a whole JPEG, JPEG lossless or JPEG-LS stream; errors as check_jpeg."""
    frame, scans = None, 0
    for marker, _, data in _segments(content):
        if marker in _FRAMES:
            if frame:
                raise ImageError("FRAMES", "the JPEG holds several frames: save one picture alone")
            frame = _frame(marker, data)
        scans += marker == _SCAN
        if scans and not frame:
            raise ImageError("IMAGE_UNDECODABLE", "the JPEG has no frame header before its first scan: save it again")
    if not scans or not frame:
        raise ImageError("TRUNCATED", "the JPEG ends before its pixels: copy or save it again")
    return frame


def with_whole_spectrum(content: bytes, frame: JpegFrame) -> bytes:
    """The stream, each scan of a sequential picture said to hold all 64 coefficients.

    Nothing else is allowed there, and nothing is decoded by it (ITU-T T.81, B.2.3); some writers leave the zeros of
    a lossless scan, which libjpeg refuses and the IJG's decoder passes over.

    Args:
        content: a stream that read_frame let through.
        frame: what it gave.
    """
    if frame.kind not in _SEQUENTIAL:
        return content
    changed = bytearray(content)
    for marker, start, data in _segments(content):
        if marker == _SCAN and data and len(data) == 1 + 2 * data[0] + len(_WHOLE_SPECTRUM):
            end = start + len(data)
            changed[end - len(_WHOLE_SPECTRUM) : end] = _WHOLE_SPECTRUM
    return bytes(changed)


def _segments(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, place of the data, and data of each segment up to the end of the picture."""
    position, after_scan = 2, _AFTER_SCAN
    while True:
        marker, position = _marker(content, position)
        if marker == _END:
            return
        if marker == _START:
            raise ImageError("IMAGE_UNDECODABLE", "the JPEG holds a second start of a picture: save one picture alone")
        if marker in _BARE:
            continue
        length = int.from_bytes(content[position : position + 2])
        if position + 2 <= len(content) and length < 2:
            raise ImageError(
                "IMAGE_UNDECODABLE",
                f"a segment of the JPEG says that it has {length} bytes, fewer than 2: save it again",
            )
        if position + max(length, 2) > len(content):
            raise ImageError("TRUNCATED", "the JPEG ends within a segment: copy or save it again")
        yield marker, position + 2, content[position + 2 : position + length]
        position += length
        if marker in JPEG_LS:
            after_scan = _AFTER_LS_SCAN
        if marker == _SCAN:
            position = _scan_end(content, position, after_scan)


def _marker(content: bytes, position: int) -> tuple[int, int]:
    """The marker at `position`, and where its segment begins; any number of 0xFF may stand before it."""
    if content[position : position + 1] not in {b"", b"\xff"}:
        raise ImageError("IMAGE_UNDECODABLE", "the JPEG has bytes between its segments: save it again")
    while content[position : position + 1] == b"\xff":
        position += 1
    if position >= len(content):
        raise ImageError("TRUNCATED", "the JPEG ends before its end marker: copy or save it again")
    return content[position], position + 1


def _scan_end(content: bytes, position: int, after_scan: re.Pattern[bytes]) -> int:
    found = after_scan.search(content, position)
    if found is None:
        raise ImageError("TRUNCATED", "the JPEG ends within its pixels: copy or save it again")
    return found.start()


def _frame(marker: int, data: bytes) -> JpegFrame:
    if len(data) < 6:
        raise ImageError(
            "IMAGE_UNDECODABLE", f"the JPEG's frame header has {len(data)} bytes, fewer than 6: save it again"
        )
    precision, height, width, components = struct.unpack_from(">BHHB", data)
    check_dimensions(width, height)
    return JpegFrame(marker, precision, width, height, components)
