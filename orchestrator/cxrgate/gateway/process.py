"""The gate service as a process: the pipeline of `cxrgate run`, asked over gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client import Gauge

from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.opening import Services, open_gates, open_models
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import IN_FLIGHT, gate_service
from cxrgate.hashlog import HashLog
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.metrics import CertificateKind
from cxrgate.rpc.process import ServiceEndpoint, serve
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server


async def serve_gate(
    config: RunConfig, endpoint: ServiceEndpoint, log: Path, services: Services, https: str | None = None
) -> None:
    """Serve until SIGTERM.

    Args:
        config: models, policy and, without an index service, the snapshot; what to check is not read from it.
        endpoint: where and as whom.
        log: file of the hash-chained log.
        services: where models and index answer.
        https: HOST:PORT of the same over HTTPS and JSON, with the same certificates and roles; None without it.

    Raises:
        CxrgateError: see core.errors; nothing is served then.
    """
    quotas = Quotas(read_roles(endpoint.roles).quotas)
    async with (
        open_models(config.folders, config.device, services, DtypeRule.of(config)) as models,
        open_gates(config, models, services) as gates,
    ):
        opened = HashLog(log)
        try:
            service = CheckService(gates, models, opened, Batches(config.batch_size), quotas)

            async def readiness(server: Server, names: Sequence[str]) -> None:
                await _tell_readiness(service, server, names)

            admission = Admission(IN_FLIGHT)
            doors = []
            if https is not None:
                from cxrgate.gateway.rest.process import rest_door  # noqa: PLC0415 - the extra `rest`

                doors.append(rest_door(service, admission, replace(endpoint, address=https)))
            await serve(endpoint, [gate_service(service, admission)], readiness, doors)
        finally:
            await opened.close()


async def _tell_readiness(service: CheckService, server: Server, names: Sequence[str]) -> None:
    """Keep health and metrics of a server at what the check service finds, for ever."""
    help_text = "1 while the index answers with what this gate may use, else 0."
    reached = Gauge("cxrgate_index_reached", help_text, registry=server.metrics.registry)
    async for found in service.watch():
        reached.set(found.index)
        if (until := service.gates.certified_until()) is not None:
            server.metrics.certificate_expires(CertificateKind.CALIBRATION, until)
        for name in names:
            await server.set_ready(name, ready=found.ready)
