"""More than the gate takes at a time: batches, refusals, queues, quotas."""

import asyncio

import grpc
import pytest
from support.acting_gate import CHECK
from support.fake_gate import CLEAN, with_quota
from support.gate_calls import check, image, run, stream
from support.grpc_servers import reason, retry_seconds

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.rpc.metrics import Metrics


@pytest.fixture
def under_way(monkeypatch):
    """Wait until the next server is answering so many calls of CheckImage."""
    metrics = Metrics()
    monkeypatch.setattr("cxrgate.rpc.server.Metrics", lambda: metrics)

    async def wait(count):
        while metrics.registry.get_sample_value("cxrgate_rpc_open", {"rpc": CHECK}) != count:  # noqa: ASYNC110 - the server's own count
            await asyncio.sleep(0.01)

    return wait


def test_images_of_a_busy_service_share_batches(tmp_path, under_way):
    async def call(stub, stages):
        stages.hold.clear()
        calls = [stub.CheckImage(pb.CheckImageRequest(image=image(CLEAN)), timeout=10) for _ in range(40)]
        waiting = asyncio.gather(*calls)
        await under_way(40)
        stages.hold.set()
        await waiting
        return stages.sizes

    sizes = run(tmp_path, call)
    assert sum(sizes) == 40
    assert len(sizes) <= 8
    assert max(sizes) <= 16


def test_unary_calls_above_the_limit_are_refused_at_once_and_say_when_to_come_back(tmp_path, under_way):
    async def call(stub, stages):
        stages.hold.clear()
        request = pb.CheckImageRequest(image=image(CLEAN))
        held = [asyncio.ensure_future(stub.CheckImage(request, timeout=10)) for _ in range(2)]
        await under_way(2)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(request, timeout=10)
        stages.hold.set()
        return error.value, await asyncio.gather(*held)

    error, held = run(tmp_path, call, in_flight=4)
    assert (error.code().name, reason(error)) == ("RESOURCE_EXHAUSTED", "OVERLOAD")
    assert 0 < retry_seconds(error) < 5
    assert [item.verdict.decision for item in held] == [1, 1]


def test_streams_wait_where_unary_calls_are_refused(tmp_path):
    found, _ = run(tmp_path, stream([CLEAN] * 30), in_flight=2)

    assert [item.verdict.decision for item in found] == [1] * 30


def test_cancelled_image_leaves_the_queue(tmp_path, under_way):
    async def call(stub, stages):
        stages.hold.clear()
        request = pb.CheckImageRequest(image=image(CLEAN))
        first = asyncio.ensure_future(stub.CheckImage(request, timeout=10))
        await asyncio.wait_for(stages.running.wait(), 5)
        with pytest.raises(grpc.aio.AioRpcError):
            await asyncio.gather(*[stub.CheckImage(request, timeout=0.5) for _ in range(10)])
        await under_way(1)
        stages.hold.set()
        await first
        return sum(stages.sizes)

    # One running; two more batches of what came first; the rest of the ten is dropped unchecked.
    assert run(tmp_path, call) < 11


def test_quota_ends_a_stream_and_survives_a_restart(tmp_path):
    roles = with_quota(5, 1000)
    found, error = run(tmp_path, stream([CLEAN] * 8), roles=roles)

    assert len(found) == 5
    assert (error.code().name, reason(error)) == ("RESOURCE_EXHAUSTED", "QUOTA")
    again = check(tmp_path, image(CLEAN), roles=roles)
    assert (again.code().name, reason(again)) == ("RESOURCE_EXHAUSTED", "QUOTA")


def test_rate_refuses_unary_calls_with_a_delay_and_slows_streams(tmp_path):
    async def call(stub, _):
        request = pb.CheckImageRequest(image=image(CLEAN))
        answers = await asyncio.gather(
            *[stub.CheckImage(request, timeout=0.9) for _ in range(8)], return_exceptions=True
        )
        loop = asyncio.get_running_loop()
        started = loop.time()
        found, _ = await stream([CLEAN] * 6)(stub, None)
        return answers, len(found), loop.time() - started

    answers, count, seconds = run(tmp_path, call, roles=with_quota(1000, 4))
    assert any(isinstance(item, grpc.aio.AioRpcError) for item in answers)
    assert count == 6
    assert seconds > 1
