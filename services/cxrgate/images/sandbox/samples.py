"""One small valid image of each kind, made on the spot: decoding them loads every module that decoding needs."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

_SIDE = 64


def samples() -> list[bytes]:
    """PNG and JPEG, grey and RGB, and a DICOM file with rescale and window."""
    pixels = np.arange(_SIDE * _SIDE, dtype=np.uint16).reshape(_SIDE, _SIDE)
    grey = Image.fromarray((pixels // 16).astype(np.uint8))
    encoded = []
    for image in (grey, grey.convert("RGB")):
        for media in ("PNG", "JPEG"):
            buffer = io.BytesIO()
            image.save(buffer, media)
            encoded.append(buffer.getvalue())
    return [*encoded, _dicom(pixels)]


def _dicom(pixels: np.ndarray) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["sample"])
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.Modality, dataset.PhotometricInterpretation = "DX", "MONOCHROME1"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = _SIDE, _SIDE, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
