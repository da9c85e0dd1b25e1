"""`cxrgate dicom receive` as a process: kill -9 between acknowledgement and verdict, and STOW-RS beside it."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from dicom_set import as_file, association, radiograph
from fakes import picture
from grpc_set import ROLES, ROLES_FILE
from sets import write_sets

from cxrgate.gate import read_config
from cxrgate.gate.audit import verify_log
from cxrgate.gate.local import local_models
from cxrgate.gate.run import open_or_enrol
from cxrgate.rpc.certs import write_development_certificates

COPY = 0
"""The radiograph of the same pixels as an enrolled image."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom")
    config = read_config(write_sets(folder))
    with local_models(config.folders, config.device) as models:
        open_or_enrol(config, models, lambda *_: None)
    write_development_certificates(folder / "certificates", ROLES.identities, ("localhost", "127.0.0.1"))
    return folder


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Receiver:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        places = ["--spool", folder / "spool", "--released", folder / "sent", "--log", folder / "dicom.log"]
        options = ["--allow", "GENERATOR", "--listen", f"127.0.0.1:{self.port}", "--free", "0"]
        self.web = free_port()
        web = ["--stow", f"127.0.0.1:{self.web}", "--certificates", folder / "certificates" / "receiver"]
        options += [*web, "--roles", ROLES_FILE]
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
        assert [stow(receiver, role, 2002) for role in ("reviewer", "generator")] == [403, 200]
        receiver.until(lambda: receiver.released() == 3)

    assert process.returncode == 0
    assert first <= receiver.released() == 3
    assert verify_log(folder / "dicom.log").count == 4


def stow(receiver, role, number):
    """Send one new picture over DICOMweb; the answer's status."""
    folder = receiver.folder / "certificates"
    context = ssl.create_default_context(cafile=str(folder / role / "ca.crt"))
    context.load_cert_chain(folder / role / "tls.crt", folder / role / "tls.key")
    content = as_file(radiograph(1, PixelData=picture(number).tobytes(), WindowCenter=128, WindowWidth=256)[0])
    body = b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--xyz--\r\n"
    kind = {"content-type": 'multipart/related; type="application/dicom"; boundary=xyz'}
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.post(f"https://127.0.0.1:{receiver.web}/studies", content=body, headers=kind).status_code
