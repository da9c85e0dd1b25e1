"""Streams over a link that breaks at random bytes: every image is answered once, in order, and rightly."""

import asyncio
import contextlib
import random

from support.fake_gate import CLEAN, LEAK, gate_server, with_quota
from support.grpc_servers import IDENTITIES

from cxrgate.client import AsyncGate, Image

CUTS = 8


class Link:
    """A relay to an address that cuts its first connections after random numbers of bytes."""

    def __init__(self, address, cuts):
        self._host, self._port = address.split(":")
        self._random = random.Random(0)
        self.cuts_left = cuts

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _relay(self, reader, writer):
        there, back = await asyncio.open_connection(self._host, int(self._port))
        # The handshake takes about 4 kB; what is cut is the stream.
        left = self._random.randrange(6_000, 60_000) if self.cuts_left else None
        ways = [asyncio.create_task(self._pump(reader, back, left)), asyncio.create_task(self._pump(there, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, back):
            end.transport.abort()

    async def _pump(self, reader, writer, left=None):
        while content := await reader.read(4096 if left is None else min(left, 4096)):
            writer.write(content)
            await writer.drain()
            if left is not None:
                left -= len(content)
                if left == 0:
                    self.cuts_left -= 1
                    return


def test_stream_over_a_breaking_link_answers_each_image_once_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("cxrgate.client.aio.PAUSE_SECONDS", 0.01)
    images = [Image(LEAK if number % 3 == 0 else CLEAN, f"{number:0100}") for number in range(2500)]

    async def source():
        for image in images:
            yield image

    async def call():
        roles = with_quota(10**7, 10**7)
        async with gate_server(tmp_path, roles=roles) as (_, _, address):
            link = Link(address, CUTS)
            async with link.listening() as at, AsyncGate(at, IDENTITIES["generator"]) as gate:
                return [verdict async for verdict in gate.check_many(source())], link.cuts_left

    found, left = asyncio.run(call())
    assert left == 0
    assert [verdict.image_id for verdict in found] == [image.image_id for image in images]
    assert all(verdict.released == (number % 3 != 0) for number, verdict in enumerate(found))
