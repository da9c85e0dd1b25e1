import grpc
import pytest
from support.acting_gate import ask, raising
from support.grpc_servers import reason, retry_seconds

from cxrgate.core import CallRefused, ImageError, MismatchError
from cxrgate.rpc.errors import DETAILS, PUSHBACK, trailing_metadata


@pytest.mark.parametrize(
    ("error", "code", "why"),
    [
        (ImageError("CRC", "expected a checksum"), "INVALID_ARGUMENT", "CRC"),
        (MismatchError("/private/path differs"), "FAILED_PRECONDITION", "VERSION_MISMATCH"),
        (ValueError("DOE^JANE"), "INTERNAL", "INTERNAL"),
        (KeyError("/private/path"), "INTERNAL", "INTERNAL"),
    ],
)
def test_errors_are_statuses_without_text_of_exceptions(error, code, why, caplog):
    answer, _ = ask(raising(error))

    assert answer.code().name == code
    assert reason(answer) == why
    shown = repr(answer.trailing_metadata()) + answer.details()
    assert "DOE" not in shown
    assert "private" not in shown


def test_overload_is_retried_after_the_servers_delay():
    refused = []

    async def act(_):
        if not refused:
            refused.append(1)
            raise CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "expected fewer calls", retry_seconds=0.05)

    answer, calls = ask(act, content=bytes(2**20))

    assert answer.verdict.image_id
    assert calls == 2


def test_refusal_without_a_delay_is_not_retried():
    answer, calls = ask(raising(CallRefused("RESOURCE_EXHAUSTED", "QUOTA", "expected fewer images")))

    assert (answer.code(), reason(answer), calls) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA", 1)


def test_retry_info_says_when():
    answer, calls = ask(raising(CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "x", retry_seconds=0.05)))

    assert retry_seconds(answer) == 0.05
    assert calls == 4


def test_what_goes_with_a_status_is_made_once_for_the_same_words_and_never_mixed_up():
    words = ("RESOURCE_EXHAUSTED", "OVERLOAD", "too many")
    soon, later, never = (trailing_metadata(CallRefused(*words, seconds)) for seconds in (0.05, 2, None))

    assert trailing_metadata(CallRefused(*words, 0.05)) is soon
    assert [dict(found)[PUSHBACK] for found in (soon, later, never)] == ["50", "2000", "-1"]
    assert len({dict(found)[DETAILS] for found in (soon, later, never)}) == 3
