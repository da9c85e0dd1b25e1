"""The HTTPS door beside a gRPC server in one process: real TLS, one roles file, one count of everything."""

import asyncio
import socket
import ssl

import grpc
import httpx
import pytest
from support.fake_gate import CLEAN, Stages
from support.fakes import POLICY
from support.grpc_servers import IDENTITIES, ROLES, ROLES_FILE, channel, reason

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import UsageError
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.rest.process import rest_door
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog, read_lines
from cxrgate.rpc import process
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.process import ServiceEndpoint, serve


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


@pytest.fixture
def certificates(tmp_path):
    """Folders with each role's tls.crt, tls.key and ca.crt."""
    for role, identity in IDENTITIES.items():
        folder = tmp_path / "certificates" / role
        folder.mkdir(parents=True)
        for name, content in (
            ("tls.crt", identity.certificate),
            ("tls.key", identity.key),
            ("ca.crt", identity.authority),
        ):
            (folder / name).write_bytes(content)
    return tmp_path / "certificates"


def is_open(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def until(holds):
    """Wait until something is so; the test's own time-out ends it."""
    while not holds():  # noqa: ASYNC110 - what is waited for knows of no event
        await asyncio.sleep(0.01)


def context(certificates, role=None):
    made = ssl.create_default_context(cafile=str(certificates / "gate/ca.crt"))
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if role is not None:
        made.load_cert_chain(certificates / role / "tls.crt", certificates / role / "tls.key")
    return made


def served(monkeypatch, tmp_path, certificates, call, address=None):
    """What `call(https, grpc)` gives beside a process that serves both; it is told to stop then."""

    async def go():
        ports, stop = (free_port(), free_port()), asyncio.Event()
        monkeypatch.setattr(process, "wait_for_signal", stop.wait)
        log = HashLog(tmp_path / "gate.log")
        service = CheckService(
            FixedGate(Gate(*[Stages()] * 4, POLICY)), Stages(), log, Batches(4), Quotas(ROLES.quotas)
        )
        admission = Admission(4)
        listening = ServiceEndpoint(f"127.0.0.1:{ports[0]}", certificates / "gate", ROLES_FILE)
        web = ServiceEndpoint(address or f"127.0.0.1:{ports[1]}", certificates / "gate", ROLES_FILE)
        task = asyncio.create_task(
            serve(listening, [gate_service(service, admission)], doors=[rest_door(service, admission, web)])
        )
        try:
            await until(lambda: task.done() or is_open(ports[1]))
            if task.done():
                return await task
            answer = await call(f"https://localhost:{ports[1]}", f"localhost:{ports[0]}", admission)
            stop.set()
            await asyncio.wait_for(task, 20)
            return answer
        finally:
            stop.set()
            await asyncio.gather(task, return_exceptions=True)
            await log.close()

    return asyncio.run(go())


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
            await until(lambda: admission._taken == 4)
            async with channel(grpc_address, "generator") as opened:
                request = pb.CheckImageRequest(image=pb.Image(image_id="b", content=CLEAN))
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await stubs.GateServiceStub(opened).CheckImage(request, timeout=10)
            release.set()
            answers = await asyncio.gather(*held)
        return reason(refused.value), [answer.status_code for answer in answers]

    assert served(monkeypatch, tmp_path, certificates, call) == ("OVERLOAD", [200] * 4)
