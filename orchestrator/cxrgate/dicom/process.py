"""The receiver as a process: what is received is checked by the pipeline of `cxrgate run`."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import CxrgateError, UsageError
from cxrgate.dicom.forward import QUEUE, Forwarder, Pacs
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox
from cxrgate.dicom.receiver import Receiver, ReceiverEndpoint
from cxrgate.dicom.senders import Senders
from cxrgate.dicom.spool import Spool, SpoolLimits
from cxrgate.dicom.stow import Stow, make_stow
from cxrgate.dicom.work import SpoolWorker
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.opening import Services, open_gates, open_models
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.hashlog import HashLog
from cxrgate.rpc.https.serve import serve_https
from cxrgate.rpc.metrics_server import serve_metrics
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
        forward: the PACS that released objects are sent on to; None for none.
    """

    spool: Path
    released: Path
    log: Path
    kind: OutFormat = OutFormat.DICOM
    keep: bool = False
    limits: SpoolLimits | None = None
    forward: Pacs | None = None

    def __post_init__(self) -> None:
        if self.forward is not None and self.kind is not OutFormat.DICOM:
            raise UsageError("--forward sends DICOM objects: leave out --format, or give --format dicom")

    def forwarder(self, title: str) -> Forwarder | None:
        """Sends as `title` what is queued, where there is a PACS."""
        if self.forward is None:
            return None
        return Forwarder(self.spool / QUEUE, self.released, self.forward, title)


def quiet_libraries() -> None:
    """Let neither DICOM library log or warn of anything from now on: they quote what peers sent.

    The decoder's `silence` is for one thread at a time: of two that read headers at once, the one that ends first
    would let the other's warnings out.
    """
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module=rf"{name}(\.|\Z)")


async def serve_receiver(
    config: RunConfig,
    endpoint: ReceiverEndpoint,
    paths: ReceiverPaths,
    services: Services,
    web: ServiceEndpoint | None = None,
) -> None:
    """Receive and check until SIGTERM; what is left in the spool is checked after the next start.

    Args:
        config: models, policy and, without an index service, the snapshot; what to check is not read from it.
        endpoint: where and as whom.
        paths: where things lie.
        services: where models and index answer.
        web: where STOW-RS listens, as whom, and the roles file that says who may send; None without it.

    Raises:
        CxrgateError: see core.errors; nothing is received then.
        SpoolFailed: the disk failed while receiving.
    """
    quiet_libraries()
    async with (
        open_models(config.folders, config.device, services, DtypeRule.of(config)) as models,
        open_gates(config, models, services) as gates,
    ):
        log = HashLog(paths.log)
        try:
            await gates.refresh()
            outbox = Outbox(paths.released, paths.kind, None if paths.forward is None else paths.spool / QUEUE)
            spool = Spool(paths.spool, paths.limits)
            batches = Batches(config.batch_size)
            worker = SpoolWorker.over(spool, outbox, gates, models, log, batches, keep=paths.keep)
            await _receive(worker, paths.spool / READY, endpoint, web, paths.forwarder(endpoint.title))
        finally:
            await log.close()


async def _mark_readiness(service: CheckService, mark: Path) -> None:
    """Follow the index, and touch the mark about every second while images can be judged, or remove it."""
    try:
        async for found in service.watch():
            _show(mark, ready=found.ready)
    finally:
        _show(mark, ready=False)


def _show(mark: Path, *, ready: bool) -> None:
    with suppress(OSError):  # a mark that cannot be written gets old, which says the same
        mark.touch() if ready else mark.unlink(missing_ok=True)


async def _receive(
    worker: SpoolWorker,
    mark: Path,
    endpoint: ReceiverEndpoint,
    web: ServiceEndpoint | None,
    forwarder: Forwarder | None,
) -> None:
    loop = asyncio.get_running_loop()
    failed = asyncio.Event()

    def arrived() -> None:
        loop.call_soon_threadsafe(failed.set if receiver.failed else worker.notice)

    if endpoint.metrics is not None:
        serve_metrics(worker.counts.registry, endpoint.metrics)
    receiver = Receiver(worker.spool, worker.is_done, arrived, worker.counts)
    port = receiver.start(endpoint)
    _log.info("dicom.receiver_started", {"title": endpoint.title, "port": port})
    parts = [worker.work(), _mark_readiness(worker.service, mark)]
    if forwarder is not None:
        parts.append(forwarder.work())
    if web is not None:

        def fail() -> None:
            receiver.failed = True
            arrived()

        senders = Senders(read_roles(web.roles), worker.counts)
        stow = Stow(worker.spool, worker.is_done, arrived, fail, senders, worker.counts)
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
        raise SpoolFailed("the spool's disk failed and the receiver has ended; see the log, mend the disk, start again")
