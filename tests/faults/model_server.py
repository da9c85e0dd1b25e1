"""The fake TorchServe as a process that can be frozen, killed and started again on its port."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from faults.job import MODEL_STORE
from faults.namespaces import HERE, Within
from support.killable import Killable

START_SECONDS = 60


class ModelServer(Killable):
    """See support.fake_torchserve."""

    def __init__(self, folder: Path, within: Within = HERE) -> None:
        self.running: subprocess.Popen[bytes]
        self._orders, self._log = folder / "orders.json", folder / "model_server.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"{within.host}:{free.getsockname()[1]}"
        words = [
            *within.words,
            sys.executable,
            "-m",
            "support.fake_torchserve",
            MODEL_STORE,
            self.address,
            self._orders,
        ]
        self._command = [str(word) for word in words]

    def start(self) -> None:
        """Start it; see wait."""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
        with self._log.open("ab") as log:
            self.running = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)

    def wait(self) -> None:
        """Until it listens."""
        host, _, port = self.address.rpartition(":")
        end = time.monotonic() + START_SECONDS
        while socket.socket().connect_ex((host, int(port))):
            if self.running.poll() is not None or time.monotonic() > end:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.05)

    def order(self, ways: Sequence[str]) -> None:
        """Have the next requests answered so, each in another way."""
        partial = self._orders.with_suffix(".new")
        partial.write_text(json.dumps(list(ways)))
        partial.replace(self._orders)
