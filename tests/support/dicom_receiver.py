"""Invented radiographs as DICOM, and a receiver on loopback whose models are stand-ins."""

from __future__ import annotations

import asyncio
import io
import threading
from contextlib import contextmanager

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt

from cxrgate.core import CallRefused, Descriptors, Evidence, Failure, ImageError, Stage
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox
from cxrgate.dicom.receiver import Receiver, ReceiverEndpoint
from cxrgate.dicom.spool import Spool
from cxrgate.dicom.work import SpoolWorker
from cxrgate.gate.drift import Drift
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.hashlog import HashLog
from cxrgate.images.codec.decode import decode
from support.fakes import POLICY, evidence, picture

MARKER = "CANARY^JANE"
ONES = np.ones(4, np.float32)
LEAK, CLEAN = 255, 0
SUCCESS = 0x0000
"""The first pixel: what the stand-in of the verification model goes by."""


def radiograph(number, first=CLEAN, **changes):
    """An 8-bit CR data set that names a patient in many places."""
    pixels = picture(number)
    pixels[0, 0], pixels[0, 1], pixels[0, 2] = first, 0, 255  # the whole range: without a window it stays as it is
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = MARKER, MARKER, "CR"
    dataset.add_new((0x0009, 0x0010), "LO", MARKER)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset, pixels


def as_file(dataset):
    """The data set as the bytes of a file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


class Stages:
    """All four stages; `down` lets verification fail as a model that does not answer does."""

    def __init__(self):
        self.down, self.checked = False, 0

    async def decode(self, records):
        self.checked += len(records)
        return [self._decode(record) for record in records]

    def _decode(self, record):
        try:
            return decode(record)
        except ImageError as error:
            return error.failure(record.image_id, Stage.DECODE)

    async def embed(self, images):
        return [Descriptors(image.image_id, dict.fromkeys(("identity", "copy"), ONES), ONES) for image in images]

    async def search(self, queries):
        return [evidence(image_id=query.image_id).candidates for query in queries]

    async def verify(self, images, candidates):
        return [self._verify(image, item) for image, item in zip(images, candidates, strict=True)]

    def _verify(self, image, item):
        if self.down:
            return Failure(image.image_id, Stage.VERIFY, "UNAVAILABLE", "MODEL_LOST", "expected an answer")
        return Evidence(item, np.full(3, 0.9 if image.pixels[0, 0] == LEAK else 0.1))


class NoGate:
    """While the index does not answer."""

    def current(self):
        raise CallRefused("UNAVAILABLE", "DEPENDENCY", "expected an index")

    async def refresh(self):
        return False


class Running:
    """A receiver in a thread with its own event loop, as a process would be."""

    def __init__(self, folder, stages=None, gates=None, kind=OutFormat.DICOM, limits=None, tls=None, drift=Drift):
        self.folder, self.stages = folder, stages or Stages()
        self.gates = gates or FixedGate(Gate(*[self.stages] * 4, POLICY))
        self.kind, self.limits, self.tls = kind, limits, tls
        self.drift = drift

    @contextmanager
    def started(self):
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        run = lambda task: asyncio.run_coroutine_threadsafe(task, loop).result(60)  # noqa: E731
        self.worker = worker = run(self._worker())
        work = run(_start(worker))
        self.receiver = Receiver(
            worker.spool, worker.is_done, lambda: loop.call_soon_threadsafe(worker.notice), worker.counts
        )
        self.port = self.receiver.start(ReceiverEndpoint("127.0.0.1:0", "CXRGATE", ["GENERATOR"], self.tls))
        try:
            yield self
        finally:
            self.receiver.stop()
            run(_stop(work))
            run(worker.service.log.close())
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _worker(self):
        spool, outbox = Spool(self.folder / "spool", self.limits), Outbox(self.folder / "released", self.kind)
        log = HashLog(self.folder / "log")
        return SpoolWorker.over(spool, outbox, self.gates, self.stages, log, Batches(4), drift=self.drift())

    def count(self, name, **labels):
        """One of the metrics."""
        return self.worker.counts.registry.get_sample_value(f"cxrgate_dicom_{name}", labels) or 0

    def waiting(self):
        return sorted(path.name for path in (self.folder / "spool" / "waiting").rglob("*") if path.is_file())

    def released(self):
        return sorted(path for path in (self.folder / "released").iterdir() if path.suffix in {".dcm", ".png"})


@contextmanager
def association(port, title="GENERATOR", called="CXRGATE", kind=ComputedRadiographyImageStorage, **options):
    """A sender's association."""
    sender = AE(title)
    sender.add_requested_context(kind, ExplicitVRLittleEndian)
    sender.acse_timeout = sender.dimse_timeout = sender.network_timeout = 20
    sockets = []  # pynetdicom leaves those that failed to the garbage collector, and warnings are errors
    note = [(evt.EVT_CONN_OPEN, lambda event: sockets.append(event.assoc.dul.socket.socket))]
    opened = sender.associate("127.0.0.1", port, ae_title=called, evt_handlers=note, **options)
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        for each in sockets:
            each.close()


async def _start(worker):
    return asyncio.create_task(worker.work())


async def _stop(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def store(port, *datasets, **options):
    with association(port, **options) as opened:
        assert opened.is_established
        return [opened.send_c_store(dataset).Status for dataset in datasets]
