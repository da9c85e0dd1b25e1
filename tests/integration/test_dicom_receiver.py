import errno
import shutil
import socket
import struct
import subprocess
import threading
import time

import numpy as np
import pytest
from prometheus_client import generate_latest
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from support import dicom_receiver
from support.bad_dicoms import UNREADABLE_KINDS, as_another_kind
from support.bad_images import split
from support.dicom_receiver import (
    CLEAN,
    LEAK,
    MARKER,
    SUCCESS,
    NoGate,
    Running,
    Stages,
    as_file,
    association,
    radiograph,
    store,
)
from support.fakes import POLICY
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import CertificateError, ImageError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.dicom import spool as spool_module
from cxrgate.dicom import work
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox
from cxrgate.dicom.receiver import ReceiverEndpoint
from cxrgate.dicom.spool import Spool, SpoolLimits
from cxrgate.dicom.trace import digest_of
from cxrgate.dicom.work import ATTEMPTS
from cxrgate.gate.drift import Drift
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.check import CheckService
from cxrgate.hashlog import HashLog, read_lines, verify_log

OUT_OF_RESOURCES = 0xA700


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def outcomes(folder):
    verify_log(folder / "log")
    return [line.content for line in read_lines(folder / "log", growing=True)]


def test_what_passes_goes_out_as_a_new_object_and_nothing_else_does(tmp_path):
    clean, pixels = radiograph(1)
    cut = radiograph(3, PixelData=bytes(100))[0]
    with Running(tmp_path).started() as running:
        assert store(running.port, clean, radiograph(2, LEAK)[0], cut) == [SUCCESS] * 3
        until(lambda: len(outcomes(tmp_path)) == 3 and not running.waiting())

    (path,) = running.released()
    released = dcmread(path)
    assert np.array_equal(released.pixel_array, pixels)
    assert released.SOPInstanceUID not in {clean.SOPInstanceUID, clean.StudyInstanceUID, clean.SeriesInstanceUID}
    assert sorted(entry["decision"] for entry in outcomes(tmp_path)) == ["ANONYMOUS", "INDETERMINATE", "NOT_ANONYMOUS"]
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [content for content in everything if MARKER.encode() in content]


def test_metrics_name_nobody_and_do_not_tell_a_leak_from_a_clean_image(tmp_path):
    def counted():
        return [running.count(name) for name in ("received_total", "answered_total", "waiting")]

    seen = []
    with Running(tmp_path).started() as running:
        for number, first in ((1, CLEAN), (2, LEAK)):
            store(running.port, radiograph(number, first)[0])
            until(lambda expected=number: running.count("answered_total") == expected)
            seen.append(counted())

    assert seen == [[1, 1, 0], [2, 2, 0]]
    told = generate_latest(running.worker.counts.registry).decode()
    assert not [word for word in (MARKER, "GENERATOR", "ANONYMOUS") if word in told]


def test_released_as_png_they_hold_the_checked_pixels_too(tmp_path):
    with Running(tmp_path, kind=OutFormat.PNG).started() as running:
        store(running.port, radiograph(1)[0])
        until(running.released)

    assert running.released()[0].read_bytes().startswith(b"\x89PNG")


def test_what_was_acknowledged_is_checked_after_a_restart(tmp_path):
    with Running(tmp_path, gates=NoGate()).started() as running:
        assert store(running.port, *(radiograph(number)[0] for number in range(3))) == [SUCCESS] * 3
    assert len(running.waiting()) == 3

    with Running(tmp_path).started() as running:
        until(lambda: len(running.released()) == 3 and not running.waiting())

    assert len(outcomes(tmp_path)) == 3


def test_the_same_image_again_is_acknowledged_and_not_checked_again(tmp_path):
    dataset = radiograph(1)[0]
    for _ in range(2):
        with Running(tmp_path).started() as running:
            assert store(running.port, dataset, dataset) == [SUCCESS, SUCCESS]
            until(lambda: len(outcomes(tmp_path)) == 1 and not running.waiting())

    assert len(running.released()) == 1
    assert running.stages.checked == 0


def test_what_a_crash_left_in_the_queue_after_its_outcome_was_logged_gets_no_second_one(tmp_path):
    with Running(tmp_path).started() as running:
        (name,) = store_and_keep(running, radiograph(1)[0])
        until(lambda: len(outcomes(tmp_path)) == 1 and not running.waiting())
    shutil.copytree(tmp_path / "kept", tmp_path / "spool/waiting", dirs_exist_ok=True)

    with Running(tmp_path).started() as running:
        until(lambda: not running.waiting())

    assert [line["name"] for line in outcomes(tmp_path)] == [name]
    assert (len(running.released()), running.stages.checked) == (1, 0)


class Certified(Gate):
    """A gate that has a certificate."""

    certification = "c" * 64


def test_what_was_judged_without_a_certificate_is_judged_anew_under_one_and_released_as_the_same_object(tmp_path):
    dataset = radiograph(1)[0]
    uncertified, certified = (FixedGate(kind(*[Stages()] * 4, POLICY)) for kind in (Gate, Certified))
    for gates, lines in ((uncertified, 1), (certified, 2), (certified, 2), (uncertified, 2)):
        with Running(tmp_path, gates=gates).started() as running:
            assert store(running.port, dataset) == [SUCCESS]
            until(lambda wanted=lines: len(outcomes(tmp_path)) == wanted and not running.waiting())

    assert [line["certification"] for line in outcomes(tmp_path)] == ["uncertified", "c" * 64]
    assert {line["released_as"] for line in outcomes(tmp_path)} == {path.name for path in running.released()}


def store_and_keep(running, dataset):
    """Send an image and lay a copy of what is received of it in `kept`; gives the names."""
    with pytest.MonkeyPatch.context() as patched:
        put = running.worker.spool.put

        def put_and_keep(caller, content):
            name = put(caller, content)
            target = running.folder / "kept" / caller / f"{name}.dcm"
            target.parent.mkdir(parents=True)
            target.write_bytes(content)
            return name

        patched.setattr(running.worker.spool, "put", put_and_keep)
        assert store(running.port, dataset) == [SUCCESS]
    return [path.stem for path in (running.folder / "kept").rglob("*.dcm")]


def test_a_model_that_does_not_answer_is_no_verdict(tmp_path):
    stages = Stages()
    stages.down = True
    with Running(tmp_path, stages).started() as running:
        store(running.port, radiograph(1)[0])
        until(lambda: stages.checked >= 2)
        assert (running.released(), outcomes(tmp_path), len(running.waiting())) == ([], [], 1)
        stages.down = False
        until(running.released)


def test_what_was_acknowledged_stays_while_the_disk_does_not_give_it(tmp_path, monkeypatch):
    read, failed = spool_module.read_regular, []

    def read_later(path):
        if len(failed) < 2:
            failed.append(path)
            raise ImageError("FILE_UNREADABLE", "expected a file that can be opened")
        return read(path)

    monkeypatch.setattr(spool_module, "read_regular", read_later)
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    with Running(tmp_path).started() as running:
        assert store(running.port, radiograph(1)[0]) == [SUCCESS]
        until(lambda: not running.waiting())

    assert ([line["decision"] for line in outcomes(tmp_path)], len(failed)) == (["ANONYMOUS"], 2)


DAMAGES = {
    "cut short": lambda content: content[:500],
    "emptied": lambda content: b"",
    "a bit of a pixel": lambda content: content[:-100] + bytes([content[-100] ^ 0x40]) + content[-99:],
    "another object": lambda content: as_file(radiograph(2)[0]),
    "grown too large": lambda content: content + bytes(2**25),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_what_was_acknowledged_is_told_and_waits_until_it_is_sent_again(
    tmp_path, monkeypatch, caplog, damage
):
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    sent, pixels = radiograph(1)
    with Running(tmp_path, gates=NoGate()).started() as running:
        assert store(running.port, sent) == [SUCCESS]
    (path,) = (tmp_path / "spool/waiting").rglob("*.dcm")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    caplog.clear()

    with Running(tmp_path).started() as running:
        for number in range(3, 3 * ATTEMPTS):  # others are answered: what is the image's own would be given up
            assert store(running.port, radiograph(number)[0]) == [SUCCESS]
            until(lambda wanted=number - 2: len(running.released()) >= wanted)
        assert (running.waiting(), path.stem in str(outcomes(tmp_path))) == ([path.name], False)
        told = [record.args for record in caplog.records if record.message == "dicom.image_postponed"]
        assert {(about["name"], about["reason"] in {"SPOOL_DAMAGED", "FILE_TOO_LARGE"}) for about in told} == {
            (path.stem, True)
        }
        before = running.released()
        assert store(running.port, sent) == [SUCCESS]
        until(lambda: not running.waiting())

    assert [line["decision"] for line in outcomes(tmp_path) if line["name"] == path.stem] == ["ANONYMOUS"]
    (released,) = set(running.released()) - set(before)
    assert np.array_equal(dcmread(released).pixel_array, pixels)


def traced(*words):
    done = CliRunner().invoke(app, ["dicom", "trace", *map(str, words)])
    return done.exit_code, done.output


def test_an_object_is_traced_by_the_senders_uid_from_the_spool_to_its_outcome(tmp_path):
    clean, leak = radiograph(1)[0], radiograph(2, LEAK)[0]
    with Running(tmp_path, gates=NoGate()).started() as running:
        store(running.port, clean, leak)
    log, spool = tmp_path / "log", tmp_path / "spool"
    assert traced(log, clean.SOPInstanceUID)[0] == 1
    assert "waits in the spool" in traced(log, clean.SOPInstanceUID, "--spool", spool)[1]

    with Running(tmp_path).started() as running:
        until(lambda: not running.waiting())

    assert f"ANONYMOUS, released as {running.released()[0].name}" in traced(log, clean.SOPInstanceUID)[1]
    assert "NOT_ANONYMOUS (SAME_PATIENT), not released" in traced(log, leak.SOPInstanceUID)[1]
    code, told = traced(log, "1.2.3")
    assert (code, digest_of("1.2.3") in told) == (1, True)
    assert str(clean.SOPInstanceUID) not in log.read_text()


def test_an_outage_uses_up_no_attempts_and_every_image_is_answered_once_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    stages = Stages()
    with Running(tmp_path, stages).started() as running:
        stages.down = True
        store(running.port, *(radiograph(number)[0] for number in range(4)))
        until(lambda: stages.checked > 10 * ATTEMPTS)
        assert (running.released(), outcomes(tmp_path), len(running.waiting())) == ([], [], 4)
        stages.down = False
        until(lambda: len(running.released()) == 4 and not running.waiting())

    assert sorted(line["decision"] for line in outcomes(tmp_path)) == ["ANONYMOUS"] * 4


def test_an_image_that_breaks_a_stage_others_pass_is_given_up_and_sent_again_checked_again(tmp_path, monkeypatch):
    class OneBreaks(Stages):
        def _verify(self, image, item):
            self.down = bool(image.pixels[0, 0] == LEAK)
            return super()._verify(image, item)

    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    broken = radiograph(0, LEAK)[0]
    with Running(tmp_path, OneBreaks()).started() as running:
        store(running.port, broken)
        for number in range(1, 3 * ATTEMPTS):
            store(running.port, radiograph(number)[0])
            until(lambda wanted=number: len(running.released()) >= wanted)
        until(lambda: not running.waiting())
    given_up = [line for line in outcomes(tmp_path) if line["decision"] == "INDETERMINATE"]
    assert [line["final"] for line in given_up] == [False]

    with Running(tmp_path).started() as running:
        store(running.port, broken)
        until(lambda: not running.waiting())
    assert [line["decision"] for line in outcomes(tmp_path) if line["name"] == given_up[0]["name"]] == [
        "INDETERMINATE",
        "NOT_ANONYMOUS",
    ]


def untraceable(number, kind):
    """An object whose image can be read and whose SOPInstanceUID cannot."""
    return as_another_kind(as_file(radiograph(number)[0]), (0x0008, 0x0018), kind)


@pytest.mark.parametrize("kind", UNREADABLE_KINDS)
def test_an_object_whose_uid_cannot_be_read_is_refused_at_reception(tmp_path, monkeypatch, kind):
    content = untraceable(1, kind)
    monkeypatch.setattr("pynetdicom.association.encode", lambda *_, **__: split(content)[1])
    with Running(tmp_path).started() as running:
        assert store(running.port, radiograph(1)[0]) == [0xC000]
        assert running.waiting() == []


def test_what_an_older_receiver_took_without_a_readable_uid_is_answered_and_delays_nothing(tmp_path, caplog):
    spool = Spool(tmp_path / "spool")
    for number in range(2):
        for kind in UNREADABLE_KINDS:
            spool.put("GENERATOR", untraceable(number, kind))
    with Running(tmp_path, gates=NoGate()).started() as running:
        assert len(running.waiting()) == 2 * len(UNREADABLE_KINDS)
    assert traced(tmp_path / "log", "1.2.3", "--spool", tmp_path / "spool")[0] == 1

    with Running(tmp_path).started() as running:
        until(lambda: not running.waiting())

    assert {(line["decision"], line["instance"], line["final"]) for line in outcomes(tmp_path)} == {
        ("INDETERMINATE", "", True)
    }
    assert (len(outcomes(tmp_path)), running.released()) == (2 * len(UNREADABLE_KINDS), [])
    assert "Traceback" not in caplog.text
    assert not [value for value in UNREADABLE_KINDS.values() if value.decode() in caplog.text]


def test_what_fails_for_a_reason_nobody_foresaw_is_given_up_without_a_word_of_its_values(tmp_path, monkeypatch, caplog):
    broken = radiograph(0)[0]
    digest = digest_of(broken.SOPInstanceUID)
    judge = CheckService.judge

    async def breaks(self, gate, identity, content, declared):
        if broken.SOPInstanceUID.encode() in content:
            raise RuntimeError(f"expected no {broken.SOPInstanceUID}")
        return await judge(self, gate, identity, content, declared)

    monkeypatch.setattr(CheckService, "judge", breaks)
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    with Running(tmp_path).started() as running:
        store(running.port, broken)
        time.sleep(0.3)
        assert len(running.waiting()) == 1  # alone it may be the host's fault, which uses up no attempts
        for number in range(1, 3 * ATTEMPTS):
            store(running.port, radiograph(number)[0])
            until(lambda wanted=number: len(running.released()) >= wanted)
        until(lambda: not running.waiting())

    given_up = [line for line in outcomes(tmp_path) if line["decision"] == "INDETERMINATE"]
    assert [(line["instance"], line["final"]) for line in given_up] == [(digest, False)]
    told = [record for record in caplog.records if record.message == "dicom.image_failed"]
    assert told
    assert not [record for record in caplog.records if record.exc_info]
    assert broken.SOPInstanceUID not in caplog.text + "".join(str(vars(record)) for record in told)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_what_the_host_refuses_uses_up_no_attempts(tmp_path, monkeypatch, error):
    failed, prepare = [], Outbox.prepare

    def refused(self, image):
        if image.pixels[0, 0] == 1 and len(failed) <= 2 * ATTEMPTS:
            failed.append(image)
            raise error
        return prepare(self, image)

    monkeypatch.setattr(Outbox, "prepare", refused)
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    with Running(tmp_path).started() as running:
        store(running.port, radiograph(0, 1)[0])
        for number in range(1, 2 * ATTEMPTS):
            store(running.port, radiograph(number)[0])
        until(lambda: not running.waiting())

    assert (len(running.released()), len(failed)) == (2 * ATTEMPTS, 2 * ATTEMPTS + 1)


def test_what_the_log_does_not_take_is_not_released(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left")

    with Running(tmp_path).started() as running:
        with monkeypatch.context() as patched:
            patched.setattr(HashLog, "_write_batch", full)
            store(running.port, radiograph(1)[0])
            until(lambda: running.stages.checked >= 2)
        assert (running.released(), outcomes(tmp_path), len(running.waiting())) == ([], [], 1)

    with Running(tmp_path).started() as running:
        until(lambda: running.released() and not running.waiting())

    (entry,), (path,) = outcomes(tmp_path), running.released()
    assert (entry["released_as"], entry["released_sha256"]) == (path.name, file_digest(path))


def test_a_file_that_is_damaged_before_its_release_is_written_again(tmp_path, monkeypatch):
    release, damaged = Outbox.release, []

    def damage_and_release(self, file):
        if not damaged:
            (path,) = (tmp_path / "released").iterdir()
            damaged.append(path.write_bytes(as_file(radiograph(2)[0])))
        release(self, file)

    monkeypatch.setattr(Outbox, "release", damage_and_release)
    monkeypatch.setattr(work, "PAUSE_SECONDS", 0.01)
    sent, pixels = radiograph(1)
    with Running(tmp_path).started() as running:
        store(running.port, sent)
        until(lambda: not running.waiting())

    (path,) = running.released()
    assert np.array_equal(dcmread(path).pixel_array, pixels)
    assert {line["released_sha256"] for line in outcomes(tmp_path)} == {file_digest(path)}


def test_scores_that_drift_end_the_releases_until_somebody_has_looked(tmp_path):
    def watch():
        return Drift(reference=10, window=10)

    with Running(tmp_path, drift=watch).started() as running:
        store(running.port, *(radiograph(number)[0] for number in range(10)))
        until(lambda: len(outcomes(tmp_path)) == 10)
        store(running.port, *(radiograph(number, LEAK)[0] for number in range(10, 30)))
        until(lambda: len(outcomes(tmp_path)) == 31)
        store(running.port, radiograph(30)[0])
    with Running(tmp_path, drift=watch).started() as again:
        time.sleep(0.5)
        assert (len(again.released()), len(again.waiting())) == (10, 1)
    assert outcomes(tmp_path)[-1]["event"] == "drift_noticed"

    acknowledged = CliRunner().invoke(
        app, ["log", "acknowledge", str(tmp_path / "log"), "--reason", "Another scanner."]
    )
    assert acknowledged.exit_code == 0, acknowledged.output
    with Running(tmp_path, drift=watch).started() as again:
        until(lambda: len(again.released()) == 11 and not again.waiting())


def test_a_sender_whose_scores_have_drifted_keeps_no_other_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "WINDOW", 2)
    with Running(tmp_path, drift=lambda: Drift(reference=10, window=10)).started() as running:
        running.worker.service.drift.recall("GENERATOR")
        store(running.port, *(radiograph(number)[0] for number in range(4)))
        running.worker.spool.put("OTHER", as_file(radiograph(4)[0]))
        until(lambda: (len(running.released()), len(running.waiting())) == (1, 4))


class Held(Outbox):
    """Prepares a file when it is let."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked, self.let = threading.Event(), threading.Event()

    def prepare(self, image):
        self.asked.set()
        assert self.let.wait(20)
        return super().prepare(image)


def drift_noticed(worker):
    worker.service.drift.noticed = True


def certificate_over(worker):
    worker.service.gates.over = True


class Ending:
    """A gate whose certificate ends when it is said to."""

    over = False

    def __init__(self, gate):
        self.gate = gate

    def __getattr__(self, name):
        return getattr(self.gate, name)

    def current(self):
        self.check_certificate()
        return self

    def check_certificate(self):
        if self.over:
            raise CertificateError("expected a current certificate")


@pytest.mark.parametrize("happens", [drift_noticed, certificate_over])
def test_what_ends_the_releases_ends_that_of_an_image_whose_file_is_being_written(tmp_path, monkeypatch, happens):
    monkeypatch.setattr(dicom_receiver, "Outbox", Held)
    with Running(tmp_path, gates=Ending(Gate(*[Stages()] * 4, POLICY))).started() as running:
        store(running.port, radiograph(1)[0])
        assert running.worker.outbox.asked.wait(20)
        happens(running.worker)
        running.worker.outbox.let.set()
        time.sleep(0.5)
        assert (running.released(), outcomes(tmp_path), len(running.waiting())) == ([], [], 1)


@pytest.mark.parametrize("names", [{"title": "STRANGER"}, {"called": "OTHER"}])
def test_strangers_get_no_association(tmp_path, names):
    with Running(tmp_path).started() as running, association(running.port, **names) as opened:
        assert not opened.is_established
        until(lambda: running.count("refused_total", reason="ASSOCIATION") == 1)


def test_other_kinds_of_objects_are_not_negotiated(tmp_path):
    with Running(tmp_path).started() as running, association(running.port, kind=CTImageStorage) as opened:
        assert not opened.is_established


@pytest.mark.parametrize(
    ("changes", "status", "comment"),
    [
        ({"Modality": "CT"}, 0xA900, "DICOM_MODALITY: CR, DX, RG, OT or none is taken for a radiograph"),
        ({"NumberOfFrames": 2}, 0xA900, "FRAMES: send each frame as an object of its own"),
        ({"HighBit": 15}, 0xC000, "DICOM_TAGS: attributes contradict each other or are wrong"),
    ],
)
def test_what_the_header_rules_out_is_refused_at_reception_with_the_reason(tmp_path, changes, status, comment):
    with Running(tmp_path).started() as running, association(running.port) as opened:
        answer = opened.send_c_store(radiograph(1, **changes)[0])
        assert (answer.Status, answer.ErrorComment) == (status, comment)
        assert running.waiting() == []


def test_a_full_spool_says_so_and_takes_again_when_there_is_room(tmp_path):
    with Running(tmp_path, gates=NoGate(), limits=SpoolLimits(images=1)).started() as running:
        assert store(running.port, radiograph(1)[0], radiograph(2)[0]) == [SUCCESS, OUT_OF_RESOURCES]
        assert (running.count("refused_total", reason="A700"), running.count("waiting")) == (1, 1)
    with Running(tmp_path, limits=SpoolLimits(images=1)).started() as running:
        until(lambda: not running.waiting())
        assert store(running.port, radiograph(2)[0]) == [SUCCESS]


def test_a_pdu_that_claims_gigabytes_ends_its_own_connection_only(tmp_path):
    with Running(tmp_path).started() as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as attacker:
            attacker.sendall(struct.pack(">BBL", 1, 0, 2**31) + bytes(100))
            assert attacker.recv(1) == b""
        assert store(running.port, radiograph(1)[0]) == [SUCCESS]


def test_a_data_set_without_an_end_is_cut_off(tmp_path):
    endless = radiograph(1)[0]
    endless.add_new((0x0009, 0x1001), "OB", bytes(36 * 2**20))
    with Running(tmp_path).started() as running:
        with association(running.port) as opened:
            assert "Status" not in opened.send_c_store(endless)
        assert store(running.port, radiograph(2)[0]) == [SUCCESS]
        assert len(running.waiting()) <= 1


@pytest.mark.dcmtk
def test_storescu_and_echoscu_of_dcmtk_are_understood(tmp_path):
    sent = [tmp_path / "clean.dcm", tmp_path / "leak.dcm"]
    for path, first in zip(sent, (CLEAN, LEAK), strict=True):
        path.write_bytes(as_file(radiograph(1, first)[0]))
    with Running(tmp_path / "gate").started() as running:
        assert _dcmtk("echoscu", running.port).returncode == 0
        assert _dcmtk("storescu", running.port, *sent).returncode == 0
        assert _dcmtk("storescu", running.port, sent[0], title="STRANGER").returncode != 0
        until(lambda: len(outcomes(tmp_path / "gate")) == 2)

    assert len(running.released()) == 1
    assert subprocess.run(["dcmftest", *running.released()], check=False, timeout=60).returncode == 0


def _dcmtk(program, port, *files, title="GENERATOR"):
    command = [program, "-aet", title, "-aec", "CXRGATE", "127.0.0.1", str(port), *map(str, files)]
    return subprocess.run(command, check=False, timeout=60)


@pytest.mark.parametrize("callers", [[], ["A/B"], ["../x"], ["A" * 17], [""]])
def test_titles_that_could_be_paths_are_refused(callers):
    with pytest.raises(UsageError):
        ReceiverEndpoint("127.0.0.1:0", "CXRGATE", callers)
