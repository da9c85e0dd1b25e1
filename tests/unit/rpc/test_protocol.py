"""What callers can do below the level of calls, and what it does to others."""

import asyncio
import contextlib
import socket
import threading
import time

import grpc
import psutil
import pytest
from h2.events import ConnectionTerminated
from support.grpc_servers import IDENTITIES, channel, reason, serving
from support.http2_caller import Caller

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc import channel as channels
from cxrgate.rpc import server as servers
from cxrgate.rpc.limits import MESSAGE_BYTES, STREAMS_PER_CONNECTION
from cxrgate.rpc.server import Service

GATE = "cxrgate.api.gate.v1.GateService"
CHECK = f"/{GATE}/CheckImage"
ENHANCE_YOUR_CALM = 11
SILENT = 300


class Echo(stubs.GateServiceServicer):
    """Answers with as many bytes as the image's id says, and counts."""

    def __init__(self):
        self.calls = 0

    async def CheckImage(self, request, context):
        self.calls += 1
        return pb.CheckImageResponse(verdict=pb.Verdict(receipt="x" * int(request.image.image_id)))


def beside(call):
    """Run `call(address, probe)` beside a server; `probe()` is another caller's call and gives its seconds."""
    servicer = Echo()

    async def go():
        service = Service(GATE, servicer, stubs.add_GateServiceServicer_to_server)
        async with serving(service) as (_, address), channel(address, "generator") as opened:
            stub = stubs.GateServiceStub(opened)

            async def probe(size=1):
                begun = time.perf_counter()
                await stub.CheckImage(pb.CheckImageRequest(image=pb.Image(image_id=str(size))), timeout=10)
                return time.perf_counter() - begun

            await probe()
            return await call(address, probe)

    return asyncio.run(go()), servicer


async def caller(folder, address):
    return await asyncio.to_thread(Caller, folder, IDENTITIES["monitor"], address, CHECK)


def test_answer_above_the_limit_is_not_sent(tmp_path):
    async def call(_, probe):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await probe(MESSAGE_BYTES + 1)
        await probe()
        return error.value

    error, _ = beside(call)
    assert (error.code(), reason(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE")
    assert str(MESSAGE_BYTES) in error.details()


def test_half_open_calls_hold_up_no_other_call(tmp_path):
    connections = 8

    async def call(address, probe):
        with contextlib.ExitStack() as opened:
            for number in range(connections):
                other = opened.enter_context(await caller(tmp_path / str(number), address))
                await asyncio.to_thread(other.half_open, STREAMS_PER_CONNECTION)
            await asyncio.sleep(0.5)
            return sorted([await probe() for _ in range(50)])

    seconds, servicer = beside(call)
    assert seconds[25] < 0.2
    assert servicer.calls == 51


def test_flood_of_resets_holds_up_no_other_call_and_takes_no_memory(tmp_path):
    process = psutil.Process()

    async def call(address, probe):
        before = process.memory_info().rss
        with await caller(tmp_path / "caller", address) as other:
            flood = asyncio.create_task(asyncio.to_thread(other.open_and_reset, 5000))
            while not flood.done():
                await probe()
            # A server may end such a connection; it may not do so to the other caller's.
            await asyncio.gather(flood, return_exceptions=True)
            for _ in range(10):
                await probe()
        return process.memory_info().rss - before

    grown, servicer = beside(call)
    assert grown < 64 * 2**20
    assert servicer.calls >= 11


def test_no_other_call_is_given_up_while_thousands_wait_to_be_taken_up(tmp_path):
    async def call(address, probe):
        with await caller(tmp_path / "caller", address) as other:
            flood = threading.Thread(target=other.open_and_reset, args=(4000,))
            flood.start()
            flood.join()  # the event loop takes up none of them meanwhile
            return await asyncio.gather(*[probe() for _ in range(50)], return_exceptions=True)

    answers, _ = beside(call)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []


def test_caller_that_pings_too_often_is_told_to_calm_down(tmp_path):
    async def call(address, probe):
        with await caller(tmp_path / "caller", address) as other:
            await asyncio.to_thread(other.ping, 10)
            events = await asyncio.to_thread(other.events, 5)
        await probe()
        return [event for event in events if isinstance(event, ConnectionTerminated)]

    ended, _ = beside(call)
    assert ended[0].error_code == ENHANCE_YOUR_CALM


def test_our_own_callers_ping_no_more_often_than_our_servers_accept():
    accepted = dict(servers.OPTIONS)["grpc.http2.min_recv_ping_interval_without_data_ms"]

    assert dict(channels.OPTIONS)["grpc.keepalive_time_ms"] > accepted


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a handshake"])
def test_connections_without_a_handshake_keep_no_caller_out(first):
    async def call(address, _):
        host, port = address.split(":")
        with contextlib.ExitStack() as opened:
            for _ in range(SILENT):
                silent = opened.enter_context(socket.create_connection((host, int(port)), 10))
                silent.sendall(first)
            begun = time.perf_counter()
            async with channel(address, "generator") as new:
                asked = pb.CheckImageRequest(image=pb.Image(image_id="1"))
                await stubs.GateServiceStub(new).CheckImage(asked, timeout=20)
            return time.perf_counter() - begun

    assert beside(call)[0] < 5


def test_connection_that_says_nothing_is_closed(monkeypatch):
    options = [(name, 500 if name == "grpc.server_handshake_timeout_ms" else value) for name, value in servers.OPTIONS]
    assert ("grpc.server_handshake_timeout_ms", 500) in options
    monkeypatch.setattr(servers, "OPTIONS", options)

    async def call(address, probe):
        host, port = address.split(":")

        def wait():
            with socket.create_connection((host, int(port)), 10) as silent:
                begun = time.monotonic()
                return silent.recv(1), time.monotonic() - begun

        waited = await asyncio.to_thread(wait)
        await probe()
        return waited

    (received, seconds), _ = beside(call)
    assert received == b""
    assert seconds < 5
