"""Uvicorn's connection, with the identity of the client's certificate for every request on it."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from cxrgate.rpc.spiffe import spiffe_id


class PeerProtocol(H11Protocol):
    """Sets `request.state.peer` to the SPIFFE id of a verified client certificate, or to None."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """TLS has been negotiated: the certificate, where there is one, is of our authority."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, "peer": None if tls is None else spiffe_id(tls.getpeercert())}
