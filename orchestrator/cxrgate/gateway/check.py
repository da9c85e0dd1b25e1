"""What stands between the pipeline and whoever asks, whatever protocol they speak.

The gate answers membership questions: so it asks who, counts how often, records everything, and says one word. Each
door (gRPC, DICOM) translates its messages from and to the values in `records`, and does nothing of this itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cxrgate.core import CallRefused, CxrgateError, Decision, Descriptors, Failure, MediaType, Outcome
from cxrgate.gate.drift import Drift
from cxrgate.gate.gates import POLL_SECONDS, Gates
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.probing import NearDuplicates
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.receipts import Receipts
from cxrgate.gateway.records import CheckAnswer, ImageToCheck, RecordedEvidence, verdict_entry
from cxrgate.hashlog import HashLog, read_lines
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.descriptors import plain_copy
from cxrgate.models.runtimes.cores import usable_cores
from cxrgate.rpc.roles import Caller

CHECKED, REFUSED, READ = "image_checked", "image_refused", "evidence_read"
NEAR_DUPLICATES = "near_duplicates_noticed"
DRIFT, ACKNOWLEDGED = "drift_noticed", "drift_acknowledged"
RETRY_SECONDS = 1.0
NOT_CHECKED = "NOT_CHECKED"
"""The reason of what no stage answered for: it may be asked again."""

WATCH_SECONDS = 0.5
"""Between two looks at index and models, which take up to 3 s themselves where one of them is frozen."""

_LOOKS = 20

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether images are judged now, and whether the index answers with what this gate may use."""

    ready: bool
    index: bool


class CheckService:
    """Checks images for callers, records every outcome, and keeps the evidence for reviewers.

    Attributes:
        gates: the gate in force.
        log: the hash log.
        quotas: how many images each identity may have checked; taken by the door before it asks.
        drift: notices that scores are no longer distributed as they were: the identity they are of gets no verdict
            then, and nobody where it is not one identity alone.
    """

    def __init__(
        self,
        gates: Gates,
        models: ModelSet,
        log: HashLog,
        batches: Batches,
        quotas: Quotas | None = None,
        *,
        drift: Drift | None = None,
        recall: Callable[[Mapping[str, Any]], None] = lambda _: None,
        door: str = "gate",
    ) -> None:
        """Take up what the log holds: receipts, today's use of quotas, the scores that drift is found by.

        Args:
            gates: where the gate in force comes from.
            models: its models, which are watched.
            log: where outcomes are recorded.
            batches: puts images of concurrent callers together.
            quotas: None for a door that takes none.
            drift: None for the usual windows.
            recall: called with each line of the log, oldest first, for a door that takes up lines of its own.
            door: what this door's messages in the operator's log begin with.
        """
        self.gates, self.log, self.quotas = gates, log, quotas or Quotas({})
        self.drift = drift or Drift()
        self._models, self._batches, self._door = models, batches, door
        self._near = NearDuplicates()
        self._receipts = Receipts()
        # Encoding has a thread for longer than all else of a check together, and the threads are everybody's.
        self._encoding = asyncio.Semaphore(max(1, usable_cores() // 2))
        for line in read_lines(log.path):
            self._recall(line.content, line.offset)
            recall(line.content)
        for identity in self.drift.stopped:
            self._tell_drift(identity)

    async def check(self, gate: Gate, caller: Caller, image: ImageToCheck) -> CheckAnswer:
        """The verdict on one image, recorded before it is given. The quota has been taken.

        Raises:
            CallRefused: the image cannot be accepted (INVALID_ARGUMENT) or could not be judged (UNAVAILABLE), or the
                scores have drifted and nobody has looked yet (FAILED_PRECONDITION).
        """
        check_name(image.image_id)
        checked = await self.judge(gate, caller.identity, image.content, image.declared)
        # Side by side: the log waits for the disk, the encoding for a core.
        answer, _, content = await asyncio.gather(
            self._answer(gate, caller, image.image_id, checked.outcome),
            self._watch_for_probing(caller, checked.descriptors),
            self._encoded(checked) if image.return_image else _nothing(),
        )
        return replace(answer, image=content)

    async def judge(self, gate: Gate, identity: str, content: bytes, declared: MediaType | None) -> Checked:
        """What the gate says of one image, not recorded yet: whoever calls this calls `record` before it acts on it.

        Args:
            gate: in force.
            identity: who sent the image.
            content: its encoded bytes.
            declared: what they are, if that was said.

        Raises:
            CallRefused: the scores have drifted (FAILED_PRECONDITION).
        """
        self.require_no_drift(identity)
        checked = await self._batches.check(gate, identity, content, declared)
        self.require_no_drift(identity)  # what was under way when it was noticed is not answered either
        return checked

    async def record(self, event: str, entry: Mapping[str, Any]) -> int:
        """Write the line of one outcome, and compare its score with those before it.

        Args:
            event: the name of the line.
            entry: its content; of a verdict with `policy_digest`, `identity` or `caller`, and `score`, which is None
                where it is not finite.

        Returns:
            The line's offset in the log.
        """
        offset = await self.log.append(event, **entry)
        before = self.drift.noticed
        if self._has_drifted(entry):
            await self._note_drift(_sender(entry))
            if self.drift.noticed and not before:
                await self._note_drift(None)
        return offset

    def require_no_drift(self, identity: str) -> None:
        """Raise CallRefused (FAILED_PRECONDITION) while drift keeps verdicts from this identity."""
        if self.drift.has_stopped(identity):
            message = "the scores have drifted, and no verdict is given until an operator has acknowledged it"
            raise CallRefused("FAILED_PRECONDITION", "DRIFT", message)

    async def evidence(self, caller: Caller, receipt: str) -> RecordedEvidence:
        """What a verdict rests on; that it was read is recorded first.

        Raises:
            CallRefused: NOT_FOUND, no verdict has this receipt; DATA_LOSS, its line was changed.
        """
        lines = (self.log.read(offset) for offset in self._receipts.find(receipt))
        line = next((content for content in lines if content["receipt"] == receipt), None)
        if line is None:
            raise CallRefused("NOT_FOUND", "RECEIPT", "no verdict of this gate has this receipt")
        await self.log.append(READ, identity=caller.identity, receipt=receipt)
        return RecordedEvidence.of(line)

    async def is_replaced(self, gate: Gate) -> bool:
        """Whether a gate that failed an image is no longer in force; waits as long as `watch` may take to see it."""
        for _ in range(_LOOKS):
            try:
                if self.gates.current() is not gate:
                    return True
            except CxrgateError:
                return True
            await asyncio.sleep(2 * POLL_SECONDS / _LOOKS)
        return False

    async def watch(self) -> AsyncIterator[Readiness]:
        """Follow the index and ask the models, for ever: what came of it, twice a second or more seldom."""
        while True:
            index, models = await asyncio.gather(self.gates.refresh(), self._models.are_healthy())
            yield Readiness(index and models and not self.log.broken and not self.drift.noticed, index)
            await asyncio.sleep(WATCH_SECONDS)

    async def _answer(self, gate: Gate, caller: Caller, image_id: str, outcome: Outcome) -> CheckAnswer:
        about = {"identity": caller.identity, "image_id": image_id}
        if isinstance(outcome, Failure):
            await self.log.append(REFUSED, **about, reason=outcome.reason)
            raise _refused(outcome)
        receipt = secrets.token_urlsafe(24)
        entry = {**about, "receipt": receipt, **verdict_entry(outcome, gate.certification)}
        self._receipts.add(receipt, await self.record(CHECKED, entry))
        return CheckAnswer(image_id, outcome.decision, receipt, outcome.policy_digest, outcome.pixel_digest)

    async def _encoded(self, checked: Checked) -> bytes:
        """A PNG of the pixels that were judged; b"" for what may not be released."""
        if checked.outcome.decision is not Decision.ANONYMOUS or checked.image is None:
            return b""
        async with self._encoding:
            return await asyncio.to_thread(encode_png, checked.image.pixels)

    async def _watch_for_probing(self, caller: Caller, descriptors: Descriptors | None) -> None:
        # In the loop: it takes less than to change threads, and beside a full batch its 32 took every thread.
        if descriptors is not None and self._near.notice(caller.identity, plain_copy(descriptors)):
            noticed = f"{self._door}.near_duplicates_noticed"
            _log.warning(noticed, {"identity": caller.identity})
            await self.log.append(NEAR_DUPLICATES, identity=caller.identity)

    def _has_drifted(self, entry: Mapping[str, Any]) -> bool:
        """Take in a line's score; whether with it drift is noticed. A line without a score is no verdict's."""
        if entry.get("score") is None:
            return False
        return self.drift.add(entry["policy_digest"], _sender(entry), entry["score"])

    async def _note_drift(self, identity: str | None) -> None:
        self._tell_drift(identity)
        await self.log.append(DRIFT, **({} if identity is None else {"identity": identity}))

    def _tell_drift(self, identity: str | None) -> None:
        noticed = f"{self._door}.drift_noticed"
        _log.error(noticed, {"identity": "all" if identity is None else identity})

    def _recall(self, content: Mapping[str, Any], offset: int) -> None:
        self._has_drifted(content)
        if content["event"] in {CHECKED, REFUSED}:
            self.quotas.recall(content["identity"], datetime.fromisoformat(content["time"]).date())
        if content["event"] == CHECKED:
            self._receipts.add(content["receipt"], offset)
        if content["event"] == DRIFT:
            self.drift.recall(content.get("identity"))
        if content["event"] == ACKNOWLEDGED:
            self.drift.acknowledge()


def check_name(image_id: str) -> None:
    """Raise CallRefused (INVALID_ARGUMENT) for a name that could not stand in a log or a file name."""
    if not _NAME.fullmatch(image_id):
        message = "image_id must have 1 to 128 characters, each one of A-Z a-z 0-9 . _ -"
        raise CallRefused("INVALID_ARGUMENT", "NAME", message)


def _sender(entry: Mapping[str, Any]) -> str:
    """Whom a verdict was given to, by the name that its door has for it."""
    return str(entry.get("identity", entry.get("caller", "")))


async def _nothing() -> bytes:
    return b""


def _refused(failure: Failure) -> CallRefused:
    """What the image itself caused is said; which stage gave no answer is not."""
    if failure.code == "INVALID_ARGUMENT":
        return CallRefused(failure.code, failure.reason, failure.message)
    return CallRefused("UNAVAILABLE", NOT_CHECKED, "the image could not be checked, try again", RETRY_SECONDS)
