"""The same patient or the same picture in two sets, or twice in one, from their snapshots alone.

Each image of a set is asked as a check would ask it against the other set. Within one set an image is asked as if it
were not enrolled: for the same picture without itself, for the same patient without all images of its own patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Policy
from cxrgate.core.heads import Head
from cxrgate.core.progress import Progress, silent
from cxrgate.core.spaces import IDENTITY, SAME_PATIENT
from cxrgate.core.standout import Cohort
from cxrgate.images.descriptors import parts
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine
from cxrgate.index.engines.make import make_engine
from cxrgate.index.nearest_patients import NearestPatients, number_patients
from cxrgate.index.spaces import Spaces, similarities

_BATCH = 128

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that reach a threshold.

    Attributes:
        row: of the first in its snapshot.
        other: row of the second in the snapshot that was searched.
        reasons: SAME_PATIENT, and those of the picture spaces.
        deciding: standout of the two, or same-patient score where that decides.
        similarities: by the name of the space.
    """

    row: int
    other: int
    reasons: tuple[str, ...]
    deciding: float
    similarities: Mapping[str, float] = field(hash=False)


class DuplicateSearch:
    """Asks the images of snapshots against one snapshot."""

    def __init__(self, searched: Snapshot, policy: Policy, head: Head) -> None:
        """Search `searched` by the thresholds of a policy that is bound to it; `head` scores stored features."""
        self._searched, self._policy, self._head = searched, policy, head
        self._patients = number_patients(np.asarray(searched.patient_keys))
        identity = NearestPatients(make_engine(EngineName.CODES, searched.identity), self._patients)
        self._identity = Spaces(identity, {})
        self._spaces = Spaces(identity, {space.name: self._engines(space.name) for space in policy.searched})

    def _engines(self, space: str) -> tuple[Engine, ...]:
        rows = parts(space, self._searched.arrays[space])
        return tuple(make_engine(EngineName.CODES, np.ascontiguousarray(part)) for part in rows)

    def between(self, asked: Snapshot, progress: Progress = silent) -> list[Pair]:
        """Pairs of an image of `asked` and one of the searched snapshot; made by the same models.

        Args:
            asked: its images are asked.
            progress: called with "compare", images done now and in all.
        """
        found: list[Pair] = []
        for rows in _batches(len(asked.identity), progress):
            unions = self._spaces.search(_queries(asked, rows, self._spaces), self._policy.candidates)
            for row, union in zip(rows.tolist(), unions, strict=True):
                found += self._pairs(asked, row, union.rows, union.cohort)
        return found

    def within(self, progress: Progress = silent) -> list[Pair]:
        """Pairs of images of the searched snapshot, each once; SAME_PATIENT is said of two patients' images alone."""
        snapshot = self._searched
        found: list[Pair] = []
        members = [np.flatnonzero(self._patients == number) for number in range(int(self._patients.max()) + 1)]
        for rows in _batches(len(snapshot.identity), progress):
            asked, k = _queries(snapshot, rows, self._spaces), self._policy.candidates
            others = self._identity.search(asked, k, [members[self._patients[row]] for row in rows])
            pictures = self._spaces.search(asked, k, [np.array([row]) for row in rows])
            for row, other, picture in zip(rows.tolist(), others, pictures, strict=True):
                candidates = np.unique(np.concatenate([other.rows, picture.rows]))
                found += self._pairs(snapshot, row, candidates, other.cohort, own=int(self._patients[row]))
        return _each_once(found)

    def _pairs(
        self, asked: Snapshot, row: int, candidates: Int64s, cohort: Cohort, own: int | None = None
    ) -> Iterator[Pair]:
        if not len(candidates):
            return
        policy, searched = self._policy, self._searched
        distances = exact_distances(searched.identity[candidates], asked.identity[row])
        scores = self._head.score(asked.features[row], searched.features[candidates])
        deciding = scores if policy.standout is None else policy.standout(distances, scores, cohort)
        alike = {
            space.name: similarities(space.name, searched.arrays[space.name][candidates], asked.arrays[space.name][row])
            for space in policy.searched
        }
        for place, other in enumerate(candidates.tolist()):
            reasons = [SAME_PATIENT] if deciding[place] >= policy.identity_threshold - policy.band else []
            if own is not None and self._patients[other] == own:
                reasons = []
            reasons += [
                space.reason
                for space in policy.searched
                if alike[space.name][place] >= policy.threshold(space) - policy.band
            ]
            if reasons:
                known = {name: float(values[place]) for name, values in alike.items()}
                yield Pair(row, other, tuple(reasons), float(deciding[place]), known)


def _queries(asked: Snapshot, rows: Int64s, spaces: Spaces) -> dict[str, NDArray[np.float32]]:
    return {name: np.asarray(asked.arrays[name][rows]) for name in (IDENTITY, *spaces.cosines)}


def _batches(count: int, progress: Progress) -> Iterator[Int64s]:
    for start in range(0, count, _BATCH):
        rows = np.arange(start, min(count, start + _BATCH))
        yield rows
        progress("compare", len(rows), count)


def _each_once(pairs: Sequence[Pair]) -> list[Pair]:
    """Each pair with its largest numbers; a pair is found from both of its images."""
    found: dict[tuple[int, int], Pair] = {}
    for pair in pairs:
        names = (min(pair.row, pair.other), max(pair.row, pair.other))
        before = found.get(names)
        reasons = tuple(dict.fromkeys((*(before.reasons if before else ()), *pair.reasons)))
        deciding = max(pair.deciding, before.deciding) if before else pair.deciding
        found[names] = Pair(*names, reasons, deciding, pair.similarities)
    return list(found.values())
