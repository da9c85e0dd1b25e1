"""What a caller's program gives the client: a slip is named at once, before gRPC meets it in a thread of its own."""

from __future__ import annotations

import re

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]")
"""And not gRPC's own way of writing a target, `dns:///HOST:PORT`."""


def expect_type(name: str, value: object, kind: type, meaning: str) -> None:
    """Raise TypeError, in a sentence without the value, for an argument of another type."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}, {meaning}, and not {type(value).__name__}")


def expect_target(target: str) -> None:
    """Raise ValueError for a URL, of which gRPC says no more than that it is no domain name."""
    if _URL.match(target):
        raise ValueError("the target is a URL: give HOST:PORT, as gate.example:8443, without a scheme or a path")
