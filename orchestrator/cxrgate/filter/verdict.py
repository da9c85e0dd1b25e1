"""What is said of one image, and the reference that counted most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import Decision, Evidence, Failure, Policy
from cxrgate.core import Verdict as Decided
from cxrgate.core.spaces import COSINE_SPACES, SAME_PATIENT
from cxrgate.filter.given import Given
from cxrgate.gate.pipeline import Checked


@dataclass(frozen=True, slots=True)
class Nearest:
    """The reference that decided, or came nearest to it: it shows a real patient, and stays on this host.

    Attributes:
        reference_id: opaque id of the reference, in hex.
        patient_key: opaque key of its patient, in hex.
        distance: Euclidean, in the identity space.
        similarities: how alike the two pictures are: cosines by the column's name, "similarity" of the copy space.
        score: same-patient score, 0 to 1.
        standout: how far its patient stands out from the other patients, 0 to 1; None where the score decides.
        matches: keypoints that agree; None where the policy does not ask for them.
        path: its file, with array and row below it in an array file, as batch.npz/images/000003; None where no
            reference map is at hand.
    """

    reference_id: str
    patient_key: str
    distance: float
    similarities: Mapping[str, float]
    score: float
    standout: float | None
    path: Path | None = None
    matches: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One image's verdict. Numbers are None where they do not exist, as for an image that could not be read.

    Attributes:
        image_id: the path, the key of the mapping, or image000012 for the thirteenth of a list.
        label: its class folder, "" without one.
        decision: only ANONYMOUS is ever released.
        reasons: what stands against a release, in UPPER_SNAKE; empty for ANONYMOUS.
        stage: where an image without an answer failed, such as "decode", else "".
        code: its gRPC status name, INVALID_ARGUMENT where the image itself is why; else "".
        message: a sentence that says why it has no answer, else "".
        borderline: it is released, and near the threshold.
        score: largest same-patient score, 0 to 1.
        similarities: the largest of each space of pictures, -1 to 1, by the column's name: "similarity" of the copy
            space; empty for an image without an answer.
        standout: largest standout, 0 to 1.
        distance: smallest distance in the identity space.
        typicality: cosine of the image's layout and the references' mean layout.
        frontality: how surely it is a frontal chest radiograph, 0 to 1.
        matches: the most keypoints that agree with one reference; None where the policy does not ask for them.
        nearest: the reference that counted most.
        pixel_digest: sha256 of the shape and the pixels that were judged, in hex; "" where there are none.
        policy_digest: of the policy that decided; "" for an image without an answer.
        png: the judged pixels as a PNG, with `return_images` and for ANONYMOUS alone: keep these, for the file that
            was given may hold what was not judged.
        preview: a small PNG for the gallery, b"" without one.
    """

    image_id: str
    label: str
    decision: Decision
    reasons: tuple[str, ...] = ()
    stage: str = ""
    code: str = ""
    message: str = ""
    borderline: bool = False
    score: float | None = None
    similarities: Mapping[str, float | None] = field(default_factory=dict)
    standout: float | None = None
    distance: float | None = None
    typicality: float | None = None
    frontality: float | None = None
    nearest: Nearest | None = None
    pixel_digest: str = ""
    policy_digest: str = ""
    png: bytes | None = field(default=None, repr=False)
    preview: bytes = field(default=b"", repr=False)
    matches: int | None = None

    @property
    def released(self) -> bool:
        """Whether the image may go out."""
        return self.decision is Decision.ANONYMOUS


def make_verdict(
    given: Given,
    checked: Checked,
    policy: Policy,
    references: Mapping[str, Path],
    *,
    png: bytes | None = None,
    preview: bytes = b"",
) -> Verdict:
    """The verdict on what was given.

    Args:
        given: the image and its name.
        checked: what the gate says of it.
        policy: by which it says so.
        references: files by reference id, as far as they are known.
        png: what may be kept of it.
        preview: a small picture of it.
    """
    outcome = checked.outcome
    if isinstance(outcome, Failure):
        digest = "" if checked.image is None else checked.image.digest
        return Verdict(
            given.name,
            given.label,
            outcome.decision,
            (outcome.reason,),
            stage=outcome.stage.value,
            code=outcome.code,
            message=outcome.message,
            pixel_digest=digest,
            preview=preview,
        )
    found = outcome.evidence.candidates
    return Verdict(
        image_id=given.name,
        label=given.label,
        decision=outcome.decision,
        reasons=outcome.reasons,
        borderline=outcome.borderline,
        score=_number(outcome.score),
        similarities={space.similarity: _number(outcome.similarities[space.name]) for space in COSINE_SPACES},
        standout=_number(outcome.standout),
        distance=_number(float(found.distances.min())),
        typicality=_number(found.typicality),
        frontality=None if found.frontality is None else _number(found.frontality),
        nearest=_nearest(outcome, policy, references),
        pixel_digest=outcome.pixel_digest,
        policy_digest=outcome.policy_digest,
        png=png,
        preview=preview,
        matches=outcome.matches,
    )


def _nearest(verdict: Decided, policy: Policy, references: Mapping[str, Path]) -> Nearest | None:
    """The candidate that counts most: of a mere copy the most similar picture, else by what tells patients apart."""
    evidence: Evidence = verdict.evidence
    found, standouts = evidence.candidates, policy.standouts(evidence)
    counts = evidence.scores if policy.standout is None else standouts
    if SAME_PATIENT not in verdict.reasons:
        alone = (space for space in COSINE_SPACES if space.reason in verdict.reasons)
        counts = next((found.similarities[space.name] for space in alone), counts)
        if found.matches is not None and policy.is_matched(found):
            counts = found.matches.astype(float)
    if len(counts) != len(found.reference_ids):
        return None
    best = max(range(len(counts)), key=lambda place: counts[place] if math.isfinite(counts[place]) else -math.inf)
    reference = found.reference_ids[best]
    return Nearest(
        reference,
        found.patient_keys[best],
        float(found.distances[best]),
        {space.similarity: float(found.similarities[space.name][best]) for space in COSINE_SPACES},
        float(evidence.scores[best]),
        _number(float(standouts[best])),
        references.get(reference),
        None if found.matches is None else int(found.matches[best]),
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
