"""The receiver's listening socket: pynetdicom gets a connection once its peer has said something.

pynetdicom does the TLS handshake where it accepts connections, one after another, and looks after every association
a thousand times a second. A peer that connects and says nothing would keep all others out, or cost as much as one at
work.
"""

from __future__ import annotations

import logging
import select
import ssl
from socket import MSG_PEEK, socket
from socketserver import BaseServer
from typing import Any

from pynetdicom.transport import ThreadedAssociationServer

from cxrgate.dicom.places import REQUEST_SECONDS, Places
from cxrgate.dicom.visitor import Visitor

_log = logging.getLogger(__name__)


class Doorway(ThreadedAssociationServer):
    """Accepts connections within the limits of `places`."""

    request_queue_size = 128
    """So many may come at the same moment; with pynetdicom's 5 the others try again after a second."""

    daemon_threads = True

    def __init__(self, *args: Any, places: Places, **options: Any) -> None:
        """As ThreadedAssociationServer, which `AE.make_server` makes."""
        self._places = places
        super().__init__(*args, **options)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Wait, in a thread of its own, until the peer says something."""
        visitor = Visitor(request, str(client_address[0]))
        self._places.enter(visitor)
        if _speaks(request) and not visitor.closed:
            super().process_request_thread(request, client_address)
        else:
            self._places.leave(visitor)
            self.shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second."""
        super().service_actions()
        self._places.close_overdue()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's
        """Say in the log what socketserver would print."""
        _log.exception("dicom.connection_failed")

    def shutdown(self) -> None:
        """Take no more, and end what is open."""
        BaseServer.shutdown(self)
        self.server_close()
        self._places.close_all()


class LateHandshake:
    """A TLS context whose sockets do their handshake later, in the connection's thread."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, accepted: socket, *, server_side: bool) -> ssl.SSLSocket:
        """The socket, before its handshake."""
        return self._context.wrap_socket(accepted, server_side=server_side, do_handshake_on_connect=False)


def _speaks(connection: Any) -> bool:
    """Whether the peer has begun to speak; False where the handshake fails, it leaves, or the time is over."""
    connection.settimeout(REQUEST_SECONDS)
    try:
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        arrived = select.poll()
        arrived.register(connection, select.POLLIN)
        if not arrived.poll(REQUEST_SECONDS * 1000):
            return False
        # Within TLS nothing can be looked at before it is read: who leaves there is noticed by the association.
        return isinstance(connection, ssl.SSLSocket) or connection.recv(1, MSG_PEEK) != b""
    except (OSError, ValueError):
        return False
