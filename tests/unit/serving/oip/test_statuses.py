"""Statuses as Triton gives them."""

import grpc
import pytest

from cxrgate.serving.oip.statuses import translate
from cxrgate.serving.statuses import Retry

CODE = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "details", "reason", "retry"),
    [
        (CODE.INTERNAL, "onnx runtime error 6: Non-zero status code", "FORWARD_FAILED", Retry.NEVER),
        (CODE.INTERNAL, "Stub process 'retrieval_0_0' is not healthy.", "WORKER_DIED", Retry.FEW),
        (CODE.UNAVAILABLE, "Socket closed", "DEPENDENCY", Retry.WHILE_TIME),
        (CODE.UNAVAILABLE, "Exceeds maximum queue size", "OVERLOAD", Retry.WHILE_TIME),
        (CODE.UNAVAILABLE, "Request timeout expired", "DEADLINE", Retry.NEVER),
        (CODE.NOT_FOUND, "Request for unknown model: 'copy' is not found", "MODEL_MISSING", Retry.NEVER),
        (CODE.INVALID_ARGUMENT, "[request id: <id_unknown>] inference request batch-size must be <= 8",
         "REQUEST_REFUSED", Retry.NEVER),
        (CODE.UNIMPLEMENTED, "", "NOT_OIP", Retry.NEVER),
        (CODE.DATA_LOSS, "something new", "MODEL_SERVER", Retry.NEVER),
    ],
)  # fmt: skip
def test_a_status_has_one_meaning(code, details, reason, retry):
    rule = translate(code, details)

    assert (rule.reason, rule.retry) == (reason, retry)
