"""The searcher over a snapshot in this process: the union of both spaces' nearest references.

In the copy space each part of a copy descriptor has its own nearest references, and the most similar part counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Descriptors, Failure
from cxrgate.images.descriptors import split_copies
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine, EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.index.manifest import PartName
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.space_codes import IDENTITY, copy_space_name, stored_codes


class LocalSearcher:
    """Finds candidates in a snapshot."""

    def __init__(self, snapshot: Snapshot, k: int, engine: EngineName, *, copy_space: bool = True) -> None:
        """Search for min(k, references) per space; without the copy space only identity neighbours are candidates.

        Raises:
            ValueError: k is below 1.
        """
        if k < 1:
            raise ValueError(f"expected k of 1 or more, got {k}")
        self._snapshot = snapshot
        self._k = min(k, snapshot.manifest.references)
        parts = split_copies(snapshot.copy) if copy_space else []
        self._identity = _space_engine(engine, snapshot, IDENTITY, snapshot.identity)
        self._copies = [_space_engine(engine, snapshot, copy_space_name(i), rows) for i, rows in enumerate(parts)]

    async def search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        """See core.ports.Searcher. A descriptor of other dimensions is an error of the caller: ValueError."""
        return await asyncio.to_thread(self._search, queries) if queries else []

    def _search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        found = [self._identity.search(np.stack([query.identity for query in queries]), self._k).rows]
        if self._copies:
            parts = split_copies(np.stack([query.copy for query in queries]))
            searched = zip(self._copies, parts, strict=True)
            found.extend(engine.search(np.ascontiguousarray(part), self._k).rows for engine, part in searched)
        return [self._candidates(query, *rows) for query, *rows in zip(queries, *found, strict=True)]

    def _candidates(self, query: Descriptors, *spaces: NDArray[np.int64]) -> Candidates:
        # Nearest first, identity before copy, each reference once.
        rows = np.array(list(dict.fromkeys(np.concatenate(spaces).tolist())), dtype=np.int64)
        snapshot = self._snapshot
        return Candidates(
            image_id=query.image_id,
            reference_ids=tuple(row.tobytes().hex() for row in snapshot.reference_ids[rows]),
            patient_keys=tuple(row.tobytes().hex() for row in snapshot.patient_keys[rows]),
            distances=exact_distances(snapshot.identity[rows], query.identity),
            similarities=_similarities(snapshot.copy[rows], query.copy),
            features=np.array(snapshot.features[rows]),
            typicality=float(query.layout.astype(np.float64) @ snapshot.mean_layout),
            frontality=query.frontality,
        )


def _space_engine(engine: EngineName, snapshot: Snapshot, space: str, rows: NDArray[np.float32]) -> Engine:
    codes = stored_codes(snapshot.parts.get(PartName.CODES), space, rows) if engine == EngineName.CODES else None
    return make_engine(engine, rows, codes)


def _similarities(rows: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Copy similarities, float64[m], of rows float32[m, d] and a query float32[d]: the largest of the parts'."""
    # For unit vectors |a - b|^2 = 2 - 2 cos: the same differences as the search, not a second formula.
    parts = zip(split_copies(rows), split_copies(query), strict=True)
    return np.asarray(np.max([1 - exact_distances(*part) ** 2 / 2 for part in parts], axis=0), dtype=np.float64)
