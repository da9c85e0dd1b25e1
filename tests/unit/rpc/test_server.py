import asyncio
import socket
from datetime import timedelta

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_set import AUTHORITY, IDENTITIES, ROLES, channel, reason, retry_seconds, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import ImageError, MismatchError, UsageError
from cxrgate.rpc.certs import LOCAL, Authority, write_development_certificates
from cxrgate.rpc.channel import OPTIONS, Identity, open_aio_channel
from cxrgate.rpc.deadline import remaining
from cxrgate.rpc.errors import CallRefused
from cxrgate.rpc.guard import Times, current_caller
from cxrgate.rpc.limits import MESSAGE_BYTES
from cxrgate.rpc.roles import rpc_names
from cxrgate.rpc.server import HEALTH, Server, Service

GATE = "cxrgate.api.gate.v1.GateService"
CHECK = f"/{GATE}/CheckImage"


class Servicer(stubs.GateServiceServicer):
    """Does what the image's id says, and counts."""

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


def ask(act=None, role="generator", content=b"", timeout=5, times=None, identity=None):
    """One CheckImage; gives what came and how often the handler ran."""
    servicer = Servicer(act)

    async def call():
        async with serving(gate(servicer), times=times) as (_, address):
            opened = open_aio_channel(address, identity) if identity else channel(address, role)
            async with opened:
                request = pb.CheckImageRequest(image=pb.Image(image_id="a", content=content))
                try:
                    return await stubs.GateServiceStub(opened).CheckImage(request, timeout=timeout)
                except grpc.aio.AioRpcError as error:
                    return error

    return asyncio.run(call()), servicer.calls


def test_identity_is_read_from_the_certificate():
    answer, calls = ask()

    assert calls == 1
    assert answer.verdict.image_id == "spiffe://cxrgate/generator"


OTHER = Authority.create()
PAST = timedelta(days=-1)
BAD = {
    "no certificate": None,
    "expired": AUTHORITY.issue("spiffe://cxrgate/generator", valid=PAST),
    "another authority": OTHER.issue("spiffe://cxrgate/generator"),
    "no SPIFFE id": AUTHORITY.issue(None),
    "unknown SPIFFE id": AUTHORITY.issue("spiffe://cxrgate/stranger"),
    "key of another": Identity(
        IDENTITIES["generator"].certificate, IDENTITIES["monitor"].key, IDENTITIES["generator"].authority
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_certificates_reach_no_handler(name):
    servicer = Servicer()
    trusted = IDENTITIES["generator"].authority

    async def call():
        async with serving(gate(servicer)) as (_, address):
            bad = BAD[name]
            if bad is None:
                credentials = grpc.ssl_channel_credentials(trusted)
            else:
                credentials = grpc.ssl_channel_credentials(trusted, bad.key, bad.certificate)
            async with grpc.aio.secure_channel(address, credentials) as opened:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=3)
                return error.value.code()

    assert asyncio.run(call()) in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}
    assert servicer.calls == 0


def test_plaintext_reaches_no_handler():
    servicer = Servicer()

    async def call():
        async with serving(gate(servicer)) as (_, address), grpc.aio.insecure_channel(address) as opened:
            with pytest.raises(grpc.aio.AioRpcError):
                await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=3)

    asyncio.run(call())
    assert servicer.calls == 0


def test_a_callers_certificate_does_not_pass_for_a_servers(tmp_path):
    write_development_certificates(
        tmp_path / "made", {"spiffe://a/gate": "gate", "spiffe://a/caller": "generator"}, LOCAL
    )
    gate_identity, caller = (Identity.read(tmp_path / "made" / name) for name in ("gate", "caller"))

    async def answered(identity):
        server = grpc.aio.server()
        port = server.add_secure_port("127.0.0.1:0", identity.server_credentials())
        await server.start()
        try:
            async with open_aio_channel(f"127.0.0.1:{port}", caller) as opened:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=10)
                return error.value.code()
        finally:
            await server.stop(0)

    # The one is reached and has no such method, the other is not spoken to.
    assert asyncio.run(answered(gate_identity)) is grpc.StatusCode.UNIMPLEMENTED
    assert asyncio.run(answered(caller)) is grpc.StatusCode.UNAVAILABLE


ROLE_NAMES = sorted(set(ROLES.identities.values()))


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_role_may_call_what_the_matrix_says(role):
    answer, calls = ask(role=role)

    if role in ROLES.rpcs[CHECK]:
        assert calls == 1
    else:
        assert (answer.code(), reason(answer), calls) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE", 0)


@pytest.mark.parametrize("rpc", [*rpc_names(GATE), *rpc_names(HEALTH)])
def test_an_rpc_that_the_matrix_lacks_fails_the_start(rpc):
    roles = ROLES.model_copy(update={"rpcs": {name: who for name, who in ROLES.rpcs.items() if name != rpc}})

    with pytest.raises(UsageError, match="missing"):
        Server(IDENTITIES["gate"], roles, [gate(Servicer())])


def raising(error):
    async def act(_):
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "why"),
    [
        (ImageError("CRC", "expected a checksum"), "INVALID_ARGUMENT", "CRC"),
        (MismatchError("/private/path differs"), "FAILED_PRECONDITION", "VERSION_MISMATCH"),
        (ValueError("DOE^JANE"), "INTERNAL", "INTERNAL"),
        (KeyError("/private/path"), "INTERNAL", "INTERNAL"),
    ],
)
def test_errors_are_statuses_without_text_of_exceptions(error, code, why, caplog):
    answer, _ = ask(raising(error))

    assert answer.code().name == code
    assert reason(answer) == why
    shown = repr(answer.trailing_metadata()) + answer.details()
    assert "DOE" not in shown
    assert "private" not in shown


def test_overload_is_retried_after_the_servers_delay():
    refused = []

    async def act(_):
        if not refused:
            refused.append(1)
            raise CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "expected fewer calls", retry_seconds=0.05)

    answer, calls = ask(act, content=bytes(2**20))

    assert answer.verdict.image_id
    assert calls == 2


def test_refusal_without_a_delay_is_not_retried():
    answer, calls = ask(raising(CallRefused("RESOURCE_EXHAUSTED", "QUOTA", "expected fewer images")))

    assert (answer.code(), reason(answer), calls) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA", 1)


def test_retry_info_says_when():
    answer, calls = ask(raising(CallRefused("RESOURCE_EXHAUSTED", "OVERLOAD", "x", retry_seconds=0.05)))

    assert retry_seconds(answer) == 0.05
    assert calls == 4


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


def test_message_above_the_limit_is_refused_with_the_limit():
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
    error = raw(bytes(MESSAGE_BYTES + 1), options=unlimited)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(MESSAGE_BYTES) in error.details()


def test_compressed_message_that_inflates_above_the_limit_is_refused():
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),
        ("grpc.default_compression_algorithm", 2),
    ]

    assert raw(bytes(MESSAGE_BYTES + 1), options=options).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


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


async def slow(_):
    await asyncio.sleep(30)


@pytest.mark.parametrize("timeout", [0.2, None, 864000])
def test_calls_end_by_their_deadline_or_the_servers(timeout):
    answer, _ = ask(slow, timeout=timeout, times=Times(unary=0.5))

    assert answer.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_calls_made_for_a_call_get_less_time_than_it_has():
    seen = []

    async def act(_):
        seen.append(remaining(10))

    ask(act, timeout=2)
    assert 1 < seen[0] < 1.96


def test_calling_on_without_time_left_is_refused():
    async def act(_):
        await asyncio.sleep(0.2)
        remaining(10)

    answer, _ = ask(act, timeout=None, times=Times(unary=0.22))
    assert reason(answer) == "DEADLINE"


def test_stream_that_stops_moving_is_ended_and_one_that_moves_is_not():
    async def call(pause, count):
        async with (
            serving(gate(Servicer()), times=Times(idle=0.5)) as (_, address),
            channel(address, "generator") as opened,
        ):
            stream = stubs.GateServiceStub(opened).CheckImages()
            for number in range(count):
                await stream.write(pb.CheckImagesRequest(sequence=number))
                await stream.read()
                await asyncio.sleep(pause)
            await stream.done_writing()
            return await stream.code()

    assert asyncio.run(call(0.2, 6)) is grpc.StatusCode.OK
    with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
        asyncio.run(call(2, 2))


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
    monkeypatch.setattr("cxrgate.rpc.guard.CALLS_PER_IDENTITY", 20)
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


async def health_of(opened, service):
    request = health_pb2.HealthCheckRequest(service=service)
    answer = await health_pb2_grpc.HealthStub(opened).Check(request, timeout=5)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def test_liveness_is_not_readiness():
    async def call():
        async with serving(gate(Servicer())) as (server, address), channel(address, "monitor") as opened:
            await server.set_ready(GATE, ready=False)
            return await health_of(opened, ""), await health_of(opened, GATE)

    assert asyncio.run(call()) == ("SERVING", "NOT_SERVING")


def test_health_of_an_unknown_service_is_not_found():
    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "monitor") as opened:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await health_of(opened, "other")
            return error.value.code()

    assert asyncio.run(call()) is grpc.StatusCode.NOT_FOUND


def test_draining_finishes_accepted_calls_and_reports_not_serving_first():
    async def act(_):
        await asyncio.sleep(0.5)

    async def call():
        servicer = Servicer(act)
        async with (
            serving(gate(servicer)) as (server, address),
            channel(address, "monitor") as opened,
            channel(address, "generator") as other,
        ):
            pending = stubs.GateServiceStub(other).CheckImage(pb.CheckImageRequest())
            watch = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest(service=GATE))
            first = await watch.read()
            await servicer.called.wait()
            drain = asyncio.create_task(server.drain(5))
            second = await watch.read()
            answer = await pending
            watch.cancel()
            await drain
            return first.status, second.status, answer.verdict.image_id

    serving_, stopped, image_id = asyncio.run(call())
    assert (serving_, stopped) == (1, 2)
    assert image_id


def test_calls_are_counted_by_method_and_code():
    async def call():
        async with serving(gate(Servicer(raising(ValueError())))) as (server, address):
            async with channel(address, "generator") as opened:
                with pytest.raises(grpc.aio.AioRpcError):
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=5)
            labels = {"rpc": CHECK, "code": "INTERNAL"}
            return server.metrics.registry.get_sample_value("cxrgate_rpc_calls_total", labels)

    assert asyncio.run(call()) == 1


def test_reflection_lists_the_services():
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # noqa: PLC0415

    async def call():
        async with serving(gate(Servicer())) as (_, address), channel(address, "reviewer") as opened:
            stream = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo()
            await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            answer = await stream.read()
            await stream.done_writing()
            return {service.name for service in answer.list_services_response.service}

    assert {GATE, HEALTH} <= asyncio.run(call())
