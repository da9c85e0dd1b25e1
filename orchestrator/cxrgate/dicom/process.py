"""The receiver as a process: what is received is checked by the pipeline of `cxrgate run`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import CxrgateError
from cxrgate.dicom.counts import Counts
from cxrgate.dicom.outbox import Outbox, OutFormat
from cxrgate.dicom.receiver import Receiver, ReceiverEndpoint
from cxrgate.dicom.senders import Senders
from cxrgate.dicom.spool import Spool, SpoolLimits
from cxrgate.dicom.stow import Stow, make_stow
from cxrgate.dicom.work import SpoolWorker
from cxrgate.gate.config import RunConfig
from cxrgate.gate.gates import POLL_SECONDS, Gates
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.opening import Services, open_gates, open_models
from cxrgate.gateway.batches import Batches
from cxrgate.hashlog import HashLog
from cxrgate.rpc.https.serve import serve_https
from cxrgate.rpc.metrics import serve_metrics
from cxrgate.rpc.process import ServiceEndpoint
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import wait_for_signal

CONNECTIONS = 32
"""Of STOW-RS at once: each may hold an image in memory."""

READY = "ready"
"""In the spool's folder; its time is that of the last look, at most a few seconds ago while the receiver is well."""

_log = logging.getLogger(__name__)


class SpoolFailed(CxrgateError):
    """The spool's disk failed: the process ends, so that nobody goes on without knowing."""

    code = "DATA_LOSS"
    reason = "SPOOL_FAILED"


@dataclass(frozen=True, slots=True)
class ReceiverPaths:
    """Where things lie.

    Attributes:
        spool: folder of received images.
        released: folder of released ones.
        log: file of the hash-chained log.
        kind: what released images are written as.
        keep: whether received images are kept once they are checked.
        limits: see SpoolLimits.
    """

    spool: Path
    released: Path
    log: Path
    kind: OutFormat = OutFormat.DICOM
    keep: bool = False
    limits: SpoolLimits | None = None


async def serve_receiver(
    config: RunConfig,
    listening: ReceiverEndpoint,
    places: ReceiverPaths,
    services: Services,
    web: ServiceEndpoint | None = None,
) -> None:
    """Receive and check until SIGTERM; what is left in the spool is checked after the next start.

    Args:
        config: models, policy and, without an index service, the snapshot; what to check is not read from it.
        listening: where and as whom.
        places: where things lie.
        services: where models and index answer.
        web: where STOW-RS listens, as whom, and the roles file that says who may send; None without it.

    Raises:
        CxrgateError: see core.errors; nothing is received then.
        SpoolFailed: the disk failed while receiving.
    """
    # Its messages quote what peers sent.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    async with (
        open_models(config.folders, config.device, services) as models,
        open_gates(config, models, services) as gates,
    ):
        log = HashLog(places.log)
        try:
            await gates.refresh()
            outbox = Outbox(places.released, places.kind)
            spool = Spool(places.spool, places.limits)
            desk = SpoolWorker(spool, outbox, gates, Batches(config.batch_size), log, Counts(spool), places.keep)
            state = _State(desk, gates, models, places.spool / READY)
            await _receive(state, listening, web)
        finally:
            await log.close()


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What the parts of the process share; `mark` is there while images can be judged."""

    desk: SpoolWorker
    gates: Gates
    models: ModelSet
    mark: Path

    async def follow(self) -> None:
        """Follow the index, and touch the mark every second, or remove it."""
        try:
            while True:
                answered = await asyncio.gather(self.gates.refresh(), self.models.are_healthy())
                self._show(ready=all(answered) and not self.desk.log.broken and not self.desk.drift.noticed)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._show(ready=False)

    def _show(self, *, ready: bool) -> None:
        with suppress(OSError):  # a mark that cannot be written gets old, which says the same
            self.mark.touch() if ready else self.mark.unlink(missing_ok=True)


async def _receive(state: _State, listening: ReceiverEndpoint, web: ServiceEndpoint | None) -> None:
    desk = state.desk
    loop = asyncio.get_running_loop()
    failed = asyncio.Event()

    def arrived() -> None:
        loop.call_soon_threadsafe(failed.set if receiver.failed else desk.notice)

    if listening.metrics is not None:
        serve_metrics(desk.counts.registry, listening.metrics)
    receiver = Receiver(desk.spool, desk.is_done, arrived, desk.counts)
    port = receiver.start(listening)
    _log.info("dicom.receiver_started title=%s port=%d", listening.title, port)
    parts = [desk.work(), state.follow()]
    if web is not None:

        def fail() -> None:
            receiver.failed = True
            arrived()

        senders = Senders(read_roles(web.roles), desk.counts)
        stow = Stow(desk.spool, desk.is_done, arrived, fail, senders, desk.counts)
        parts.append(serve_https(make_stow(stow), web, certificate_required=True, connections=CONNECTIONS))
    tasks = [asyncio.create_task(part) for part in parts]
    ends = [asyncio.create_task(part) for part in (wait_for_signal(), failed.wait())]
    try:
        done, _ = await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.to_thread(receiver.stop)
        for task in (*tasks, *ends):
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
    _log.info("dicom.receiver_stopped")
    if ends[1] in done:
        raise SpoolFailed("expected a disk that takes what is received; see the log")
