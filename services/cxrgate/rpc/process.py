"""A service as a process: listen, become ready, and end in order on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from cxrgate.core import UsageError
from cxrgate.rpc.channel import Identity
from cxrgate.rpc.descriptors import take_all_descriptors
from cxrgate.rpc.identity import read_identity
from cxrgate.rpc.metrics import CertificateKind
from cxrgate.rpc.metrics_server import serve_metrics
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server, Service, wait_for_signal
from cxrgate.rpc.tracing import configure_tracing

SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the interpreter from the one that answers. Python's own 5 ms add up: the way of
one call leads through it a dozen times."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """Where and as whom a service listens.

    Attributes:
        address: HOST:PORT; port 0 is chosen.
        tls_identity: folder with tls.crt, tls.key and ca.crt.
        roles: the roles file.
        metrics: HOST:PORT of the Prometheus metrics, or PORT on loopback; None without.
    """

    address: str
    tls_identity: Path
    roles: Path
    metrics: str | None = None


async def always_ready(server: Server, services: Sequence[str]) -> None:
    """Readiness of services that are ready once they listen."""
    for name in services:
        await server.set_ready(name, ready=True)


async def serve(
    listening: ServiceEndpoint,
    services: Sequence[Service],
    readiness: Callable[[Server, Sequence[str]], Coroutine[None, None, None]] = always_ready,
    doors: Sequence[Callable[[Server], Coroutine[None, None, None]]] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        listening: where and as whom.
        services: what is served.
        readiness: says when which service can answer.
        doors: other ways in to the same services, which run beside the server until they are cancelled; where one of
            them ends, all end.

    Raises:
        UsageError: certificates, roles, an address or what OTEL_* variables name cannot be used.
    """
    configure_tracing()
    take_all_descriptors()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what is loaded stays: looking through it again and again was seen to hold up all calls for 0.2 s
    identity = read_identity(listening.tls_identity)
    server = Server(identity, read_roles(listening.roles), services)
    server.metrics.certificate_expires(CertificateKind.TLS, _expires(identity))
    names = [service.name for service in services]
    if listening.metrics is not None:
        serve_metrics(server.metrics.registry, listening.metrics)
    try:
        port = await server.start(listening.address)
    except RuntimeError as error:
        raise UsageError(f"cannot listen on {listening.address}: give a free HOST:PORT of this host") from error
    _log.info("rpc.server_started", {"services": ",".join(names), "port": port})
    watch = asyncio.create_task(readiness(server, names))
    opened = [asyncio.create_task(door(server)) for door in doors]
    stopped = asyncio.create_task(wait_for_signal())
    await asyncio.wait([stopped, *opened], return_when=asyncio.FIRST_COMPLETED)
    _log.info("rpc.server_draining")
    await asyncio.gather(_end(watch), _end(stopped))
    await asyncio.gather(server.drain(), *[_end(door) for door in opened])
    _log.info("rpc.server_stopped")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it, and raise what it ended with otherwise."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _expires(identity: Identity) -> datetime:
    try:
        return x509.load_pem_x509_certificate(identity.certificate).not_valid_after_utc
    except ValueError as error:
        raise UsageError("tls.crt holds no certificate") from error
