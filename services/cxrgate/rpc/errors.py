"""Exceptions to google.rpc.Status: what a remote caller is told of an error, and what it is not told.

    exception -> Refusal(code, reason, message, retry) -> google.rpc.Status{code, message, [ErrorInfo, RetryInfo]}

An ErrorInfo is always there. Messages hold no path, no patient id, no score and no exception's text: an error that
nobody foresaw becomes INTERNAL with an incident number, and its text goes to the log under that number.
"""

from __future__ import annotations

import logging
import secrets
from functools import lru_cache

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from cxrgate.core import CallRefused, CxrgateError, ImageError

DOMAIN = "cxrgate"
DETAILS = "grpc-status-details-bin"
PUSHBACK = "grpc-retry-pushback-ms"

_MESSAGES = {
    "INVALID_ARGUMENT": "expected another request",
    "FAILED_PRECONDITION": "expected parts that belong together; the operator's log says which",
    "DATA_LOSS": "expected stored data as it was written; the operator's log says which",
    "INTERNAL": "an error of the service",
}


def refusal(error: Exception) -> CallRefused:
    """What the caller is told of `error`. What it is not told is logged."""
    if isinstance(error, CallRefused):
        return error
    if isinstance(error, ImageError):
        return CallRefused(error.code, error.reason, error.message)
    incident = secrets.token_hex(8)
    logging.getLogger(__name__).error("rpc.call_failed incident=%s", incident, exc_info=error)
    if isinstance(error, CxrgateError):
        return CallRefused(error.code, error.reason, f"{_MESSAGES[error.code]} (incident {incident})")
    return CallRefused("INTERNAL", "INTERNAL", f"{_MESSAGES['INTERNAL']} (incident {incident})")


def to_status(refused: CallRefused) -> Status:
    """The status with its details."""
    status = Status(code=status_code(refused).value[0], message=refused.message)
    status.details.add().Pack(ErrorInfo(reason=refused.reason, domain=DOMAIN))
    if refused.retry_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(_milliseconds(refused.retry_seconds))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def status_code(refused: CallRefused) -> grpc.StatusCode:
    """The gRPC code that the error names."""
    return grpc.StatusCode[refused.code]


def trailing_metadata(refused: CallRefused) -> tuple[tuple[str, str | bytes], ...]:
    """What goes with the status: its details, and whether gRPC's own retries may try again."""
    return _metadata(refused.code, refused.reason, refused.message, refused.retry_seconds)


# A service that is full says the same thousands of times a second, and has better uses for its time.
@lru_cache(256)
def _metadata(code: str, reason: str, message: str, retry_seconds: float | None) -> tuple[tuple[str, str | bytes], ...]:
    details = (DETAILS, to_status(CallRefused(code, reason, message, retry_seconds)).SerializeToString())
    if code != "RESOURCE_EXHAUSTED":
        return (details,)
    pushback = "-1" if retry_seconds is None else str(_milliseconds(retry_seconds))
    return (details, (PUSHBACK, pushback))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
