"""One small valid image of each kind, made on the spot: decoding them loads every module that decoding needs."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    generate_uid,
)
from rle.utils import encode_pixel_data

_SIDE = 64
_RLE = {"rows": _SIDE, "columns": _SIDE, "samples_per_pixel": 1, "number_of_frames": 1, "bits_allocated": 16}


def samples() -> list[bytes]:
    """Grey and colour in each raster format, an array, and a DICOM object for each decoder of transfer syntaxes."""
    wide = np.arange(_SIDE * _SIDE, dtype=np.uint16).reshape(_SIDE, _SIDE)
    grey = (wide // 16).astype(np.uint8)
    return [*_rasters(Image.fromarray(grey)), *_arrays(wide, grey), *_dicoms(wide, grey)]


def _rasters(grey: Image.Image) -> list[bytes]:
    kinds: list[tuple[str, dict[str, object]]] = [
        ("PNG", {}),
        ("JPEG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG2000", {}),
    ]
    images = [(image, *kind) for image in (grey, grey.convert("RGB")) for kind in kinds]
    images += [(grey.convert(mode), "PNG", {}) for mode in ("1", "P", "LA", "RGBA")]
    return [_saved(image, media, **options) for image, media, options in images]


def _saved(image: Image.Image, media: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, media, **options)
    return buffer.getvalue()


def _arrays(wide: NDArray[np.uint16], grey: NDArray[np.uint8]) -> list[bytes]:
    """16 bits as PNG and TIFF, and what numpy saves."""
    array = io.BytesIO()
    np.save(array, grey)
    return [*[_saved(Image.fromarray(wide), media) for media in ("PNG", "TIFF")], array.getvalue()]


def _dicoms(wide: NDArray[np.uint16], grey: NDArray[np.uint8]) -> list[bytes]:
    coded = {
        JPEGBaseline8Bit: _saved(Image.fromarray(grey), "JPEG"),
        JPEG2000Lossless: bytes(encode_array(wide, bits_stored=12, photometric_interpretation=2)),
        RLELossless: encode_pixel_data(wide.tobytes(), None, "<", **_RLE),
    }
    bits = {JPEGBaseline8Bit: 8}
    return [
        *[_dicom(encapsulate([frame]), syntax, bits.get(syntax, 12)) for syntax, frame in coded.items()],
        _dicom(wide.tobytes(), ExplicitVRLittleEndian, 12),
    ]


def _dicom(pixels: bytes, syntax: UID, bits: int) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["sample"])
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.Modality, dataset.PhotometricInterpretation = "DX", "MONOCHROME1"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = _SIDE, _SIDE, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 if bits == 8 else 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2 ** (bits - 1), 2**bits
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OB" if syntax.is_compressed else "OW"
    dataset["PixelData"].is_undefined_length = syntax.is_compressed
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
