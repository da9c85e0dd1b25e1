"""The search by numpy: the kernel's answer, bit for bit, on any CPU, and what the kernel is checked against.

Codes are small integers and a sum of their products stays below 2^24, so float32 holds it exactly in whatever order it
is added up; nearest.c says why rows below the limit may be skipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.coded.codes import Codes
from cxrgate.index.engines.coded.frame import REACH
from cxrgate.index.engines.distance import exact_distances, nearest_first
from cxrgate.index.engines.engine import Distances, Neighbors, Rows


def nearest(codes: Codes, rows: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> Neighbors:
    """The k nearest of rows float32[n, d] for each query float32[q, d]."""
    coded, errors = codes.frame.code(queries)
    factors = np.zeros((len(queries), codes.width), np.float32)
    factors[:, : coded.shape[1]] = coded
    found = [_Best(codes, rows, query, k, *about) for query, *about in zip(queries, coded, errors, strict=True)]
    for first, numbers, starts in codes.blocks():
        scores = (factors @ numbers.T).astype(np.int32) + starts
        for best, row in zip(found, scores[:, : len(rows) - first], strict=True):
            best.add(first, row)
    return Neighbors(
        np.array([best.rows for best in found], np.int64).reshape(len(queries), k),
        np.array([best.distances for best in found], np.float64).reshape(len(queries), k),
    )


class _Best:
    """The k best rows of one query so far."""

    def __init__(
        self,
        codes: Codes,
        rows: NDArray[np.float32],
        query: NDArray[np.float32],
        k: int,
        code: NDArray[np.int8],
        error: float,
    ) -> None:
        self._all, self._query, self._k = rows, query, k
        self._square = int(np.add.reduce(code.astype(np.int64) ** 2))
        self._errors, self._step = float(error) + codes.error, codes.frame.step
        self._limit = -np.inf
        self.rows: Rows = np.empty(0, np.int64)
        self.distances: Distances = np.empty(0, np.float64)

    def add(self, first: int, scores: NDArray[np.int32]) -> None:
        """Take what may be among the k best of the rows from `first` on."""
        near = np.flatnonzero(scores >= self._limit)
        if len(near) > self._k:
            # The most promising first: they lower the limit for the others.
            order = np.argpartition(-scores[near], self._k - 1)
            self._measure(first + near[order[: self._k]])
            near = near[order[self._k :]]
            near = near[scores[near] >= self._limit]
        if len(near):
            self._measure(first + near)

    def _measure(self, rows: Rows) -> None:
        distances = exact_distances(self._all[rows], self._query)
        together = np.concatenate([self.rows, rows]), np.concatenate([self.distances, distances])
        self.rows, self.distances = nearest_first(*together, self._k)
        if len(self.rows) == self._k:
            reach = (self.distances[-1] + self._errors) * REACH / self._step
            self._limit = np.floor((self._square - reach * reach) / 2) - 1
