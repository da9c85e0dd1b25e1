"""The gRPC statuses of servers that speak the Open Inference Protocol; the texts are Triton's."""

from __future__ import annotations

import grpc

from cxrgate.serving.statuses import Retry, StatusRule, first_fitting

_CODE = grpc.StatusCode
RULES = (
    # Python backends: the process that computes has ended.
    StatusRule(_CODE.INTERNAL, "Stub process", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    StatusRule(_CODE.INTERNAL, "", "INTERNAL", "FORWARD_FAILED", Retry.NEVER),
    StatusRule(_CODE.UNAVAILABLE, "Request timeout expired", "DEADLINE_EXCEEDED", "DEADLINE", Retry.NEVER),
    StatusRule(_CODE.UNAVAILABLE, "maximum queue size", "UNAVAILABLE", "OVERLOAD", Retry.WHILE_TIME),
    StatusRule(_CODE.UNAVAILABLE, "", "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    StatusRule(_CODE.RESOURCE_EXHAUSTED, "larger than max", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    StatusRule(_CODE.RESOURCE_EXHAUSTED, "", "UNAVAILABLE", "OVERLOAD", Retry.WHILE_TIME),
    StatusRule(_CODE.NOT_FOUND, "", "FAILED_PRECONDITION", "MODEL_MISSING", Retry.NEVER),
    # The tensors that are asked for carry the model's digest.
    StatusRule(_CODE.INVALID_ARGUMENT, "inference output", "FAILED_PRECONDITION", "VERSION_MISMATCH", Retry.NEVER),
    StatusRule(_CODE.INVALID_ARGUMENT, "", "INTERNAL", "REQUEST_REFUSED", Retry.NEVER),
    StatusRule(_CODE.DEADLINE_EXCEEDED, "", "DEADLINE_EXCEEDED", "DEADLINE", Retry.NEVER),
    StatusRule(_CODE.PERMISSION_DENIED, "", "FAILED_PRECONDITION", "MODEL_ACCESS", Retry.NEVER),
    StatusRule(_CODE.UNAUTHENTICATED, "", "FAILED_PRECONDITION", "MODEL_ACCESS", Retry.NEVER),
    StatusRule(_CODE.UNIMPLEMENTED, "", "FAILED_PRECONDITION", "NOT_OIP", Retry.NEVER),
)


def translate(code: grpc.StatusCode, details: str | None) -> StatusRule:
    """What a status of such a server means."""
    return first_fitting(RULES, code, details)
