"""Where TorchServe may listen: it has no mTLS and is no longer maintained, so private addresses only."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from cxrgate.core import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """HOST:PORT."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def private_address(text: str) -> Address:
    """HOST:PORT on loopback or a private network; port 0 is replaced by a free one.

    Raises:
        UsageError: it is no address, has no name, or can be reached from elsewhere.
    """
    host, _, port = text.rpartition(":")
    try:
        number = int(port)
        found = {entry[4][0] for entry in socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)}
    except (OSError, ValueError) as error:
        raise UsageError(f"{text} is not of the form HOST:PORT") from error
    if not host or not all(_is_private(str(address)) for address in found):
        raise UsageError(
            f"{text} is no loopback or private address, and whoever reaches it may ask the models: choose another"
        )
    return Address(host, number or free_port(host))


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_private and not parsed.is_unspecified
