"""The gate service as a process: the pipeline of `cxrgate run`, asked over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import Gauge

from cxrgate.core import UsageError
from cxrgate.gate.certified import Terms
from cxrgate.gate.config import RunConfig
from cxrgate.gate.local import local_gate
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.remote_models import open_models
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.gates import POLL_SECONDS, FixedGate, FollowingGate, Gates
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog
from cxrgate.images import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.rpc.channel import open_aio_channel
from cxrgate.rpc.metrics import CertificateKind
from cxrgate.rpc.process import ServiceEndpoint, read_identity, serve
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server


async def serve_gate(
    config: RunConfig, listening: ServiceEndpoint, log: Path, index: str | None, models: str | None = None
) -> None:
    """Serve until SIGTERM.

    Args:
        config: models, policy and, without `index`, the snapshot; what to check is not read from it.
        listening: where and as whom.
        log: file of the hash-chained log.
        index: HOST:PORT of the index service; None searches the snapshot in this process.
        models: HOST:PORT of the model server; None computes in this process.

    Raises:
        CxrgateError: see core.errors; nothing is served then.
    """
    quotas = Quotas(read_roles(listening.roles).quotas)
    async with (
        open_models(config.folders, config.device, models) as found,
        open_gates(config, found, listening.certificates, index) as gates,
    ):
        opened = HashLog(log)
        try:
            oracle = CheckService(opened, quotas, Batches(config.batch_size))

            async def readiness(server: Server, names: Sequence[str]) -> None:
                told = "1 while the index answers with what this gate may use, else 0."
                reached = Gauge("cxrgate_index_reached", told, registry=server.metrics.registry)
                while True:
                    answered = await asyncio.gather(gates.refresh(), found.are_healthy())
                    reached.set(answered[0])
                    if (until := gates.certified_until()) is not None:
                        server.metrics.certificate_expires(CertificateKind.CALIBRATION, until)
                    ready = all(answered) and not opened.broken and not oracle.drift.noticed
                    for name in names:
                        await server.set_ready(name, ready=ready)
                    await asyncio.sleep(POLL_SECONDS)

            await serve(listening, [gate_service(gates, oracle)], readiness)
        finally:
            await opened.close()


@asynccontextmanager
async def open_gates(
    config: RunConfig, models: ModelSet, certificates: Path | None, index: str | None
) -> AsyncIterator[Gates]:
    """The gate over the configured snapshot, or the one that follows the index service at `index` (HOST:PORT).

    Raises:
        CxrgateError: the snapshot or the certificates for the index cannot be used.
    """
    if index is None:
        snapshot = await asyncio.to_thread(Snapshot.open, config.snapshot, config.read_storage_key())
        with local_gate(config, models, snapshot) as gate:
            yield FixedGate(gate)
        return
    if certificates is None:
        raise UsageError("expected the gate's certificates to call the index with")
    async with open_aio_channel(index, read_identity(certificates)) as channel:
        with SandboxedDecoder(config.workers) as decoder:
            yield FollowingGate(channel, Terms.of(config, models), decoder)
