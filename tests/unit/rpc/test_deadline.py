import asyncio

import grpc
import pytest
from support.acting_gate import Servicer, ask, gate
from support.grpc_servers import channel, reason, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.deadline import remaining
from cxrgate.rpc.guard import Times


async def slow(_):
    await asyncio.sleep(30)


@pytest.mark.parametrize("timeout", [0.2, None, 864000])
def test_calls_end_by_their_deadline_or_the_servers(timeout):
    answer, _ = ask(slow, timeout=timeout, times=Times(unary=0.5))

    assert answer.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_calls_made_for_a_call_get_less_time_than_it_has():
    seen = []

    async def act(_):
        seen.append(remaining(10))

    ask(act, timeout=2)
    assert 1 < seen[0] < 1.96


def test_calling_on_without_time_left_is_refused():
    async def act(_):
        await asyncio.sleep(0.2)
        remaining(10)

    answer, _ = ask(act, timeout=None, times=Times(unary=0.22))
    assert reason(answer) == "DEADLINE"


def test_stream_that_stops_moving_is_ended_and_one_that_moves_is_not():
    async def call(pause, count):
        async with (
            serving(gate(Servicer()), times=Times(idle=0.5)) as (_, address),
            channel(address, "generator") as opened,
        ):
            stream = stubs.GateServiceStub(opened).CheckImages()
            for number in range(count):
                await stream.write(pb.CheckImagesRequest(sequence=number))
                await stream.read()
                await asyncio.sleep(pause)
            await stream.done_writing()
            return await stream.code()

    assert asyncio.run(call(0.2, 6)) is grpc.StatusCode.OK
    with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
        asyncio.run(call(2, 2))
