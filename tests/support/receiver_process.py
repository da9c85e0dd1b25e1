"""`cxrgate dicom receive` over models that answer at once and an index service, and a sender of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from cxrgate.dicom.finished import CHECKED
from cxrgate.dicom.trace import digest_of
from cxrgate.hashlog import read_lines
from support.dicom_receiver import SUCCESS, association

START_SECONDS = 180
ASSOCIATIONS = 5
"""What a sender asks for before it gives up: on a busy machine one may take longer than it waits for it."""


class ReceiverProcess:
    """One receiver, started and started again on the same port, with everything of its own in `place`."""

    def __init__(self, config: Path, place: Path, index: str, certificates: Path) -> None:
        place.mkdir(parents=True)
        self.place, self.running = place, None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        places = ["--spool", place / "spool", "--released", place / "sent", "--log", place / "log"]
        options = ["--allow", "GENERATOR", "--listen", f"127.0.0.1:{self.port}", "--free", "0", "--index", index]
        command = [sys.executable, "-m", "support.null_cli", "dicom", "receive", config, *places, *options]
        self.command = [str(part) for part in [*command, "--certificates", certificates]]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        with (self.place / "err").open("ab") as log:
            self.running = subprocess.Popen(self.command, env=environment, stderr=log, stdout=log)
        self.until(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @contextmanager
    def started(self):
        """Start it, and end it in order."""
        self.start()
        try:
            yield self
        finally:
            self.running.send_signal(signal.SIGTERM)
            self.running.wait(START_SECONDS)

    def kill(self) -> None:
        """Kill -9."""
        self.running.kill()
        self.running.wait()

    def send(self, dataset) -> bool:
        """Over an association of its own, asked for a few times; whether it was acknowledged."""
        for _ in range(ASSOCIATIONS):
            with association(self.port) as opened:
                if opened.is_established:
                    return opened.send_c_store(dataset).get("Status") == SUCCESS
            time.sleep(0.5)
        return False

    def waiting(self) -> int:
        """How many wait in the spool."""
        return len(list((self.place / "spool/waiting").glob("*/*.dcm")))

    def until(self, condition, seconds: float = START_SECONDS) -> bool:
        """Whether it came true in time, while the process lived."""
        end = time.monotonic() + seconds
        while not condition():
            if self.running.poll() is not None:
                raise RuntimeError((self.place / "err").read_text())
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def outcomes(self, uids: Iterable[str]) -> dict[str, list[dict]]:
        """The log's lines on each object, by the sender's UID; the log is read once for all."""
        found, lines = defaultdict(list), read_lines(self.place / "log", growing=True)
        for line in lines:
            if line.content["event"] == CHECKED:
                found[line.content["instance"]].append(line.content)
        return {uid: found[digest_of(uid)] for uid in uids}

    def released(self) -> dict[str, bytes]:
        """The released files."""
        return {path.name: path.read_bytes() for path in (self.place / "sent").glob("*.dcm")}
