"""Whose a DICOM file is: PatientID, from the start of the file. For the sandbox, as everything that reads DICOM."""

from __future__ import annotations

import io
from dataclasses import dataclass

from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from cxrgate.core import ImageError, ImageRecord
from cxrgate.images.codec.dicom.read import MARK, MARK_OFFSET, silence

HEADER_BYTES = 2**18
"""How much of a file is read for it: PatientID is among the first elements."""

MARK_END = MARK_OFFSET + len(MARK)
"""How much of a file tells whether it is DICOM with preamble."""

_PATIENT_ID = BaseTag(0x00100020)


@dataclass(frozen=True, slots=True)
class DicomPatient:
    """PatientID as it is written; "" where the file has none."""

    image_id: str
    patient_id: str


def is_dicom(content: bytes) -> bool:
    """Whether the content starts as a DICOM file with preamble does."""
    return content[MARK_OFFSET : MARK_OFFSET + len(MARK)] == MARK


def read_patient(record: ImageRecord) -> DicomPatient:
    """Read PatientID; ImageError DICOM_HEADER where the file is none or cannot be read so far."""
    with silence():
        try:
            found = read_partial(
                io.BytesIO(record.content),
                lambda tag, _vr, _length: tag > _PATIENT_ID,
                specific_tags=[_PATIENT_ID],
                force=not is_dicom(record.content),  # without preamble, as read.py takes them by their name
            )
            value = found.get("PatientID")
        except MemoryError:
            raise
        except Exception as error:  # pydicom raises whatever a broken value leads to
            raise ImageError(
                "DICOM_HEADER",
                "PatientID cannot be read from this DICOM file: give patients in a list, or store the object again",
            ) from error
    # A backslash separates values where a header may have several; PatientID has one, which has one in it.
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
    return DicomPatient(record.image_id, text.strip())
