"""`cxrgate dicom receive` as a process: kill -9 between acknowledgement and verdict, and STOW-RS beside it."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import httpx
import pytest
from support.dicom_receiver import MARKER, NoGate, as_file, association, radiograph
from support.fakes import picture
from support.grpc_servers import ROLES, ROLES_FILE
from support.image_sets import write_sets

from cxrgate.core.digest import file_digest
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import PREPARED, Outbox
from cxrgate.dicom.spool import Spool
from cxrgate.dicom.work import SpoolWorker
from cxrgate.gate.config import read_config
from cxrgate.gate.local import local_models
from cxrgate.gateway.batches import Batches
from cxrgate.hashlog import HashLog, read_lines, verify_log
from cxrgate.rpc.development_ca import write_development_certificates
from cxrgate.run.plan import open_or_enrol

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


KILLED = """
import os, signal
from cxrgate.dicom.outbox import Outbox
Outbox.release = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from cxrgate.cli.main import main
main()
"""
"""The command, and its process is killed when the log names the file and the file is not released yet."""


class Receiver:
    """`cxrgate dicom receive` over the models and certificates of `folder`, with everything of its own in `place`."""

    def __init__(self, folder, place, start=("-m", "cxrgate.cli")):
        self.folder, self.place = folder, place
        self.port = free_port()
        places = ["--spool", place / "spool", "--released", place / "sent", "--log", place / "dicom.log"]
        options = ["--allow", "GENERATOR", "--listen", f"127.0.0.1:{self.port}", "--free", "0"]
        self.web, self.metrics = free_port(), free_port()
        web = ["--stow", f"127.0.0.1:{self.web}", "--certificates", folder / "certificates" / "receiver"]
        options += [*web, "--roles", ROLES_FILE, "--metrics", self.metrics]
        command = [sys.executable, *start, "dicom", "receive", folder / "out.yaml", *places, *options]
        self.command = [str(part) for part in command]

    @contextmanager
    def running(self, end=signal.SIGTERM):
        environment = {**os.environ, "CXRGATE_LOG_LEVEL": "DEBUG"}
        with (self.place / "dicom.err").open("ab") as log:
            process = subprocess.Popen(self.command, stderr=log, env=environment)
        try:
            self.until(lambda: self._listens(process))
            yield process
        finally:
            process.send_signal(end)
            process.wait(60)

    def _listens(self, process):
        assert process.poll() is None, (self.place / "dicom.err").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def until(self, condition):
        end = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < end, (self.place / "dicom.err").read_text()
            time.sleep(0.05)

    def scrape(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def waiting(self):
        return len(list((self.place / "spool" / "waiting").glob("*/*.dcm")))

    def released(self):
        return len(list((self.place / "sent").glob("*.dcm")))


def datasets():
    """Two new pictures and a copy of an enrolled one, as they would come from a generator."""
    pictures = [picture(2000), picture(2001), picture(COPY)]
    return [radiograph(1, PixelData=pixels.tobytes(), WindowCenter=128, WindowWidth=256)[0] for pixels in pictures]


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(folder, tmp_path):
    receiver = Receiver(folder, tmp_path)
    with receiver.running(signal.SIGKILL), association(receiver.port) as opened:
        assert [opened.send_c_store(dataset).Status for dataset in datasets()] == [0, 0, 0]
        first = receiver.released()
    ready = tmp_path / "spool" / "ready"
    with receiver.running() as process:
        receiver.until(lambda: receiver.waiting() == 0 and ready.exists())
        assert [stow(receiver, role, 2002) for role in ("reviewer", "generator")] == [403, 200]
        receiver.until(lambda: receiver.released() == 3)

    assert (process.returncode, ready.exists()) == (0, False)
    assert first <= receiver.released() == 3
    assert verify_log(tmp_path / "dicom.log").count == 4


def test_messages_at_debug_name_no_patient_and_metrics_no_sender_either(folder, tmp_path):
    receiver = Receiver(folder, tmp_path)
    with receiver.running(), association(receiver.port) as opened:
        assert [opened.send_c_store(dataset).Status for dataset in datasets()] == [0, 0, 0]
        receiver.until(lambda: "cxrgate_dicom_answered_total 3.0" in receiver.scrape())
        assert stow(receiver, "reviewer", 2002) == 403
        told = {"metrics": receiver.scrape(), "messages": (tmp_path / "dicom.err").read_text()}

    assert 'cxrgate_dicom_refused_total{reason="ROLE"} 1.0' in told["metrics"]
    assert '"level": "DEBUG"' in told["messages"]
    assert not [name for name, text in told.items() if MARKER in text]
    assert "GENERATOR" not in told["metrics"]


def test_what_the_log_names_is_released_by_the_next_start_and_nothing_else_is(folder, tmp_path):
    receiver = Receiver(folder, tmp_path, ("-c", KILLED))
    with receiver.running() as process, association(receiver.port) as opened:
        opened.send_c_store(datasets()[0])
        process.wait(60)
    sent = tmp_path / "sent"
    (sent / f"2.25.1.dcm{PREPARED}").write_bytes(b"not in the log")
    before = [path.suffix for path in sent.iterdir()]

    log = HashLog(tmp_path / "dicom.log")
    spool = Spool(tmp_path / "spool")
    SpoolWorker.over(spool, Outbox(sent, OutFormat.DICOM), NoGate(), None, log, Batches(1))
    asyncio.run(log.close())

    (line,), (path,) = read_lines(log.path), sent.iterdir()
    assert before == [PREPARED, PREPARED]
    assert (line.content["released_as"], line.content["released_sha256"]) == (path.name, file_digest(path))


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
