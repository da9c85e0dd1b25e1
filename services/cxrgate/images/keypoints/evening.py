"""Contrast-limited adaptive histogram equalisation (Zuiderveld 1994): what is faint in one part counts as elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TILES = 8
"""Along each side."""
CLIP = 2.0
"""How often a grey level may be in a tile, as a multiple of the mean; what is beyond is spread over all levels."""
LEVELS = 256

Bytes = NDArray[np.uint8]
Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


def even(pixels: Bytes) -> Bytes:
    """Equalised tile by tile, with tables interpolated between tiles; uint8[height, width] as given."""
    (upper, lower, down), (left, right, across) = (_between(side) for side in pixels.shape)
    tables = _tables(pixels)

    def looked_up(rows: Int64s, columns: Int64s) -> Float32s:
        return np.asarray(tables[(rows[:, None] * TILES + columns) * LEVELS + pixels])

    above = _mixed(looked_up(upper, left), looked_up(upper, right), across)
    below = _mixed(looked_up(lower, left), looked_up(lower, right), across)
    return np.rint(_mixed(above, below, down[:, None])).astype(np.uint8)


def _tables(pixels: Bytes) -> Float32s:
    """The new level of each old one, tile after tile, float32[TILES * TILES * LEVELS]."""
    sides = [-(-side // TILES) for side in pixels.shape]
    whole = np.pad(
        pixels, [(0, side * TILES - have) for side, have in zip(sides, pixels.shape, strict=True)], "symmetric"
    )
    rows, columns = (np.repeat(np.arange(TILES), side) for side in sides)
    keys = (rows[:, None] * TILES + columns) * LEVELS + whole
    counts = np.bincount(keys.ravel(), minlength=TILES * TILES * LEVELS).reshape(-1, LEVELS)
    area = sides[0] * sides[1]
    kept = np.minimum(counts, max(CLIP * area / LEVELS, 1))
    spread = (area - kept.sum(axis=1, keepdims=True)) / LEVELS
    tables = np.rint(np.cumsum(kept + spread, axis=1) * ((LEVELS - 1) / area))
    return np.asarray(tables.ravel(), np.float32)


def _between(side: int) -> tuple[Int64s, Int64s, Float32s]:
    """For each pixel along a side the tiles whose centres it lies between, and its share of the way."""
    place = (np.arange(side) + 0.5) / -(-side // TILES) - 0.5
    first = np.floor(place).astype(np.int64)
    return first.clip(0), (first + 1).clip(max=TILES - 1), (place - first).astype(np.float32)


def _mixed(first: Float32s, second: Float32s, share: Float32s) -> Float32s:
    return np.asarray(first + share * (second - first), np.float32)
