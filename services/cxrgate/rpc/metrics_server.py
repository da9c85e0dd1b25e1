"""`GET /metrics` for Prometheus, in a few threads: whoever connects and says nothing takes no more from the service."""

from __future__ import annotations

import socket
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from cxrgate.core import UsageError

LOOPBACK = "127.0.0.1"

REQUEST_SECONDS = 5.0
"""How long a connection may be silent."""

CONNECTIONS = 16
"""At once, each with a thread; further ones are closed."""


def serve_metrics(registry: CollectorRegistry, address: str) -> None:
    """Answer from threads until the process ends.

    Args:
        registry: what is shown.
        address: HOST:PORT; PORT alone is on loopback.

    Raises:
        UsageError: the address cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    try:
        where = (host or LOOPBACK, int(port))
        family = socket.getaddrinfo(*where, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        kind = type("Server", (_Server,), {"address_family": family})
        server: WSGIServer = make_server(*where, make_wsgi_app(registry), kind, _Handler)
    except (OSError, OverflowError, ValueError) as error:
        raise UsageError(f"{address} is no address for the metrics: give HOST:PORT") from error
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._places = BoundedSemaphore(CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In the thread that accepts."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In the connection's own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may leave at any time; that is nobody's matter."""


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's name
        """Scrapes are not logged."""
