"""What a DICOM object's header says of it, before its pixels are decoded: for those who only pass objects on."""

from __future__ import annotations

import io

from pydicom import Dataset, dcmread

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom.kind import check_bits, check_kind
from cxrgate.images.codec.dicom.read import check_syntax, silence


def read_header(content: bytes) -> Dataset:
    """The data set of a file with preamble and header, without its pixels.

    Raises:
        ImageError: DICOM_HEADER, DICOM_TRANSFER_SYNTAX, DICOM_TRUNCATED or DICOM_TAGS: no such file, or one whose
            header cannot be read.
    """
    with silence():
        check_syntax(content)
        try:
            return dcmread(io.BytesIO(content), stop_before_pixels=True)
        except Exception as error:  # pydicom raises whatever a broken value leads to
            raise ImageError(
                "DICOM_TAGS", "the tags of the image contradict each other or cannot be read: store the object again"
            ) from error


def check_header(dataset: Dataset) -> None:
    """Let nothing pass that the decoder refuses for its header alone.

    Raises:
        ImageError: DICOM_MODALITY, FRAMES, MODE_FORBIDDEN, DIMENSIONS or DICOM_TAGS, as the decoder has it.
    """
    with silence():
        try:
            check_kind(dataset)
            check_bits(dataset)
        except ImageError:
            raise
        except Exception as error:
            raise ImageError(
                "DICOM_TAGS", "the tags of the image contradict each other or cannot be read: store the object again"
            ) from error
