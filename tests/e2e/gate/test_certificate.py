"""A gate that answers under a certificate."""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from support.fake_gate import CLEAN
from support.gate_calls import image, run
from support.grpc_servers import reason

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.certification import Certificate


class Clock:
    """Before the certificate's end until it is told otherwise."""

    def __init__(self):
        self.time = datetime(2026, 11, 25, tzinfo=UTC)
        self.certificate = Certificate("digest", {}, self.time + timedelta(days=1), {})

    def __call__(self):
        return self.time

    def pass_the_end(self):
        self.time = self.certificate.expires


def certified(folder, call):
    clock = Clock()
    return run(folder, lambda stub, _: call(stub, clock), certificate=clock.certificate, now=clock)


def test_a_certified_gate_names_its_certificate(tmp_path):
    answer = certified(tmp_path, lambda stub, _: stub.GetPolicy(pb.GetPolicyRequest(), timeout=5))

    assert answer.policy.certification == "digest"


def test_when_the_certificate_is_over_nothing_is_answered_any_more(tmp_path):
    async def call(stub, clock):
        request = pb.CheckImageRequest(image=image(CLEAN))
        before = await stub.CheckImage(request, timeout=5)
        clock.pass_the_end()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(request, timeout=5)
        return before, error.value

    before, error = certified(tmp_path, call)
    assert before.verdict.decision == pb.DECISION_ANONYMOUS
    assert (error.code().name, reason(error)) == ("FAILED_PRECONDITION", "CERTIFICATE_INVALID")


def test_a_stream_ends_when_the_certificate_is_over(tmp_path):
    async def call(stub, clock):
        opened = stub.CheckImages()
        await opened.write(pb.CheckImagesRequest(sequence=1, image=image(CLEAN)))
        first = await asyncio.wait_for(opened.read(), 5)
        clock.pass_the_end()
        await opened.write(pb.CheckImagesRequest(sequence=2, image=image(CLEAN)))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(opened.read(), 5)
        return first, error.value

    first, error = certified(tmp_path, call)
    assert first.verdict.decision == pb.DECISION_ANONYMOUS
    assert reason(error) == "CERTIFICATE_INVALID"
