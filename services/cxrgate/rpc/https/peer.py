"""Uvicorn's connection, with the identity of the client's certificate for every request on it, and its limits.

Who connects and sends no whole request is cut off after HEADER_SECONDS, or BODY_SECONDS once its header is there. An
address may have ADDRESS_CONNECTIONS such connections, all addresses half of what the server takes: a further one closes
the oldest. So unfinished requests do not keep others out. A request whose client has a certificate counts no more once
its header is there: large bodies of known senders are not cut off for others.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from cxrgate.rpc.https.handshakes import Handshakes
from cxrgate.rpc.spiffe import spiffe_id

HEADER_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of the request's header."""

BODY_SECONDS = 120.0
"""From the end of the header to the end of the body."""

ADDRESS_CONNECTIONS = 32
"""Connections of one address whose request is not whole yet."""

_unfinished: dict[str, dict[PeerProtocol, None]] = defaultdict(dict)
"""By address, the oldest first; one event loop serves them all."""


class PeerProtocol(H11Protocol):
    """Sets `request.state.peer` to the SPIFFE id of a verified client certificate, or to None."""

    handshakes = Handshakes()
    """Of the socket that the connection came in by; whoever serves sets it."""

    _timer: asyncio.TimerHandle | None = None
    _in_body = False
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """TLS has been negotiated: the certificate, where there is one, is of our authority."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, "peer": None if tls is None else spiffe_id(tls.getpeercert())}
        peer = transport.get_extra_info("peername") or ("",)
        self.handshakes.end(peer)
        self._address = str(peer[0])
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; what keeps it unfinished has a time of its own."""
        if self._timer is None:
            self._begin()
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._wait_for_body()
        elif state is not h11.IDLE:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up the place among the unfinished."""
        self._finish()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self._expire_in(HEADER_SECONDS)
        mine = _unfinished[self._address]
        mine[self] = None
        most = (self.limit_concurrency or 2 * ADDRESS_CONNECTIONS) // 2
        if len(mine) > min(ADDRESS_CONNECTIONS, most):
            next(iter(mine)).expire()
        elif sum(map(len, _unfinished.values())) > most:
            most_held = max(_unfinished, key=lambda address: len(_unfinished[address]))
            next(iter(_unfinished[most_held])).expire()

    def _wait_for_body(self) -> None:
        if self._in_body:
            return
        self._in_body = True
        self._expire_in(BODY_SECONDS)
        if self.app_state["peer"] is not None:
            self._leave()

    def _expire_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.expire)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._in_body = False
        self._leave()

    def _leave(self) -> None:
        mine = _unfinished[self._address]
        mine.pop(self, None)
        if not mine:
            del _unfinished[self._address]

    def expire(self) -> None:
        """Close the connection: its request did not become whole."""
        self._finish()
        self.transport.abort()
