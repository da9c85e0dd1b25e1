"""What a DICOM object's header says of it, before its pixels are decoded: for those who only pass objects on."""

from __future__ import annotations

from pydicom import Dataset, dcmread

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom.counted import counted
from cxrgate.images.codec.dicom.kind import check_bits, check_kind
from cxrgate.images.codec.dicom.read import check_syntax, read_meta, silence

INSTANCE, STUDY = "SOPInstanceUID", "StudyInstanceUID"

_CHECKED = ["Modality", "PhotometricInterpretation", "SamplesPerPixel", "Rows", "Columns", "BitsAllocated"]
_CHECKED += ["NumberOfFrames", "BitsStored", "HighBit", "PixelRepresentation", "PresentationLUTShape"]
"""What check_kind and check_bits look at."""


def read_header(content: bytes) -> Dataset:
    """Of a file with preamble and header what `check_header` and `uid_of` look at, and nothing else.

    Values are converted when they are asked for, and pydicom raises then: ask by `uid_of`.

    Raises:
        ImageError: DICOM_HEADER, DICOM_TRANSFER_SYNTAX, DICOM_TRUNCATED, DICOM_TAGS or DICOM_STRUCTURE: no such file,
            or one whose header cannot be read.
    """
    with silence():
        check_syntax(content)
        try:
            with counted(content) as file:
                return dcmread(file, stop_before_pixels=True, specific_tags=[INSTANCE, STUDY, *_CHECKED])
        except ImageError:
            raise
        except Exception as error:  # pydicom raises whatever a broken value leads to
            raise ImageError(
                "DICOM_TAGS", "the tags of the image contradict each other or cannot be read: store the object again"
            ) from error


def uid_of(dataset: Dataset, name: str | int) -> str:
    """A UID as it is written; "" where there is none, or none that can be read as one text of ASCII."""
    with silence():
        try:
            value = dataset[name].value
        except Exception:  # noqa: BLE001 - pydicom raises whatever a broken value leads to
            return ""
    return str(value) if isinstance(value, str) and value.isascii() else ""


def instance_uid(dataset: Dataset) -> str:
    """The SOPInstanceUID.

    Raises:
        ImageError: DICOM_TAGS, there is none by which the object could be traced.
    """
    uid = uid_of(dataset, INSTANCE)
    if not uid.strip():
        raise ImageError("DICOM_TAGS", "SOPInstanceUID is missing or cannot be read: store the object again")
    return uid


def meta_uids(content: bytes, tags: tuple[int, ...]) -> list[str]:
    """UIDs of the file meta group; "" for each that there is not, and for all where the group cannot be read."""
    with silence():
        try:
            with counted(content) as file:
                meta = read_meta(file)
        except Exception:  # noqa: BLE001 - pydicom raises whatever a broken value leads to
            return [""] * len(tags)
    return [uid_of(meta, tag) for tag in tags]


def check_header(dataset: Dataset) -> None:
    """Let nothing pass that the decoder refuses for its header alone, and nothing that could not be traced.

    Raises:
        ImageError: DICOM_MODALITY, FRAMES, MODE_FORBIDDEN, DIMENSIONS or DICOM_TAGS, as the decoder has it.
    """
    with silence():
        try:
            check_kind(dataset)
            check_bits(dataset)
            instance_uid(dataset)
        except ImageError:
            raise
        except Exception as error:
            raise ImageError(
                "DICOM_TAGS", "the tags of the image contradict each other or cannot be read: store the object again"
            ) from error
