"""The HTTPS door of a gate, beside its gRPC server in one process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from cxrgate.gateway.check import CheckService
from cxrgate.gateway.rest.app import make_rest
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.https.guard import HttpGuard
from cxrgate.rpc.https.serve import serve_https
from cxrgate.rpc.process import ServiceEndpoint
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server

CONNECTIONS = 32
"""At once: each may hold an image in memory."""


def rest_door(
    service: CheckService, admission: Admission, listening: ServiceEndpoint
) -> Callable[[Server], Coroutine[None, None, None]]:
    """What rpc.process.serve runs beside its server, whose metrics and calls per identity it shares.

    Args:
        service: judges and records.
        admission: images in the service at once, over all doors.
        listening: where and as whom, and who may call what.
    """
    roles = read_roles(listening.roles)

    async def door(server: Server) -> None:
        app = make_rest(service, HttpGuard(roles, server.metrics, server.calls), admission)
        await serve_https(app, listening, certificate_required=True, connections=CONNECTIONS)

    return door
