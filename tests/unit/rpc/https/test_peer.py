"""Connections with unfinished requests keep nobody else out, and are cut off."""

import asyncio
import contextlib
import ssl

import pytest
from support.grpc_servers import ROLES, ROLES_FILE

from cxrgate.rpc.development_ca import write_development_certificates
from cxrgate.rpc.https import handshakes, peer
from cxrgate.rpc.https.serve import serve_https
from cxrgate.rpc.process import ServiceEndpoint
from cxrgate.serving.address import free_port

UNFINISHED = 300
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
STARTS = {
    "nothing": b"",
    "half a header": b"GET / HTTP/1.1\r\nHost: local",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
}


async def answer(scope, receive, send):
    """An application that reads the body and says OK."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"OK"})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("https") / "certificates"
    write_development_certificates(folder, ROLES.identities, ("localhost", "127.0.0.1"))
    return folder


@contextlib.asynccontextmanager
async def served(certificates):
    port = free_port("127.0.0.1")
    endpoint = ServiceEndpoint(f"127.0.0.1:{port}", certificates / "review", ROLES_FILE)
    task = asyncio.create_task(serve_https(answer, endpoint, certificate_required=False, connections=64))
    context = ssl.create_default_context(cafile=str(certificates / "review/ca.crt"))

    async def connect(content, *, tls=True):
        more = {"ssl": context, "server_hostname": "localhost"} if tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **more)
        writer.write(content)
        await writer.drain()
        return reader, writer

    try:
        while True:
            with contextlib.suppress(OSError):
                (await connect(WHOLE))[1].close()
                break
            await asyncio.sleep(0.05)
        yield connect
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("start", STARTS)
def test_unfinished_requests_keep_nobody_out(certificates, start):
    async def go():
        async with served(certificates) as connect:
            held = [await connect(STARTS[start]) for _ in range(UNFINISHED)]
            reader, writer = await connect(WHOLE)
            answered = await asyncio.wait_for(reader.read(), 10)
            for _, each in [*held, (reader, writer)]:
                each.transport.abort()
            return answered

    assert asyncio.run(go()).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("start", STARTS)
def test_an_unfinished_request_is_cut_off_in_time(certificates, monkeypatch, start):
    monkeypatch.setattr(peer, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(peer, "BODY_SECONDS", 0.5)

    async def go():
        async with served(certificates) as connect:
            reader, writer = await connect(STARTS[start])
            with contextlib.suppress(OSError):
                await asyncio.wait_for(reader.read(), 10)
            writer.transport.abort()

    asyncio.run(go())
    assert not peer._unfinished


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a handshake"])
def test_unfinished_handshakes_keep_nobody_out_and_are_cut_off_in_time(certificates, monkeypatch, first):
    monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 3.0)

    async def go():
        async with served(certificates) as connect:
            held = [await connect(first, tls=False) for _ in range(UNFINISHED)]
            ended = [reader.at_eof() for reader, _ in held]
            reader, writer = await connect(WHOLE)
            answered = await asyncio.wait_for(reader.read(), 10)
            for each, _ in held:
                with contextlib.suppress(OSError):
                    await asyncio.wait_for(each.read(), 20)
            for _, each in [*held, (reader, writer)]:
                each.transport.abort()
            return answered, ended

    answered, ended = asyncio.run(go())
    assert answered.startswith(b"HTTP/1.1 200 OK")
    assert ended.count(False) <= 2 * handshakes.ADDRESS_HANDSHAKES


def test_a_second_request_of_a_connection_has_its_own_time(certificates, monkeypatch):
    monkeypatch.setattr(peer, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 1.0)

    async def go():
        async with served(certificates) as connect:
            reader, writer = await connect(WHOLE.replace(b"close", b"keep-alive"))
            first = await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 10)
            await asyncio.sleep(1.2)  # its handshake's time is over, and it was done long ago
            writer.write(WHOLE)
            second = await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 10)
            writer.close()
            return first, second

    assert all(each.startswith(b"HTTP/1.1 200 OK") for each in asyncio.run(go()))
