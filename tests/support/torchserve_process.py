"""The real TorchServe under its supervisor, as `cxrgate serve models` starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from cxrgate.serving.address import free_port
from cxrgate.serving.pack import pack_model

START_SECONDS = 240


class ModelServer:
    """Supervisor, front end and workers.

    `packed` is what is served, `folder` what the supervisor writes to, `cwd` where it is started.
    """

    def __init__(
        self, models: Path, root: Path, threads: int = 1, kinds: Sequence[str] = ("retrieval", "verification")
    ) -> None:
        self._threads = threads
        self.folder, self.cwd, self.packed = root / "serving", root / "cwd", root / "packed"
        self.cwd.mkdir(parents=True)
        for kind in kinds:
            pack_model(models / kind, self.packed)
        self.address = f"127.0.0.1:{free_port('127.0.0.1')}"
        self.log = root / "supervisor.log"

    def start(self, *options: str, **environment: str) -> None:
        command = [sys.executable, "-m", "cxrgate.cli", "serve", "models", self.packed, "--folder", self.folder]
        with self.log.open("ab") as log:
            self.supervisor = subprocess.Popen(
                [*map(str, command), "--listen", self.address, *options],
                cwd=self.cwd,
                env={**os.environ, "OMP_NUM_THREADS": str(self._threads), **environment},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until each model gave its known answer."""
        end = time.monotonic() + START_SECONDS
        while not (self.folder / "ready").is_file():
            assert self.supervisor.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    @property
    def front(self) -> psutil.Process:
        """The Java process."""
        return psutil.Process(int((self.folder / "ready").read_text()))

    @property
    def workers(self) -> list[psutil.Process]:
        """The Python processes."""
        return [process for process in self.front.children() if "python" in process.name()]

    def stop(self) -> int:
        self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.wait(60)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.supervisor.kill()
        self.supervisor.wait()
