"""A TCP relay that does to what passes what a bad network does. Toxics are named as toxiproxy names them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLICE = 400


class FaultProxy:
    """Relays connections to an address; `toxic` may be changed while they are open.

    "": nothing; "latency": each piece waits; "slicer": pieces of a few bytes; "timeout": nothing passes any more;
    "reset_peer": connections are cut; "half": only what goes to the server passes; "corrupt": one bit is flipped.
    """

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self.toxic, self.address, self.passed = "", "", 0

    @contextmanager
    def listening(self) -> Iterator[FaultProxy]:
        """Relay in a thread until the end."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
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
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(SLICE if self.toxic == "slicer" else 65_536):
                self.passed += len(content)
                while self.toxic == "timeout" or (self.toxic == "half" and back):  # noqa: ASYNC110 - set by a thread
                    await asyncio.sleep(0.02)
                if self.toxic == "reset_peer":
                    return
                if self.toxic == "latency":
                    await asyncio.sleep(0.1)
                if self.toxic == "corrupt":
                    content = bytes([content[0] ^ 1, *content[1:]])
                    self.toxic = ""
                writer.write(content)
                await writer.drain()
