import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.acting_gate import GATE, Servicer, gate, health_of
from support.grpc_servers import channel, reason, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.health import HEALTH, HealthListResponse


def test_liveness_is_not_readiness():
    async def call():
        async with serving(gate(Servicer())) as (server, address), channel(address, "monitor") as opened:
            await server.set_ready(GATE, ready=False)
            return await health_of(opened, ""), await health_of(opened, GATE)

    assert asyncio.run(call()) == ("SERVING", "NOT_SERVING")


def test_health_of_an_unknown_service_is_not_found():
    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "monitor") as opened:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await health_of(opened, "other")
            return error.value.code(), reason(error.value)

    assert asyncio.run(call()) == (grpc.StatusCode.NOT_FOUND, "SERVICE")


def test_health_lists_every_service():
    async def call():
        async with serving(gate(Servicer())) as (server, address), channel(address, "monitor") as opened:
            ask = opened.unary_unary("/grpc.health.v1.Health/List", None, HealthListResponse.FromString)
            before = await ask(b"", timeout=5)
            await server.set_ready(GATE, ready=False)
            return [{name: told.status for name, told in each.statuses.items()} for each in (before, await ask(b""))]

    assert asyncio.run(call()) == [{"": 1, GATE: 1}, {"": 1, GATE: 2}]


def test_who_watches_hears_of_a_change_though_another_has_left():
    async def call():
        async with serving(gate(Servicer())) as (server, address), channel(address, "monitor") as opened:
            request = health_pb2.HealthCheckRequest(service=GATE)
            watches = [health_pb2_grpc.HealthStub(opened).Watch(request) for _ in range(2)]
            before = [(await each.read()).status for each in watches]
            watches[0].cancel()
            await asyncio.sleep(0.2)  # until the server has seen it
            await server.set_ready(GATE, ready=False)
            after = await asyncio.wait_for(watches[1].read(), 5)
            return before, after.status

    assert asyncio.run(call()) == ([1, 1], 2)


def test_draining_finishes_accepted_calls_and_reports_not_serving_first():
    async def act(_):
        await asyncio.sleep(0.5)

    async def call():
        servicer = Servicer(act)
        async with (
            serving(gate(servicer)) as (server, address),
            channel(address, "monitor") as opened,
            channel(address, "generator") as other,
        ):
            pending = stubs.GateServiceStub(other).CheckImage(pb.CheckImageRequest())
            watch = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest(service=GATE))
            first = await watch.read()
            await servicer.called.wait()
            drain = asyncio.create_task(server.drain(5))
            second = await watch.read()
            answer = await pending
            watch.cancel()
            await drain
            return first.status, second.status, answer.verdict.image_id

    serving_, stopped, image_id = asyncio.run(call())
    assert (serving_, stopped) == (1, 2)
    assert image_id


def test_reflection_lists_the_services():
    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "reviewer") as opened:
            stream = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo()
            await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            answer = await stream.read()
            await stream.done_writing()
            return {service.name for service in answer.list_services_response.service}

    assert {GATE, HEALTH} <= asyncio.run(call())
