"""A service goes on answering beside more silent connections than its soft limit of open files: a real process."""

import subprocess
import sys
from pathlib import Path

SILENT = """
import asyncio, os, resource, socket, sys, time
from cxrgate.rpc.descriptors import take_all_descriptors
from support.acting_gate import GATE, Servicer, gate
from support.grpc_servers import channel, serving
from cxrgate.api.gate.v1 import gate_service_pb2 as pb, gate_service_pb2_grpc as stubs

reading, writing = os.pipe()
server = os.fork()
if server == 0:
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    take_all_descriptors()

    async def serve():
        async with serving(gate(Servicer())) as (_, address):
            os.write(writing, address.encode())
            await asyncio.sleep(60)

    asyncio.run(serve())
host, port = os.read(reading, 100).decode().split(":")
silent = [socket.create_connection((host, int(port))) for _ in range(300)]

async def ask():
    async with channel(f"{host}:{port}", "generator") as opened:
        await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=30, wait_for_ready=True)

begun = time.monotonic()
asyncio.run(ask())
print(time.monotonic() - begun)
os.kill(server, 9)
os.waitpid(server, 0)
"""
"""The limit is low, and the server begins as `serve` does."""


def test_more_silent_connections_than_the_soft_limit_keep_no_caller_out():
    done = subprocess.run(
        [sys.executable, "-c", SILENT],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )

    assert float(done.stdout) < 5
