"""Objects that their header alone rules out: what the sender is told of it, and what the operator.

The status is that of PS3.4 B.2.3; STOW-RS takes the same (PS3.18 10.5.3).
"""

from __future__ import annotations

import logging

from pydicom import Dataset

from cxrgate.core import ImageError
from cxrgate.dicom.trace import digest_of
from cxrgate.images.codec.dicom.header import INSTANCE, check_header, meta_uids, read_header, uid_of

DOES_NOT_FIT, UNREADABLE = 0xA900, 0xC000
"""Not the kind of object that its SOP class promises here; not understood at all."""

COMMENT = 64
"""Characters of an ErrorComment (LO, PS3.5 table 6.2-1)."""

_KIND = frozenset({"DICOM_MODALITY", "MODE_FORBIDDEN", "FRAMES", "DIMENSIONS"})

CURES = {
    "DICOM_MODALITY": "CR, DX, RG, OT or none is taken for a radiograph",
    "MODE_FORBIDDEN": "convert the image to MONOCHROME1 or MONOCHROME2",
    "FRAMES": "send each frame as an object of its own",
    "DIMENSIONS": "Rows or Columns are beyond the limits",
    "DICOM_TAGS": "attributes contradict each other or are wrong",
    "DICOM_STRUCTURE": "remove private elements and sequences",
    "DICOM_TRUNCATED": "the object is cut off: send it again",
}
"""Fixed words: the decoder's own sentences may state numbers of the object."""

_MEDIA_INSTANCE = 0x00020003

_log = logging.getLogger(__name__)


def read_allowed(caller: str, content: bytes) -> Dataset:
    """The header of an object that it does not rule out; see `read_header`.

    Of one that it rules out `dicom.image_refused` has the caller, the reason and, where the UID can be read, its
    digest, by which whoever has the UID finds the line.

    Raises:
        ImageError: as read_header and check_header.
    """
    header = None
    try:
        header = read_header(content)
        check_header(header)
    except ImageError as error:
        told = {"caller": caller, "reason": error.reason}
        uid = meta_uids(content, (_MEDIA_INSTANCE,))[0] if header is None else uid_of(header, INSTANCE)
        if uid.strip():
            told["instance"] = digest_of(uid)
        _log.info("dicom.image_refused", told)
        raise
    return header


def refused_status(error: ImageError) -> int:
    """The failure reason of C-STORE and STOW-RS for what the decoder would refuse."""
    return DOES_NOT_FIT if error.reason in _KIND else UNREADABLE


def refused_comment(error: ImageError) -> str:
    """The ErrorComment (0000,0902) of C-STORE: the reason and what to do, without a value of the object."""
    return f"{error.reason}: {CURES.get(error.reason, 'store the object again')}"[:COMMENT]
