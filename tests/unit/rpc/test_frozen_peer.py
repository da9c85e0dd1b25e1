"""A caller notices that its server stands still or has ended, though no answer is due: real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.channel import Identity, open_aio_channel

SERVER = """
import asyncio, sys
from pathlib import Path
from support.acting_gate import Servicer, gate
from support.grpc_servers import IDENTITIES, serving
from cxrgate.rpc.development_ca import write_identity

async def serve():
    async with serving(gate(Servicer())) as (_, address):
        write_identity(Path(sys.argv[1]), IDENTITIES["generator"])
        print(address, flush=True)
        await asyncio.sleep(120)

asyncio.run(serve())
"""
QUIET_SECONDS = 7
"""Longer than two pings: a server that took them for too many would end the connection."""


@contextmanager
def server(folder):
    """A process that serves; gives it and its address."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SERVER, str(folder / "generator")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


@pytest.mark.parametrize(("end", "seconds", "quiet"), [(signal.SIGSTOP, 5, QUIET_SECONDS), (signal.SIGKILL, 2, 0.2)])
def test_a_peer_that_is_gone_is_noticed_and_one_that_is_silent_is_not_taken_for_it(tmp_path, end, seconds, quiet):
    async def call(running, address):
        async with open_aio_channel(address, Identity.read(tmp_path / "generator")) as channel:
            stream = stubs.GateServiceStub(channel).CheckImages()
            await channel.channel_ready()
            changed = asyncio.ensure_future(channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
            await asyncio.sleep(quiet)
            assert not changed.done()
            begun = time.monotonic()
            running.send_signal(end)
            await asyncio.wait_for(changed, 30)
            stream.cancel()
            return time.monotonic() - begun

    with server(tmp_path) as (running, address):
        assert asyncio.run(call(running, address)) < seconds
