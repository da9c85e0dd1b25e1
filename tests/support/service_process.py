"""A service of cxrgate as a process on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cxrgate.rpc.channel import Identity, open_channel
from support.grpc_servers import ROLES_FILE
from support.killable import Killable

INDEX, GATE = "cxrgate.api.index.v1.IndexService", "cxrgate.api.gate.v1.GateService"
START_SECONDS = 180


class Process(Killable):
    """One service, started and started again on the same port; `within` are words before its command."""

    def __init__(self, name, service, folder, command, host="127.0.0.1", within=(), roles=ROLES_FILE):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"{host}:{free.getsockname()[1]}"
        self.service, self.folder = service, folder
        self.log = folder / f"{name}.err"
        options = ["--certificates", folder / "certificates" / name, "--roles", roles, "--listen", self.address]
        self.command = [str(part) for part in [*within, sys.executable, "-m", *command, *options]]
        self.running = None

    def start(self):
        with self.log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
            self.running = subprocess.Popen(self.command, cwd=self.folder, env=environment, stderr=log, stdout=log)

    def wait(self, *, ready=True):
        """Until health says SERVING, or says anything at all; the seconds that it took."""
        started = time.monotonic()
        with open_channel(self.address, Identity.read(self.folder / "certificates" / "monitor")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=self.service)
            while time.monotonic() - started < START_SECONDS:
                assert self.running.poll() is None, self.log.read_text()
                with suppress(grpc.RpcError):
                    status = stub.Check(request, timeout=5).status
                    if not ready or status == health_pb2.HealthCheckResponse.SERVING:
                        return time.monotonic() - started
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def changes(self, *, ready, seconds):
        """How long health takes from now on to say SERVING, or something else; no longer than `seconds`."""
        begun = time.monotonic()
        with open_channel(self.address, Identity.read(self.folder / "certificates" / "monitor")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=self.service)
            while time.monotonic() - begun < seconds:
                told = stub.Check(request, timeout=5).status
                if (told == health_pb2.HealthCheckResponse.SERVING) == ready:
                    return time.monotonic() - begun
                time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def stop(self):
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(60)
