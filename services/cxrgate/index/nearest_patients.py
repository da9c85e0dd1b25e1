"""The nearest references of a query, and how similar the most similar other patients are: exact, by any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.standout import COHORT, Cohort
from cxrgate.index.engines.engine import Engine

_PER_PATIENT = 4
"""References per patient of the cohort that the first search asks for. It is seldom too few, and that matters: a second
search takes time, and would tell a caller that the image is near a patient of many references."""

_GROWTH = 4
"""How many times more references are asked for where the nearest ones belong to too few patients."""

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Rows of the k nearest references, int64[k], nearest first, and the cohort behind the nearest patient."""

    rows: Int64s = field(repr=False)
    cohort: Cohort


@dataclass(frozen=True, slots=True, eq=False)
class NearestPatients:
    """Searches one space's engine by reference and by patient. `patients` numbers the patient of each row, int64[n]."""

    engine: Engine
    patients: Int64s = field(repr=False)

    def search(self, queries: Float32s, k: int, without: Sequence[Int64s] | None = None) -> list[Nearest]:
        """The min(k, what there is) nearest references of each query float32[q, d], and its cohort.

        Args:
            queries: float32[q, d].
            k: nearest references wanted.
            without: for each query rows that are treated as if they were not enrolled.
        """
        hidden = [np.empty(0, np.int64)] * len(queries) if without is None else without
        found: list[Nearest | None] = [None] * len(queries)
        waiting = np.arange(len(queries))
        wanted = k + _PER_PATIENT * COHORT + max((len(rows) for rows in hidden), default=0)
        while len(waiting):
            wanted = min(wanted, len(self.patients))
            neighbors = self.engine.search(queries[waiting], wanted)
            for query, rows, distances in zip(waiting.tolist(), neighbors.rows, neighbors.distances, strict=True):
                kept = ~np.isin(rows, hidden[query])
                found[query] = self._nearest(rows[kept], distances[kept], k, last=wanted == len(self.patients))
            waiting = np.array([query for query in waiting if found[query] is None], dtype=np.int64)
            wanted *= _GROWTH
        return [nearest for nearest in found if nearest is not None]

    def _nearest(self, rows: Int64s, distances: NDArray[np.float64], k: int, *, last: bool) -> Nearest | None:
        """None where more references have to be looked at."""
        _, first = np.unique(self.patients[rows], return_index=True)
        others = np.sort(first)[1 : COHORT + 1]
        if not last and (len(rows) < k or len(others) < COHORT):
            return None
        return Nearest(rows[:k], Cohort.of(distances[others]))


def number_patients(patient_keys: NDArray[np.uint8]) -> Int64s:
    """Number the keys uint8[n, 16] so that equal keys have equal numbers, int64[n]."""
    keys = np.ascontiguousarray(patient_keys).view(f"V{patient_keys.shape[1]}").ravel()
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)
