"""The reference engine: scipy's KD-tree (anonymization-pipeline's method), with ties made deterministic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from cxrgate.index.engines.distance import exact_distances, nearest_first
from cxrgate.index.engines.engine import Distances, Neighbors, Rows, check_queries, check_rows

_SLACK = 1e-9
"""The tree sums squares in another order than we do: take everything within a hair of its k-th distance."""


class KDTreeEngine:
    """Exact, but visits nearly every row beyond about eight intrinsic dimensions: slower than `matrix` there."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        """Build the tree over float32[n, d]; it keeps a float64 copy."""
        check_rows(rows)
        self._rows = rows
        self._tree = KDTree(np.asarray(rows, dtype=np.float64))

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbors:
        """See Engine."""
        check_queries(queries, k, *self._rows.shape)
        found = [self._nearest(query, k) for query in queries]
        rows = np.array([item[0] for item in found], dtype=np.int64).reshape(len(queries), k)
        distances = np.array([item[1] for item in found], dtype=np.float64).reshape(len(queries), k)
        return Neighbors(rows, distances)

    def _nearest(self, query: NDArray[np.float32], k: int) -> tuple[Rows, Distances]:
        point = query.astype(np.float64)
        kth = np.atleast_1d(self._tree.query(point, k)[0])[-1]
        within = np.array(self._tree.query_ball_point(point, kth * (1 + _SLACK)), dtype=np.int64)
        return nearest_first(within, exact_distances(self._rows[within], query), k)
