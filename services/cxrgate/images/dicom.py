"""One DICOM radiograph (CR or DX) to 8-bit grey: modality LUT, VOI LUT or window, padding, MONOCHROME1."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrgate.core import ImageError
from cxrgate.images.limits import check_dimensions

MARK = b"DICM"
MARK_OFFSET = 128
_SYNTAXES = {ImplicitVRLittleEndian, ExplicitVRLittleEndian}
_MODALITIES = {"CR", "DX"}
_LONGEST_TEXT = 64 * 1024
_TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}


def decode_dicom(content: bytes) -> NDArray[np.uint8]:
    """Pixels uint8[rows, columns], 0 black whatever the photometric interpretation.

    Values are taken through rescale or modality LUT, then VOI LUT or window where there is one; the result's
    range, or without a window that of the pixels that are not padding, becomes 0 to 255.

    Raises:
        ImageError: DICOM_HEADER, DICOM_TRANSFER_SYNTAX, DICOM_TRUNCATED, DICOM_TAGS, DICOM_STRUCTURE, TAG_LENGTH,
            DIMENSIONS, FRAMES, MODE_FORBIDDEN or NONFINITE.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's remarks quote values
        dataset = _read(content)
        try:
            _check(dataset)
            return _pixels(dataset)
        except ImageError:
            raise
        except RecursionError as error:
            raise ImageError("DICOM_STRUCTURE", "expected fewer nested sequences") from error
        except Exception as error:
            raise ImageError("DICOM_TAGS", "expected consistent image tags") from error


def _read(content: bytes) -> Dataset:
    try:
        syntax = _meta(content).get("TransferSyntaxUID")
    except InvalidDicomError as error:
        raise ImageError("DICOM_HEADER", "expected a DICOM file with preamble and header") from error
    except Exception as error:
        raise ImageError("DICOM_TRUNCATED", "expected a whole file meta header") from error
    if syntax is None:
        raise ImageError("DICOM_TRUNCATED", "expected a transfer syntax")
    # Before the data set is parsed: a deflated one inflates without a limit.
    if syntax not in _SYNTAXES:
        raise ImageError("DICOM_TRANSFER_SYNTAX", "expected uncompressed little endian, implicit or explicit")
    try:
        return dcmread(io.BytesIO(content))
    except RecursionError as error:
        raise ImageError("DICOM_STRUCTURE", "expected fewer nested sequences") from error
    except Exception as error:
        raise ImageError("DICOM_TRUNCATED", "expected a whole data set") from error


def _meta(content: bytes) -> Dataset:
    """The file meta group alone, always explicit little endian."""
    file = io.BytesIO(content)
    read_preamble(file, force=False)
    return read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, _vr, _length: tag.group != 2
    )


def _check(dataset: Dataset) -> None:
    if len(dataset) == 0:
        raise ImageError("DICOM_TRUNCATED", "expected a data set, got only a header")
    for tag in dataset.keys():  # noqa: SIM118 - iterating the data set itself would parse every value
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.VR in _TEXT and element.length > _LONGEST_TEXT:
            raise ImageError("TAG_LENGTH", f"expected text values of at most {_LONGEST_TEXT} bytes")
    for name in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PhotometricInterpretation", "Modality"):
        if dataset.get(name) is None:
            raise ImageError("DICOM_TAGS", f"expected {name}")
    if dataset.Modality not in _MODALITIES:
        raise ImageError("DICOM_MODALITY", "expected a radiograph of modality CR or DX")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise ImageError("FRAMES", "expected one frame")
    if dataset.PhotometricInterpretation not in {"MONOCHROME1", "MONOCHROME2"} or dataset.get("SamplesPerPixel") != 1:
        raise ImageError("MODE_FORBIDDEN", "expected MONOCHROME1 or MONOCHROME2 with one sample per pixel")
    check_dimensions(int(dataset.Columns), int(dataset.Rows))
    _check_samples(dataset)


def _check_samples(dataset: Dataset) -> None:
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise ImageError("NONFINITE", "expected whole numbers as pixels")
    if "PixelData" not in dataset:
        raise ImageError("DICOM_TAGS", "expected PixelData")
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if (
        allocated not in {8, 16}
        or not 8 <= stored <= allocated
        or int(dataset.get("HighBit", stored - 1)) != stored - 1
    ):
        raise ImageError(
            "DICOM_TAGS", f"expected 8 or 16 bits allocated and 8 or more stored, got {allocated}, {stored}"
        )
    expected = int(dataset.Rows) * int(dataset.Columns) * allocated // 8
    if len(dataset.PixelData) < expected:
        raise ImageError("DICOM_TRUNCATED", f"expected {expected} bytes of pixels, got {len(dataset.PixelData)}")


def _pixels(dataset: Dataset) -> NDArray[np.uint8]:
    raw = dataset.pixel_array
    _check_range(raw, dataset)
    padding = _padding(raw, dataset)
    values = np.asarray(apply_modality_lut(raw, dataset))
    windowed = "VOILUTSequence" in dataset or "WindowCenter" in dataset
    values = np.asarray(apply_voi_lut(values, dataset) if windowed else values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ImageError("NONFINITE", "expected finite values after rescaling")
    kept = values[~padding]
    low, high = (kept.min(), kept.max()) if kept.size else (0.0, 0.0)
    scaled = np.clip((values - low) / (high - low) if high > low else np.zeros_like(values), 0, 1)
    grey = 1 - scaled if dataset.PhotometricInterpretation == "MONOCHROME1" else scaled
    return np.asarray(np.rint(np.where(padding, 0, grey) * 255), dtype=np.uint8)


def _check_range(raw: NDArray[np.integer[Any]], dataset: Dataset) -> None:
    bits, signed = int(dataset.BitsStored), int(dataset.get("PixelRepresentation", 0))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    stored = np.frombuffer(dataset.PixelData, f"<{'i' if signed else 'u'}{int(dataset.BitsAllocated) // 8}", raw.size)
    if stored.min() < low or stored.max() > high:
        raise ImageError("DICOM_TAGS", f"expected pixels of {bits} bits")


def _padding(raw: NDArray[np.integer[Any]], dataset: Dataset) -> NDArray[np.bool_]:
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(raw.shape, bool)
    last = dataset.get("PixelPaddingRangeLimit", first)
    low, high = sorted((int(first), int(last)))
    return np.asarray((raw >= low) & (raw <= high))
