"""`cxrgate dicom receive` as a process: kill -9 between acknowledgement and verdict, and Debian's storescu."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from dicom_set import association, radiograph
from fakes import picture
from sets import write_sets

from cxrgate.gate import read_config
from cxrgate.gate.audit import verify_log
from cxrgate.gate.local import local_models
from cxrgate.gate.run import open_or_enrol

COPY = 0
"""The radiograph of the same pixels as an enrolled image."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom")
    config = read_config(write_sets(folder))
    with local_models(config.folders, config.device) as models:
        open_or_enrol(config, models, lambda *_: None)
    return folder


class Receiver:
    def __init__(self, folder):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        places = ["--spool", folder / "spool", "--released", folder / "sent", "--log", folder / "dicom.log"]
        options = ["--allow", "GENERATOR", "--listen", f"127.0.0.1:{self.port}", "--free", "0"]
        command = [sys.executable, "-m", "cxrgate.cli", "dicom", "receive", folder / "out.yaml", *places, *options]
        self.command = [str(part) for part in command]

    @contextmanager
    def running(self, end=signal.SIGTERM):
        with (self.folder / "dicom.err").open("ab") as log:
            process = subprocess.Popen(self.command, stderr=log)
        try:
            self.until(lambda: self._listens(process))
            yield process
        finally:
            process.send_signal(end)
            process.wait(60)

    def _listens(self, process):
        assert process.poll() is None, (self.folder / "dicom.err").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def until(self, condition):
        end = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < end, (self.folder / "dicom.err").read_text()
            time.sleep(0.05)

    def waiting(self):
        return len(list((self.folder / "spool" / "waiting").glob("*/*.dcm")))

    def released(self):
        return len(list((self.folder / "sent").glob("*.dcm")))


def datasets():
    """Two new pictures and a copy of an enrolled one, as they would come from a generator."""
    pictures = [picture(2000), picture(2001), picture(COPY)]
    return [radiograph(1, PixelData=pixels.tobytes(), WindowCenter=128, WindowWidth=256)[0] for pixels in pictures]


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(folder):
    receiver = Receiver(folder)
    with receiver.running(signal.SIGKILL), association(receiver.port) as opened:
        assert [opened.send_c_store(dataset).Status for dataset in datasets()] == [0, 0, 0]
        first = receiver.released()
    with receiver.running() as process:
        receiver.until(lambda: receiver.waiting() == 0)

    assert process.returncode == 0
    assert first <= receiver.released() == 2
    assert verify_log(folder / "dicom.log").count == 3
