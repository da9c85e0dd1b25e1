"""Where a model server without TLS may listen, and may be asked: on private addresses only."""

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


def is_reached_privately(address: str) -> bool:
    """Whether HOST:PORT is known here, and all that HOST names is loopback or on a private network."""
    host, _, port = address.rpartition(":")
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)}
    except (OSError, ValueError):
        return False
    return all(_is_private(str(one)) for one in found)


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_private and not parsed.is_unspecified
