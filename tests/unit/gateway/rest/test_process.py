"""The HTTPS door beside a gRPC server in one process: real TLS, one roles file, one count of everything."""

import asyncio
import socket

import grpc
import httpx
import pytest
from support.fake_gate import CLEAN
from support.grpc_servers import channel, reason
from support.two_doors import context, served, until, write_certificates

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import UsageError
from cxrgate.hashlog import read_lines


@pytest.fixture
def certificates(tmp_path):
    return write_certificates(tmp_path)


def test_both_doors_answer_the_same_and_write_one_log(monkeypatch, tmp_path, certificates):
    async def call(https, grpc_address, _):
        async with httpx.AsyncClient(verify=context(certificates, "generator")) as web:
            kind = {"content-type": "application/octet-stream"}
            first = await web.post(f"{https}/v1/check?image_id=a", content=CLEAN, headers=kind)
        async with channel(grpc_address, "generator") as opened:
            request = pb.CheckImageRequest(image=pb.Image(image_id="b", content=CLEAN))
            second = await stubs.GateServiceStub(opened).CheckImage(request, timeout=10)
        return first.json(), second.verdict

    first, second = served(monkeypatch, tmp_path, certificates, call)

    assert first["decision"] == "ANONYMOUS"
    assert second.decision == pb.DECISION_ANONYMOUS
    assert (first["policy_digest"], first["pixel_digest"]) == (second.policy_digest, second.pixel_digest)
    lines = [line.content for line in read_lines(tmp_path / "gate.log")]
    assert [(line["image_id"], line["identity"]) for line in lines] == [
        ("a", "spiffe://cxrgate/generator"),
        ("b", "spiffe://cxrgate/generator"),
    ]


def test_without_a_certificate_of_our_authority_there_is_no_connection(monkeypatch, tmp_path, certificates):
    async def call(https, *_):
        async with httpx.AsyncClient(verify=context(certificates)) as web:
            with pytest.raises(httpx.TransportError):
                await web.get(f"{https}/v1/policy")
        async with httpx.AsyncClient(verify=context(certificates, "monitor")) as web:
            return (await web.get(f"{https}/v1/policy")).status_code

    assert served(monkeypatch, tmp_path, certificates, call) == 403


def test_an_address_that_cannot_be_listened_on_ends_both(monkeypatch, tmp_path, certificates):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError, match="cannot listen"):
            served(monkeypatch, tmp_path, certificates, None, address)


def test_overload_counts_images_over_both_doors(monkeypatch, tmp_path, certificates):
    async def call(https, grpc_address, admission):
        kind, release = {"content-type": "application/octet-stream"}, asyncio.Event()

        async def body():
            yield CLEAN[:2]
            await release.wait()
            yield CLEAN[2:]

        async with httpx.AsyncClient(verify=context(certificates, "generator")) as web:
            held = [asyncio.create_task(web.post(f"{https}/v1/check", content=body(), headers=kind)) for _ in range(4)]
            await until(lambda: admission.taken == 4)
            async with channel(grpc_address, "generator") as opened:
                request = pb.CheckImageRequest(image=pb.Image(image_id="b", content=CLEAN))
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await stubs.GateServiceStub(opened).CheckImage(request, timeout=10)
            release.set()
            answers = await asyncio.gather(*held)
        return reason(refused.value), [answer.status_code for answer in answers]

    assert served(monkeypatch, tmp_path, certificates, call) == ("OVERLOAD", [200] * 4)
