"""What stands between the pipeline and a remote caller.

The gate answers membership questions: so it asks who, counts how often, records everything, and says one word.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
from datetime import datetime
from typing import Any

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.core import CallRefused, Failure, GreyImage, MediaType, Outcome, Verdict
from cxrgate.gate.drift import Drift
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.probing import NearDuplicates
from cxrgate.gateway.quota import Quotas
from cxrgate.hashlog import HashLog, read_lines
from cxrgate.rpc.roles import Caller

CHECKED, REFUSED, READ = "image_checked", "image_refused", "evidence_read"
NEAR_DUPLICATES = "near_duplicates_noticed"
DRIFT, ACKNOWLEDGED = "drift_noticed", "drift_acknowledged"
RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_MEDIA = {
    pb.MEDIA_TYPE_UNSPECIFIED: None,
    pb.MEDIA_TYPE_PNG: MediaType.PNG,
    pb.MEDIA_TYPE_JPEG: MediaType.JPEG,
    pb.MEDIA_TYPE_DICOM: MediaType.DICOM,
}


class CheckService:
    """Checks images for callers, and keeps the evidence for reviewers."""

    def __init__(self, log: HashLog, quotas: Quotas, batches: Batches, drift: Drift | None = None) -> None:
        """Take up what the log holds: receipts, today's use of quotas, the scores that drift is told by."""
        self.log, self.quotas = log, quotas
        self.drift = drift or Drift()
        self._batches = batches
        self._near = NearDuplicates()
        self._receipts: dict[str, int] = {}
        for line in read_lines(log.path):
            self._recall(line.content, line.offset)

    async def check(self, gate: Gate, caller: Caller, image: pb.Image) -> pb.Verdict:
        """The verdict on one image, recorded before it is given. The quota has been taken.

        Raises:
            CallRefused: the image cannot be accepted (INVALID_ARGUMENT) or could not be judged (UNAVAILABLE), or the
                scores have drifted and nobody has looked yet (FAILED_PRECONDITION).
        """
        declared = _validated(image)
        self._require_no_drift()
        checked = await self._batches.check(gate, image.content, declared)
        self._require_no_drift()  # what was under way when it was noticed is not answered either
        # Side by side: the log waits for the disk, the watch for a core.
        answer, _ = await asyncio.gather(
            self._record(caller, image, checked.outcome), self._watch(caller, checked.image)
        )
        return answer

    def _require_no_drift(self) -> None:
        if self.drift.noticed:
            raise CallRefused("FAILED_PRECONDITION", "DRIFT", "expected scores as they were; an operator must look")

    async def _record(self, caller: Caller, image: pb.Image, outcome: Outcome) -> pb.Verdict:
        if isinstance(outcome, Failure):
            await self.log.append(REFUSED, identity=caller.identity, image_id=image.image_id, reason=outcome.reason)
            raise _refused(outcome)
        receipt = secrets.token_urlsafe(24)
        entry = {"identity": caller.identity, "image_id": image.image_id, "receipt": receipt, **_evidence(outcome)}
        self._receipts[receipt] = await self.log.append(CHECKED, **entry)
        if math.isfinite(outcome.score) and self.drift.add(outcome.policy_digest, outcome.score):
            _log.error("gate.drift_noticed")
            await self.log.append(DRIFT)
        return pb.Verdict(
            image_id=image.image_id,
            decision=pb.Decision.Value(f"DECISION_{outcome.decision}"),
            receipt=receipt,
            policy_digest=outcome.policy_digest,
        )

    async def _watch(self, caller: Caller, image: GreyImage | None) -> None:
        if image is not None and await asyncio.to_thread(self._near.notice, caller.identity, image.pixels):
            _log.warning("gate.near_duplicates_noticed identity=%s", caller.identity)
            await self.log.append(NEAR_DUPLICATES, identity=caller.identity)

    async def evidence(self, caller: Caller, receipt: str) -> pb.Evidence:
        """What a verdict rests on; that it was read is recorded first.

        Raises:
            CallRefused: NOT_FOUND, no verdict has this receipt.
        """
        offset = self._receipts.get(receipt)
        if offset is None:
            raise CallRefused("NOT_FOUND", "RECEIPT", "expected the receipt of a verdict of this gate")
        await self.log.append(READ, identity=caller.identity, receipt=receipt)
        return _to_proto(self.log.read(offset))

    def _recall(self, content: dict[str, Any], offset: int) -> None:
        if content["event"] in {CHECKED, REFUSED}:
            self.quotas.recall(content["identity"], datetime.fromisoformat(content["time"]).date())
        if content["event"] == CHECKED:
            self._receipts[content["receipt"]] = offset
            if content["score"] is not None:
                self.drift.add(content["policy_digest"], content["score"])
        if content["event"] == DRIFT:
            self.drift.noticed = True
        if content["event"] == ACKNOWLEDGED:
            self.drift.acknowledge()


def _validated(image: pb.Image) -> MediaType | None:
    if not _NAME.fullmatch(image.image_id):
        raise CallRefused("INVALID_ARGUMENT", "NAME", "expected an image_id of 1 to 128 characters A-Z a-z 0-9 . _ -")
    if image.media_type not in _MEDIA:
        raise CallRefused("INVALID_ARGUMENT", "MEDIA_TYPE", "expected PNG, JPEG, DICOM or unspecified")
    return _MEDIA[image.media_type]


def _refused(failure: Failure) -> CallRefused:
    """What the image itself caused is told; which stage could not answer is not."""
    if failure.code == "INVALID_ARGUMENT":
        return CallRefused(failure.code, failure.reason, failure.message)
    return CallRefused("UNAVAILABLE", "NOT_CHECKED", "expected an answer, try again", RETRY_SECONDS)


def _evidence(verdict: Verdict) -> dict[str, Any]:
    found = verdict.evidence.candidates
    columns = (found.reference_ids, found.patient_keys, found.distances, found.similarities, verdict.evidence.scores)
    return {
        "decision": str(verdict.decision),
        "reasons": list(verdict.reasons),
        "score": _number(verdict.score),
        "similarity": _number(verdict.similarity),
        "typicality": _number(found.typicality),
        "frontality": None if found.frontality is None else _number(found.frontality),
        "candidates": [[a, b, *map(_number, rest)] for a, b, *rest in zip(*columns, strict=False)],
        "pixel_digest": verdict.pixel_digest,
        "policy_digest": verdict.policy_digest,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN; None stands for what is no number."""
    return float(value) if math.isfinite(value) else None


def _to_proto(entry: dict[str, Any]) -> pb.Evidence:
    candidates = [
        pb.Candidate(reference_id=a, patient_key=b, distance=_float(c), similarity=_float(d), score=_float(e))
        for a, b, c, d, e in entry["candidates"]
    ]
    evidence = pb.Evidence(
        receipt=entry["receipt"],
        image_id=entry["image_id"],
        decision=pb.Decision.Value(f"DECISION_{entry['decision']}"),
        reasons=entry["reasons"],
        score=_float(entry["score"]),
        similarity=_float(entry["similarity"]),
        typicality=_float(entry["typicality"]),
        frontality=entry.get("frontality"),  # lines of older versions hold none
        candidates=candidates,
        pixel_digest=entry["pixel_digest"],
        policy_digest=entry["policy_digest"],
        identity=entry["identity"],
    )
    evidence.check_time.FromDatetime(datetime.fromisoformat(entry["time"]))
    return evidence


def _float(value: float | None) -> float:
    return math.nan if value is None else value
