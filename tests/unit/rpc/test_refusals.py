"""Refusals are logged by kind, and counted where they are many."""

import logging

from support.grpc_servers import ROLES

from cxrgate.core import CallRefused
from cxrgate.rpc.refusals import KINDS, Refusals

FULL = CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "too many", 0.2)
GENERATOR = ROLES.caller(["spiffe://cxrgate/generator"])


def told(caplog):
    return [record.args for record in caplog.records if record.msg == "rpc.call_refused"]


def test_many_of_a_kind_make_one_line_a_second_that_says_how_many(caplog):
    caplog.set_level(logging.INFO)
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for _ in range(100):
        refusals.tell("/a", FULL, GENERATOR)
    now[0] = 1.0
    refusals.tell("/a", FULL, GENERATOR)

    first, second = told(caplog)
    assert first == {
        "rpc": "/a",
        "code": "RESOURCE_EXHAUSTED",
        "reason": "OVERLOAD",
        "identity": GENERATOR.identity,
        "count": 1,
    }
    assert second["count"] == 100


def test_other_kinds_have_lines_of_their_own(caplog):
    caplog.set_level(logging.INFO)
    refusals = Refusals(lambda: 0.0)
    other = CallRefused("INVALID_ARGUMENT", "TRUNCATED", "expected the whole image")
    for refused, caller in ((FULL, GENERATOR), (FULL, None), (other, GENERATOR)):
        for _ in range(2):
            refusals.tell("/a", refused, caller)

    assert [(line["reason"], line["count"]) for line in told(caplog)] == [
        ("OVERLOAD", 1),
        ("OVERLOAD", 1),
        ("TRUNCATED", 1),
    ]


def test_no_more_kinds_are_remembered_than_that():
    refusals = Refusals(lambda: 0.0)
    for number in range(KINDS + 50):
        refusals.tell(f"/{number}", FULL, None)

    assert len(refusals._told) == KINDS
