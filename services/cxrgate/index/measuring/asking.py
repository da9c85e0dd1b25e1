"""Asks references as a check asks images, with some of the snapshot hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.images.descriptors import parts
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Engine, EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.index.keypoint_rows import FILE, MATCHED, count_matches
from cxrgate.index.nearest_patients import NearestPatients
from cxrgate.index.parts import Arrays
from cxrgate.index.self_measurement import MeasurementTerms
from cxrgate.index.spaces import Spaces, similarities

CANDIDATES = 3
"""Per space, as in the default rule."""
_BATCH = 128

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """What is enrolled, one row per reference: see Snapshot."""

    identity: NDArray[np.float32] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    cosines: Mapping[str, NDArray[np.float32]] = field(repr=False)
    """By name of the cosine space."""
    patient_keys: NDArray[np.uint8] = field(repr=False)
    keypoints: NDArray[np.uint8] | None = field(default=None, repr=False)
    """Rows of them, uint8[n, ROW_BYTES]; None where none are kept."""

    @classmethod
    def of(cls, arrays: Arrays) -> References:
        """Those of a snapshot's arrays that a measurement needs."""
        cosines = {space.name: arrays[space.name] for space in COSINE_SPACES}
        return cls(arrays[IDENTITY], arrays["features"], cosines, arrays["patient_keys"], arrays.get(FILE))


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """What asking gave, one row per query.

    Attributes:
        patients: whose the queries are, by number.
        margins: the largest of the candidates'.
        cosines: the largest similarity in each cosine space, float64[n, spaces] in the order of the table.
        others: how many other references of the patient are enrolled.
        nearest: the patient of the candidate with the largest margin.
        matches: the most agreeing matches of keypoints; 0 where nobody counted.
        pictures: whose the most alike picture is, int64[n, spaces + 1]: by each cosine space, then by matches.
    """

    patients: Int64s
    margins: Float64s
    cosines: Float64s
    others: Int64s
    nearest: Int64s
    matches: Int64s
    pictures: Int64s

    def only(self, chosen: NDArray[np.bool_]) -> Queries:
        """Some of them."""
        return Queries(*(getattr(self, item.name)[chosen] for item in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What asking gave: patients as if not enrolled, and references left out of patients who still are."""

    unenrolled: Queries
    members: Queries


class Asking:
    """Asks references as a check asks images, with some of the snapshot hidden."""

    def __init__(self, references: References, terms: MeasurementTerms, patients: Int64s) -> None:
        self._references, self._terms, self._patients = references, terms, patients
        self._spaces = Spaces(
            NearestPatients(make_engine(EngineName.CODES, references.identity), patients),
            {name: _engines(name, rows) for name, rows in references.cosines.items()},
        )

    def ask(self, rows: Int64s, without: Sequence[Int64s], *, matched: bool = False) -> Queries:
        """The references of these rows, each as if the rows `without` were not enrolled.

        With `matched` keypoints are held against each other, too, where they are kept: some 40 ms per reference.
        """
        keypoints = self._references.keypoints if matched else None
        answers = [
            answer
            for start in range(0, len(rows), _BATCH)
            for answer in self._batch(rows[start : start + _BATCH], without[start : start + _BATCH], keypoints)
        ]
        spaces = len(COSINE_SPACES)
        table = np.array(answers, dtype=np.float64).reshape(len(rows), 4 + 2 * spaces)
        others = np.bincount(self._patients)[self._patients[rows]] - np.array([len(item) for item in without])
        return Queries(
            self._patients[rows],
            table[:, 0],
            table[:, 3 : 3 + spaces],
            others.astype(np.int64),
            table[:, 1].astype(np.int64),
            table[:, 2].astype(np.int64),
            table[:, 3 + spaces :].astype(np.int64),
        )

    def _batch(
        self, rows: Int64s, without: Sequence[Int64s], keypoints: NDArray[np.uint8] | None
    ) -> list[tuple[float, ...]]:
        """Of each query its largest margin, whose that is, the most matches, and the largest of each cosine space.

        Then whose the most alike picture is, see Queries.pictures.
        """
        references = self._references
        described = {IDENTITY: references.identity, **references.cosines}
        asked = {name: np.asarray(space[rows]) for name, space in described.items()}
        found = self._spaces.search(asked, CANDIDATES, without, wider=0 if keypoints is None else MATCHED)
        answers = []
        for row, union in zip(rows, found, strict=True):
            distances = exact_distances(references.identity[union.rows], references.identity[row])
            scores = self._terms.head.score(references.features[row], references.features[union.rows])
            margins = self._terms.standout.margins(distances, scores, union.cohort)
            alike = [
                similarities(space.name, described[space.name][union.rows], described[space.name][row])
                for space in COSINE_SPACES
            ]
            matches = np.zeros(len(union.wider), np.int64)
            if keypoints is not None:
                matches = count_matches(keypoints[row], keypoints[union.wider])
            found_rows = [union.rows[each.argmax()] for each in (margins, *alike)] + [union.wider[matches.argmax()]]
            nearest, *pictures = self._patients[np.array(found_rows)].tolist()
            numbers = (margins.max(), nearest, matches.max(), *(each.max() for each in alike), *pictures)
            answers.append(tuple(map(float, numbers)))
        return answers


def _engines(space: str, rows: NDArray[np.float32]) -> tuple[Engine, ...]:
    return tuple(make_engine(EngineName.CODES, np.ascontiguousarray(part)) for part in parts(space, rows))
