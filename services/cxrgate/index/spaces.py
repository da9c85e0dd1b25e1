"""The searches of a snapshot's spaces, and the union of their nearest references.

In the copy space each part of a copy descriptor has its own nearest references, and the most similar part counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.standout import Cohort
from cxrgate.images.descriptors import split_copies
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine
from cxrgate.index.nearest_patients import NearestPatients

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """Rows of one query's candidates, nearest first, identity before copy, each once; and the identity's cohort."""

    rows: Int64s = field(repr=False)
    cohort: Cohort


@dataclass(frozen=True, slots=True, eq=False)
class Spaces:
    """Identity by reference and by patient, and the parts of the copy space, none where it is not searched."""

    identity: NearestPatients
    copies: tuple[Engine, ...]

    def search(
        self, identity: Float32s, copy: Float32s, k: int, without: Sequence[Int64s] | None = None
    ) -> list[Union]:
        """The candidates of each query; `without` names rows per query that are treated as if not enrolled."""
        nearest = self.identity.search(identity, k, without)
        spaces = [[found.rows for found in nearest]]
        for engine, part in zip(self.copies, split_copies(copy) if self.copies else [], strict=True):
            spaces.append(_nearest(engine, np.ascontiguousarray(part), k, without, len(self.identity.patients)))
        return [
            Union(np.array(list(dict.fromkeys(np.concatenate(rows).tolist())), np.int64), found.cohort)
            for found, *rows in zip(nearest, *spaces, strict=True)
        ]


def _nearest(engine: Engine, queries: Float32s, k: int, without: Sequence[Int64s] | None, count: int) -> list[Int64s]:
    """The min(k, what there is) nearest rows of each query."""
    if without is None:
        return list(engine.search(queries, min(k, count)).rows)
    wanted = min(count, k + max((len(rows) for rows in without), default=0))
    found = engine.search(queries, wanted).rows
    return [rows[~np.isin(rows, hidden)][:k] for rows, hidden in zip(found, without, strict=True)]


def copy_similarities(rows: Float32s, query: Float32s) -> NDArray[np.float64]:
    """Copy similarities, float64[m], of rows float32[m, d] and a query float32[d]: the largest of the parts'."""
    # For unit vectors |a - b|^2 = 2 - 2 cos: the same differences as the search, not a second formula.
    parts = zip(split_copies(rows), split_copies(query), strict=True)
    return np.asarray(np.max([1 - exact_distances(*part) ** 2 / 2 for part in parts], axis=0), dtype=np.float64)
