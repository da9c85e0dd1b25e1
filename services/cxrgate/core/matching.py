"""How many keypoints of two pictures agree: a copy's lie where one similarity transform of the original's puts them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.keypoints import Keypoints

RATIO = (9, 10)
"""The nearest descriptor is nearer than this share of the second nearest one's distance (Lowe 2004)."""
TOLERANCE = 4.0
"""px of the working image that a match may lie beside where the transform puts it."""
SCALES = (0.4, 2.5)
"""Smallest and largest scale of a transform."""
HYPOTHESES = 512
"""The most transforms that are tried on two pictures, each by two matches."""

_BATCH = 24
"""References at a time: their distances take 17 MB."""

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


def agreeing_matches(query: Keypoints, references: Sequence[Keypoints], seed: bytes) -> Int64s:
    """The most matches of the query, as it is or mirrored, that one similarity transform explains, int64[references].

    A match is two descriptors, each the other's nearest. Each number depends on the query, that reference and the seed
    alone, on any machine: descriptors are compared in whole numbers, and no rounded numbers are summed.

    Args:
        query: of the image.
        references: of what it is compared with.
        seed: what the tried transforms are drawn from (RANSAC, Fischler and Bolles 1981): the image's digest.
    """
    draws = np.frombuffer(hashlib.shake_128(seed).digest(HYPOTHESES * 2 * 4), "<u4").reshape(2, HYPOTHESES)
    views = (query, query.mirrored())
    left = np.concatenate([_left(view) for view in views])
    numbers = [
        max(_agreeing(view, reference, squares, draws) for view, squares in zip(views, both, strict=True))
        for some in _batches(references)
        for reference, both in zip(some, _squares(left, some), strict=True)
    ]
    return np.array(numbers, np.int64)


def _batches(references: Sequence[Keypoints]) -> Iterator[Sequence[Keypoints]]:
    for first in range(0, len(references), _BATCH):
        yield references[first : first + _BATCH]


def _squares(left: Float32s, references: Sequence[Keypoints]) -> Iterator[list[Float32s]]:
    """Squared distances of the descriptors of both views from each reference's, float32[n, m] twice.

    One product for all: whole numbers below 2**24 all the way, which float32 has exactly whatever the order of
    summation.
    """
    right = np.concatenate([_right(reference) for reference in references])
    ends = np.cumsum([len(reference.places) for reference in references])
    for columns in np.split(left @ right.T, ends[:-1], axis=1):
        yield np.split(columns, 2)


def _left(keypoints: Keypoints) -> Float32s:
    """Terms of the squared distances, float32[n, 130]: left @ right.T."""
    values, squares, ones = _values(keypoints)
    return np.hstack([-2 * values, squares, ones])


def _right(keypoints: Keypoints) -> Float32s:
    """As _left."""
    values, squares, ones = _values(keypoints)
    return np.hstack([values, ones, squares])


def _values(keypoints: Keypoints) -> tuple[Float32s, Float32s, Float32s]:
    """The descriptors, their squared lengths and ones, float32[n, 128], [n, 1] and [n, 1]."""
    values = keypoints.descriptors.astype(np.float32)
    return values, np.square(values).sum(axis=1, keepdims=True), np.ones((len(values), 1), np.float32)


def _agreeing(query: Keypoints, reference: Keypoints, squares: Float32s, draws: NDArray[np.uint32]) -> int:
    """As agreeing_matches, of two pictures with the squared distances of their descriptors."""
    ours, theirs = _matches(squares)
    source, target = query.places[ours], reference.places[theirs]
    if len(source) < 2:
        return 0
    return int(_inliers(source, target, *_pairs(len(source), draws)).max(initial=0))


def _matches(squares: Float32s) -> tuple[Int64s, Int64s]:
    """Rows and columns that are each other's nearest, and much nearer than the row's second, of squared distances."""
    rows = np.arange(len(squares))
    if len(squares) == 0 or squares.shape[1] < 2:
        return rows[:0], rows[:0]
    columns = squares.argmin(axis=1)
    nearest = squares[rows, columns]
    mutual = squares.argmin(axis=0)[columns] == rows
    others = squares[mutual]
    others[np.arange(len(others)), columns[mutual]] = np.inf
    apart = RATIO[1] ** 2 * nearest[mutual].astype(np.float64) < RATIO[0] ** 2 * others.min(axis=1).astype(np.float64)
    return rows[mutual][apart], columns[mutual][apart]


def _pairs(count: int, draws: NDArray[np.uint32]) -> tuple[Int64s, Int64s]:
    """Two matches each of the transforms that are tried: every pair where these are few, otherwise drawn ones."""
    if count * (count - 1) // 2 <= HYPOTHESES:
        return np.triu_indices(count, 1)
    first, second = draws.astype(np.int64) * np.array([[count], [count - 1]]) >> 32
    return first, second + (second >= first)


def _inliers(source: Float32s, target: Float32s, first: Int64s, second: Int64s) -> Int64s:
    """How many matches each pair's transform explains, int64[pairs within SCALES].

    With places as complex numbers the transform is target = turn * source + shift.
    """
    (dx, dy), (ex, ey) = (source[second] - source[first]).T, (target[second] - target[first]).T
    length = dx * dx + dy * dy
    scale = ex * ex + ey * ey
    kept = (length > 0) & (scale >= SCALES[0] ** 2 * length) & (scale <= SCALES[1] ** 2 * length)
    first, dx, dy, ex, ey, length = (values[kept] for values in (first, dx, dy, ex, ey, length))
    real, imaginary = ((dx * ex + dy * ey) / length)[:, None], ((dx * ey - dy * ex) / length)[:, None]
    (x, y), (u, v) = source.T, target.T
    # Both relative to the pair's first match: its own error is 0.
    x, y = x - x[first, None], y - y[first, None]
    u, v = u - u[first, None], v - v[first, None]
    off = np.square(real * x - imaginary * y - u) + np.square(imaginary * x + real * y - v)
    return np.asarray(np.count_nonzero(off <= TOLERANCE**2, axis=1), np.int64)
