"""A gate of fake stages behind real gRPC: what an image is, its bytes say."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np

from cxrgate.core import Descriptors, Evidence, Failure, GreyImage, Stage
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog
from cxrgate.rpc.admission import Admission
from support.fakes import POLICY, evidence, picture
from support.grpc_servers import ROLES, serving

CLEAN, LEAK, TEXT, SLOW, BROKEN = b"clean", b"leak", b"text", b"slow", b"broken"
PIXELS = picture(1)
ONES = np.ones(4, np.float32)


class Stages:
    """All four stages. `log` holds the sizes of the batches; `hold` keeps every batch until it is set."""

    def __init__(self):
        self.sizes, self.kinds = [], {}
        self.hold = asyncio.Event()
        self.hold.set()
        self.running = asyncio.Event()

    async def decode(self, records):
        self.sizes.append(len(records))
        self.running.set()
        await self.hold.wait()
        self.kinds.update({record.image_id: record.content for record in records})
        if any(record.content == SLOW for record in records):
            await asyncio.sleep(0.2)
        return [self._image(record) for record in records]

    def _image(self, record):
        if record.content == TEXT:
            return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", "IMAGE_UNDECODABLE", "expected an image")
        return GreyImage(record.image_id, PIXELS)

    async def embed(self, images):
        return [Descriptors(image.image_id, dict.fromkeys(("identity", "copy"), ONES), ONES) for image in images]

    async def search(self, queries):
        found = (evidence(image_id=query.image_id).candidates for query in queries)
        return [replace(item, frontality=0.875) for item in found]

    async def verify(self, images, candidates):
        return [self._evidence(item) for item in candidates]

    def _evidence(self, item):
        kind = self.kinds[item.image_id]
        if kind == BROKEN:
            return Failure(item.image_id, Stage.VERIFY, "INTERNAL", "NONFINITE", "expected finite numbers")
        return Evidence(item, np.full(3, 0.987654321 if kind == LEAK else 0.123456789))


@asynccontextmanager
async def gate_server(
    folder, roles=ROLES, in_flight=256, size=16, times=None, drift=None, stages=None, policy=POLICY, **certification
):
    """A served gate: its stages, its check service, its address. `certification`: its certificate and its clock."""
    stages = stages or Stages()
    log = HashLog(folder / "gate.log")
    gates = FixedGate(Gate(stages, stages, stages, stages, policy, **certification))
    service = CheckService(gates, stages, log, Batches(size), Quotas(roles.quotas), drift=drift)
    try:
        async with serving(gate_service(service, Admission(in_flight)), roles=roles, times=times) as (_, address):
            yield stages, service, address
    finally:
        await log.close()


def with_quota(images_per_day, images_per_second):
    """The shipped roles with another quota for generators."""
    quota = ROLES.quotas["generator"].model_copy(
        update={"images_per_day": images_per_day, "images_per_second": images_per_second}
    )
    return ROLES.model_copy(update={"quotas": {"generator": quota}})
