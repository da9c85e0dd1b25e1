"""Whether there is a connection to a model server: real ones on loopback."""

import asyncio
import time

import grpc

from cxrgate.serving.address import free_port
from cxrgate.serving.asking import OPTIONS, is_connected


def test_a_server_that_ends_is_told_at_once_and_one_that_is_back_within_two_seconds():
    address = f"127.0.0.1:{free_port('127.0.0.1')}"

    async def served():
        server = grpc.aio.server()
        server.add_insecure_port(address)
        await server.start()
        return server

    async def call():
        async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
            begun = time.monotonic()
            found = [await is_connected(channel)]
            server = await served()
            await channel.channel_ready()
            found.append(await is_connected(channel))
            await server.stop(0)
            # The word of its end may be on its way when stop returns.
            async with asyncio.timeout(2):
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
            found.append(await is_connected(channel))
            return found, time.monotonic() - begun

    found, seconds = asyncio.run(call())
    assert found == [False, True, False]
    assert seconds < 10
