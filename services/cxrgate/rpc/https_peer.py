"""Uvicorn's connection, with the identity of the client's certificate for every request on it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_URI = "URI"


class PeerProtocol(H11Protocol):
    """Sets `request.state.peer` to the SPIFFE id of a verified client certificate, or to None."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """TLS has been negotiated: the certificate, where there is one, is of our authority."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, "peer": None if tls is None else _spiffe_id(tls.getpeercert())}


def _spiffe_id(certificate: dict[str, Any] | None) -> str | None:
    """The only SPIFFE id that a certificate names; None for none or several."""
    names = (certificate or {}).get("subjectAltName", ())
    ids = [value for kind, value in names if kind == _URI and value.startswith("spiffe://")]
    return ids[0] if len(ids) == 1 else None
