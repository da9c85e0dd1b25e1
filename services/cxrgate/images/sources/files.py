"""Files of images. Reading one never stops a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import ImageRecord, MediaType
from cxrgate.images.sources.arrays import ArrayRow, read_row
from cxrgate.images.sources.regular import read_regular

_DICOM_NAMES = {".dcm", ".dicom", ".dic", ".ima"}
"""Endings that say DICOM, which a file without preamble needs; the other kinds are told by their content alone."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image of a source. `image_id` is its path relative to the source, with forward slashes.

    `label` is its class ("" without one); `patient_id` whose it is (the image itself where the source has no
    patients: then every image counts as another patient). `row` says which image of an array file it is, and
    `value_range` what an array's floats call black and white.
    """

    path: Path
    image_id: str
    label: str = ""
    patient_id: str = ""
    row: ArrayRow | None = None
    value_range: tuple[float, float] | None = None

    def read(self) -> ImageRecord:
        """Read the file.

        Raises:
            ImageError: as read_regular.
        """
        content = read_row(self.path, self.row) if self.row else read_regular(self.path)
        return ImageRecord(self.image_id, content, self.label, self.declared, self.value_range)

    @property
    def declared(self) -> MediaType | None:
        """What its name says that it is: DICOM or, as no other ending counts, nothing."""
        return MediaType.DICOM if self.path.suffix.lower() in _DICOM_NAMES else None
