"""TorchServe's gRPC statuses to ours. They mislead, so the text decides as well; seen with 0.12.0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import grpc

from cxrgate.rpc.errors import CallRefused


class Retry(Enum):
    """Predictions change nothing, so asking again is safe; whether it helps is another matter."""

    NEVER = "never"
    FEW = "few"
    """A worker died with the request in it: the request may be why."""
    WHILE_TIME = "while there is time"
    """The request reached no worker."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A status, and what it means."""

    code: grpc.StatusCode
    text: str
    """Contained in the details; "" fits all."""
    meaning: str
    reason: str
    retry: Retry


_CODE = grpc.StatusCode
RULES = (
    Rule(_CODE.UNAVAILABLE, "Prediction failed", "INTERNAL", "HANDLER_RAISED", Retry.NEVER),
    Rule(_CODE.UNAVAILABLE, "", "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    Rule(_CODE.RESOURCE_EXHAUSTED, "Worker died", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    Rule(_CODE.INTERNAL, "Worker died", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    Rule(_CODE.INTERNAL, "has no worker to serve", "UNAVAILABLE", "OVERLOAD", Retry.WHILE_TIME),
    Rule(_CODE.INTERNAL, "not found", "FAILED_PRECONDITION", "MODEL_MISSING", Retry.NEVER),
    Rule(_CODE.INTERNAL, "Out of resources", "UNAVAILABLE", "MODEL_MEMORY", Retry.NEVER),
    Rule(_CODE.RESOURCE_EXHAUSTED, "", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    # A request above max_request_size ends its stream.
    Rule(_CODE.CANCELLED, "RST_STREAM", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    Rule(_CODE.DEADLINE_EXCEEDED, "", "DEADLINE_EXCEEDED", "DEADLINE", Retry.NEVER),
    Rule(_CODE.PERMISSION_DENIED, "", "FAILED_PRECONDITION", "MODEL_TOKEN", Retry.NEVER),
    Rule(_CODE.UNIMPLEMENTED, "", "FAILED_PRECONDITION", "NOT_TORCHSERVE", Retry.NEVER),
)

_OTHER = Rule(_CODE.UNKNOWN, "", "INTERNAL", "MODEL_SERVER", Retry.NEVER)


def translate(code: grpc.StatusCode, details: str | None) -> Rule:
    """The first rule that fits."""
    fitting = (rule for rule in RULES if rule.code is code and rule.text in (details or ""))
    return next(fitting, _OTHER)


def refused(rule: Rule) -> CallRefused:
    """The rule's meaning as an error of ours."""
    return CallRefused(rule.meaning, rule.reason, "expected an answer of the model server")
