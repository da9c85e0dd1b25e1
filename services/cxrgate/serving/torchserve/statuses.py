"""TorchServe's gRPC statuses to ours. They mislead, so the text decides as well; seen with 0.12.0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import grpc

from cxrgate.core import CallRefused


class Retry(Enum):
    """Predictions change nothing, so asking again is safe; whether it helps is another matter."""

    NEVER = "never"
    FEW = "few"
    """A worker died with the request in it: the request may be why."""
    WHILE_TIME = "while there is time"
    """The request reached no worker."""


@dataclass(frozen=True, slots=True)
class StatusRule:
    """A status, and what it means."""

    code: grpc.StatusCode
    text: str
    """Contained in the details; "" fits all."""
    meaning: str
    reason: str
    retry: Retry


_CODE = grpc.StatusCode
RULES = (
    StatusRule(_CODE.UNAVAILABLE, "Prediction failed", "INTERNAL", "HANDLER_RAISED", Retry.NEVER),
    StatusRule(_CODE.UNAVAILABLE, "", "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    StatusRule(_CODE.RESOURCE_EXHAUSTED, "Worker died", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    StatusRule(_CODE.INTERNAL, "Worker died", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    StatusRule(_CODE.INTERNAL, "has no worker to serve", "UNAVAILABLE", "OVERLOAD", Retry.WHILE_TIME),
    StatusRule(_CODE.INTERNAL, "not found", "FAILED_PRECONDITION", "MODEL_MISSING", Retry.NEVER),
    StatusRule(_CODE.INTERNAL, "Out of resources", "UNAVAILABLE", "MODEL_MEMORY", Retry.NEVER),
    StatusRule(_CODE.RESOURCE_EXHAUSTED, "", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    # A request above max_request_size ends its stream.
    StatusRule(_CODE.CANCELLED, "RST_STREAM", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    StatusRule(_CODE.DEADLINE_EXCEEDED, "", "DEADLINE_EXCEEDED", "DEADLINE", Retry.NEVER),
    StatusRule(_CODE.PERMISSION_DENIED, "", "FAILED_PRECONDITION", "MODEL_TOKEN", Retry.NEVER),
    StatusRule(_CODE.UNIMPLEMENTED, "", "FAILED_PRECONDITION", "NOT_TORCHSERVE", Retry.NEVER),
)

_OTHER = StatusRule(_CODE.UNKNOWN, "", "INTERNAL", "MODEL_SERVER", Retry.NEVER)


def translate(code: grpc.StatusCode, details: str | None) -> StatusRule:
    """The first rule that fits."""
    fitting = (rule for rule in RULES if rule.code is code and rule.text in (details or ""))
    return next(fitting, _OTHER)


def refused(rule: StatusRule) -> CallRefused:
    """The rule's meaning as an error of ours."""
    return CallRefused(rule.meaning, rule.reason, "the model server gave no answer")
