"""The status of an object that its header alone rules out (PS3.4 B.2.3; STOW-RS takes the same, PS3.18 10.5.3)."""

from __future__ import annotations

from cxrgate.core import ImageError

DOES_NOT_FIT, UNREADABLE = 0xA900, 0xC000
"""Not the kind of object that its SOP class promises here; not understood at all."""

_KIND = frozenset({"DICOM_MODALITY", "MODE_FORBIDDEN", "FRAMES", "DIMENSIONS"})


def refused_status(error: ImageError) -> int:
    """The failure reason of C-STORE and STOW-RS for what the decoder would refuse."""
    return DOES_NOT_FIT if error.reason in _KIND else UNREADABLE
