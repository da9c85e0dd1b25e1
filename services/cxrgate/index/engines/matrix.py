"""The default engine: a float32 matrix product rules rows out, with an error bound; float64 decides on the rest.

For a query q and a row x, float32 arithmetic gives g ~ q.x with |g - q.x| <= d * u * |q| * |x| * (1 + small), where
u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). So the squared distance lies within
`error` of |q|^2 + |x|^2 - 2 g, and a row whose lower bound exceeds the k-th smallest upper bound is not among the
k nearest. Every other row is measured in float64. Nothing is probabilistic: a loose bound costs time only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.distance import exact_distances, nearest_first
from cxrgate.index.engines.engine import Distances, Neighbors, Rows, check_queries, check_rows

BLOCK = 16384
"""Rows per product: 8 MiB of 128-d references, and with 64 queries 4 MiB of products."""

QUERIES = 256
"""Queries per pass."""

_UNIT = 2.0**-24


class MatrixEngine:
    """Exact blocked search over rows that may be memory-mapped."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        """Keep float32[n, d] and the squared norms, in float64."""
        check_rows(rows)
        self._rows = rows
        blocks = (rows[i : i + BLOCK].astype(np.float64) for i in range(0, len(rows), BLOCK))
        self._squares = np.concatenate([np.add.reduce(block * block, axis=1) for block in blocks])
        if not np.isfinite(self._squares).all():
            raise ValueError("expected finite rows")

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbors:
        """See Engine."""
        check_queries(queries, k, *self._rows.shape)
        rows = np.empty((len(queries), k), np.int64)
        distances = np.empty((len(queries), k), np.float64)
        for start in range(0, len(queries), QUERIES):
            part = np.ascontiguousarray(queries[start : start + QUERIES])
            for i, candidates in enumerate(self._candidates(part, k), start):
                rows[i], distances[i] = self._nearest(queries[i], candidates, k)
        return Neighbors(rows, distances)

    def _nearest(self, query: NDArray[np.float32], candidates: Rows, k: int) -> tuple[Rows, Distances]:
        return nearest_first(candidates, exact_distances(self._rows[candidates], query), k)

    def _candidates(self, queries: NDArray[np.float32], k: int) -> list[Rows]:
        """Per query every row that may be among its k nearest."""
        squares = np.add.reduce(queries.astype(np.float64) ** 2, axis=1)
        limits = np.full((len(queries), k), np.inf)
        kept: list[list[tuple[Rows, Distances]]] = [[] for _ in queries]
        for start in range(0, len(self._rows), BLOCK):
            lower, upper = self._bounds(queries, squares, slice(start, start + BLOCK))
            limits = _smallest(np.concatenate([limits, _smallest(upper, k)], axis=1), k)
            worst = limits.max(axis=1)
            for i, (row, column) in enumerate(zip(lower, worst, strict=True)):
                near = np.flatnonzero(row <= column)
                kept[i].append((near + start, row[near]))
        return [_within(parts, limit) for parts, limit in zip(kept, limits.max(axis=1), strict=True)]

    def _bounds(self, queries: NDArray[np.float32], squares: Distances, block: slice) -> tuple[Distances, Distances]:
        """Lower and upper bounds on the squared distances, float64[q, rows]."""
        references = self._squares[block]
        product = (queries @ np.asarray(self._rows[block]).T).astype(np.float64)
        middle = squares[:, None] + references[None] - 2 * product
        scale = np.sqrt(squares[:, None] * references[None])
        error = 4 * (queries.shape[1] + 2) * _UNIT * scale + 1e-12 * (squares[:, None] + references[None])
        return middle - error, middle + error


def _smallest(values: Distances, k: int) -> Distances:
    """The k smallest of each row, in any order; all when there are fewer."""
    if values.shape[1] <= k:
        return values
    return np.asarray(np.partition(values, k - 1, axis=1)[:, :k])


def _within(parts: list[tuple[Rows, Distances]], limit: float) -> Rows:
    rows = np.concatenate([part[0] for part in parts])
    lower = np.concatenate([part[1] for part in parts])
    return np.asarray(rows[lower <= limit])
