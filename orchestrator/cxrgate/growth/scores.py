"""Similarities of all images of a listing with all others: any gallery drawn from them is asked at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.core.standout import COHORT, Cohort
from cxrgate.images.descriptors import parts
from cxrgate.index.measuring.asking import CANDIDATES, Queries, References
from cxrgate.index.measuring.fit import ENOUGH
from cxrgate.index.measuring.measure import SAMPLE
from cxrgate.index.measuring.suspects import find_suspects
from cxrgate.index.self_measurement import MeasurementTerms

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Everything:
    """All images of a listing, one row each: what enrolment stores of them, whose they are, and where from."""

    references: References
    patients: Int64s = field(repr=False)
    """Numbers."""
    sources: Sequence[str] = field(repr=False)
    unseen: NDArray[np.bool_] = field(repr=False)
    """Whether no model saw the patient."""
    trained_on: NDArray[np.bool_] = field(repr=False)


class Scores:
    """Similarities of all images with all, float32[n, n] in each space."""

    def __init__(self, everything: Everything, terms: MeasurementTerms) -> None:
        self.everything, self.terms = everything, terms
        references = everything.references
        self._identity = _similarities(np.asarray(references.identity))
        self._cosines = [_alike(space.name, np.asarray(references.cosines[space.name])) for space in COSINE_SPACES]

    def ask(self, rows: Int64s, gallery: Int64s, *, as_unenrolled: bool) -> Queries:
        """The images of these rows against a gallery, without their own patient where `as_unenrolled`."""
        patients, references = self.everything.patients, self.everything.references
        order = gallery[np.argsort(patients[gallery], kind="stable")]
        own = patients[rows][:, None] == patients[order][None]
        near = self._identity[np.ix_(rows, order)]
        cosines = [alike[np.ix_(rows, order)] for alike in self._cosines]
        if as_unenrolled:
            near, cosines = np.where(own, -np.inf, near), [np.where(own, -1, alike) for alike in cosines]
        starts = np.flatnonzero(np.diff(patients[order], prepend=-1))
        best = -np.sort(-np.maximum.reduceat(near, starts, axis=1), axis=1)[:, : COHORT + 1]
        nearest = np.argpartition(-near, min(CANDIDATES, near.shape[1]) - 1, axis=1)[:, :CANDIDATES]
        margins, found = np.empty(len(rows)), np.empty(len(rows), np.int64)
        for place, row in enumerate(rows):
            chosen = order[nearest[place][np.isfinite(near[place, nearest[place]])]]
            scores = self.terms.head.score(references.features[row], references.features[chosen])
            others = best[place, 1:][np.isfinite(best[place, 1:])]
            cohort = Cohort.of(np.sqrt(np.maximum(2 - 2 * others.astype(np.float64), 0)))
            distances = np.sqrt(np.maximum(2 - 2 * self._identity[row, chosen].astype(np.float64), 0))
            each = self.terms.standout.margins(distances, scores, cohort)
            margins[place], found[place] = each.max(), patients[chosen[each.argmax()]]
        largest = np.stack([alike.max(axis=1) for alike in cosines], axis=1).astype(np.float64)
        nobody = np.zeros((len(rows), len(COSINE_SPACES) + 2), np.int64)  # matches, and whose pictures are alike
        return Queries(patients[rows], margins, largest, own.sum(axis=1), found, nobody[:, 0], nobody[:, 1:])

    def cohort_mean(self, gallery: Int64s, cohort: int) -> float:
        """The mean similarity of the most similar other patients, over the patients of a gallery."""
        patients = self.everything.patients[gallery]
        near = np.where(patients[:, None] == patients[None], -np.inf, self._identity[np.ix_(gallery, gallery)])
        best = -np.sort(-near, axis=1)[:, :cohort]
        return float(best[np.isfinite(best)].mean())

    def unenrolled(self, gallery: Int64s, rng: np.random.Generator) -> Queries:
        """Patients of a gallery as if not enrolled, those that the default rule's measurement rests on."""
        patients = self.everything.patients[gallery]
        _, first = np.unique(patients, return_index=True)
        rows = gallery[first]
        untouched = rows[~self.everything.trained_on[rows]]
        rows = untouched if len(untouched) >= ENOUGH else rows
        found = self.ask(rng.permutation(rows)[:SAMPLE], gallery, as_unenrolled=True)
        return found.only(~find_suspects(found, len(gallery), self.terms.curve).left_out)


def _alike(space: str, rows: Float32s) -> Float32s:
    """In a cosine space: those of the most similar part."""
    return np.asarray(np.maximum.reduce([_similarities(np.ascontiguousarray(part)) for part in parts(space, rows)]))


def _similarities(rows: Float32s) -> Float32s:
    squares = (rows.astype(np.float64) ** 2).sum(axis=1).astype(np.float32)
    return np.asarray(1 - (squares[:, None] + squares[None]) / 2 + rows @ rows.T, np.float32)
