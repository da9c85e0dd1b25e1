"""The stored values of the one frame of a DICOM object, whichever way they are encoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian

from cxrgate.core import ImageError
from cxrgate.images.codec import jpeg2000
from cxrgate.images.codec.dicom.syntaxes import CODED, NATIVE, Decoded

_STARTS = (b"\xff\xd8\xff", jpeg2000.STREAM_SIGNATURE, jpeg2000.FILE_SIGNATURE)
"""How a JPEG and a JPEG 2000 frame begin."""
_ITEM, _END_OF_ITEMS = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_OFFSET_BYTES = 4
"""Of the one offset that the table of a single frame has; it may be empty."""


def stored_values(dataset: Dataset, syntax: str) -> NDArray[np.int32]:
    """Stored values int32[rows, columns]: bits beyond BitsStored masked, signed values extended.

    Samples of a lossy codec are clipped instead: a value that passes the range a little must not come out at its
    other end.

    Args:
        dataset: with consistent Rows, Columns, BitsAllocated, BitsStored, PixelRepresentation and PixelData.
        syntax: one of NATIVE and CODED.

    Raises:
        ImageError: DICOM_TAGS, DICOM_TRUNCATED, DICOM_TRANSFER_SYNTAX, FRAMES, MODE_FORBIDDEN, DIMENSIONS or
            IMAGE_UNDECODABLE.
    """
    rows, columns, allocated = int(dataset.Rows), int(dataset.Columns), int(dataset.BitsAllocated)
    if syntax in NATIVE:
        decoded = Decoded(_native(dataset, rows, columns, allocated, syntax), allocated)
    else:
        decoded = CODED[syntax](_coded_frame(dataset), rows, columns, allocated)
    stored, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    if decoded.signed and not signed:
        raise ImageError(
            "DICOM_TAGS", "PixelRepresentation says unsigned, the coded frame holds signed values: correct it to 1"
        )
    bits = min(stored, decoded.precision)
    values = decoded.samples.astype(np.int32)
    if decoded.lossy and (decoded.signed or not signed):
        low = -(2 ** (bits - 1)) if signed else 0
        return np.clip(values, low, low + 2**bits - 1)
    values &= 2**bits - 1
    return np.where(values >= 2 ** (bits - 1), values - 2**bits, values) if signed else values


def _native(dataset: Dataset, rows: int, columns: int, allocated: int, syntax: str) -> NDArray[np.integer]:
    data, count = dataset.PixelData, rows * columns
    needed = count * allocated // 8
    if len(data) < needed:
        raise ImageError(
            "DICOM_TRUNCATED",
            f"PixelData has {len(data)} bytes, Rows and Columns ask for {needed}: send or copy the object again",
        )
    big = syntax == ExplicitVRBigEndian
    if allocated == 8 and big and dataset["PixelData"].VR == "OW":
        # Two bytes lie in one word, the second one first (PS3.5, 8.1.2 and A.3).
        words = np.frombuffer(data, ">u2", (count + 1) // 2) if len(data) >= count + count % 2 else None
        if words is None:
            raise ImageError("DICOM_TRUNCATED", "PixelData ends within a word: send or copy the object again")
        return words.astype("<u2").view(np.uint8)[:count].reshape(rows, columns)
    return np.frombuffer(data, f"{'>' if big else '<'}u{allocated // 8}", count).reshape(rows, columns)


def _coded_frame(dataset: Dataset) -> bytes:
    """The fragments of the one frame, joined."""
    offsets, *fragments = list(_items(dataset.PixelData)) or [b""]
    if len(offsets) > _OFFSET_BYTES or sum(fragment.startswith(_STARTS) for fragment in fragments) > 1:
        raise ImageError("FRAMES", "PixelData holds several frames: split the object into its frames")
    if not fragments:
        raise ImageError("DICOM_TRUNCATED", "PixelData holds no coded frame: send or copy the object again")
    return b"".join(fragments)


def _items(data: bytes) -> Iterator[bytes]:
    """The items of encapsulated PixelData: a table of offsets, then fragments (PS3.5, A.4)."""
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise ImageError("DICOM_TRUNCATED", "PixelData ends within an item: send or copy the object again")
        group, element, length = struct.unpack_from("<HHI", data, position)
        if (group, element) == _END_OF_ITEMS:
            return
        if (group, element) != _ITEM:
            raise ImageError(
                "DICOM_TAGS", "PixelData is not in items, as its transfer syntax asks: store the object again"
            )
        if position + 8 + length > len(data):
            raise ImageError("DICOM_TRUNCATED", "PixelData ends within an item: send or copy the object again")
        yield data[position + 8 : position + 8 + length]
        position += 8 + length
