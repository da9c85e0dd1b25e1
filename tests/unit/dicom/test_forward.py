import asyncio
from contextlib import contextmanager

import pytest
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, evt
from support.fakes import picture

from cxrgate.core import GreyImage, UsageError
from cxrgate.dicom import forward
from cxrgate.dicom.encode import encode_dicom
from cxrgate.dicom.forward import Forwarder, Pacs
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox
from cxrgate.dicom.process import ReceiverPaths
from cxrgate.serving.address import free_port


class Archive:
    """A PACS on loopback that answers with the statuses that it is given, then with success."""

    def __init__(self, *statuses):
        self.statuses, self.stored = list(statuses), []

    def store(self, event):
        status = self.statuses.pop(0) if self.statuses else 0
        if status in {0, 0xB000}:
            self.stored.append(event.request.AffectedSOPInstanceUID)
        return status

    @contextmanager
    def started(self, port=0):
        entity = AE("ARCHIVE")
        entity.require_called_aet = True
        entity.add_supported_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
        server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, self.store)])
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def released(folder, *numbers):
    outbox = Outbox(folder / "released", OutFormat.DICOM, folder / "queue")
    for number in numbers:
        outbox.release(outbox.prepare(GreyImage("a", picture(number))))


def queued(folder):
    return len(list((folder / "queue").iterdir()))


async def forwarded(folder, port, done):
    sender = Forwarder(folder / "queue", folder / "released", Pacs("ARCHIVE", "127.0.0.1", port), "CXRGATE")
    task = asyncio.create_task(sender.work())
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - it is another process, so to speak
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(forward, "_FIRST_PAUSE_SECONDS", 0.05)


def test_what_is_released_is_sent_on_once(tmp_path):
    released(tmp_path, 1, 2, 3)
    archive = Archive()
    with archive.started() as port:
        asyncio.run(forwarded(tmp_path, port, lambda: not queued(tmp_path)))

    assert len(archive.stored) == 3
    assert len(list((tmp_path / "released").iterdir())) == 3


def test_what_the_archive_refuses_is_sent_again_and_a_warning_is_an_acknowledgement(tmp_path):
    released(tmp_path, 1, 2)
    archive = Archive(0xA700, 0xB000)
    with archive.started() as port:
        asyncio.run(forwarded(tmp_path, port, lambda: not queued(tmp_path)))

    assert len(archive.stored) == 2


def test_what_the_archive_never_takes_and_what_is_broken_keep_nothing_else_back(tmp_path, monkeypatch):
    monkeypatch.setattr(forward, "BATCH", 2)
    released(tmp_path, 1, 2, 3, 4, 5)
    refused, broken = sorted(path.name for path in (tmp_path / "queue").iterdir())[:2]
    (tmp_path / "released" / broken).write_bytes(b"no DICOM")

    class Choosy(Archive):
        def store(self, event):
            return 0xC000 if f"{event.request.AffectedSOPInstanceUID}.dcm" == refused else super().store(event)

    archive = Choosy()
    with archive.started() as port:
        asyncio.run(forwarded(tmp_path, port, lambda: queued(tmp_path) == 2))

    assert {path.name for path in (tmp_path / "queue").iterdir()} == {refused, broken}
    assert len(archive.stored) == 3


# pynetdicom leaves a socket that could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_archive_that_is_away_is_waited_for(tmp_path):
    released(tmp_path, 1)
    archive, port = Archive(), free_port("127.0.0.1")

    async def away_and_back():
        tried = asyncio.create_task(forwarded(tmp_path, port, lambda: not queued(tmp_path)))
        await asyncio.sleep(0.3)
        assert queued(tmp_path) == 1
        with archive.started(port):
            await tried

    asyncio.run(away_and_back())
    assert len(archive.stored) == 1


def test_a_crash_before_the_release_leaves_nothing_to_send(tmp_path):
    outbox = Outbox(tmp_path / "released", OutFormat.DICOM, tmp_path / "queue")
    file = outbox.prepare(GreyImage("a", picture(1)))
    outbox.note(file)
    sender = Forwarder(tmp_path / "queue", tmp_path / "released", Pacs("ARCHIVE", "127.0.0.1", 1), "CXRGATE")

    assert sender._waiting() == []
    outbox.release(file)
    assert sender._waiting() == [file.name]


@pytest.mark.parametrize(("noted", "reason"), [(True, "CHANGED"), (False, "DIGEST_MISSING")])
def test_only_what_was_released_is_sent_and_what_is_held_is_told_and_sent_when_it_is_back(
    tmp_path, caplog, noted, reason
):
    released(tmp_path, 1, 2)
    name, other = sorted(path.name for path in (tmp_path / "queue").iterdir())
    path, queue = tmp_path / "released" / name, tmp_path / "queue" / name
    true, digest = path.read_bytes(), queue.read_bytes()
    path.write_bytes(encode_dicom(picture(7))[1])
    queue.write_bytes(digest if noted else b"")  # older versions noted nothing

    def held():
        return [vars(record)["args"] for record in caplog.records if record.message == "dicom.forward_held"]

    archive = Archive()
    with archive.started() as port:
        asyncio.run(forwarded(tmp_path, port, lambda: queued(tmp_path) == 1 and held()))
        assert archive.stored == [other.removesuffix(".dcm")]
        assert held()[0] == {"name": name, "reason": reason}
        path.write_bytes(true)
        queue.write_bytes(digest)
        asyncio.run(forwarded(tmp_path, port, lambda: not queued(tmp_path)))

    assert sorted(archive.stored) == [each.removesuffix(".dcm") for each in (name, other)]


@pytest.mark.parametrize("text", ["", "pacs:104", "A@b", "A@b:0", "A@b:99999", "A B@c:1", "A" * 17 + "@b:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="AET@host:port"):
        Pacs.parse(text)


def test_only_dicom_objects_are_forwarded(tmp_path):
    with pytest.raises(UsageError, match="--format"):
        ReceiverPaths(tmp_path, tmp_path, tmp_path, OutFormat.PNG, forward=Pacs.parse("A@b:104"))
