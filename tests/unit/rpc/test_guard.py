import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest
from support.acting_gate import CHECK, GATE, Servicer, gate, health_of
from support.grpc_servers import IDENTITIES, channel, reason, retry_seconds, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import CallRefused
from cxrgate.rpc.channel import OPTIONS
from cxrgate.rpc.errors import PUSHBACK
from cxrgate.rpc.guard import Times
from cxrgate.rpc.limits import MESSAGE_BYTES, TRANSPORT_BYTES


def raw(content, method=CHECK, options=OPTIONS):
    """Send bytes as a message; gives the error."""
    servicer = Servicer()

    async def call():
        credentials = IDENTITIES["generator"].channel_credentials()
        async with (
            serving(gate(servicer)) as (_, address),
            grpc.aio.secure_channel(address, credentials, options) as opened,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await opened.unary_unary(method)(content, timeout=10)
            return error.value

    error = asyncio.run(call())
    assert servicer.calls == 0
    return error


@pytest.mark.parametrize(
    "content",
    [b"\x0a\xff", b"\x0a\x05\x12", b"\x0a\x03\x0a\x01\xff", b"\x0f", b"\x0b" * 200],
    ids=["length lies", "truncated", "invalid UTF-8", "wire type", "nested groups"],
)
def test_malformed_messages_are_the_callers_error(content):
    error = raw(content)

    assert (error.code(), reason(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")


UNLIMITED = ("grpc.max_send_message_length", -1)
AT_ONCE = ("grpc.enable_retries", 0)
COMPRESSED = ("grpc.default_compression_algorithm", 2)


@pytest.mark.parametrize("options", [[UNLIMITED], [UNLIMITED, COMPRESSED]], ids=["plain", "compressed"])
def test_message_above_the_limit_is_refused_with_the_limit_and_a_reason(options):
    error = raw(bytes(MESSAGE_BYTES + 1), options=options)

    assert (error.code(), reason(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert str(MESSAGE_BYTES) in error.details()
    assert dict(error.trailing_metadata())[PUSHBACK] == "-1"  # gRPC's own retries would send it again


@pytest.mark.parametrize("options", [[], [COMPRESSED]], ids=["plain", "compressed"])
def test_message_far_above_the_limit_is_cut_off_by_grpc_itself(options):
    error = raw(bytes(TRANSPORT_BYTES + 1), options=[UNLIMITED, AT_ONCE, *options])

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_of_many_calls_at_once_on_a_connection_none_is_refused_without_a_reason():
    options = [option for option in OPTIONS if option[0] != "grpc.service_config"]  # what is refused is not tried again

    async def call():
        credentials = IDENTITIES["generator"].channel_credentials()
        async with (
            serving(gate(Servicer())) as (_, address),
            grpc.aio.secure_channel(address, credentials, options) as opened,
        ):
            sent = [opened.unary_unary(CHECK)(bytes(200_000), timeout=30) for _ in range(1000)]
            return [await one.code() for one in sent]

    assert set(asyncio.run(call())) == {grpc.StatusCode.INVALID_ARGUMENT}


def test_unknown_method_is_unimplemented():
    assert raw(b"", f"/{GATE}/Release").code() is grpc.StatusCode.UNIMPLEMENTED


def test_large_metadata_is_refused():
    async def call():
        servicer = Servicer()
        async with serving(gate(servicer)) as (_, address), channel(address, "generator") as opened:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stubs.GateServiceStub(opened).CheckImage(
                    pb.CheckImageRequest(), timeout=5, metadata=[("key", "x" * 65536)]
                )
            return error.value.code(), servicer.calls

    assert asyncio.run(call()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 0)


@pytest.mark.parametrize("content", [b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], ids=["garbage", "HTTP/1"])
def test_garbage_on_the_port_harms_no_other_call(content):
    servicer = Servicer()

    async def call():
        async with serving(gate(servicer)) as (_, address), channel(address, "generator") as opened:
            host, port = address.split(":")
            with socket.create_connection((host, int(port))) as odd:
                odd.sendall(content)
                return await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=5)

    assert asyncio.run(call()).verdict.image_id


def test_message_above_the_limit_ends_a_stream_with_a_reason():
    async def call():
        credentials = IDENTITIES["generator"].channel_credentials()
        async with (
            serving(gate(Servicer())) as (_, address),
            grpc.aio.secure_channel(address, credentials, [UNLIMITED]) as opened,
        ):
            stream = opened.stream_stream(f"/{GATE}/CheckImages")()
            await stream.write(bytes(MESSAGE_BYTES + 1))
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stream.read()
            return error.value

    assert reason(asyncio.run(call())) == "MESSAGE_TOO_LARGE"


def test_malformed_message_ends_a_stream_with_the_callers_error():
    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "generator") as opened:
            stream = opened.stream_stream(f"/{GATE}/CheckImages")()
            await stream.write(b"\x0a\xff")
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stream.read()
            return error.value

    assert reason(asyncio.run(call())) == "MALFORMED"


def test_one_identity_cannot_take_the_server_from_the_others(monkeypatch):
    monkeypatch.setattr("cxrgate.rpc.admission.CALLS_PER_IDENTITY", 20)
    held, arrived = asyncio.Event(), asyncio.Semaphore(0)

    async def act(_):
        arrived.release()
        await held.wait()

    async def call():
        servicer = Servicer(act)
        async with (
            serving(gate(servicer)) as (_, address),
            channel(address, "generator") as greedy,
            channel(address, "monitor") as other,
        ):
            streams = [stubs.GateServiceStub(greedy).CheckImages() for _ in range(20)]
            for stream in streams:
                await stream.write(pb.CheckImagesRequest())
                await arrived.acquire()
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stubs.GateServiceStub(greedy).CheckImage(pb.CheckImageRequest(), timeout=10)
            status = await health_of(other, "")
            held.set()
            for stream in streams:
                await stream.done_writing()
                assert await stream.read() == pb.CheckImagesResponse()
                assert await stream.read() is grpc.aio.EOF
            again = await stubs.GateServiceStub(greedy).CheckImage(pb.CheckImageRequest(), timeout=10)
            return error.value, status, again.verdict.image_id

    error, status, image_id = asyncio.run(call())
    assert (error.code(), reason(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLS")
    assert status == "SERVING"
    assert image_id


def test_cancelled_call_cancels_its_handler():
    ended = asyncio.Event()

    async def act(_):
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    async def call():
        servicer = Servicer(act)
        async with serving(gate(servicer)) as (_, address), channel(address, "generator") as opened:
            pending = stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest())
            await servicer.called.wait()
            pending.cancel()
            await asyncio.wait_for(ended.wait(), 0.5)

    asyncio.run(call())


def half_open_call(opened):
    """A call whose message never comes, as far as gRPC lets one make it."""
    return opened.stream_unary(CHECK)(timeout=10)


def test_a_call_whose_message_never_comes_ends_with_its_time():
    async def call():
        servicer = Servicer()
        async with (
            serving(gate(servicer), times=Times(unary=0.5)) as (_, address),
            channel(address, "generator") as made,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await half_open_call(made)
        return error.value, servicer.calls

    error, calls = asyncio.run(call())
    assert (error.code().name, reason(error), calls) == ("DEADLINE_EXCEEDED", "DEADLINE", 0)


def test_where_there_is_no_room_no_message_is_read():
    def full(_):
        raise CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "too many", 0.2)

    async def call():
        service = replace(gate(Servicer()), room={"CheckImage": full})
        async with serving(service) as (_, address), channel(address, "generator") as made:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await half_open_call(made)
        return error.value

    error = asyncio.run(call())
    assert (error.code().name, reason(error)) == ("RESOURCE_EXHAUSTED", "OVERLOAD")
    assert retry_seconds(error) == 0.2


def test_a_call_that_ends_without_its_message_is_the_callers_error():
    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "generator") as made:
            opened = half_open_call(made)
            await opened.done_writing()
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await opened
        return error.value

    error = asyncio.run(call())
    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", "MALFORMED")


@asynccontextmanager
async def counting(address):
    """A way to the server that counts the bytes that go there; gives its address and the counts."""
    host, _, port = address.rpartition(":")
    counts, ends = [], []

    async def carry(reader, writer, counted):
        while content := await reader.read(65536):
            counted.append(len(content))
            writer.write(content)
            await writer.drain()
        writer.close()

    async def carry_both(reader, writer):
        back, to = await asyncio.open_connection(host, port)
        ends.extend((writer, to))
        await asyncio.gather(carry(reader, to, counts), carry(back, writer, []), return_exceptions=True)

    async with await asyncio.start_server(carry_both, "127.0.0.1") as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", counts
        for end in ends:
            end.close()


def test_of_an_image_whose_call_is_refused_little_is_received():
    """Though images before it were taken in whole, from which gRPC might learn how much there is room for."""
    full, calls, size = [], 8, 2**21

    def room(_):
        if full:
            raise CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "too many")

    async def call():
        service = replace(gate(Servicer()), room={"CheckImage": room})
        request = pb.CheckImageRequest(image=pb.Image(image_id="a", content=bytes(size)))
        async with (
            serving(service) as (_, address),
            counting(address) as (way, counts),
            channel(way, "generator") as made,
        ):
            stub = stubs.GateServiceStub(made)
            for _ in range(calls):
                await stub.CheckImage(request, timeout=10)
            taken = sum(counts)
            full.append(True)
            found = await asyncio.gather(
                *[stub.CheckImage(request, timeout=10) for _ in range(calls)], return_exceptions=True
            )
            assert {item.code().name for item in found} == {"RESOURCE_EXHAUSTED"}
            return taken, sum(counts) - taken

    taken, refused = asyncio.run(call())
    assert taken > calls * size
    assert refused < calls * 2**18
