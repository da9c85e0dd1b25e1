"""Channels with explicit limits, retries that work for images, and keepalive that notices a frozen peer.

grpcio alone is needed here. Measured with grpcio 1.85: a request above `per_rpc_retry_buffer_size` (256 KiB unless
set) is never retried; without `ping_timeout_ms` a stopped peer is noticed by the deadline only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from cxrgate.rpc.limits import MESSAGE_BYTES, TRANSPORT_BYTES

_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
}

_ASKED = [{"service": "cxrgate.api.index.v1.IndexService", "method": "GetIndex"}]
"""Never retried: it is asked every second whether the index is there, and the truth is wanted at once."""

_STREAMS = [
    {"service": "cxrgate.api.gate.v1.GateService", "method": "CheckImages"},
    {"service": "cxrgate.api.index.v1.IndexService", "method": "EnrollReferences"},
]
"""Never retried by gRPC, whose second try may lack a message that waited for room in the first (grpcio 1.85): callers
begin anew, after what was answered."""

_ONCE = [*_ASKED, *_STREAMS]

NO_PROXY = ("grpc.enable_http_proxy", 0)
"""Services of ours are called directly: a proxy of the host's environment knows neither their names nor their TLS, and
gRPC's errors never name it."""

OPTIONS: list[tuple[str, int | str]] = [
    NO_PROXY,
    ("grpc.max_send_message_length", TRANSPORT_BYTES),  # what is too large the server refuses with a reason
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.per_rpc_retry_buffer_size", MESSAGE_BYTES + 2**16),
    # While a call is open, a peer that is frozen is noticed within 4.5 s.
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 2_500),
    ("grpc.http2.ping_timeout_ms", 2_500),
    ("grpc.http2.max_pings_without_data", 0),
    # A peer that restarts is found again within 1.2 s; gRPC's own pauses grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": _RETRY}, {"name": _ONCE}]})),
]
"""A server's pushback (`grpc-retry-pushback-ms`, negative for "never") decides before the policy does."""


_FILES = ("tls.crt", "tls.key", "ca.crt")


@dataclass(frozen=True, slots=True)
class Identity:
    """One side's certificate and key, and the authorities it trusts; all PEM."""

    certificate: bytes
    key: bytes = field(repr=False)
    authority: bytes

    @classmethod
    def read(cls, folder: Path) -> Identity:
        """Read `tls.crt`, `tls.key` and `ca.crt`, the names that Kubernetes gives them.

        Raises:
            OSError: one of them is not there or cannot be read; the message names the folder and the files.
        """
        try:
            return cls(*[(folder / name).read_bytes() for name in _FILES])
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
            raise type(error)(
                f"{folder} lacks tls.crt, tls.key or ca.crt, or they cannot be read: give the folder that holds the "
                "caller's certificate, its key and the certificate of the authority by these names"
            ) from error

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For a caller."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)

    def server_credentials(self) -> grpc.ServerCredentials:
        """For a server that answers nobody without a certificate of the same authority."""
        return grpc.ssl_server_credentials([(self.key, self.certificate)], self.authority, require_client_auth=True)


def open_channel(target: str, identity: Identity) -> grpc.Channel:
    """A channel for threads. `target` is HOST:PORT, and HOST must be in the server's certificate."""
    return grpc.secure_channel(target, identity.channel_credentials(), OPTIONS)


def open_aio_channel(target: str, identity: Identity) -> grpc.aio.Channel:
    """A channel for the running event loop."""
    return grpc.aio.secure_channel(target, identity.channel_credentials(), OPTIONS)
