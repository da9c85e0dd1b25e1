"""Runs in processes of their own, started in a moment by a starter that has loaded everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SECONDS = 240.0
"""What a run of a job may take before it counts as hanging."""

Fault = tuple[str, Mapping[str, Any]]


@dataclass(slots=True)
class Running:
    """A run that was started; `result` is written by it at its end."""

    pid: int
    result: Path
    started: float = field(default_factory=time.monotonic)

    def is_alive(self) -> bool:
        """Whether the process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the run and its decode workers."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.send(signal.SIGKILL)
        while self.is_alive():
            time.sleep(0.002)

    def wait(self, seconds: float = SECONDS) -> dict[str, Any]:
        """What it came to: `done`, or not done with error and message; an empty one where it was killed."""
        end = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > end:
                self.kill()
                return {"done": False, "error": "Hangs", "message": f"it did not end within {seconds:g} s"}
            time.sleep(0.005)
        return self.ended()

    def ended(self) -> dict[str, Any]:
        """As wait, of a run that is no longer there."""
        try:
            return json.loads(self.result.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # killed before it told, or while it did
            return {}


class Runs:
    """Starts runs; use as a context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """`folder` takes logs and results; `environment` is added to that of this process."""
        self._folder, self._count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        root = Path(__file__).parents[1]
        # As many threads as cores in each of many processes help nobody.
        more = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **(environment or {})}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.starter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **more},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(self, config: Path, faults: Sequence[Fault] = (), **more: Any) -> Running:
        """Start a run of a configuration into which these faults fall; `more` as the starter reads it."""
        self._count += 1
        result, log = self._folder / f"{self._count}.json", self._folder / "log"
        request = {"config": str(config), "result": str(result), "log": str(log), "faults": list(faults), **more}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), result)
