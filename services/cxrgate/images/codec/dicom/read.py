"""One DICOM radiograph: what is read of it, and what it must be before its pixels are touched."""

from __future__ import annotations

import contextlib
import logging
import struct
import warnings
from collections.abc import Iterator
from typing import BinaryIO

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
from cxrgate.images.codec.dicom.counted import counted
from cxrgate.images.codec.dicom.frame import stored_values
from cxrgate.images.codec.dicom.grey import to_grey
from cxrgate.images.codec.dicom.kind import check_kind, check_samples, code
from cxrgate.images.codec.dicom.syntaxes import CODED, NATIVE, syntax_name

MARK = b"DICM"
MARK_OFFSET = 128
_FIRST_GROUP = b"\x08\x00"
"""How a little endian data set begins; an explicit one has a kind of value after the tag."""
_LONGEST_TEXT = 64 * 1024
_TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_SHORTEST_ELEMENT = 8
_PIXEL_DATA = 0x7FE00010


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
        except Exception as error:  # pydicom raises whatever a broken value leads to
            raise ImageError(
                "DICOM_TAGS", "the tags of the image contradict each other or cannot be read: store the object again"
            ) from error


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
    dataset, syntax = _read(content)
    _check_lengths(dataset, coded=syntax in CODED)
    check_kind(dataset)
    check_samples(dataset)
    # As the standard spells it: what computes with it, ours and pydicom's, compares it exactly.
    dataset.PhotometricInterpretation = code(dataset.PhotometricInterpretation)
    return to_grey(dataset, stored_values(dataset, syntax))


def _read(content: bytes) -> tuple[Dataset, str]:
    """The data set and its transfer syntax: that comes first, since a deflated data set inflates without a limit."""
    if content[MARK_OFFSET : MARK_OFFSET + len(MARK)] != MARK:
        return _read_bare(content)
    syntax, start = check_syntax(content)
    with counted(content) as file:
        dataset = dcmread(file)
    if len(dataset) == 0:
        # pydicom gives up all of it for an element without an end; fewer bytes than an element's are none.
        cut = len(content) - start < _SHORTEST_ELEMENT
        raise ImageError(
            "DICOM_TRUNCATED" if cut else "DICOM_TAGS",
            "the data set cannot be read to its end: send or copy the object again",
        )
    return dataset, syntax


def check_syntax(content: bytes) -> tuple[str, int]:
    """The transfer syntax and where the data set begins; ImageError for a syntax that is not read."""
    syntax, start = _meta(content)
    if syntax not in NATIVE and syntax not in CODED:
        raise ImageError(
            "DICOM_TRANSFER_SYNTAX",
            f"the transfer syntax {syntax_name(syntax)} is not read: store the object uncompressed",
        )
    return syntax, start


def _read_bare(content: bytes) -> tuple[Dataset, str]:
    """A data set without preamble and header, as older archives and some detectors write it: little endian."""
    if not content.startswith(_FIRST_GROUP):
        raise ImageError(
            "DICOM_HEADER", "the file is no DICOM file: neither preamble and header nor a little endian data set"
        )
    implicit = not content[4:6].isalpha()
    with counted(content) as file:
        dataset = Dataset(read_dataset(file, is_implicit_VR=implicit, is_little_endian=True))
    if "SOPClassUID" not in dataset:
        raise ImageError(
            "DICOM_HEADER", "the file is no DICOM file: neither preamble and header nor a little endian data set"
        )
    return dataset, ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _meta(content: bytes) -> tuple[str, int]:
    """The transfer syntax, from the file meta group alone (always explicit little endian), and where that ends."""
    try:
        with counted(content) as file:
            meta = read_meta(file)
        _check_lengths(meta, coded=False)
        syntax = meta.get("TransferSyntaxUID")
    except InvalidDicomError as error:
        raise ImageError("DICOM_HEADER", "the file has no DICOM preamble and header") from error
    except (ArithmeticError, LookupError, NotImplementedError, OSError, TypeError, ValueError, struct.error) as error:
        raise ImageError(
            "DICOM_TRUNCATED", "the file ends within its file meta header: send or copy the object again"
        ) from error
    if not syntax:
        raise ImageError("DICOM_TRUNCATED", "the header names no transfer syntax: send or copy the object again")
    return str(syntax), file.tell()


def read_meta(file: BinaryIO) -> Dataset:
    """The file meta group; the file is left at its end. Raises whatever pydicom does."""
    read_preamble(file, force=False)
    return read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, _vr, _length: tag.group != 2
    )


def _check_lengths(dataset: Dataset, *, coded: bool) -> None:
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            if not (coded and tag == _PIXEL_DATA):
                _check_length(tag, element)
        elif element.VR in _TEXT:  # read already: the character set
            _check_text(len(str(element.value)))


def _check_length(tag: BaseTag, element: RawDataElement) -> None:
    if element.length == _UNDEFINED_LENGTH:
        raise ImageError("DICOM_TAGS", "a value has no defined length: store the object again")
    if len(element.value or b"") < element.length:
        raise ImageError("DICOM_TRUNCATED", "the file ends within a value: send or copy the object again")
    if _representation(tag, element) in _TEXT:
        _check_text(element.length)


def _check_text(length: int) -> None:
    if length > _LONGEST_TEXT:
        raise ImageError(
            "TAG_LENGTH", f"a text value has {length} bytes, at most {_LONGEST_TEXT} are read: shorten or remove it"
        )


def _representation(tag: BaseTag, element: RawDataElement) -> str:
    """The kind of a value; with implicit VR only the dictionary knows it."""
    try:
        return element.VR or dictionary_VR(tag)
    except KeyError:
        return "UN"
