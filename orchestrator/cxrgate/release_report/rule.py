"""The rule of a recorded policy, applied again to recorded numbers.

A decision is made by `core.policy` alone. What stands here is how the rules of earlier releases decided, told apart by
the names of their numbers: it never changes, so that an older report can be verified by a newer release. A policy of
other names is decided by `core.policy` as it is today; whoever changes how that decides keeps the former rule here,
which the shelf in tests/assets/release_reports asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Evidence, Policy
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.core.standout import Cohort

FIRST = frozenset(
    {
        "candidates",
        "score_threshold",
        "borderline",
        "copy_threshold",
        "minimum_typicality",
        "references",
        "snapshot",
        "retrieval",
        "verification",
        "minimum_frontality",
        "band",
    }
)
"""The names of the first rule's numbers: two fixed thresholds and two minimums."""
_SLACK = 1e-6
_REMOVED, _UNANSWERED, _RELEASED = "NOT_ANONYMOUS", "INDETERMINATE", "ANONYMOUS"


@dataclass(frozen=True, slots=True)
class Decided:
    """What a rule says of one image."""

    decision: str
    reasons: str
    borderline: bool
    score: float
    similarities: Mapping[str, float]
    """By name of the column, see core.spaces."""
    standout: float = math.nan
    matches: float = math.nan


def decide(
    policy: Mapping[str, Any],
    numbers: NDArray[np.float64],
    typicality: float,
    frontality: float,
    cohort: Cohort | None = None,
    matches: NDArray[np.int64] | None = None,
) -> Decided:
    """Decide on one image by a recorded policy.

    Args:
        policy: as run.json holds it.
        numbers: of the candidates, float64[m, n]: distance, the similarity of each cosine space, score. The first
            rule knows one such space.
        typicality: of the image.
        frontality: of the image; NaN where the model did not say.
        cohort: of the image; None where it was not recorded.
        matches: of the candidates, int64[m]; None where nobody counted them.

    Raises:
        TypeError: neither the first rule's names nor those of today's policy.
    """
    if policy.keys() == FIRST:
        return _first(policy, numbers, typicality, frontality)
    return _today(Policy.from_json(policy), numbers, typicality, frontality, cohort, matches)


def _first(policy: Mapping[str, Any], numbers: NDArray[np.float64], typicality: float, frontality: float) -> Decided:
    score, similarity = _largest(numbers[:, -1]), _largest(numbers[:, 1])
    if not _sound(policy, numbers, typicality, frontality):
        return Decided(
            _UNANSWERED, "SCORE_INVALID", borderline=False, score=score, similarities={"similarity": similarity}
        )
    band, copy, least = policy["band"], policy["copy_threshold"], policy["minimum_frontality"]
    reasons = ["SAME_PATIENT"] if score >= policy["score_threshold"] - band else []
    if copy is not None and similarity >= copy - band:
        reasons.append("COPY")
    match = bool(reasons)
    if not match and typicality < policy["minimum_typicality"] + band:
        reasons.append("ATYPICAL")
    strange = least is not None and frontality < least + band
    if strange:
        reasons.insert(0, "STRANGER")
    decision = _RELEASED if not reasons else _REMOVED if match and not strange else _UNANSWERED
    borderline = decision == _RELEASED and score >= policy["borderline"] - band
    return Decided(decision, ";".join(reasons), borderline, score, _alike(similarity))


def _alike(similarity: float) -> dict[str, float]:
    """By name of the column: the first rule knows one."""
    return {"similarity": similarity}


def _sound(policy: Mapping[str, Any], numbers: NDArray[np.float64], typicality: float, frontality: float) -> bool:
    """Whether the numbers are enough and possible; a frontality only where the policy holds images against it."""
    distances, similarities, *_, scores = numbers.T
    return (
        len(numbers) >= min(policy["candidates"], policy["references"])
        and _within(scores, 0, 1)
        and _within(similarities, -1, 1)
        and _within(distances, 0, math.inf)
        and _within(np.asarray([typicality]), -1, 1)
        and (policy["minimum_frontality"] is None or _within(np.asarray([frontality]), 0, 1))
    )


def _within(values: NDArray[np.float64], low: float, high: float) -> bool:
    return bool(np.isfinite(values).all() and (values >= low - _SLACK).all() and (values <= high + _SLACK).all())


def _largest(values: NDArray[np.float64]) -> float:
    return float(values.max()) if len(values) else math.nan


def _today(
    policy: Policy,
    numbers: NDArray[np.float64],
    typicality: float,
    frontality: float,
    cohort: Cohort | None,
    matches: NDArray[np.int64] | None,
) -> Decided:
    distances, *cosines, scores = numbers.T
    similarities = {space.name: column for space, column in zip(COSINE_SPACES, cosines, strict=True)}
    names = tuple(map(str, range(len(numbers))))
    features = np.empty((len(numbers), 0), np.float32)
    found = Candidates("", names, names, distances, similarities, features, typicality, frontality, cohort, matches)
    verdict = policy.decide(Evidence(found, scores), "")
    return Decided(
        verdict.decision.value,
        ";".join(verdict.reasons),
        verdict.borderline,
        verdict.score,
        {space.similarity: verdict.similarities[space.name] for space in COSINE_SPACES},
        verdict.standout,
        math.nan if verdict.matches is None else verdict.matches,
    )
