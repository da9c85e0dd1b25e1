"""The direction of a point, and what it is recognised by: histograms of gradients around it (Lowe 2004, 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.keypoints import DIMENSIONS
from cxrgate.images.keypoints.extrema import Points
from cxrgate.images.keypoints.scale_space import INTERVALS, SIGMA, Octave

DIRECTIONS = 36
"""Bins of the histogram that a point's own direction is the peak of."""
PEAK = 0.8
"""A peak of this share of the highest gives a point a second direction."""
NEIGHBOURHOOD = 4.5
"""Radius of what that histogram sees, in sigmas; its weights fall off with a third of that."""
CELLS = 4
"""Along each side of a descriptor."""
CELL = 3.0
"""Side of a cell in sigmas."""
LARGEST = 0.2
"""Of a descriptor's length that one bin may have: one strong edge does not decide alone."""
FULL = 512.0
"""What a whole histogram in one bin would be; more than half of it does not happen, and is cut off."""

_SAMPLES, _NEIGHBOURS = 16, 15
"""Along each side of what a descriptor, and the histogram of directions, see."""
_CHUNK = 8
"""Points at a time: their gradients stay in the processor's cache, and the product on one thread, see scale_space."""
_BINS = DIMENSIONS // CELLS**2

Bytes = NDArray[np.uint8]
Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


def orient(octaves: Sequence[Octave], points: Points) -> Points:
    """The points with their directions; one with several strong ones is there several times."""
    y, x = _grid(_NEIGHBOURS, NEIGHBOURHOOD)
    right, down = _gradients(octaves, points, x * points.sigma[:, None], y * points.sigma[:, None])
    weights = np.hypot(right, down) * np.exp(-(x**2 + y**2) / (2 * (NEIGHBOURHOOD / 3) ** 2))
    bins = np.rint(np.arctan2(down, right) * (DIRECTIONS / (2 * np.pi))).astype(np.int64) % DIRECTIONS
    keys = np.arange(len(points))[:, None] * DIRECTIONS + bins
    counts = np.bincount(keys.ravel(), weights.ravel(), len(points) * DIRECTIONS).reshape(-1, DIRECTIONS)
    rolled = [w * np.roll(counts, i, axis=1) for i, w in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True)]
    smooth = np.sum(rolled, axis=0)
    before, after = np.roll(smooth, 1, axis=1), np.roll(smooth, -1, axis=1)
    peaks = (smooth > before) & (smooth > after) & (smooth >= PEAK * smooth.max(axis=1, keepdims=True))
    rows, at = np.nonzero(peaks)
    low, top, high = before[peaks], smooth[peaks], after[peaks]
    angles = (at + (low - high) / (2 * (low - 2 * top + high))) * (2 * np.pi / DIRECTIONS)
    oriented = points.chosen(rows)
    return Points(oriented.octave, oriented.x, oriented.y, oriented.sigma, oriented.strength, angles)


def describe(octaves: Sequence[Octave], points: Points) -> Bytes:
    """Descriptors of oriented points, uint8[n, 128]."""
    parts = (_histograms(octaves, part) for part in _chunks(points))
    histograms = np.concatenate([np.zeros((0, DIMENSIONS)), *parts])
    lengths = np.sqrt(np.square(histograms).sum(axis=1, keepdims=True))
    histograms = np.minimum(histograms, LARGEST * lengths)
    shares = histograms / np.maximum(histograms.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return np.asarray(np.rint(np.minimum(FULL * np.sqrt(shares), 255)), np.uint8)


def _chunks(points: Points) -> Iterator[Points]:
    for first in range(0, len(points), _CHUNK):
        yield points.chosen(np.arange(first, min(first + _CHUNK, len(points))))


def _histograms(octaves: Sequence[Octave], points: Points) -> Float64s:
    """Of each cell, row by row, the gradients by direction from the point's own, float64[n, 128]."""
    y, x = _grid(_SAMPLES, (CELLS + 1) / 2)
    cosine, sine, size = np.cos(points.angle)[:, None], np.sin(points.angle)[:, None], CELL * points.sigma[:, None]
    right, down = _gradients(octaves, points, size * (cosine * x - sine * y), size * (sine * x + cosine * y))
    turn = cosine.astype(np.float32), sine.astype(np.float32)
    right, down = turn[0] * right + turn[1] * down, turn[0] * down - turn[1] * right
    half = np.float32(0.5**0.5)
    along = np.stack([right, (right + down) * half, down, (down - right) * half], axis=1)
    # A gradient counts in a bin by the eighth power of the cosine between both: by half where it lies between two.
    # No function of numpy's that processors compute in their own ways.
    share = np.square(np.square(np.square(along)))
    squared = np.maximum(np.square(right) + np.square(down), 1)[:, None]
    share /= squared * squared * squared * np.sqrt(squared)
    both = np.concatenate([share * (along > 0), share * (along < 0)], axis=1).astype(np.float64)
    counts = both.reshape(-1, len(y)) @ _cell_weights(y, x)
    return np.asarray(counts).reshape(-1, _BINS, CELLS**2).transpose(0, 2, 1).reshape(-1, DIMENSIONS)


def _cell_weights(y: Float64s, x: Float64s) -> Float64s:
    """How much a sample at these places, in cells, counts in each cell, float64[samples, cells]."""
    centres = np.arange(CELLS) - (CELLS - 1) / 2
    rows, columns = (np.maximum(1 - np.abs(place[:, None] - centres), 0) for place in (y, x))
    near = np.exp(-(x**2 + y**2) / (2 * (CELLS / 2) ** 2))
    return np.asarray((rows[:, :, None] * columns[:, None]).reshape(len(y), -1) * near[:, None])


def _grid(count: int, radius: float) -> tuple[Float64s, Float64s]:
    """Places y and x of count * count samples of a square, float64[count**2] each."""
    places = (np.arange(count) - (count - 1) / 2) * (2 * radius / count)
    y, x = np.meshgrid(places, places, indexing="ij")
    return y.ravel(), x.ravel()


def _gradients(octaves: Sequence[Octave], points: Points, x: Float64s, y: Float64s) -> tuple[Float32s, Float32s]:
    """Differences along x and y, at the pixels nearest to these offsets from each point, float32[n, samples] each."""
    right, down = (np.empty(x.shape, np.float32) for _ in range(2))
    scales = np.rint(INTERVALS * np.log2(points.sigma / SIGMA)).astype(np.int64).clip(1, INTERVALS)
    for i, octave in enumerate(octaves):
        mine = np.flatnonzero(points.octave == i)
        (_, height, width), flat = octave.scales.shape, octave.scales.reshape(-1)
        rows = np.rint(points.y[mine, None] + y[mine]).clip(1, height - 2)
        columns = np.rint(points.x[mine, None] + x[mine]).clip(1, width - 2)
        at = ((scales[mine, None] * height + rows) * width + columns).astype(np.int64)
        right[mine], down[mine] = flat[at + 1] - flat[at - 1], flat[at + width] - flat[at - width]
    return right, down
