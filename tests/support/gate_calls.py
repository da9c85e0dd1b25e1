"""Calls to a gate of fake stages, over real gRPC on loopback, with mTLS."""

import asyncio

import grpc

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from support.fake_gate import gate_server
from support.grpc_servers import channel


def image(content, image_id="a.png", media_type=0):
    return pb.Image(image_id=image_id, content=content, media_type=media_type)


def run(folder, call, role="generator", **settings):
    """What `call(stub, stages)` gives, beside a gate that logs to the folder."""

    async def go():
        async with gate_server(folder, **settings) as (stages, _, address), channel(address, role) as opened:
            return await call(stubs.GateServiceStub(opened), stages)

    return asyncio.run(go())


def check(folder, sent, **settings):
    """One CheckImage: the answer or the error."""

    async def call(stub, _):
        try:
            return await stub.CheckImage(pb.CheckImageRequest(image=sent), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error

    return run(folder, call, **settings)


def stream(contents, first=1, numbers=None, pause=0.0):
    """A call for `run`: CheckImages, and the answers before an error with the error, or with the stages."""

    async def requests():
        for place, content in enumerate(contents):
            number = numbers[place] if numbers else first + place
            yield pb.CheckImagesRequest(sequence=number, image=image(content, f"image{number}"))
            await asyncio.sleep(pause)

    async def call(stub, stages):
        found = []
        try:
            async for answer in stub.CheckImages(requests()):
                found.append(answer)  # noqa: PERF401 - what came before an error counts
        except grpc.aio.AioRpcError as error:
            return found, error
        return found, stages

    return call
