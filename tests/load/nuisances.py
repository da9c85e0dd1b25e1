"""Callers that hold something and give nothing: calls without a message, silent connections, unread streams."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from load.host import Loaded
from load.identities import CROWD, SLOW
from support.http2_caller import Caller

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.channel import Identity, open_aio_channel

CHECK_IMAGE = f"/{pb.DESCRIPTOR.services_by_name['GateService'].full_name}/CheckImage"
PER_CONNECTION = 125


@contextmanager
def half_open(gate: Loaded, count: int) -> Iterator[None]:
    """So many calls whose message never comes, of one identity."""
    identity = Identity.read(gate.corpus.folder / "certificates" / CROWD)
    with ExitStack() as stack, TemporaryDirectory() as own:
        for number in range(-(-count // PER_CONNECTION)):
            caller = Caller(Path(own) / str(number), identity, gate.process.address, CHECK_IMAGE)
            stack.enter_context(caller)
            caller.half_open(min(PER_CONNECTION, count))
            caller.events(0.05)
        yield


@contextmanager
def silent(gate: Loaded, count: int) -> Iterator[None]:
    """So many connections on which nothing is ever said."""
    host, port = gate.process.address.split(":")
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, int(port)), 10))
        yield


@contextmanager
def slow_readers(gate: Loaded, count: int) -> Iterator[None]:
    """So many streams that send images, want them back, and read no answer."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_not_reading(gate, count, stop)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _not_reading(gate: Loaded, count: int, stop: threading.Event) -> None:
    identity = Identity.read(gate.corpus.folder / "certificates" / SLOW)
    images = [path.read_bytes() for path in sorted(gate.corpus.images.iterdir())]

    async def requests() -> Any:
        for number in range(10**9):
            image = pb.Image(image_id=f"slow-{number}", content=images[number % len(images)])
            yield pb.CheckImagesRequest(sequence=number, image=image, return_image=True)

    async with open_aio_channel(gate.process.address, identity) as channel:
        streams: list[grpc.aio.StreamStreamCall[Any, Any]] = [
            stubs.GateServiceStub(channel).CheckImages(requests()) for _ in range(count)
        ]
        await asyncio.to_thread(stop.wait)
        for stream in streams:
            stream.cancel()
