"""What is done with the spool: each image goes through the gate once, and its outcome is logged before it leaves.

    waiting -> gate -> file prepared, only for ANONYMOUS -> log, with its sha256 -> file released -> out of the queue

A crash between two steps repeats the steps before it, which changes nothing; what the log says is released the next
start releases first, whatever gate is in force then. An image that could not be judged for reasons that are not its own
(the index or a model does not answer, or its file is damaged) stays and is tried again, however long that takes. So
does everything of a sender whose scores have drifted, until somebody has looked (`cxrgate log acknowledge`).
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import CxrgateError, Decision, Failure, ImageError, MediaType, Stage
from cxrgate.dicom.counts import Counts
from cxrgate.dicom.finished import CHECKED, FinishedImages
from cxrgate.dicom.outbox import Outbox, OutFile
from cxrgate.dicom.spool import Spool, SpoolEntry, read_acknowledged
from cxrgate.dicom.trace import instance_at, instance_of
from cxrgate.gate.drift import Drift
from cxrgate.gate.gates import Gates
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.hashlog import HashLog
from cxrgate.run.rows import evidence_rows, result_row

WINDOW = 32
"""Images in work at once."""

ATTEMPTS = 5
"""After so many failures that are not the image's own, while others get their verdicts, an image is INDETERMINATE all
the same: it is what breaks a stage. An outage uses up none, however long it lasts."""

PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class SpoolWorker:
    """Works off a spool; `over` makes one.

    Attributes:
        spool: where the images wait.
        outbox: where the released ones go.
        service: judges and records.
        finished: what needs no check again.
        counts: what is counted.
        keep: whether checked images are kept.
    """

    spool: Spool
    outbox: Outbox
    service: CheckService
    finished: FinishedImages
    counts: Counts
    keep: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _queue: deque[SpoolEntry] = field(default_factory=deque)
    _tasks: dict[Path, asyncio.Task[None]] = field(default_factory=dict)
    _failures: dict[str, _Failed] = field(default_factory=dict)
    _judged: int = 0

    @classmethod
    def over(
        cls,
        spool: Spool,
        outbox: Outbox,
        gates: Gates,
        models: ModelSet,
        log: HashLog,
        batches: Batches,
        *,
        keep: bool = False,
        drift: Drift | None = None,
    ) -> SpoolWorker:
        """A worker that has taken up what the log holds; a release that a crash cut off is finished first.

        Args:
            spool: where the images wait.
            outbox: where the released ones go.
            gates: the gate in force.
            models: its models.
            log: the hash-chained log.
            batches: images in common batches.
            keep: whether checked images are kept.
            drift: None for the usual windows.
        """
        finished = FinishedImages(outbox)
        service = CheckService(gates, models, log, batches, drift=drift, recall=finished.recall, door="dicom")
        finished.discard_unrecorded()
        return cls(spool, outbox, service, finished, Counts(spool), keep)

    def notice(self) -> None:
        """Say that something has arrived; from the event loop's thread."""
        self._arrived.set()

    def is_done(self, name: str) -> bool:
        """Whether this content was checked under the policy in force, and under a certificate where it needs one."""
        try:
            gate = self.service.gates.current()
        except CxrgateError:
            return False
        return self.finished.has(name, gate.policy.digest, certified=gate.certification != UNCERTIFIED)

    async def work(self) -> None:
        """Work until cancelled; what is in work then is finished first, unless it is cancelled again."""
        try:
            while True:
                self._arrived.clear()
                await self._start()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), PAUSE_SECONDS)
        finally:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _start(self) -> None:
        """Start as many as there is room for; the folder is read when what was read before is used up."""
        if not self._queue:
            found = await asyncio.to_thread(self.spool.entries)
            # Whose scores have drifted waits, and keeps nobody else waiting.
            stopped = self.service.drift.has_stopped
            self._queue.extend(entry for entry in found if entry.path not in self._tasks and not stopped(entry.caller))
        while self._queue and len(self._tasks) < WINDOW:
            entry = self._queue.popleft()
            self._tasks[entry.path] = asyncio.create_task(self._handle(entry))
            self._tasks[entry.path].add_done_callback(partial(self._finished, entry.path))

    def _finished(self, path: Path, _task: asyncio.Task[None]) -> None:
        self._tasks.pop(path)
        self._arrived.set()

    async def _handle(self, entry: SpoolEntry) -> None:
        """Check one image; whatever goes wrong, it stays in the queue and is tried again."""
        try:
            if self.is_done(entry.name):  # a crash fell between its line in the log and its end in the queue
                await asyncio.to_thread(self.spool.remove, entry, keep=self.keep)
                return
            checked, gate, instance = await self._check(entry)
            if _is_ours(checked) and self._attempts(entry) < ATTEMPTS:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                await self._finish(entry, checked, gate, instance)
        except CxrgateError as error:  # no gate, no log, or a file that is not what was acknowledged or prepared
            _log.warning("dicom.image_postponed", {"name": entry.name, "reason": error.reason})
        except (OSError, MemoryError) as error:  # the disk's or the host's: never a release, and nothing is lost
            _tell("dicom.image_postponed", entry, error)
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: it may be this image's own
            _tell("dicom.image_failed", entry, error)
            if self._attempts(entry) >= ATTEMPTS:
                await self._give_up(entry)
        else:
            return
        await asyncio.sleep(PAUSE_SECONDS)

    async def _give_up(self, entry: SpoolEntry) -> None:
        """End as INDETERMINATE what failed so often for a reason that nobody foresaw; it stays where that fails."""
        failure = Failure(entry.name, Stage.READ, "INTERNAL", "STAGE_FAILED", "the image could not be checked")
        try:
            instance = await asyncio.to_thread(_trace, entry.path)
            await self._finish(entry, Checked(None, failure), self.service.gates.current(), instance)
        except Exception as error:  # noqa: BLE001 - tried again with the image
            _tell("dicom.image_postponed", entry, error)

    async def _check(self, entry: SpoolEntry) -> tuple[Checked, Gate, str]:
        """What the gate says, the gate, and the digest by which the sender's object is traced."""
        self.service.require_no_drift(entry.caller)
        gate = self.service.gates.current()
        # Whatever fails here is the disk's or the host's: what was acknowledged stays until it can be read.
        content = await asyncio.to_thread(read_acknowledged, entry.path, entry.name)
        try:
            instance = await asyncio.to_thread(instance_of, content)
        except ImageError as error:  # refused at the door today; an older receiver took it
            return Checked(None, error.failure(entry.name, Stage.DECODE)), gate, ""
        return await self.service.judge(gate, entry.caller, content, MediaType.DICOM), gate, instance

    def _attempts(self, entry: SpoolEntry) -> int:
        """How often this image failed while the stages answered for others."""
        before = self._failures.get(entry.name, _Failed(0, self._judged))
        attempts = before.attempts + (self._judged > before.judged)
        self._failures[entry.name] = _Failed(attempts, self._judged)
        return attempts

    async def _finish(self, entry: SpoolEntry, checked: Checked, gate: Gate, instance: str) -> None:
        file = None
        if checked.outcome.decision is Decision.ANONYMOUS and checked.image is not None:
            file = await asyncio.to_thread(self.outbox.prepare, checked.image)
        # Last of all: drift may be noticed, and the certificate be over, while another waits for models or the disk.
        self.service.require_no_drift(entry.caller)
        gate.check_certificate()
        await self.service.record(CHECKED, _line(entry, checked, gate, file, instance))
        if file is not None:
            await asyncio.to_thread(self.outbox.release, file)
        if _is_ours(checked):
            _log.warning("dicom.image_given_up", {"name": entry.name})  # sent again, it is checked again
        else:
            self._judged += 1
            certified = gate.certification != UNCERTIFIED
            self.finished.add(entry.name, gate.policy.digest, certified=certified)
        self._failures.pop(entry.name, None)
        await asyncio.to_thread(self.spool.remove, entry, keep=self.keep)
        self.counts.answered()


@dataclass(frozen=True, slots=True)
class _Failed:
    """How often an image failed while others were judged, and how many had been judged when it failed last."""

    attempts: int
    judged: int


def _tell(message: str, entry: SpoolEntry, error: Exception) -> None:
    """Log which kind of error it was and where, and nothing that the error quotes: that may be the object's values."""
    *_, last = traceback.extract_tb(error.__traceback__)
    about = {"name": entry.name, "error": type(error).__name__, "at": f"{last.filename}:{last.lineno}"}
    if isinstance(error, OSError):
        about["reason"] = error.strerror or ""
    _log.warning(message, about)


def _trace(path: Path) -> str:
    """The digest by which the sender's object is traced; "" where that is what fails."""
    try:
        return instance_at(path)
    except Exception:  # noqa: BLE001 - whatever it is, the image has failed for it already
        return ""


def _is_ours(checked: Checked) -> bool:
    """Whether there is no verdict for reasons that are not the image's own."""
    return isinstance(checked.outcome, Failure) and checked.outcome.code != "INVALID_ARGUMENT"


def _line(entry: SpoolEntry, checked: Checked, gate: Gate, file: OutFile | None, instance: str) -> dict[str, Any]:
    """The content of the log line with the outcome of one image."""
    row = result_row(checked, "", "" if file is None else file.name)
    outcome = {name: row[name] for name in row if name not in {"image_id", "label", "colour"}}
    candidates = [candidate[1:] for candidate in evidence_rows(checked)]
    about: dict[str, Any] = {"caller": entry.caller, "name": entry.name, "policy_digest": gate.policy.digest}
    about["certification"] = gate.certification
    about["instance"] = instance
    about["final"] = not _is_ours(checked)
    return {**about, **outcome, "released_sha256": "" if file is None else file.sha256, "candidates": candidates}
