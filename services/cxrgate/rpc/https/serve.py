"""HTTPS with our certificates, for what browsers and DICOMweb speak. Needs uvicorn (extras `review` and `dicom`)."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

import uvicorn

from cxrgate.core import UsageError
from cxrgate.rpc.descriptors import take_all_descriptors
from cxrgate.rpc.https.handshakes import Handshakes, Listening
from cxrgate.rpc.https.peer import PeerProtocol
from cxrgate.rpc.identity import read_identity
from cxrgate.rpc.process import ServiceEndpoint

GRACE_SECONDS = 5
CONNECTIONS = 256

_log = logging.getLogger(__name__)


async def serve_https(
    app: Any, listening: ServiceEndpoint, *, certificate_required: bool, connections: int = CONNECTIONS
) -> None:
    """Serve an ASGI application until SIGTERM or cancelled, and let requests in flight end.

    `request.state.peer` is the SPIFFE id of the client's certificate, or None.

    Args:
        app: the application.
        listening: where and as whom.
        certificate_required: whether a client without a certificate of our authority gets no connection.
        connections: how many there may be at once.

    Raises:
        UsageError: certificates or address cannot be used.
    """
    take_all_descriptors()
    read_identity(listening.tls_identity)
    host, _, port = listening.address.rpartition(":")
    try:
        opened = socket.create_server((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(f"cannot listen on {listening.address}: give a free HOST:PORT of this host") from error
    begun = Handshakes()
    protocol = type("PeerProtocol", (PeerProtocol,), {"handshakes": begun})
    server = _server(app, listening, protocol, certificate_required=certificate_required, connections=connections)
    with Listening(opened, begun) as accepting:
        _log.info("rpc.https_started", {"port": accepting.getsockname()[1]})
        try:
            await server.serve(sockets=[accepting])
        except asyncio.CancelledError:
            await server.shutdown(sockets=[accepting])
            raise


def _server(
    app: Any,
    listening: ServiceEndpoint,
    protocol: type[PeerProtocol],
    *,
    certificate_required: bool,
    connections: int,
) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            access_log=False,  # addresses may hold one-time links
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            limit_concurrency=connections,
            ssl_certfile=listening.tls_identity / "tls.crt",
            ssl_keyfile=listening.tls_identity / "tls.key",
            ssl_ca_certs=listening.tls_identity / "ca.crt",
            ssl_cert_reqs=ssl.CERT_REQUIRED if certificate_required else ssl.CERT_OPTIONAL,
            ssl_context_factory=_modern_tls,
        )
    )


def _modern_tls(_config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
