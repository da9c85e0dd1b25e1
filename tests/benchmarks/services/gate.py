"""What the gate adds to its stages: calls over gRPC with mTLS at a steady rate, the server in a process of its own.

Models of 5 ms each stand for the networks. The baseline is the same call to a bare servicer that asks these models one
after the other and answers; what the gate takes longer is its own: roles, quotas, batching, the pipeline, the
near-duplicate watch and the log with its fsync. Calls are sent when they are due, whatever is unanswered. Decoding and
search are stages, which `make bench` measures; here they take no time.
"""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import grpc
import numpy as np
from support.fakes import POLICY, evidence, picture

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.client import AsyncGate
from cxrgate.core import Descriptors, Evidence, GreyImage, ImageRecord
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.rpc.development_ca import Authority
from cxrgate.rpc.roles import Quota, read_roles
from cxrgate.rpc.server import OPTIONS, Server

ROLES = Path(__file__).parents[3] / "deploy" / "roles.yaml"
MODEL_SECONDS = 0.005
RATE = 50
"""Images per second."""

QUOTA = Quota(images_per_day=10**6, images_per_second=10 * RATE)
"""Counted as ever, and out of the way: calls that a busy machine held up come in a bunch."""

PICTURES = 32
"""Different ones, so that the near-duplicate watch has no reason for an alarm."""

SIDE = 256
"""Pixels, what the networks of the paper read."""

WARM_UP = 50


def pictures():
    """PNG files of about 45 kB."""
    rng = np.random.default_rng(0)
    smooth = [picture(number, (SIDE // 4, SIDE // 4)).repeat(4, 0).repeat(4, 1) for number in range(PICTURES)]
    noisy = [item + rng.integers(-8, 9, item.shape) for item in smooth]
    return [encode_png(np.clip(item, 0, 255).astype(np.uint8)) for item in noisy]


class FakeModels:
    """Embedder and verifier that take 5 ms each, in a thread as real ones do; a searcher and a decoder of no time."""

    def __init__(self, contents):
        self._pixels = {content: decode(ImageRecord("a", content)).pixels for content in contents}
        self._row = np.ones(4, np.float32)

    async def decode(self, records):
        return [GreyImage(record.image_id, self._pixels[record.content]) for record in records]

    async def embed(self, images):
        await asyncio.to_thread(time.sleep, MODEL_SECONDS)
        return [
            Descriptors(image.image_id, dict.fromkeys(("identity", "copy"), self._row), self._row) for image in images
        ]

    async def search(self, queries):
        return [evidence(image_id=query.image_id).candidates for query in queries]

    async def verify(self, images, candidates):
        await asyncio.to_thread(time.sleep, MODEL_SECONDS)
        return [Evidence(item, np.full(3, 0.1)) for item in candidates]


class BareServicer(stubs.GateServiceServicer):
    """Both models, one after the other, and an answer."""

    def __init__(self, models):
        self._models = models

    async def CheckImage(self, request, context):
        images = await self._models.decode([ImageRecord(request.image.image_id, request.image.content)])
        found = await self._models.search(await self._models.embed(images))
        await self._models.verify(images, found)
        verdict = pb.Verdict(image_id=request.image.image_id, decision=pb.DECISION_ANONYMOUS, receipt="r" * 32)
        return pb.CheckImageResponse(verdict=verdict)


async def run_bare(folder, identity, models, pipe):
    server = grpc.aio.server(options=OPTIONS)
    stubs.add_GateServiceServicer_to_server(BareServicer(models), server)
    port = server.add_secure_port("127.0.0.1:0", identity.server_credentials())
    await server.start()
    pipe.send(port)
    await asyncio.to_thread(pipe.recv)
    await server.stop(1)


async def run_gate(folder, identity, models, pipe):
    log, roles = HashLog(folder / "gate.log"), read_roles(ROLES)
    gates = FixedGate(Gate(models, models, models, models, POLICY))
    service = CheckService(gates, models, log, Batches(16), Quotas({"generator": QUOTA}))
    server = Server(identity, roles, [gate_service(service)])
    pipe.send(await server.start("127.0.0.1:0"))
    await asyncio.to_thread(pipe.recv)
    await server.drain(1)
    await log.close()


def serve(run, folder, identity, contents, pipe):
    """A server's process: tells its port, ends when it is told to."""
    asyncio.run(run(folder, identity, FakeModels(contents), pipe))


async def latencies(port, identity, contents, count):
    """Seconds per call."""
    loop = asyncio.get_running_loop()

    async def call(gate, number):
        started = time.perf_counter()
        verdict = await gate.check(contents[number % len(contents)], str(number))
        assert verdict.released
        return time.perf_counter() - started

    async with AsyncGate(f"127.0.0.1:{port}", identity) as gate:
        begun, calls = loop.time(), []
        for number in range(WARM_UP + count):
            await asyncio.sleep(begun + number / RATE - loop.time())
            calls.append(asyncio.create_task(call(gate, number)))
        return (await asyncio.gather(*calls))[WARM_UP:]


def measure(run, contents, count):
    """Milliseconds per call, at a server of its own."""
    authority = Authority.create()
    gate, generator = (authority.issue(f"spiffe://cxrgate/{name}") for name in ("gate", "generator"))
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=serve, args=(run, Path(name), gate, contents, theirs))
        process.start()
        theirs.close()  # so that a server that dies is the end, and is not waited for
        try:
            seconds = asyncio.run(latencies(ours.recv(), generator, contents, count))
        finally:
            ours.send(None)
            process.join(30)
    return [1000 * item for item in seconds]


def gate_overhead(seconds):
    """The figures of so many seconds each."""
    contents = pictures()
    bare = statistics.median(measure(run_bare, contents, RATE * seconds))
    cuts = statistics.quantiles(measure(run_gate, contents, RATE * seconds), n=100)
    return {
        "gate_overhead_p50_ms": cuts[49] - bare,
        "gate_overhead_p99_ms": cuts[98] - bare,
        "gate_call_p50_ms": cuts[49],
        "gate_bare_call_p50_ms": bare,
        "gate_image_bytes": round(statistics.mean(map(len, contents))),
    }
