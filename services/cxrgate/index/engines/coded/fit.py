"""Choose the frame of a space's codes: how many numbers, along which axes, at which scale.

Every choice is exact; this one is about speed. Fewer numbers make a faster scan and leave more rows to be measured, so
the number is the one with the least expected work, counted on some of the rows as queries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.linalg import hadamard

from cxrgate.index.engines.coded.codes import MOST_NUMBERS, chunks
from cxrgate.index.engines.coded.frame import LARGEST, SMALLEST_STEP, Float64s, Frame

NUMBERS = (32, 64, 128, 256, 512, 1024)
"""Candidates, beside all dimensions."""

FEW = 4096
"""Rows below which a choice saves nothing."""

_SAMPLE = 16384
_QUERIES = 48
_NEAREST = 10
"""Rows that a query asks for, in the choice: between the one of a plain search and the 50 of a cohort."""

_MEASURING = 100
"""What a row's float64 distance costs per dimension, in products of two numbers of codes."""

_CODING_ERROR = 0.012
"""Errors of codes over the rows' mean length: 254 steps hold 10.6 standard deviations, errors are uniform."""


def fit(rows: NDArray[np.float32], numbers: int | None = None) -> Frame:
    """The frame for rows float32[n, d], with so many numbers, or with the number that makes the least work.

    Raises:
        ValueError: a row is not finite.
    """
    dimensions = rows.shape[1]
    centre = np.add.reduce([np.add.reduce(chunk.astype(np.float64), axis=0) for _, chunk in chunks(rows)]) / len(rows)
    if numbers is None and len(rows) < FEW:
        axes, numbers = np.eye(dimensions), min(dimensions, MOST_NUMBERS)
    else:
        sample = _spread(rows, _SAMPLE) - centre
        axes = np.ascontiguousarray(np.linalg.eigh(sample.T @ sample)[1][:, ::-1])
        numbers = _least_work(rows, sample @ axes, axes, centre) if numbers is None else numbers
    turned, rest = _turned(axes, numbers)
    return _scaled(rows, Frame(turned, rest, np.zeros(numbers), centre, 1.0))


def _spread(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """At most `count` rows, evenly from first to last."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(np.int64))]


def _turned(axes: Float64s, numbers: int) -> tuple[Float64s, Float64s]:
    """A and b of a frame of so many numbers: the first axes, and the length of the rest where some are left out."""
    turn = _even(numbers)
    if numbers == len(axes):
        return axes @ turn, np.zeros(numbers)
    return axes[:, : numbers - 1] @ turn[:-1], turn[-1]


def _even(size: int) -> Float64s:
    """An orthogonal matrix that spreads the variance of each axis over all numbers, evenly where size is 2^n."""
    if size & (size - 1) == 0:
        return np.asarray(hadamard(size) / np.sqrt(size))
    return np.asarray(dct(np.eye(size), norm="ortho"))


def _scaled(rows: NDArray[np.float32], frame: Frame) -> Frame:
    """The same map with the shift and the step that just hold every row."""
    low, high = np.full(len(frame.rest), np.inf), np.full(len(frame.rest), -np.inf)
    for _, chunk in chunks(rows):
        mapped = frame.map(chunk)[0]
        low, high = np.minimum(low, mapped.min(axis=0)), np.maximum(high, mapped.max(axis=0))
    step = max(float((high - low).max()) / (2 * LARGEST), SMALLEST_STEP)
    return Frame(frame.axes, frame.rest, (low + high) / 2, frame.centre, step)


def _least_work(rows: NDArray[np.float32], sample: Float64s, axes: Float64s, centre: Float64s) -> int:
    """The number of numbers with the least expected work, for a sample float64[m, d] along the axes."""
    dimensions = rows.shape[1]
    candidates = [numbers for numbers in NUMBERS if numbers < dimensions]
    if dimensions <= MOST_NUMBERS:
        candidates.append(dimensions)
    queries = sample[:: len(sample) // _QUERIES]
    lengths = np.sqrt(np.add.reduce(sample * sample, axis=1))
    within = _nearest_distances(rows, queries @ axes.T + centre) + 2 * _CODING_ERROR * lengths.mean()
    work = []
    for numbers in candidates:
        bounds = _bounds(queries, sample, numbers)
        measured = float((bounds <= within[:, None]).mean()) * len(rows) * np.log(len(rows))
        work.append(len(rows) * numbers + measured * dimensions * _MEASURING)
    return candidates[int(np.argmin(work))]


def _nearest_distances(rows: NDArray[np.float32], queries: Float64s) -> Float64s:
    """Roughly how far the last of each query's nearest rows is, float64[q]; a query is one of the rows itself."""
    best = np.full((len(queries), _NEAREST + 1), np.inf)
    for _, chunk in chunks(rows):
        wide = chunk.astype(np.float64)
        squares = np.add.reduce(wide * wide, axis=1) - 2 * (queries @ wide.T)
        best = np.partition(np.concatenate([best, squares], axis=1), _NEAREST, axis=1)[:, : _NEAREST + 1]
    return np.asarray(np.sqrt(np.maximum(best.max(axis=1) + np.add.reduce(queries * queries, axis=1), 0)))


def _bounds(queries: Float64s, sample: Float64s, numbers: int) -> Float64s:
    """The distances that codes of so many numbers would show, float64[q, m], but for their rounding."""
    mapped = [_mapped(part, numbers) for part in (queries, sample)]
    squares = [np.add.reduce(part * part, axis=1) for part in mapped]
    return np.asarray(np.sqrt(np.maximum(squares[0][:, None] + squares[1] - 2 * mapped[0] @ mapped[1].T, 0)))


def _mapped(rows: Float64s, numbers: int) -> Float64s:
    """What is kept of rows along the axes: the first of them, and the length of the rest."""
    if numbers == rows.shape[1]:
        return rows
    kept, left = rows[:, : numbers - 1], rows[:, numbers - 1 :]
    return np.concatenate([kept, np.sqrt(np.add.reduce(left * left, axis=1))[:, None]], axis=1)
