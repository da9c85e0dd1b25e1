"""The server that every service runs in: mTLS, roles, limits, health, reflection and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection

from cxrgate.rpc.admission import OpenCalls
from cxrgate.rpc.channel import Identity
from cxrgate.rpc.guard import Guard, Room, Times
from cxrgate.rpc.health import HEALTH, Health
from cxrgate.rpc.limits import (
    CONNECTION_SECONDS,
    DRAIN_SECONDS,
    HANDSHAKE_SECONDS,
    MESSAGE_BYTES,
    PENDING_CALLS,
    STREAMS_PER_CONNECTION,
    TRANSPORT_BYTES,
)
from cxrgate.rpc.metrics import Metrics
from cxrgate.rpc.roles import RoleMatrix

OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", TRANSPORT_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
    ("grpc.max_connection_age_ms", CONNECTION_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    # A ping that comes just after the end of the last call is no offence.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    # Of an image whose call is refused 64 KiB come in, and not all of it, as with gRPC's probing for bandwidth.
    # What is read is let in whole: over a long way an image takes one more round trip, and no more than that.
    ("grpc.http2.bdp_probe", 0),
    # While the event loop is busy, streams that have ended are not forgotten yet. gRPC counts them among the open ones,
    # and refuses calls without a reason where both are too many. What waits for us is bounded without that.
    ("grpc.http.overload_protection", 0),
    ("grpc.server.max_pending_requests", PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS),
    # Two servers on one port would share its calls unseen.
    ("grpc.so_reuseport", 0),
]


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer and how it is added.

    Attributes:
        name: the full service name.
        servicer: answers.
        add: the generated function.
        room: by method, raises CallRefused for a caller whose message need not be read, as there is no room for it.
    """

    name: str
    servicer: Any
    add: Callable[[Any, grpc.aio.Server], None]
    room: Mapping[str, Room] = field(default_factory=dict)


class Server:
    """One listening server. Health "" says that the process lives, a service's name that it is ready to answer."""

    def __init__(
        self, identity: Identity, roles: RoleMatrix, services: Sequence[Service], times: Times | None = None
    ) -> None:
        """Set up, listening to nothing yet. Every service begins NOT_SERVING.

        Raises:
            UsageError: an RPC of the services, of health or of reflection is not in the roles file.
        """
        self._services = [service.name for service in services]
        roles.require([*self._services, HEALTH, reflection.SERVICE_NAME])
        self.metrics, self.calls = Metrics(), OpenCalls()
        room = {f"/{service.name}/{name}": ask for service in services for name, ask in service.room.items()}
        guard = Guard(roles, self.metrics, self.calls, times, room)
        self._server = grpc.aio.server(interceptors=[guard], options=OPTIONS)
        self._credentials = identity.server_credentials()
        self._health = Health()
        for service in services:
            service.add(service.servicer, self._server)
        self._health.add_to(self._server)
        reflection.enable_server_reflection([*self._services, HEALTH, reflection.SERVICE_NAME], self._server)

    async def start(self, address: str) -> int:
        """Listen on HOST:PORT and give the port, which is chosen where PORT is 0.

        Raises:
            RuntimeError: the address cannot be listened on.
        """
        for name in self._services:
            await self.set_ready(name, ready=False)
        port = self._server.add_secure_port(address, self._credentials)
        await self._server.start()
        return port

    async def set_ready(self, service: str, *, ready: bool) -> None:
        """Say whether a service can answer. Has no effect once the server drains."""
        await self._health.set_ready(service, ready=ready)

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Report NOT_SERVING, take no new call, let accepted ones finish within `seconds`, then cut what is left."""
        await self._health.drain()
        await self._server.stop(seconds)


async def wait_for_signal() -> None:
    """Return on the first SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    with contextlib.suppress(asyncio.CancelledError):
        await stopped.wait()
