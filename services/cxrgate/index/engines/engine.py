"""What an exact search engine is: build once over float32[n, d], then answer batches of queries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Distances = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """Per query the k nearest rows, int64[q, k], and their Euclidean distances, float64[q, k], nearest first."""

    rows: Rows
    distances: Distances


class Engine(Protocol):
    """Exact k-nearest-neighbour search, Euclidean, ties by insertion order."""

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbors:
        """Find the k nearest rows of each query float32[q, d].

        Raises:
            ValueError: k is not in 1..n, or the queries are not finite float32[q, d].
        """
        ...


class EngineName(StrEnum):
    """The engines that can be chosen."""

    CODES = "codes"
    MATRIX = "matrix"
    KDTREE = "kdtree"


def check_rows(rows: NDArray[np.float32]) -> None:
    """Raise ValueError unless rows are float32[n, d] with n and d of 1 or more."""
    if rows.ndim != 2 or rows.dtype != np.float32 or 0 in rows.shape:
        raise ValueError(f"expected float32[n, d], got {rows.dtype}{list(rows.shape)}")


def check_queries(queries: NDArray[np.float32], k: int, count: int, dimensions: int) -> None:
    """Raise ValueError unless the queries fit an index of `count` rows and k is in 1..count."""
    if queries.ndim != 2 or queries.dtype != np.float32 or queries.shape[1] != dimensions:
        raise ValueError(f"expected queries float32[q, {dimensions}], got {queries.dtype}{list(queries.shape)}")
    if not np.isfinite(queries).all():
        raise ValueError("expected finite queries")
    if not 1 <= k <= count:
        raise ValueError(f"expected k of 1 to {count}, got {k}")
