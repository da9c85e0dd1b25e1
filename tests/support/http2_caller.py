"""A caller that speaks HTTP/2 frame by frame: what no gRPC library would send."""

from __future__ import annotations

import socket
import ssl
import time

from h2.config import H2Configuration
from h2.connection import H2Connection

from cxrgate.rpc.development_ca import write_identity


class Caller:
    """One connection with a certificate of its own; blocks, so it belongs in a thread."""

    def __init__(self, folder, identity, address, rpc):
        write_identity(folder, identity)
        context = ssl.create_default_context(cafile=folder / "ca.crt")
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        context.set_alpn_protocols(["h2"])
        host, port = address.split(":")
        self._socket = context.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname=host)
        self._frames = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._frames.initiate_connection()
        self._headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", address),
            (":path", rpc),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        self.send()
        self.events(0.2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def half_open(self, count):
        """Calls whose message never comes."""
        for _ in range(count):
            self._open()
        self.send()

    def open_and_reset(self, count):
        """Calls that are given up at once."""
        for _ in range(count):
            self._frames.reset_stream(self._open(), error_code=8)
            self.send()

    def ping(self, count):
        """All at once: a server that has had enough ends the connection under whatever comes after."""
        for number in range(count):
            self._frames.ping(number.to_bytes(8, "big"))
        self.send()

    def send(self):
        self._socket.sendall(self._frames.data_to_send())

    def events(self, seconds):
        """What comes within that time, or until the connection ends."""
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                content = self._socket.recv(65536)
                if not content:
                    break
                found += self._frames.receive_data(content)
                self.send()
            except OSError:
                break
        return found

    def _open(self):
        stream = self._frames.get_next_available_stream_id()
        self._frames.send_headers(stream, self._headers)
        return stream
