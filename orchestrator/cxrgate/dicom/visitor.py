"""One connection to the receiver, from the moment it is accepted: who it is, since when, and what it did last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR, socket
from typing import Any

from pynetdicom.pdu_primitives import A_ABORT

QUIET_SECONDS = 1.0
"""An association that has been silent for so long gives way where others wait for its place."""

WHOLE_SECONDS = 10.0
"""So does one that sends, but for so long has brought no message to its end."""


@dataclass(eq=False)
class Visitor:
    """A connection, and the association on it once there is one.

    Attributes:
        connection: the socket.
        address: the peer's.
        association: pynetdicom's; None until the peer has sent something.
        holder: who holds an association by it, a certificate's identity or the address; None before it is admitted.
        requested: whether an association was requested, and waits for its place.
        came: when it was accepted; this and the others are seconds of the monotonic clock.
        spoke: when bytes came last.
        whole: when it was admitted, or when the last whole message came.
        served: whether an image of it is being stored: the peer waits for us then.
        closed: whether it was closed here.
    """

    connection: socket
    address: str
    association: Any = None
    holder: str | None = None
    requested: bool = False
    came: float = field(default_factory=time.monotonic)
    spoke: float = 0.0
    whole: float = 0.0
    served: bool = False
    closed: bool = False

    def admit(self, holder: str) -> None:
        """It holds an association from now on."""
        self.holder = holder
        self.spoke = self.whole = time.monotonic()

    def message(self) -> None:
        """A whole message has come."""
        self.whole = time.monotonic()

    @contextmanager
    def being_served(self) -> Iterator[None]:
        """Its image is being stored; whatever time that takes is not the peer's."""
        self.served = True
        try:
            yield
        finally:
            self.spoke = self.whole = time.monotonic()
            self.served = False

    def gives_way(self, now: float) -> bool:
        """Whether its place may be given to somebody who waits."""
        return not self.served and (now - self.spoke > QUIET_SECONDS or now - self.whole > WHOLE_SECONDS)

    def has_ended(self) -> bool:
        """Whether its thread is over."""
        return self.association is not None and self.association.ident is not None and not self.association.is_alive()

    def close(self) -> None:
        """End the connection, and the thread that waits for its request, from any thread."""
        self.closed = True
        with suppress(OSError):  # the peer was faster
            # Not SSLSocket's own: it would have the thread that reads go on without TLS.
            socket.shutdown(self.connection, SHUT_RDWR)
        if self.association is not None and self.holder is None:
            # pynetdicom would go on looking a thousand times a second until its time for a request is over.
            self.association.is_aborted = True
            self.association.dul.to_user_queue.put(A_ABORT())
