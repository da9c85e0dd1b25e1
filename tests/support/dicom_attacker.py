"""Peers of a DICOM receiver that connect and do not go on: how far each comes, over real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, suppress

from support.dicom_receiver import association

KINDS = ["nothing", "half a request", "an association", "half a message"]
"""What they send before they say no more."""

_HALF_HELLO = b"\x16\x03\x01\x02\x00\x01"
_HALF_DATA = b"\x04\x00\x00\x00\x40\x00abc"
"""The header of a P-DATA-TF PDU of 16 KiB, and three bytes of it."""


def association_request(title="GENERATOR"):
    """The A-ASSOCIATE-RQ PDU of a sender that the receiver knows."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = threading.Thread(target=_ask, args=(listener.getsockname()[1], title))
        asked.start()
        with closing(listener.accept()[0]) as accepted:
            header = accepted.recv(6, socket.MSG_WAITALL)
            content = header + accepted.recv(int.from_bytes(header[2:], "big"), socket.MSG_WAITALL)
        asked.join()
    return content


def _ask(port, title):
    with association(port, title=title):
        pass


def come(port, kind, request, tls=None, source="127.0.0.1"):
    """Connect, go as far as `kind` says, and give the open socket; an association was accepted where it got so far."""
    opened = socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0))
    if kind == "half a handshake":
        opened.sendall(_HALF_HELLO)
        return opened
    if tls is not None:
        opened = tls.wrap_socket(opened, server_hostname="localhost")
    if kind == "half a request":
        opened.sendall(request[:9])
    if kind in {"an association", "half a message"}:
        opened.sendall(request)
        if opened.recv(1) != b"\x02":
            raise ConnectionError("expected an A-ASSOCIATE-AC")
    if kind == "half a message":
        opened.sendall(_HALF_DATA)
    return opened


def is_closed(opened, seconds):
    """Whether the receiver ends the connection in that time."""
    opened.settimeout(seconds)
    with suppress(OSError, ssl.SSLError):
        while opened.recv(4096):
            pass
        return True
    try:
        opened.settimeout(0.1)
        return opened.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
