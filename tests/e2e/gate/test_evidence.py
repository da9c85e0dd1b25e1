"""What the gate's log keeps, and who may read it."""

import asyncio
import json

import grpc
import pytest
from support.fake_gate import CLEAN, LEAK
from support.gate_calls import check, image, run
from support.grpc_servers import reason

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.hashlog import HashLog, verify_log


def test_evidence_goes_to_the_reviewer_and_reading_it_is_recorded_first(tmp_path):
    receipt = check(tmp_path, image(LEAK)).verdict.receipt
    request = pb.GetEvidenceRequest(receipt=receipt)
    found = run(tmp_path, lambda stub, _: stub.GetEvidence(request, timeout=5), role="reviewer").evidence

    assert (found.image_id, found.decision, list(found.reasons)) == ("a.png", 2, ["SAME_PATIENT"])
    assert found.score == 0.988  # the log has all of it
    assert [item.reference_id for item in found.candidates] == ["reference0", "reference1", "reference2"]
    assert (found.typicality, found.frontality) == (0.5, 0.875)
    assert found.identity == "spiffe://cxrgate/generator"
    lines = [json.loads(line.split(" ", 1)[1]) for line in (tmp_path / "gate.log").read_text().splitlines()]
    assert [(line["event"], line["identity"].rsplit("/", 1)[1]) for line in lines] == [
        ("image_checked", "generator"),
        ("evidence_read", "reviewer"),
    ]
    assert verify_log(tmp_path / "gate.log").count == 2


def test_evidence_of_an_older_log_has_no_frontality(tmp_path):
    content = {"identity": "generator", "image_id": "a.png", "receipt": "r", "decision": "ANONYMOUS", "reasons": []}
    numbers = {"score": 0.1, "similarity": 0.2, "typicality": 0.5, "candidates": []}
    content |= {**numbers, "pixel_digest": "p", "policy_digest": "d"}

    async def written():
        log = HashLog(tmp_path / "gate.log")
        await log.append("image_checked", **content)
        await log.close()

    asyncio.run(written())
    request = pb.GetEvidenceRequest(receipt="r")
    found = run(tmp_path, lambda stub, _: stub.GetEvidence(request, timeout=5), role="reviewer").evidence

    assert found.typicality == 0.5
    assert not found.HasField("frontality")


@pytest.mark.parametrize("receipt", ["", "x", "A" * 32, "../.."])
def test_invented_receipts_are_not_found(tmp_path, receipt):
    async def call(stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetEvidence(pb.GetEvidenceRequest(receipt=receipt), timeout=5)
        return error.value

    assert reason(run(tmp_path, call, role="reviewer")) == "RECEIPT"


def test_nothing_is_answered_once_the_log_cannot_be_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    async def call(stub, _):
        monkeypatch.setattr("cxrgate.hashlog.log.os.fsync", full)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(pb.CheckImageRequest(image=image(CLEAN)), timeout=10)
        return error.value

    assert reason(run(tmp_path, call)) == "AUDIT"
