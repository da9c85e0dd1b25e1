"""The single images that a reviewer should look at: borderline, flagged and without an answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxrgate.core import Decision, Policy
from cxrgate.run.recorded import Results

LARGEST = 50
"""Rows per table. All of them are in the results' own files."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference that an image was compared with; both ids are opaque."""

    reference_id: str
    patient_key: str
    distance: float
    similarity: float
    score: float


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image and its candidates, the one that counts most first.

    That is the highest same-patient score, or the highest copy similarity where COPY is the only reason.
    `patients` is the number of enrolled patients whose score or similarity reaches a threshold.
    """

    image_id: str
    label: str
    reasons: tuple[str, ...]
    score: float
    similarity: float
    candidates: tuple[Candidate, ...]
    patients: int


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


def find_cases(results: Results) -> ShownImages:
    """Pick the rows: flagged and borderline ones by score, the highest first; the others in the source's order.

    A borderline image that was withheld is not among them: it is not released.
    """
    images = results.images
    flagged = images[images["decision"] == Decision.NOT_ANONYMOUS.value]
    borderline = images[images["borderline"].astype(bool) & (images["released_as"] != "")]
    unanswered = images[images["decision"] == Decision.INDETERMINATE.value]
    return ShownImages(
        flagged=_cases(results, flagged),
        flagged_total=len(flagged),
        borderline=_cases(results, borderline),
        borderline_total=len(borderline),
        unanswered=tuple(_unanswered(row) for row in unanswered.head(LARGEST).to_dict("records")),
        unanswered_total=len(unanswered),
    )


def _cases(results: Results, rows: pd.DataFrame) -> tuple[ShownImage, ...]:
    if rows.empty:
        return ()
    return cases_of(results, rows.sort_values("score", ascending=False, kind="stable").head(LARGEST))


def cases_of(results: Results, rows: pd.DataFrame) -> tuple[ShownImage, ...]:
    """A case for each of one or more rows of `results.images`, in their order."""
    evidence = results.evidence([str(image_id) for image_id in rows["image_id"]])
    candidates: dict[str, list[Candidate]] = {}
    for row in evidence.to_dict("records"):
        candidates.setdefault(str(row["image_id"]), []).append(_candidate(row))
    return tuple(
        _case(row, candidates.get(str(row["image_id"]), []), results.policy) for row in rows.to_dict("records")
    )


def _candidate(row: Mapping[Hashable, Any]) -> Candidate:
    numbers = (float(row[name]) for name in ("distance", "similarity", "score"))
    return Candidate(str(row["reference_id"]), str(row["patient_key"]), *numbers)


def _case(row: Mapping[Hashable, Any], candidates: Sequence[Candidate], policy: Policy) -> ShownImage:
    reasons = _split(str(row["reasons"]))
    copy_only = reasons == ("COPY",)
    ordered = sorted(candidates, key=lambda item: -(item.similarity if copy_only else item.score))
    return ShownImage(
        image_id=str(row["image_id"]),
        label=str(row["label"]),
        reasons=reasons,
        score=float(row["score"]),
        similarity=float(row["similarity"]),
        candidates=tuple(ordered),
        patients=len({item.patient_key for item in candidates if _matches(item, policy)}),
    )


def _matches(candidate: Candidate, policy: Policy) -> bool:
    copy = policy.copy_threshold is not None and candidate.similarity >= policy.copy_threshold - policy.band
    return copy or candidate.score >= policy.score_threshold - policy.band


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
