"""One DICOM radiograph (CR or DX): what is read of it, and what it must be before its pixels are touched."""

from __future__ import annotations

import contextlib
import io
import logging
import struct
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom.grey import to_grey
from cxrgate.images.codec.limits import check_dimensions

MARK = b"DICM"
MARK_OFFSET = 128
_SYNTAXES = {ImplicitVRLittleEndian, ExplicitVRLittleEndian}
_MODALITIES = {"CR", "DX"}
_PHOTOMETRIC = {"MONOCHROME1", "MONOCHROME2"}
_LONGEST_TEXT = 64 * 1024
_TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_SHORTEST_ELEMENT = 8
_REQUIRED = ("Modality", "PhotometricInterpretation", "SamplesPerPixel", "Rows", "Columns", "BitsAllocated")
_WHOLE = ("BitsStored", "PixelRepresentation", "PixelData")
_FLOATS = {"FloatPixelData": "<f4", "DoubleFloatPixelData": "<f8"}


def decode_dicom(content: bytes) -> NDArray[np.uint8]:
    """Pixels uint8[rows, columns], 0 black whatever the photometric interpretation; see `to_grey`.

    Raises:
        ImageError: DICOM_HEADER, DICOM_TRANSFER_SYNTAX, DICOM_TRUNCATED, DICOM_TAGS, DICOM_STRUCTURE,
            DICOM_MODALITY, TAG_LENGTH, DIMENSIONS, FRAMES, MODE_FORBIDDEN or NONFINITE.
    """
    with silence():
        try:
            return _decode(content)
        except (ImageError, MemoryError):
            raise
        except RecursionError as error:
            raise ImageError("DICOM_STRUCTURE", "expected fewer nested sequences") from error
        except Exception as error:  # pydicom raises whatever a broken value leads to
            raise ImageError("DICOM_TAGS", "expected consistent image tags") from error


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Neither warnings nor log records of pydicom's: they quote values."""
    logger = logging.getLogger("pydicom")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled


def _decode(content: bytes) -> NDArray[np.uint8]:
    # Before the data set is parsed: a deflated one inflates without a limit.
    syntax, start = _meta(content)
    if syntax not in _SYNTAXES:
        raise ImageError("DICOM_TRANSFER_SYNTAX", "expected uncompressed little endian, implicit or explicit")
    dataset = dcmread(io.BytesIO(content))
    if len(dataset) == 0:
        # pydicom gives up all of it for an element without an end; fewer bytes than an element's are none.
        cut = len(content) - start < _SHORTEST_ELEMENT
        raise ImageError("DICOM_TRUNCATED" if cut else "DICOM_TAGS", "expected a data set that can be read")
    _check_lengths(dataset)
    _check_kind(dataset)
    _check_samples(dataset)
    return to_grey(dataset)


def _meta(content: bytes) -> tuple[str, int]:
    """The transfer syntax, from the file meta group alone (always explicit little endian), and where that ends."""
    file = io.BytesIO(content)
    try:
        read_preamble(file, force=False)
        meta = read_dataset(
            file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, _vr, _length: tag.group != 2
        )
        _check_lengths(meta)
        syntax = meta.get("TransferSyntaxUID")
    except InvalidDicomError as error:
        raise ImageError("DICOM_HEADER", "expected a DICOM file with preamble and header") from error
    except (ArithmeticError, LookupError, NotImplementedError, OSError, TypeError, ValueError, struct.error) as error:
        raise ImageError("DICOM_TRUNCATED", "expected a whole file meta header") from error
    if not syntax:
        raise ImageError("DICOM_TRUNCATED", "expected a transfer syntax")
    return str(syntax), file.tell()


def _check_lengths(dataset: Dataset) -> None:
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            _check_length(tag, element)
        elif element.VR in _TEXT:  # read already: the character set
            _check_text(len(str(element.value)))


def _check_length(tag: BaseTag, element: RawDataElement) -> None:
    if element.length == _UNDEFINED_LENGTH:
        raise ImageError("DICOM_TAGS", "expected values of a defined length")
    if len(element.value or b"") < element.length:
        raise ImageError("DICOM_TRUNCATED", "expected whole values, the file ends within one")
    if _representation(tag, element) in _TEXT:
        _check_text(element.length)


def _check_text(length: int) -> None:
    if length > _LONGEST_TEXT:
        raise ImageError("TAG_LENGTH", f"expected text values of at most {_LONGEST_TEXT} bytes, got {length}")


def _representation(tag: BaseTag, element: RawDataElement) -> str:
    """The kind of a value; with implicit VR only the dictionary knows it."""
    try:
        return element.VR or dictionary_VR(tag)
    except KeyError:
        return "UN"


def _check_kind(dataset: Dataset) -> None:
    _require(dataset, _REQUIRED)
    if dataset.Modality not in _MODALITIES:
        raise ImageError("DICOM_MODALITY", "expected a radiograph of modality CR or DX")
    if dataset.PhotometricInterpretation not in _PHOTOMETRIC or dataset.SamplesPerPixel != 1:
        raise ImageError("MODE_FORBIDDEN", "expected MONOCHROME1 or MONOCHROME2 with one sample per pixel")
    frames = dataset.get("NumberOfFrames")
    if frames is not None and int(frames) != 1:
        raise ImageError("FRAMES", "expected one frame")
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if rows < 1 or columns < 1:
        raise ImageError("DICOM_TAGS", f"expected one or more rows and columns, got {rows} and {columns}")
    check_dimensions(columns, rows)


def _check_samples(dataset: Dataset) -> None:
    for name, kind in _FLOATS.items():
        if name in dataset:
            finite = np.isfinite(np.frombuffer(dataset[name].value, kind)).all()
            raise ImageError("DICOM_TAGS" if finite else "NONFINITE", "expected whole numbers as pixels")
    _require(dataset, _WHOLE)
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    sound = allocated in {8, 16} and 8 <= stored <= allocated
    if not sound or int(dataset.get("HighBit", stored - 1)) != stored - 1 or dataset.PixelRepresentation not in {0, 1}:
        raise ImageError(
            "DICOM_TAGS", f"expected 8 or 16 bits allocated and 8 or more stored, got {allocated} and {stored}"
        )
    expected = int(dataset.Rows) * int(dataset.Columns) * allocated // 8
    if len(dataset.PixelData) < expected:
        raise ImageError("DICOM_TRUNCATED", f"expected {expected} bytes of pixels, got {len(dataset.PixelData)}")


def _require(dataset: Dataset, names: tuple[str, ...]) -> None:
    for name in names:
        if dataset.get(name) is None:
            raise ImageError("DICOM_TAGS", f"expected {name}")
