"""The HTTPS door over the stand-ins of all stages, as `peer`, the identity that TLS would have found."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx

from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.rest.app import make_rest
from cxrgate.hashlog import HashLog
from cxrgate.rpc.admission import Admission, OpenCalls
from cxrgate.rpc.https.guard import HttpGuard
from cxrgate.rpc.metrics import Metrics
from support.fake_gate import Stages
from support.fakes import POLICY
from support.grpc_servers import ROLES

GENERATOR = "spiffe://cxrgate/generator"


class RestGate:
    """A door, what stands behind it, and callers of it."""

    def __init__(self, service, stages, roles, in_flight, seconds):
        self.service, self.stages, self.metrics = service, stages, Metrics()
        guard = HttpGuard(roles, self.metrics, OpenCalls(), seconds)
        self.app = make_rest(service, guard, Admission(in_flight))

    def caller(self, peer=GENERATOR):
        """A client with that identity; None without one."""

        async def introduced(scope, receive, send):
            scope.setdefault("state", {})["peer"] = peer
            await self.app(scope, receive, send)

        return httpx.AsyncClient(transport=httpx.ASGITransport(introduced), base_url="https://gate.test")

    async def check(self, content, peer=GENERATOR, headers=(), **query):
        """One POST /v1/check."""
        async with self.caller(peer) as caller:
            kind = {"content-type": "application/octet-stream", **dict(headers)}
            return await caller.post("/v1/check", params=query, content=content, headers=kind)

    async def get(self, path, peer=GENERATOR):
        """One GET."""
        async with self.caller(peer) as caller:
            return await caller.get(path)

    def calls(self, rpc, code):
        """How many calls ended with that code."""
        labels = {"rpc": f"/cxrgate.api.gate.v1.GateService/{rpc}", "code": code}
        return self.metrics.registry.get_sample_value("cxrgate_rpc_calls_total", labels)


@asynccontextmanager
async def rest_gate(folder, roles=ROLES, in_flight=256, seconds=30.0, **more):
    """A gate that logs to the folder; `more` goes to its check service."""
    stages, log = Stages(), HashLog(folder / "gate.log")
    service = CheckService(
        FixedGate(Gate(*[stages] * 4, POLICY)), stages, log, Batches(16), Quotas(roles.quotas), **more
    )
    try:
        yield RestGate(service, stages, roles, in_flight, seconds)
    finally:
        await log.close()
