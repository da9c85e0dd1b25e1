"""A JPEG lossless encoder (ISO 10918-1, process 14, predictor 1), small and slow: no package of ours has one."""

from __future__ import annotations

import struct

import numpy as np

_CODE_BITS = 5
_CATEGORIES = 17


def encode_lossless(values: np.ndarray, bits: int) -> bytes:
    """The stream of whole numbers [rows, columns] of so many bits; every category has a code of five bits."""
    rows, columns = values.shape
    frame = struct.pack(">BHHB3B", bits, rows, columns, 1, 1, 0x11, 0)
    counts = bytes([0] * (_CODE_BITS - 1) + [_CATEGORIES] + [0] * (16 - _CODE_BITS))
    table = b"\0" + counts + bytes(range(_CATEGORIES))
    scan = bytes([1, 1, 0, 1, 0, 0])
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xC3, frame),
            _segment(0xC4, table),
            _segment(0xDA, scan),
            _coded(values, bits),
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def _coded(values: np.ndarray, bits: int) -> bytes:
    predicted = np.empty(values.shape, np.int64)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 2 ** (bits - 1)
    text = "".join(_difference(int(number)) for number in (values - predicted).ravel())
    text += "1" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")


def _difference(number: int) -> str:
    category = abs(number).bit_length()
    code = format(category, f"0{_CODE_BITS}b")
    extra = number if number > 0 else number + 2**category - 1
    return code + (format(extra, f"0{category}b") if 0 < category < 16 else "")  # 16 is the one number 32768
