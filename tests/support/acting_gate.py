"""A gate that does what a test tells it, behind real gRPC, and one call to it."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.guard import current_caller
from cxrgate.rpc.server import Service
from support.grpc_servers import channel, serving

GATE = "cxrgate.api.gate.v1.GateService"
CHECK = f"/{GATE}/CheckImage"


class Servicer(stubs.GateServiceServicer):
    """Does what `act` does with each request, answers with what it gives or with the caller's identity, and counts."""

    def __init__(self, act=None):
        self.calls = 0
        self.called = asyncio.Event()
        self.act = act

    async def CheckImage(self, request, context):
        self.calls += 1
        self.called.set()
        answer = await self.act(request) if self.act else ""
        return pb.CheckImageResponse(verdict=pb.Verdict(image_id=answer or current_caller().identity))

    async def CheckImages(self, requests, context):
        async for request in requests:
            self.calls += 1
            if self.act:
                await self.act(request)
            yield pb.CheckImagesResponse(sequence=request.sequence)


def gate(servicer):
    return Service(GATE, servicer, stubs.add_GateServiceServicer_to_server)


def ask(act=None, role="generator", content=b"", timeout=5, times=None):
    """One CheckImage; gives what came and how often the handler ran."""
    servicer = Servicer(act)

    async def call():
        async with serving(gate(servicer), times=times) as (_, address), channel(address, role) as opened:
            request = pb.CheckImageRequest(image=pb.Image(image_id="a", content=content))
            try:
                return await stubs.GateServiceStub(opened).CheckImage(request, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                return error

    return asyncio.run(call()), servicer.calls


def raising(error):
    async def act(_):
        raise error

    return act


async def health_of(opened, service):
    request = health_pb2.HealthCheckRequest(service=service)
    answer = await health_pb2_grpc.HealthStub(opened).Check(request, timeout=5)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
