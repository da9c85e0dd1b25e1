"""Who may be connected to the receiver, and for how long: whoever says nothing keeps nobody out.

Who connects has REQUEST_SECONDS until an association is requested. An address may have ADDRESS_CONNECTIONS such
connections, all addresses CONNECTIONS: a further one closes the oldest, of that address or of the one that has most.

Of associations there are ASSOCIATIONS, and one holder has at most HOLDER_ASSOCIATIONS of them. A further one takes the
place of one that is silent, or that brings no message to its end; only where all are at work it is refused, after
ADMIT_SECONDS. No message may take longer than MESSAGE_SECONDS.
"""

from __future__ import annotations

import time
from collections import Counter
from socket import socket
from threading import Condition

from cxrgate.dicom.visitor import Visitor

REQUEST_SECONDS = 10.0
"""From the connection to the association request, the TLS handshake among it (ARTIM of PS3.8, 9.1.5)."""

ADDRESS_CONNECTIONS = 16
CONNECTIONS = 64

ASSOCIATIONS = 16
"""At once: each may hold an image in memory."""

HOLDER_ASSOCIATIONS = 8
"""Of one certificate's identity, or of one address where no TLS is spoken."""

ADMIT_SECONDS = 5.0
"""How long a request waits for a place; senders wait longer for its answer."""

MESSAGE_SECONDS = 300.0
"""For an image of the largest size, a line of 1 Mbit/s."""

_LOOK_SECONDS = 0.1


class Places:
    """Knows every connection; may be used by all threads."""

    def __init__(self) -> None:
        self._visitors: dict[socket, Visitor] = {}
        self._changed = Condition()

    def enter(self, visitor: Visitor) -> None:
        """A connection was accepted; one that waits longer than others may be closed for it."""
        with self._changed:
            self._visitors[visitor.connection] = visitor
            waiting = [each for each in self._living() if each.holder is None]
            counts = Counter(each.address for each in waiting)
            if counts[visitor.address] > ADDRESS_CONNECTIONS:
                self._close(next(each for each in waiting if each.address == visitor.address))
            elif len(waiting) > CONNECTIONS:
                most = max(counts, key=counts.__getitem__)
                self._close(next(each for each in waiting if each.address == most))

    def find(self, connection: socket) -> Visitor | None:
        """The visitor of a connection; None where it was closed meanwhile."""
        with self._changed:
            return self._visitors.get(connection)

    def leave(self, visitor: Visitor) -> None:
        """A connection has ended; it is closed where it is not yet."""
        with self._changed:
            self._close(visitor)

    def admit(self, visitor: Visitor, holder: str) -> bool:
        """Whether this connection may hold an association; blocks for ADMIT_SECONDS at most.

        Args:
            visitor: whose association was requested.
            holder: the identity or address whose share of the places counts.
        """
        end = time.monotonic() + ADMIT_SECONDS
        visitor.requested = True
        with self._changed:
            while (rivals := self._rivals(holder)) and not visitor.closed:
                now = time.monotonic()
                yielding = [each for each in rivals if each.gives_way(now)]
                if yielding:
                    self._close(min(yielding, key=lambda each: each.whole))
                elif now >= end:
                    return False
                else:
                    self._changed.wait(_LOOK_SECONDS)  # whose thread ends says nothing
            if not visitor.closed:
                visitor.admit(holder)
            return not visitor.closed

    def close_overdue(self) -> None:
        """Close what takes too long: to be called at least once a second."""
        now = time.monotonic()
        with self._changed:
            for each in self._living():
                if each.holder is None:
                    late = not each.requested and now - each.came > REQUEST_SECONDS
                else:
                    late = not each.served and now - each.whole > MESSAGE_SECONDS
                if late:
                    self._close(each)

    def close_all(self) -> None:
        """Close every connection."""
        with self._changed:
            for each in self._living():
                self._close(each)

    def _rivals(self, holder: str) -> list[Visitor]:
        """Whose place a new association of `holder` could take; none where there is room."""
        held = [each for each in self._living() if each.holder is not None]
        counts = Counter(each.holder for each in held)
        if counts[holder] >= HOLDER_ASSOCIATIONS:
            return [each for each in held if each.holder == holder]
        return held if len(held) >= ASSOCIATIONS else []

    def _living(self) -> list[Visitor]:
        """Everyone, the oldest first, without those whose thread is over."""
        for each in [each for each in self._visitors.values() if each.has_ended()]:
            del self._visitors[each.connection]
        return list(self._visitors.values())

    def _close(self, visitor: Visitor) -> None:
        if self._visitors.pop(visitor.connection, None) is not None:
            visitor.close()
        self._changed.notify_all()
