"""The codes of a space's references, laid out for the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.coded.frame import Frame

PANEL = 16
"""Rows whose codes lie together."""

QUAD = 4
"""Numbers of a row that lie together: one instruction multiplies them."""

PADDING = 8 * PANEL
"""Codes are stored for a multiple of so many rows."""

MOST_NUMBERS = 1024
"""Of a code: the sum of its products with another stays below 2^24 then, which float32 holds exactly."""

UNSIGNED = 128
"""Is added to a row's numbers: the kernel's instruction takes one factor without a sign."""

_CHUNK = 8192
_CHECKED = 64


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """The codes of n references.

    packed: uint8[panels, width / 4, 16, 4], each number plus 128. The width is the frame's numbers filled up to a
        multiple of 4, panels * 16 is n filled up to a multiple of 128.
    starts: int32[panels * 16], each code's squared length, halved, rounded down and negative.
    error: the largest error of a reference, see frame.
    """

    frame: Frame
    packed: NDArray[np.uint8]
    starts: NDArray[np.int32]
    error: float

    @property
    def width(self) -> int:
        """Numbers of a code, filled up to a multiple of 4."""
        return int(self.packed.shape[1]) * QUAD

    def check(self, rows: NDArray[np.float32]) -> None:
        """Raise ValueError unless these can be the codes of rows float32[n, d]: their layout, and some codes anew."""
        dimensions, numbers = self.frame.axes.shape
        count, width = _up(len(rows), PADDING), _up(numbers, QUAD)
        layout = (self.packed.dtype.str, self.packed.shape, self.starts.dtype.str, self.starts.shape)
        wanted = ("|u1", (count // PANEL, width // QUAD, PANEL, QUAD), np.dtype(np.int32).str, (count,))
        if layout != wanted or rows.shape[1] != dimensions or numbers > MOST_NUMBERS:
            raise ValueError(f"expected codes of float32{list(rows.shape)}, got {layout} and {dimensions} dimensions")
        some = np.unique(np.linspace(0, len(rows) - 1, _CHECKED).astype(np.int64))
        stored = self.packed[some // PANEL, :, some % PANEL].reshape(len(some), width).astype(np.float64) - UNSIGNED
        starts = -(np.add.reduce(stored * stored, axis=1) // 2)
        apart = self.frame.map(rows[some])[0] - self.frame.shift - self.frame.step * stored[:, :numbers]
        near = np.sqrt(np.add.reduce(apart * apart, axis=1)) <= self.error
        if not near.all() or not np.array_equal(starts, self.starts[some]):
            raise ValueError("expected the codes of these rows, got others")

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.int32]]]:
        """The first row's place, codes float32[m, width] and starts int32[m], block by block, for numpy."""
        step = _CHUNK // PANEL
        for first in range(0, len(self.packed), step):
            part = self.packed[first : first + step]
            # Four numbers at once: transposing bytes costs four times as much.
            quads = np.ascontiguousarray(part.view(np.uint32)[..., 0].transpose(0, 2, 1))
            numbers = quads.view(np.uint8).reshape(-1, self.width).astype(np.float32) - UNSIGNED
            yield first * PANEL, numbers, self.starts[first * PANEL : (first + step) * PANEL]


def encode(rows: NDArray[np.float32], frame: Frame) -> Codes:
    """Codes of rows float32[n, d]; ValueError where one is not finite."""
    width = _up(frame.axes.shape[1], QUAD)
    count = _up(len(rows), PADDING)
    packed = np.full((count // PANEL, width // QUAD, PANEL, QUAD), UNSIGNED, np.uint8)
    starts = np.zeros(count, np.int32)
    error = 0.0
    for first, chunk in chunks(rows):
        codes, errors = frame.code(chunk)
        packed[first // PANEL : _up(first + len(codes), PANEL) // PANEL] = _panels(codes, width)
        starts[first : first + len(codes)] = -(np.add.reduce(codes.astype(np.int32) ** 2, axis=1) // 2)
        error = max(error, float(errors.max()))
    return Codes(frame, packed, starts, error)


def chunks(rows: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Rows with the place of the first, some thousand at a time; ValueError where one is not finite."""
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        if not np.isfinite(chunk).all():
            raise ValueError("expected finite rows")
        yield first, chunk


def _panels(codes: NDArray[np.int8], width: int) -> NDArray[np.uint8]:
    filled = np.zeros((_up(len(codes), PANEL), width), np.int16)
    filled[: len(codes), : codes.shape[1]] = codes
    return (filled + UNSIGNED).astype(np.uint8).reshape(-1, PANEL, width // QUAD, QUAD).transpose(0, 2, 1, 3)


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
