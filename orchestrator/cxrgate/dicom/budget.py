"""What one association may make this process hold: pynetdicom reads whatever length a peer names.

A peer may announce a PDU of 4 GiB, or never end a data set; both end in memory. So the socket's reading is bounded:
a PDU by the size that was negotiated, the bytes since the last whole image by what an image may have.
"""

from __future__ import annotations

import time
from typing import Any

from cxrgate.dicom.visitor import Visitor
from cxrgate.rpc.limits import IMAGE_BYTES, MIB

PDU_BYTES = 128 * 1024
"""What is offered to senders; larger ones are cut off."""

MESSAGE_BYTES = IMAGE_BYTES + 2 * MIB
"""Per image: the image, its command and the headers of its PDUs."""

IDLE_SECONDS = 30.0

_OVERHEAD = 6
_PIECE_BYTES = 16 * 1024
"""A slow peer is seen to speak piece by piece."""


class Budget:
    """Bounds the reading of one association's socket."""

    def __init__(self, connection: Any, visitor: Visitor) -> None:
        """Take over `recv` of a pynetdicom AssociationSocket, and tell `visitor` of what comes."""
        self.visitor = visitor
        self._connection, self._recv, self._socket = connection, connection.recv, connection.socket
        self._taken = 0
        connection.recv = self.recv
        self._socket.settimeout(IDLE_SECONDS)  # a half PDU would hold its thread for ever

    def renew(self) -> None:
        """An image is complete."""
        self._taken = 0

    def recv(self, count: int) -> bytearray:
        """Read; OSError, as for a connection that broke, where that is more than may be held."""
        self._taken += count
        received = bytearray()
        try:
            self._check(count)
            while len(received) < count:
                wanted = min(_PIECE_BYTES, count - len(received))
                piece = self._recv(wanted)
                received += piece
                self.visitor.spoke = time.monotonic()
                if len(piece) < wanted:
                    break
            return received
        finally:
            if len(received) < count:
                self._close()

    def _check(self, count: int) -> None:
        if count > PDU_BYTES + _OVERHEAD or self._taken > MESSAGE_BYTES:
            raise OSError("expected a smaller message")

    def _close(self) -> None:
        """Pynetdicom leaves a socket whose peer has gone, or was no good, to the garbage collector."""
        self.visitor.close()
        self._connection.close()
        self._socket.close()
