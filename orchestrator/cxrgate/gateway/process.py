"""The gate service as a process: the pipeline of `cxrgate run`, asked over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import Gauge

from cxrgate.gate.config import RunConfig
from cxrgate.gate.gates import POLL_SECONDS
from cxrgate.gate.opening import Services, open_gates, open_models
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog
from cxrgate.rpc.metrics import CertificateKind
from cxrgate.rpc.process import ServiceEndpoint, serve
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server


async def serve_gate(config: RunConfig, endpoint: ServiceEndpoint, log: Path, services: Services) -> None:
    """Serve until SIGTERM.

    Args:
        config: models, policy and, without an index service, the snapshot; what to check is not read from it.
        endpoint: where and as whom.
        log: file of the hash-chained log.
        services: where models and index answer.

    Raises:
        CxrgateError: see core.errors; nothing is served then.
    """
    quotas = Quotas(read_roles(endpoint.roles).quotas)
    async with (
        open_models(config.folders, config.device, services) as models,
        open_gates(config, models, services) as gates,
    ):
        opened = HashLog(log)
        try:
            oracle = CheckService(opened, quotas, Batches(config.batch_size))

            async def readiness(server: Server, names: Sequence[str]) -> None:
                told = "1 while the index answers with what this gate may use, else 0."
                reached = Gauge("cxrgate_index_reached", told, registry=server.metrics.registry)
                while True:
                    answered = await asyncio.gather(gates.refresh(), models.are_healthy())
                    reached.set(answered[0])
                    if (until := gates.certified_until()) is not None:
                        server.metrics.certificate_expires(CertificateKind.CALIBRATION, until)
                    ready = all(answered) and not opened.broken and not oracle.drift.noticed
                    for name in names:
                        await server.set_ready(name, ready=ready)
                    await asyncio.sleep(POLL_SECONDS)

            await serve(endpoint, [gate_service(gates, oracle)], readiness)
        finally:
            await opened.close()
