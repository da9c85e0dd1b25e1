"""How far a patient stands out from the most similar other patients: the number that the default rule decides by.

At one fixed similarity the share of unenrolled patients that are flagged grows with the number of references, because
the most similar of N other patients grows more similar with N. The mean similarity of the ten most similar *other*
patients grows alike, so what the best candidate has beyond it keeps its meaning (adaptive score normalisation,
Auckenthaler et al. 2000). On the tune part of the shipped models' data, where 5 % of unenrolled patients are flagged,
this finds 0.29 of the other radiographs of enrolled patients against 1,000 references (one each) and 0.20 against
4,500, the best similarity alone 0.17 and 0.13; dividing by the spread, 30 to 100 patients in place of ten, or a
logistic regression on all of these found as many, within 0.01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.heads import sigmoid

COHORT = 10
"""The most similar other patients that a candidate is held against."""
SLOPE = 25.0
"""Of the standout, as of a logistic regression which tells other radiographs of a patient from other patients. Bands
of 16-bit dtypes hold for no steeper one."""

_CERTAIN = 1e-12
"""Scores this close to 0 or 1 are taken for the last that can be told apart."""

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Identity similarity (see `identity_similarity`) of the most similar distinct patients but the nearest one.

    Mean and standard deviation over `size` patients, COHORT of them or all that there are; zeros where there are none.
    """

    mean: float
    spread: float
    size: int

    @classmethod
    def of(cls, distances: Float64s) -> Cohort:
        """Of the patients' Euclidean distances, float64[size]."""
        if not len(distances):
            return cls(0.0, 0.0, 0)
        similarities = identity_similarity(distances)
        return cls(float(similarities.mean()), float(similarities.std()), len(similarities))


@dataclass(frozen=True, slots=True)
class Standout:
    """The parameters of the standout of a candidate.

    standout = sigmoid(slope * margin + offset)
    margin = identity * similarity + verification * logit(score) - (the cohort's mean similarity)

    Attributes:
        identity: weight of the candidate's identity similarity.
        verification: weight of the log odds of its same-patient score.
        usual: the cohort's mean where a snapshot has no other patients; with fewer than COHORT others it stands in
            for those that are missing, so that the score is defined down to one patient.
        slope: how fast it goes from 0 to 1; see `offset`.
        offset: 0.5 lies where the default rule flags its share of unenrolled patients in this snapshot.
    """

    identity: float = 1.0
    verification: float = 0.0
    usual: float = 0.0
    slope: float = SLOPE
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (self.slope > 0 and self.identity > 0 and self.verification >= 0):
            raise ValueError(f"expected positive weights and a positive slope, got {self}")
        if self.slope > SLOPE:
            raise ValueError(f"expected a slope of {SLOPE:g} at most, got {self.slope:g}: no band covers a steeper one")
        if not np.isfinite(list(asdict(self).values())).all():
            raise ValueError(f"expected finite numbers, got {self}")

    def margins(self, distances: Float64s, scores: Float64s, cohort: Cohort) -> Float64s:
        """Before calibration, float64[m], for the identity distances and same-patient scores of m candidates."""
        missing = COHORT - cohort.size
        mean = (cohort.size * cohort.mean + missing * self.usual) / COHORT
        chance = np.clip(scores, _CERTAIN, 1 - _CERTAIN)
        odds = np.log(chance) - np.log1p(-chance)
        return np.asarray(self.identity * identity_similarity(distances) + self.verification * odds - mean)

    def calibrate(self, margins: Float64s) -> Float64s:
        """Margins of any shape to (0, 1); greater margins give greater numbers."""
        return sigmoid(self.slope * np.asarray(margins, np.float64) + self.offset)

    def __call__(self, distances: Float64s, scores: Float64s, cohort: Cohort) -> Float64s:
        """The standout of each candidate, float64[m]; NaN where a score is NaN."""
        return self.calibrate(self.margins(distances, scores, cohort))

    def to_json(self) -> dict[str, float]:
        """The parameters, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Standout:
        """What `to_json` wrote; TypeError or ValueError where it is none."""
        return cls(**{name: float(number) for name, number in value.items()})


def identity_similarity(distances: Float64s) -> Float64s:
    """1 - distance² / 2: for embeddings of unit length their cosine."""
    return np.asarray(1 - np.square(distances) / 2, dtype=np.float64)
