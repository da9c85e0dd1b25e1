"""A TCP relay that does to what passes what a bad network does. Toxics are named as toxiproxy names them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT, RATE = 20_000, 16_384
_SIZES = {"slicer": 400, "bandwidth": 1024}


class FaultProxy:
    """Relays connections to an address; `toxic` may be changed while they are open.

    "": nothing; "latency": each piece waits; "jitter": each waits for another time; "bandwidth": 16 KiB a second;
    "slicer": pieces of a few bytes; "timeout": nothing passes any more; "half": only what goes to the server passes;
    "reset_peer": connections are cut; "limit_data": each is cut after 20 kB; "slow_close": the server's end is closed,
    and the caller is not told; "corrupt": one bit is flipped, once.
    """

    def __init__(self, upstream: str, host: str = "127.0.0.1") -> None:
        self._listen, self._random = host, random.Random(0)
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self.toxic, self.address, self.passed = "", "", 0

    @contextmanager
    def listening(self) -> Iterator[FaultProxy]:
        """Relay in a thread until the end."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._relay, self._listen, 0))
        self.address = f"{self._listen}:{server.sockets[0].getsockname()[1]}"
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self._stop, loop, server)
            thread.join()
            loop.close()

    def _stop(self, loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        ended = asyncio.gather(*tasks, return_exceptions=True)
        ended.add_done_callback(lambda _: loop.stop())

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        ways = [
            asyncio.create_task(self._pump(reader, back)),
            asyncio.create_task(self._pump(there, writer, back=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if self.toxic == "slow_close":
                back.transport.abort()
                while self.toxic == "slow_close":  # noqa: ASYNC110 - set by a thread
                    await asyncio.sleep(0.02)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while content := await reader.read(_SIZES.get(self.toxic, 65_536)):
                self.passed += len(content)
                passed += len(content)
                while self.toxic == "timeout" or (self.toxic == "half" and back):  # noqa: ASYNC110 - set by a thread
                    await asyncio.sleep(0.02)
                if self.toxic in {"reset_peer", "slow_close"} or (self.toxic == "limit_data" and passed > LIMIT):
                    return
                await self._wait(len(content))
                if self.toxic == "corrupt":
                    content = bytes([content[0] ^ 1, *content[1:]])
                    self.toxic = ""
                writer.write(content)
                await writer.drain()

    async def _wait(self, count: int) -> None:
        if self.toxic == "latency":
            await asyncio.sleep(0.1)
        if self.toxic == "jitter":
            await asyncio.sleep(self._random.uniform(0, 0.1))
        if self.toxic == "bandwidth":
            await asyncio.sleep(count / RATE)
