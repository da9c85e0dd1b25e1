"""What goes into a check and comes out of it, and what the hash log keeps: plain values that no protocol shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cxrgate.core import Decision, MediaType, Verdict
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES


@dataclass(frozen=True, slots=True)
class ImageToCheck:
    """One image, as a caller sent it: the caller's name for it, the encoded bytes and, if said, what they are.

    With `return_image` the answer holds the judged pixels, encoded anew, where they may be released.
    """

    image_id: str
    content: bytes = field(repr=False)
    declared: MediaType | None = None
    return_image: bool = False


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """All that a caller learns of one image; the receipt leads reviewers to the evidence.

    `image` is a PNG of the very pixels that `pixel_digest` names and that were judged; b"" where it was not asked for,
    or may not be released.
    """

    image_id: str
    decision: Decision
    receipt: str
    policy_digest: str
    pixel_digest: str
    image: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RecordedCandidate:
    """One candidate of a recorded verdict; None is a number that was not finite."""

    reference_id: str
    patient_key: str
    distance: float | None
    similarities: Mapping[str, float | None]
    """By the name on the wire; see core.spaces."""
    score: float | None
    matches: int | None = None
    """Agreeing matches of keypoints; None where the policy does not ask for them."""


@dataclass(frozen=True, slots=True)
class RecordedEvidence:
    """What a verdict rests on and whom it was given to; None is a number that was not finite, or not there."""

    receipt: str
    image_id: str
    identity: str
    time: datetime
    decision: Decision
    reasons: tuple[str, ...]
    score: float | None
    similarities: Mapping[str, float | None]
    typicality: float | None
    frontality: float | None
    candidates: tuple[RecordedCandidate, ...] = field(repr=False)
    pixel_digest: str
    policy_digest: str
    matches: int | None = None

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> RecordedEvidence:
        """From the content of a log line, which `verdict_entry` made."""
        matches = line.get("matches") or [None] * len(line["candidates"])
        return cls(
            **{name: line[name] for name in ("receipt", "image_id", "identity", "pixel_digest", "policy_digest")},
            time=datetime.fromisoformat(line["time"]),
            decision=Decision(line["decision"]),
            reasons=tuple(line["reasons"]),
            score=line["score"],
            similarities={name: line[name] for name in SIMILARITIES},
            typicality=line["typicality"],
            frontality=line.get("frontality"),  # lines of older versions hold none
            candidates=tuple(
                replace(_candidate(*candidate), matches=agreeing)
                for candidate, agreeing in zip(line["candidates"], matches, strict=True)
            ),
            matches=max((agreeing for agreeing in matches if agreeing is not None), default=None),
        )


def _candidate(
    reference_id: str, patient_key: str, distance: float | None, *numbers: float | None
) -> RecordedCandidate:
    """From a line's list: a similarity per space, then the score."""
    *cosines, score = numbers
    return RecordedCandidate(reference_id, patient_key, distance, dict(zip(SIMILARITIES, cosines, strict=True)), score)


def verdict_entry(verdict: Verdict, certification: str) -> dict[str, Any]:
    """A verdict and its evidence as the part of a log line; `certification` is the gate's, see Gate."""
    found = verdict.evidence.candidates
    cosines = [found.similarities[space.name] for space in COSINE_SPACES]
    columns = (found.reference_ids, found.patient_keys, found.distances, *cosines, verdict.evidence.scores)
    return {
        "decision": str(verdict.decision),
        "reasons": list(verdict.reasons),
        "score": _number(verdict.score),
        **{space.similarity: _number(verdict.similarities[space.name]) for space in COSINE_SPACES},
        "typicality": _number(found.typicality),
        "frontality": None if found.frontality is None else _number(found.frontality),
        "candidates": [[a, b, *map(_number, rest)] for a, b, *rest in zip(*columns, strict=False)],
        "pixel_digest": verdict.pixel_digest,
        "policy_digest": verdict.policy_digest,
        "certification": certification,
        **({} if found.matches is None else {"matches": found.matches.tolist()}),
    }


def _number(value: float) -> float | None:
    """JSON has no NaN; None stands for what is no number."""
    return float(value) if math.isfinite(value) else None
