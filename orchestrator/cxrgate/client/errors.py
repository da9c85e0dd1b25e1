"""What a call to the gate may raise.

GateError             any other status
├── ImageRefused      the image will never be accepted: undecodable, too large, a bad name
├── GateDenied        the certificate may not do this
├── GateOverloaded    too many images at once, per second or per day; `retry_seconds` says when, None for not today
└── GateUnavailable   the gate or what it depends on does not answer; retries were made
"""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


class GateError(Exception):
    """A call failed. `code` is gRPC's name, `reason` is UPPER_SNAKE and "" where the gate itself did not answer."""

    def __init__(self, code: str, reason: str, message: str, retry_seconds: float | None = None) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_seconds = retry_seconds


class ImageRefused(GateError):
    """The image will never be accepted."""


class GateDenied(GateError):
    """The certificate may not do this."""


class GateOverloaded(GateError):
    """Too much at once."""


class GateUnavailable(GateError):
    """No answer."""


KINDS: dict[str, type[GateError]] = {
    "INVALID_ARGUMENT": ImageRefused,
    "PERMISSION_DENIED": GateDenied,
    "UNAUTHENTICATED": GateDenied,
    "RESOURCE_EXHAUSTED": GateOverloaded,
    "UNAVAILABLE": GateUnavailable,
    "DEADLINE_EXCEEDED": GateUnavailable,
}


TOO_LARGE = {"", "MESSAGE_TOO_LARGE"}
"""Reasons of RESOURCE_EXHAUSTED with which a later try is of no use; gRPC itself gives none."""


def make_error(code: str, reason: str, message: str, retry_seconds: float | None = None) -> GateError:
    """The class that fits the code, or, of a message that is too large, the reason."""
    kind = ImageRefused if code == "RESOURCE_EXHAUSTED" and reason in TOO_LARGE else KINDS.get(code, GateError)
    return kind(code, reason, message, retry_seconds)


def from_rpc(error: grpc.RpcError) -> GateError:
    """Any call's error, sync or async, with what its status details say."""
    call: Any = error
    info, retry = ErrorInfo(), RetryInfo()
    delay = None
    for detail in _status(call.trailing_metadata()).details:
        detail.Unpack(info)
        if detail.Unpack(retry):
            delay = retry.retry_delay.ToMilliseconds() / 1000
    return make_error(call.code().name, info.reason, call.details() or "", delay)


def _status(metadata: Any) -> Status:
    for key, value in metadata or ():
        if key == _DETAILS:
            return Status.FromString(value)
    return Status()
