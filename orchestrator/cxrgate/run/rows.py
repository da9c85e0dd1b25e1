"""Outcomes as rows: what the journal keeps and the result tables hold."""

from __future__ import annotations

import math
from typing import Any

from cxrgate.core import Decision, Failure, Verdict
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES
from cxrgate.core.standout import Cohort
from cxrgate.gate.pipeline import Checked
from cxrgate.run.sources import NO_SOURCE, Source

RESULT_COLUMNS = (
    "image_id",
    "label",
    "decision",
    "reasons",
    "borderline",
    "score",
    *SIMILARITIES,
    "distance",
    "typicality",
    "frontality",
    "standout",
    "cohort_mean",
    "cohort_spread",
    "cohort_size",
    "matches",
    "colour",
    "pixel_digest",
    "source_digest",
    "decoding",
    "released_as",
    "stage",
    "code",
    "message",
)
RESULT_NUMBERS = RESULT_COLUMNS[RESULT_COLUMNS.index("score") : RESULT_COLUMNS.index("colour")]
SINCE_0_2 = ("standout", "cohort_mean", "cohort_spread", "cohort_size", "matches")
"""Columns that results of version 0.1 lack: their policies decide without them."""
SOURCE = ("source_digest", "decoding")
"""Columns of Source, which older results lack."""
EVIDENCE_NUMBERS = ("distance", *SIMILARITIES, "score", "matches")
EVIDENCE_COLUMNS = ("image_id", "reference_id", "patient_key", *EVIDENCE_NUMBERS)


def result_row(checked: Checked, label: str, released_as: str, source: Source = NO_SOURCE) -> dict[str, Any]:
    """One row of results; numbers that do not exist are None."""
    outcome, image = checked.outcome, checked.image
    colour = image is not None and image.colour
    origin = dict(zip(SOURCE, (source.digest, source.decoding), strict=True))
    common = {"image_id": outcome.image_id, "label": label, "colour": colour, **origin}
    if isinstance(outcome, Failure):
        digest = "" if image is None else image.digest
        return {**common, **_failure(outcome), "pixel_digest": digest, "released_as": ""}
    released = released_as if outcome.decision is Decision.ANONYMOUS else ""
    return {**common, **_verdict(outcome), "released_as": released, "stage": "", "code": "", "message": ""}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    candidates = verdict.evidence.candidates
    return {
        "decision": verdict.decision.value,
        "reasons": ";".join(verdict.reasons),
        "borderline": verdict.borderline,
        "score": _number(verdict.score),
        **{space.similarity: _number(verdict.similarities[space.name]) for space in COSINE_SPACES},
        "distance": _number(float(candidates.distances.min())),
        "typicality": _number(candidates.typicality),
        "frontality": None if candidates.frontality is None else _number(candidates.frontality),
        "standout": _number(verdict.standout),
        **_cohort(candidates.cohort),
        "matches": verdict.matches,
        "pixel_digest": verdict.pixel_digest,
    }


def _cohort(cohort: Cohort | None) -> dict[str, Any]:
    names = ("mean", "spread", "size")
    return {f"cohort_{name}": None if cohort is None else getattr(cohort, name) for name in names}


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "decision": failure.decision.value,
        "reasons": failure.reason,
        "borderline": False,
        **dict.fromkeys(RESULT_NUMBERS),
        "stage": failure.stage.value,
        "code": failure.code,
        "message": failure.message,
    }


def evidence_rows(checked: Checked) -> list[list[Any]]:
    """One row per candidate, in EVIDENCE_COLUMNS' order."""
    outcome = checked.outcome
    if isinstance(outcome, Failure):
        return []
    found, scores = outcome.evidence.candidates, outcome.evidence.scores
    cosines = [found.similarities[space.name] for space in COSINE_SPACES]
    matches = [None] * len(scores) if found.matches is None else found.matches.tolist()
    columns = (found.reference_ids, found.patient_keys, matches, found.distances, *cosines, scores)
    return [
        [outcome.image_id, reference, patient, *map(_number, map(float, numbers)), agreeing]
        for reference, patient, agreeing, *numbers in zip(*columns, strict=False)
    ]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
