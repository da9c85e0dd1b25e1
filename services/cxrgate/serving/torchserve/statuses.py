"""TorchServe's gRPC statuses to ours. They mislead, so the text decides as well; seen with 0.12.0."""

from __future__ import annotations

import grpc

from cxrgate.serving.statuses import Retry, StatusRule, first_fitting

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


def translate(code: grpc.StatusCode, details: str | None) -> StatusRule:
    """What a status of TorchServe's means."""
    return first_fitting(RULES, code, details)
