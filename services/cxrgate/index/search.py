"""The searcher over a snapshot in this process: the union of its spaces' nearest references."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Descriptors, Failure
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY, CosineSpace
from cxrgate.images.descriptors import parts
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine, EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.index.keypoint_rows import MATCHED, Bytes, Int64s, count_matches, stored_rows
from cxrgate.index.manifest import PartName
from cxrgate.index.nearest_patients import NearestPatients, number_patients
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.space_codes import part_name, stored_codes
from cxrgate.index.spaces import Spaces, Union, similarities


class LocalSearcher:
    """Finds candidates in a snapshot.

    Of an image that comes with keypoints the matches are counted with every candidate and with the MATCHED nearest of
    each space; the reference among all of these that has the most is a candidate, too.
    """

    def __init__(
        self, snapshot: Snapshot, k: int, engine: EngineName, searched: Sequence[CosineSpace] = COSINE_SPACES
    ) -> None:
        """Search for min(k, references) in identity and in each space of `searched`.

        Raises:
            ValueError: k is below 1.
            SnapshotCorrupt: a part of the snapshot is not what it should be.
        """
        if k < 1:
            raise ValueError(f"expected k of 1 or more, got {k}")
        self._snapshot = snapshot
        self._k = min(k, snapshot.manifest.references)
        self._keypoints = stored_rows(snapshot.parts.get(PartName.KEYPOINTS))
        patients = number_patients(np.asarray(snapshot.patient_keys))
        self._spaces = Spaces(
            NearestPatients(_space_engine(engine, snapshot, IDENTITY, snapshot.identity), patients),
            {space.name: _engines(engine, snapshot, space.name) for space in searched},
        )

    async def search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        """See core.ports.Searcher.

        Raises:
            ValueError: a descriptor of other dimensions, or keypoints for a snapshot that keeps none.
        """
        return await asyncio.to_thread(self._search, queries) if queries else []

    def _search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        names = (IDENTITY, *self._spaces.cosines)
        asked = {name: np.stack([query.spaces[name] for query in queries]) for name in names}
        matched = any(query.keypoints is not None for query in queries)
        found = self._spaces.search(asked, self._k, wider=MATCHED if matched else 0)
        return [self._candidates(query, union) for query, union in zip(queries, found, strict=True)]

    def _candidates(self, query: Descriptors, union: Union) -> Candidates:
        rows, lists, matches = self._matched(query.keypoints, union)
        snapshot, described = self._snapshot, query.spaces
        names = [space.name for space in COSINE_SPACES]
        return Candidates(
            image_id=query.image_id,
            reference_ids=tuple(row.tobytes().hex() for row in snapshot.reference_ids[rows]),
            patient_keys=tuple(row.tobytes().hex() for row in snapshot.patient_keys[rows]),
            distances=exact_distances(snapshot.identity[rows], described[IDENTITY]),
            similarities={name: similarities(name, snapshot.arrays[name][rows], described[name]) for name in names},
            features=np.array(snapshot.features[rows]),
            typicality=float(query.layout.astype(np.float64) @ snapshot.mean_layout),
            frontality=query.frontality,
            cohort=union.cohort,
            matches=matches,
            nearest=_held(rows, lists),
        )

    def _matched(self, keypoints: Bytes | None, union: Union) -> tuple[Int64s, tuple[Int64s, ...], Int64s | None]:
        """The candidates' rows, the lists that they are of, and the matches of each where they are asked for."""
        if keypoints is None:
            return union.rows, union.lists, None
        if self._keypoints is None:
            raise ValueError("expected no keypoints: the snapshot keeps none to hold them against")
        matches = count_matches(keypoints, self._keypoints[union.wider])
        by_row = dict(zip(union.wider.tolist(), matches.tolist(), strict=True))
        most = union.wider[matches.argmax()]
        rows = union.rows if most in union.rows else np.append(union.rows, most)
        lists = (*union.lists, np.array([most]))
        return rows, lists, np.array([by_row[row] for row in rows.tolist()], np.int64)


def _held(rows: Int64s, lists: Sequence[Int64s]) -> NDArray[np.bool_]:
    """Which of the rows each list holds, bool[l, m]."""
    return np.array([(rows[:, None] == held).any(axis=1) for held in lists])


def _engines(engine: EngineName, snapshot: Snapshot, space: str) -> tuple[Engine, ...]:
    """One per part of a cosine space's descriptors."""
    split = parts(space, snapshot.arrays[space])
    return tuple(_space_engine(engine, snapshot, part_name(space, i), rows) for i, rows in enumerate(split))


def _space_engine(engine: EngineName, snapshot: Snapshot, space: str, rows: NDArray[np.float32]) -> Engine:
    codes = stored_codes(snapshot.parts.get(PartName.CODES), space, rows) if engine == EngineName.CODES else None
    return make_engine(engine, rows, codes)
