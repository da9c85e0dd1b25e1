"""Where a server of the Open Inference Protocol listens, and whether the way there is encrypted."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from cxrgate.core import UsageError
from cxrgate.rpc.channel import Identity
from cxrgate.serving.address import is_reached_privately
from cxrgate.serving.asking import OPTIONS

PLAIN, ENCRYPTED = "oip://", "oips://"


@dataclass(frozen=True, slots=True)
class OipTarget:
    """HOST:PORT, with TLS or without."""

    address: str
    encrypted: bool

    def open_channel(self, identity: Identity | None) -> grpc.aio.Channel:
        """A channel for the running event loop; `identity` is the caller's, and names the authority that is trusted.

        Raises:
            UsageError: TLS without an identity, or no TLS on a way that others may listen to.
        """
        if not self.encrypted:
            if not is_reached_privately(self.address):
                raise UsageError(
                    f"{PLAIN}{self.address} is on no loopback or private network that can be seen from here, and "
                    f"without TLS others could read and change what the models answer: use {ENCRYPTED}"
                )
            return grpc.aio.insecure_channel(self.address, OPTIONS)
        if identity is None:
            raise UsageError(f"{ENCRYPTED} needs --certificates: the folder with tls.crt, tls.key and ca.crt")
        return grpc.aio.secure_channel(self.address, identity.channel_credentials(), OPTIONS)


def read_target(text: str) -> OipTarget | None:
    """`oip://HOST:PORT` or, with TLS, `oips://HOST:PORT`; None where `text` has another scheme or none.

    Raises:
        UsageError: there is no host, or no port.
    """
    for scheme in (PLAIN, ENCRYPTED):
        if text.startswith(scheme):
            address = text.removeprefix(scheme)
            host, _, port = address.rpartition(":")
            if not host or not port.isdecimal() or "/" in address:
                raise UsageError(f"{text} is not of the form {scheme}HOST:PORT")
            return OipTarget(address, scheme == ENCRYPTED)
    if "://" in text:
        raise UsageError(
            f"{text} has a scheme that is not known: use HOST:PORT, {PLAIN}HOST:PORT or {ENCRYPTED}HOST:PORT"
        )
    return None
