"""The one distance that decides: float64, every row summed alike, so that both engines agree to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def exact_distances(rows: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Euclidean distances of rows float32[m, d] to a query float32[d], float64[m].

    Explicit differences, no expansion: |x|^2 + |q|^2 - 2 x.q loses every digit for near duplicates, which are
    the case that matters.
    """
    difference = np.ascontiguousarray(rows, dtype=np.float64) - query.astype(np.float64)
    return np.asarray(np.sqrt(np.add.reduce(difference * difference, axis=1)), dtype=np.float64)


def nearest_first(
    rows: NDArray[np.int64], distances: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest of (rows, distances), ties by insertion order."""
    order = np.lexsort((rows, distances))[:k]
    return rows[order], distances[order]
