"""The single images that a reviewer should look at: borderline, flagged and without an answer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrgate.core import Decision, Policy
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.core.standout import Cohort
from cxrgate.run.nearness import nearest_released
from cxrgate.run.recorded import Results

LARGEST = 50
"""Rows per table. All of them are in the results' own files."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference that an image was compared with; both ids are opaque."""

    reference_id: str
    patient_key: str
    distance: float
    similarities: Mapping[str, float]
    """By name of the cosine space."""
    score: float
    identity: float
    """The number that decides whether it is the same patient: the standout, or the score."""
    matches: float = math.nan
    """Keypoints that agree; NaN where nobody counted them."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image and its candidates, the one that counts most first.

    That is the highest standout or same-patient score, whichever decides; where a cosine space is the only reason, the
    most matches where these reach their threshold, else the highest similarity in it. `similarities` are by name of the
    space, the largest of the candidates'. `patients` is the number of enrolled patients whose score, similarity or
    matches reach a threshold.
    """

    image_id: str
    label: str
    reasons: tuple[str, ...]
    score: float
    similarities: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    patients: int
    standout: float = math.nan
    pixel_digest: str = ""

    @property
    def identity(self) -> float:
        """The number that decides whether it is the same patient: the standout where the policy asks for it."""
        return self.score if math.isnan(self.standout) else self.standout


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One image that is INDETERMINATE: where, why, its typicality and its frontality (NaN when there is none)."""

    image_id: str
    label: str
    stage: str
    reasons: tuple[str, ...]
    message: str
    typicality: float
    frontality: float


@dataclass(frozen=True, slots=True)
class ShownImages:
    """At most LARGEST rows of each kind, and how many there are in all."""

    flagged: tuple[ShownImage, ...]
    flagged_total: int
    borderline: tuple[ShownImage, ...]
    borderline_total: int
    unanswered: tuple[Unanswered, ...]
    unanswered_total: int
    nearest: tuple[ShownImage, ...] = ()
    """Released, and nearest to a threshold."""


def find_cases(results: Results) -> ShownImages:
    """Pick the rows: flagged and borderline ones by what decides, the highest first; others in the source's order.

    A borderline image that was withheld is not among them: it is not released.
    """
    images = results.images
    flagged = images[images["decision"] == Decision.NOT_ANONYMOUS.value]
    borderline = images[images["borderline"].astype(bool) & (images["released_as"] != "")]
    unanswered = images[images["decision"] == Decision.INDETERMINATE.value]
    near = nearest_released(images, results.policy)
    return ShownImages(
        flagged=_cases(results, flagged),
        flagged_total=len(flagged),
        borderline=_cases(results, borderline),
        borderline_total=len(borderline),
        unanswered=tuple(_unanswered(row) for row in unanswered.head(LARGEST).to_dict("records")),
        unanswered_total=len(unanswered),
        nearest=cases_of(results, near) if len(near) else (),
    )


def _cases(results: Results, rows: pd.DataFrame) -> tuple[ShownImage, ...]:
    if rows.empty:
        return ()
    deciding = "score" if results.policy.standout is None else "standout"
    return cases_of(results, rows.sort_values(deciding, ascending=False, kind="stable").head(LARGEST))


def cases_of(results: Results, rows: pd.DataFrame) -> tuple[ShownImage, ...]:
    """A case for each of one or more rows of `results.images`, in their order."""
    evidence = results.evidence([str(image_id) for image_id in rows["image_id"]])
    images = {str(row["image_id"]): row for row in rows.to_dict("records")}
    candidates: dict[str, list[Candidate]] = {}
    for row in evidence.to_dict("records"):
        image_id = str(row["image_id"])
        candidates.setdefault(image_id, []).append(_candidate(row, images[image_id], results.policy))
    return tuple(_case(row, candidates.get(image_id, []), results.policy) for image_id, row in images.items())


def _candidate(row: Mapping[Hashable, Any], image: Mapping[Hashable, Any], policy: Policy) -> Candidate:
    distance, score = float(row["distance"]), float(row["score"])
    identity = score
    if policy.standout is not None:
        cohort = Cohort(float(image["cohort_mean"]), float(image["cohort_spread"]), int(image["cohort_size"]))
        identity = float(policy.standout(np.array([distance]), np.array([score]), cohort)[0])
    matches = float(row.get("matches", math.nan))  # results of older versions have none
    ids = str(row["reference_id"]), str(row["patient_key"])
    return Candidate(*ids, distance, similarities(row), score, identity, matches)


def _case(row: Mapping[Hashable, Any], candidates: Sequence[Candidate], policy: Policy) -> ShownImage:
    reasons = _split(str(row["reasons"]))
    alone = next((space.name for space in COSINE_SPACES if reasons == (space.reason,)), None)
    ordered = sorted(candidates, key=lambda item: -_counting(item, candidates, alone, policy))
    return ShownImage(
        image_id=str(row["image_id"]),
        label=str(row["label"]),
        reasons=reasons,
        score=float(row["score"]),
        similarities=similarities(row),
        candidates=tuple(ordered),
        patients=len({item.patient_key for item in candidates if _matches(item, policy)}),
        standout=float(row["standout"]),
        pixel_digest=str(row["pixel_digest"]),
    )


def _counting(candidate: Candidate, candidates: Sequence[Candidate], alone: str | None, policy: Policy) -> float:
    """What candidates are ordered by: see ShownImage."""
    if alone is None:
        return candidate.identity
    matched = any(_is_matched(item, policy) for item in candidates)
    return candidate.matches if matched else candidate.similarities[alone]


def similarities(row: Mapping[Hashable, Any]) -> dict[str, float]:
    """By name of the cosine space, of a row of results or evidence."""
    return {space.name: float(row[space.similarity]) for space in COSINE_SPACES}


def _matches(candidate: Candidate, policy: Policy) -> bool:
    pictures = (
        candidate.similarities[space.name] >= policy.threshold(space) - policy.band for space in policy.searched
    )
    return (
        any(pictures) or _is_matched(candidate, policy) or candidate.identity >= policy.identity_threshold - policy.band
    )


def _is_matched(candidate: Candidate, policy: Policy) -> bool:
    return policy.match_threshold is not None and candidate.matches >= policy.match_threshold


def _unanswered(row: Mapping[Hashable, Any]) -> Unanswered:
    return Unanswered(
        image_id=str(row["image_id"]),
        label=str(row["label"]),
        stage=str(row["stage"]),
        reasons=_split(str(row["reasons"])),
        message=str(row["message"]),
        typicality=float(row["typicality"]),
        frontality=float(row["frontality"]),
    )


def _split(reasons: str) -> tuple[str, ...]:
    return tuple(reason for reason in reasons.split(";") if reason)
