"""What the contract promises, read from its descriptors."""

import pytest

from cxrgate.api.gate.v1 import gate_service_pb2 as gate
from cxrgate.api.index.v1 import index_service_pb2 as index
from cxrgate.api.inference.v1 import inference_pb2 as inference

CALLER_REPLIES = ["GetPolicyResponse", "CheckImageResponse", "CheckImagesResponse"]
TELLING = {"score", "distance", "similarity", "typicality", "frontality", "reference_id", "patient_key", "candidates"}
TELLING |= {"reasons"}


def fields(message):
    """Every field below a message, by name."""
    for field in message.fields:
        yield field
        if field.message_type:
            yield from fields(field.message_type)


@pytest.mark.parametrize("name", CALLER_REPLIES)
def test_generators_see_no_score_distance_or_reference(name):
    names = {field.name for field in fields(gate.DESCRIPTOR.message_types_by_name[name])}

    assert names
    assert not names & TELLING


@pytest.mark.parametrize("name", ["CheckImageResponse", "CheckImagesResponse"])
def test_verdicts_hold_no_number_but_the_sequence(name):
    numeric = {f.name for f in fields(gate.DESCRIPTOR.message_types_by_name[name]) if f.type in {1, 2, 3, 4, 5, 13}}

    assert numeric <= {"sequence"}


@pytest.mark.parametrize("content", [b"", b"\x10\x00"])
def test_default_verdict_is_no_release(content):
    verdict = gate.Verdict.FromString(content)

    assert verdict.decision == gate.DECISION_UNSPECIFIED
    assert verdict.decision != gate.DECISION_ANONYMOUS


def test_unknown_decision_is_no_release():
    assert gate.Verdict.FromString(b"\x10\x63").decision == 99


def test_empty_answers_hold_no_outcome():
    assert gate.CheckImagesResponse().WhichOneof("outcome") is None
    assert inference.EmbedResult().WhichOneof("outcome") is None
    assert inference.VerifyResult().WhichOneof("outcome") is None


def test_wire_bytes_of_a_verdict_stay():
    verdict = gate.Verdict(image_id="a", decision=gate.DECISION_ANONYMOUS, receipt="r", policy_digest="p")

    assert (
        gate.CheckImageResponse(verdict=verdict).SerializeToString() == b"\x0a\x0b\x0a\x01a\x10\x01\x1a\x01r\x22\x01p"
    )


def test_wire_bytes_of_a_query_stay():
    row = index.Float32Matrix(rows=1, columns=1, values=b"\x00\x00\x80\x3f")
    query = index.FindNeighborsRequest(neighbor_count=3, spaces=[index.SPACE_IDENTITY], identity=row)

    assert query.SerializeToString() == b"\x10\x03\x1a\x01\x01\x22\x0a\x08\x01\x10\x01\x1a\x04\x00\x00\x80\x3f"
