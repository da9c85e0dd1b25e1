"""Channels of ours go past the proxies that the environment names."""

import asyncio
import socket

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.grpc_servers import IDENTITIES, serving

from cxrgate.rpc import channel
from cxrgate.serving.torchserve.predictions import open_models_channel

PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(autouse=True)
def _proxy(monkeypatch):
    """A proxy that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://127.0.0.1:{listening.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield


async def ask(opened):
    async with opened:
        stub = health_pb2_grpc.HealthStub(opened)
        return await stub.Check(health_pb2.HealthCheckRequest(), timeout=3)


def test_a_proxy_of_the_environment_is_passed_by():
    async def call():
        async with serving() as (_, address):
            return await ask(channel.open_aio_channel(address, IDENTITIES["gate"]))

    assert asyncio.run(call()).status == health_pb2.HealthCheckResponse.SERVING


def test_without_the_option_the_proxy_would_be_asked(monkeypatch):
    monkeypatch.setattr(channel, "OPTIONS", [option for option in channel.OPTIONS if option != channel.NO_PROXY])

    async def call():
        async with serving() as (_, address):
            await ask(channel.open_aio_channel(address, IDENTITIES["gate"]))

    with pytest.raises(grpc.aio.AioRpcError):
        asyncio.run(call())


def test_the_channel_to_the_model_server_passes_it_by_too():
    async def call():
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask(open_models_channel(f"127.0.0.1:{port}"))
        finally:
            await server.stop(0)
        return caught.value.code()

    assert asyncio.run(call()) is grpc.StatusCode.UNIMPLEMENTED
