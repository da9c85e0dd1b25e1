"""Plain grey TIFFs, built entry by entry: what no writer would write."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from support.bad_images import SIDE, ramp

WIDTH, HEIGHT, BITS, PHOTOMETRIC, STRIPS, SAMPLES, STRIP_BYTES = 256, 257, 258, 262, 273, 277, 279
BYTE, SHORT, LONG, SIGNED_SHORT, SIGNED_LONG, DIRECTORY, LONG8 = 1, 3, 4, 8, 9, 13, 16
_START = 8

Entry = tuple[int, int, int]
"""Tag, type, number."""


def entries(bits: int = 8) -> list[Entry]:
    """Those of the ramp."""
    return [
        (WIDTH, SHORT, SIDE),
        (HEIGHT, SHORT, SIDE),
        (BITS, SHORT, bits),
        (PHOTOMETRIC, SHORT, 1),
        (STRIPS, LONG, _START),
        (SAMPLES, SHORT, 1),
        (STRIP_BYTES, LONG, SIDE * SIDE * bits // 8),
    ]


def tiff(directory: Iterable[Entry], bits: int = 8, order: str = "<") -> bytes:
    """The ramp in so many bits, under that directory."""
    data = (ramp() if bits == 8 else ramp().astype(np.uint16) * 257).astype(f"{order}u{bits // 8}").tobytes()
    head = struct.pack(f"{order}2sHI", {"<": b"II", ">": b"MM"}[order], 42, _START + len(data))
    parts = [_entry(order, *entry) for entry in directory]
    return head + data + struct.pack(f"{order}H", len(parts)) + b"".join(parts) + bytes(4)


def _entry(order: str, tag: int, kind: int, number: int) -> bytes:
    layout = {BYTE: "B3x", SHORT: "H2x", SIGNED_SHORT: "H2x"}.get(kind, "I")
    return struct.pack(f"{order}HHI{layout}", tag, kind, 1, number)
