"""A released image as DICOM: Secondary Capture, marked synthetic, and not one value of what came in.

The UIDs are derived from the released pixels and nothing else: they are new, they lead back to nobody, and the same
image released again is the same object. A window over the whole range is written, so that readers (this project's
among them) show the very grey levels that were checked.
"""

from __future__ import annotations

import io
import uuid

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from cxrgate.core.digest import pixel_digest

IMPLEMENTATION = UID("2.25.249018305187262543186471842930714521087")
"""This project's, a random UUID as PS3.5 B.2 allows."""

_NAMESPACE = uuid.UUID("bb568cf1-1b3d-4a56-9ff0-6a1a7f4d2a0f")


def encode_dicom(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    """The SOP instance UID and the file of uint8[rows, columns], 0 black; equal pixels give equal bytes."""
    digest = pixel_digest(pixels)
    dataset = _dataset(pixels, digest)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return str(dataset.SOPInstanceUID), buffer.getvalue()


def _dataset(pixels: NDArray[np.uint8], digest: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(dataset, name, _uid(name, digest))
    # Attributes that must be there but may be empty (type 2), and those that say what this is.
    for name in ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(dataset, name, "")
    for name in ("PatientBirthDate", "PatientSex", "PatientOrientation", "Laterality"):
        setattr(dataset, name, "")
    dataset.PatientName, dataset.PatientID = "SYNTHETIC", digest[:16]
    dataset.Modality, dataset.ConversionType = "CR", "SYN"
    dataset.SyntheticData = "YES"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.SeriesNumber = dataset.InstanceNumber = "1"
    _set_pixels(dataset, pixels)
    return dataset


def _set_pixels(dataset: Dataset, pixels: NDArray[np.uint8]) -> None:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.WindowCenter, dataset.WindowWidth = "128", "256"  # PS3.3 C.11.2.1.2.1: exactly 0 to 255
    content = np.ascontiguousarray(pixels).tobytes()
    dataset.add_new("PixelData", "OB", content + b"\0" * (len(content) % 2))


def _uid(kind: str, digest: str) -> UID:
    """A UID of the form 2.25.UUID (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{kind}/{digest}').int}")
