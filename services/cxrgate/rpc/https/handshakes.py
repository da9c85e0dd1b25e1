"""Connections whose TLS handshake is not done yet: asyncio gives each a minute and counts none.

Each has HANDSHAKE_SECONDS. An address may have ADDRESS_HANDSHAKES of them, all addresses HANDSHAKES: a further one
closes the oldest, of that address or of the one that has most.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any

HANDSHAKE_SECONDS = 10.0
ADDRESS_HANDSHAKES = 32
HANDSHAKES = 256


@dataclass(frozen=True, slots=True)
class _Handshake:
    connection: socket
    timer: asyncio.TimerHandle


class Handshakes:
    """Those of one listening socket, by the peer's address and port, the oldest first."""

    def __init__(self) -> None:
        self._open: dict[Any, _Handshake] = {}

    def begin(self, connection: socket, peer: Any) -> None:
        """A connection was accepted, in a callback of the running loop."""
        self.end(peer)  # an earlier one from the same port has ended by itself
        timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._close, peer)
        self._open[peer] = _Handshake(connection, timer)
        counts = Counter(each[0] for each in self._open)
        if counts[peer[0]] > ADDRESS_HANDSHAKES:
            self._close_oldest(peer[0])
        elif len(self._open) > HANDSHAKES:
            self._close_oldest(max(counts, key=counts.__getitem__))

    def end(self, peer: Any) -> None:
        """The handshake is done."""
        if (found := self._open.pop(peer, None)) is not None:
            found.timer.cancel()

    def _close_oldest(self, address: str) -> None:
        self._close(next(each for each in self._open if each[0] == address))

    def _close(self, peer: Any) -> None:
        found = self._open[peer]
        self.end(peer)
        with suppress(OSError):  # it has ended by itself
            found.connection.shutdown(SHUT_RDWR)


class Listening(socket):
    """A listening socket that tells of what it accepts; asyncio calls `accept` in the loop."""

    def __init__(self, opened: socket, handshakes: Handshakes) -> None:
        """Take over what `socket.create_server` has made."""
        super().__init__(fileno=opened.detach())
        self._handshakes = handshakes

    def accept(self) -> tuple[socket, Any]:
        """See socket.accept."""
        connection, peer = super().accept()
        self._handshakes.begin(connection, peer)
        return connection, peer
