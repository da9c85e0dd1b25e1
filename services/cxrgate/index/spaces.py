"""The searches of a snapshot's spaces, and the union of their nearest references.

A descriptor of a cosine space may have parts: each has its own nearest references, and the most similar one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Descriptors
from cxrgate.core.spaces import IDENTITY, CosineSpace
from cxrgate.core.standout import Cohort
from cxrgate.images.descriptors import parts
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine
from cxrgate.index.nearest_patients import NearestPatients

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """Rows of one query's candidates, nearest first, identity's before others', each once; and identity's cohort.

    `wider` are the rows among which the most alike pictures are looked for, see Spaces.search. `lists` are the nearest
    rows of identity and then of each part of each other space: what `rows` was joined of.
    """

    rows: Int64s = field(repr=False)
    cohort: Cohort
    wider: Int64s = field(repr=False)
    lists: tuple[Int64s, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Spaces:
    """Identity by reference and by patient, and by name each cosine space that is searched: an engine per part."""

    identity: NearestPatients
    cosines: Mapping[str, tuple[Engine, ...]]

    def search(
        self, queries: Mapping[str, Float32s], k: int, without: Sequence[Int64s] | None = None, wider: int = 0
    ) -> list[Union]:
        """The candidates of each query.

        Args:
            queries: float32[q, d] by name of the space; one that is not searched is not looked at.
            k: nearest references per space, and per part of a space.
            without: rows per query that are treated as if not enrolled.
            wider: how many there are of them for Union.wider, k at least.
        """
        most = max(k, wider)
        nearest = self.identity.search(queries[IDENTITY], most, without)
        found = [[each.rows for each in nearest]]
        for space, engines in self.cosines.items():
            for engine, part in zip(engines, parts(space, queries[space]), strict=True):
                found.append(_nearest(engine, np.ascontiguousarray(part), most, without, len(self.identity.patients)))
        return [_union(each.cohort, rows, k) for each, *rows in zip(nearest, *found, strict=True)]


def _union(cohort: Cohort, wider: Sequence[Int64s], k: int) -> Union:
    lists = tuple(rows[:k] for rows in wider)
    return Union(_joined(lists), cohort, _joined(wider), lists)


def list_count(query: Descriptors, searched: Iterable[CosineSpace]) -> int:
    """How many lists of nearest references a query has: identity's, and one per part of each searched space."""
    return 1 + sum(len(parts(space.name, query.spaces[space.name])) for space in searched)


def _joined(lists: Sequence[Int64s]) -> Int64s:
    """One after another, each row once."""
    return np.array(list(dict.fromkeys(np.concatenate(lists).tolist())), np.int64)


def _nearest(engine: Engine, queries: Float32s, k: int, without: Sequence[Int64s] | None, count: int) -> list[Int64s]:
    """The min(k, what there is) nearest rows of each query."""
    if without is None:
        return list(engine.search(queries, min(k, count)).rows)
    wanted = min(count, k + max((len(rows) for rows in without), default=0))
    found = engine.search(queries, wanted).rows
    return [rows[~np.isin(rows, hidden)][:k] for rows, hidden in zip(found, without, strict=True)]


def similarities(space: str, rows: Float32s, query: Float32s) -> NDArray[np.float64]:
    """In a cosine space, float64[m], of rows float32[m, d] and a query float32[d]: the largest of the parts'."""
    # For unit vectors |a - b|^2 = 2 - 2 cos: the same differences as the search, not a second formula.
    pairs = zip(parts(space, rows), parts(space, query), strict=True)
    return np.asarray(np.max([1 - exact_distances(*pair) ** 2 / 2 for pair in pairs], axis=0), dtype=np.float64)
