"""What a receiver writes released images as."""

from __future__ import annotations

from enum import StrEnum


class OutFormat(StrEnum):
    """What a released image is written as."""

    DICOM = "dicom"
    PNG = "png"
