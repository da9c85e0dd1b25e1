"""The TLS identity of a service or caller, read from its folder."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.rpc.channel import Identity


def read_identity(folder: Path) -> Identity:
    """As Identity.read, but UsageError."""
    try:
        return Identity.read(folder)
    except OSError as error:
        raise UsageError(f"{folder} lacks tls.crt, tls.key or ca.crt, or they cannot be read") from error
