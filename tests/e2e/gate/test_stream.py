import asyncio

import grpc
import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, SLOW, TEXT, with_quota
from support.gate_calls import image, run, stream
from support.grpc_servers import reason

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.rpc.guard import Times


def test_stream_answers_each_image_in_order(tmp_path):
    contents = [SLOW, CLEAN, LEAK, TEXT, CLEAN, BROKEN] * 20
    found, _ = run(tmp_path, stream(contents, first=7), roles=with_quota(10000, 10000))

    assert [item.sequence for item in found] == list(range(7, 127))
    outcomes = [item.verdict.decision if item.HasField("verdict") else item.error.reason for item in found[:6]]
    assert outcomes == [1, 1, 2, "IMAGE_UNDECODABLE", 1, "NOT_CHECKED"]
    assert [item.verdict.image_id or item.error.image_id for item in found] == [f"image{n}" for n in range(7, 127)]


def test_one_poisoned_image_fails_alone(tmp_path):
    found, _ = run(tmp_path, stream([CLEAN, CLEAN, TEXT, CLEAN]))

    assert [item.HasField("verdict") for item in found] == [True, True, False, True]


def test_a_caller_that_sends_one_image_at_a_time_is_answered_one_at_a_time(tmp_path):
    async def call(stub, _):
        opened = stub.CheckImages()
        for number in range(1, 4):
            await opened.write(pb.CheckImagesRequest(sequence=number, image=image(CLEAN)))
            answer = await asyncio.wait_for(opened.read(), 10)
            assert answer.sequence == number
        await opened.done_writing()
        return await opened.code()

    assert run(tmp_path, call) is grpc.StatusCode.OK


def test_empty_stream_is_ok(tmp_path):
    found, _ = run(tmp_path, stream([]))

    assert found == []


@pytest.mark.parametrize("numbers", [[1, 2, 4], [1, 1, 2], [5, 4], [2**63, 2**63 + 2], [2**64 - 1, 0]])
def test_a_gap_or_a_repeat_ends_the_stream_after_the_answers_before_it(tmp_path, numbers):
    found, error = run(tmp_path, stream([CLEAN] * len(numbers), numbers=numbers))

    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", "SEQUENCE")
    assert [item.sequence for item in found] == numbers[: len(found)]
    assert len(found) == (2 if numbers[:2] == [1, 2] else 1)


def test_stream_reads_no_further_than_its_window(tmp_path):
    async def call(stub, stages):
        stages.hold.clear()
        sent = 0

        async def requests():
            nonlocal sent
            for number in range(200):
                sent = number
                yield pb.CheckImagesRequest(sequence=number, image=image(b"x" * 300_000))

        opened = stub.CheckImages(requests())
        await asyncio.wait_for(stages.running.wait(), 10)
        await asyncio.sleep(2)
        ahead = sent
        opened.cancel()
        stages.hold.set()
        return ahead

    # The window of 32 images, and what gRPC itself takes in before anybody reads it.
    assert run(tmp_path, call) < 100


def test_idle_stream_is_ended(tmp_path):
    found, error = run(tmp_path, stream([CLEAN, CLEAN], pause=3), times=Times(idle=1))

    assert len(found) == 1
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
