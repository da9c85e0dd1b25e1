"""`cxrgate review serve` as a process over a finished run, with development certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import yaml

from cxrgate.gate.config import read_config
from cxrgate.rpc.development_ca import write_development_certificates
from cxrgate.run.run import run
from support.grpc_servers import ROLES, ROLES_FILE
from support.image_sets import write_sets

START_SECONDS = 120


def finished_run(folder):
    """Run the filter; gives its configuration. Two images are borderline: their untrained scores lie above 0.01."""
    config = write_sets(folder)
    config.write_text(config.read_text().replace("borderline: 0.9", "borderline: 0.01"))
    run(read_config(config))
    return config


class Review:
    """The page on loopback. `config` is the configuration of a run that is finished."""

    def __init__(self, config, *options):
        self.folder = config.parent
        settings = yaml.safe_load(config.read_text())
        self.config = self.folder / "review.yaml"
        self.config.write_text(yaml.safe_dump({**settings, "review": "review.log"}))
        self.certificates = self.folder / "certificates"
        write_development_certificates(self.certificates, ROLES.identities, ("localhost", "127.0.0.1"))
        self.key = self.folder / "private" / "review.key"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"https://localhost:{self.port}"
        self.options = [str(option) for option in options]

    @contextmanager
    def running(self):
        arguments = ["--certificates", self.certificates / "review", "--roles", ROLES_FILE, "--key", self.key]
        command = [sys.executable, "-m", "cxrgate.cli", "review", "serve", self.config, *arguments, *self.options]
        with (self.folder / "review.err").open("wb") as log:
            process = subprocess.Popen([*map(str, command), "--listen", f"127.0.0.1:{self.port}"], stderr=log)
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0

    def _wait(self, process):
        started = time.monotonic()
        while time.monotonic() - started < START_SECONDS:
            assert process.poll() is None, (self.folder / "review.err").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("expected the page to listen")

    def browser(self, role=None):
        """A client with the role's certificate, or without one."""
        context = ssl.create_default_context(cafile=str(self.certificates / "review" / "ca.crt"))
        if role is not None:
            context.load_cert_chain(self.certificates / role / "tls.crt", self.certificates / role / "tls.key")
        return httpx.Client(base_url=self.address, verify=context, trust_env=False)
