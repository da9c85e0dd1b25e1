"""A gate of fake stages behind gRPC and HTTPS in one process, with real TLS."""

import asyncio
import socket
import ssl

from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.rest.process import rest_door
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog
from cxrgate.rpc import process
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.process import ServiceEndpoint, serve
from support.fake_gate import Stages
from support.fakes import POLICY
from support.grpc_servers import IDENTITIES, ROLES, ROLES_FILE


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


def write_certificates(root):
    """Folders with each role's tls.crt, tls.key and ca.crt."""
    for role, identity in IDENTITIES.items():
        folder = root / "certificates" / role
        folder.mkdir(parents=True)
        for name, content in (
            ("tls.crt", identity.certificate),
            ("tls.key", identity.key),
            ("ca.crt", identity.authority),
        ):
            (folder / name).write_bytes(content)
    return root / "certificates"


def is_open(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def until(holds):
    """Wait until something is so; the test's own time-out ends it."""
    while not holds():  # noqa: ASYNC110 - what is waited for knows of no event
        await asyncio.sleep(0.01)


def context(certificates, role=None):
    """Of a client that trusts our authority, with that role's certificate or without any."""
    made = ssl.create_default_context(cafile=str(certificates / "gate/ca.crt"))
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if role is not None:
        made.load_cert_chain(certificates / role / "tls.crt", certificates / role / "tls.key")
    return made


def served(monkeypatch, folder, certificates, call, address=None):
    """What `call(https, grpc, admission)` gives beside a process that serves both; it is told to stop then."""

    async def go():
        ports, stop = (free_port(), free_port()), asyncio.Event()
        monkeypatch.setattr(process, "wait_for_signal", stop.wait)
        log = HashLog(folder / "gate.log")
        service = CheckService(
            FixedGate(Gate(*[Stages()] * 4, POLICY)), Stages(), log, Batches(4), Quotas(ROLES.quotas)
        )
        admission = Admission(8)
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
