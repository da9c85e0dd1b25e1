"""TorchServe's statuses, as they were seen with 0.12.0."""

import grpc
import pytest

from cxrgate.serving.statuses import Retry, refused
from cxrgate.serving.torchserve.statuses import translate

CODE = grpc.StatusCode
SEEN = [
    (CODE.UNAVAILABLE, "Prediction failed", "INTERNAL", "HANDLER_RAISED", Retry.NEVER),
    (CODE.UNAVAILABLE, "failed to connect to all addresses", "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    (CODE.UNAVAILABLE, "Socket closed", "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    (CODE.UNAVAILABLE, None, "UNAVAILABLE", "DEPENDENCY", Retry.WHILE_TIME),
    (CODE.RESOURCE_EXHAUSTED, "Worker died.", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    (CODE.INTERNAL, "Worker died.", "UNAVAILABLE", "WORKER_DIED", Retry.FEW),
    (
        CODE.INTERNAL,
        'Model "retrieval" has no worker to serve inference request. Please use scale workers API to add workers.',
        "UNAVAILABLE",
        "OVERLOAD",
        Retry.WHILE_TIME,
    ),
    (CODE.INTERNAL, "Model not found: copy", "FAILED_PRECONDITION", "MODEL_MISSING", Retry.NEVER),
    (CODE.INTERNAL, "Out of resources", "UNAVAILABLE", "MODEL_MEMORY", Retry.NEVER),
    (CODE.INTERNAL, "something new", "INTERNAL", "MODEL_SERVER", Retry.NEVER),
    (CODE.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    (CODE.CANCELLED, "RST_STREAM closed stream. HTTP/2 error code: CANCEL", "INTERNAL", "MESSAGE_SIZE", Retry.NEVER),
    (CODE.CANCELLED, "Locally cancelled", "INTERNAL", "MODEL_SERVER", Retry.NEVER),
    (CODE.DEADLINE_EXCEEDED, "Deadline Exceeded", "DEADLINE_EXCEEDED", "DEADLINE", Retry.NEVER),
    (CODE.PERMISSION_DENIED, "Token Authorization failed", "FAILED_PRECONDITION", "MODEL_TOKEN", Retry.NEVER),
    (CODE.UNIMPLEMENTED, "Method not found!", "FAILED_PRECONDITION", "NOT_TORCHSERVE", Retry.NEVER),
    (CODE.UNKNOWN, "", "INTERNAL", "MODEL_SERVER", Retry.NEVER),
]


@pytest.mark.parametrize(("code", "details", "meaning", "reason", "retry"), SEEN)
def test_status_is_translated(code, details, meaning, reason, retry):
    rule = translate(code, details)

    assert (rule.meaning, rule.reason, rule.retry) == (meaning, reason, retry)


@pytest.mark.parametrize(("code", "details"), [row[:2] for row in SEEN if row[1]])
def test_callers_are_not_told_torchserves_words(code, details):
    assert details not in str(refused(translate(code, details)))
