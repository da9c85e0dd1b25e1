"""Where released images go: one file each, named after what is in it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from cxrgate.core import GreyImage
from cxrgate.dicom.durable import PARTIAL, write_durably
from cxrgate.dicom.encode import encode_dicom
from cxrgate.images import encode_png


class OutFormat(StrEnum):
    """What a released image is written as."""

    DICOM = "dicom"
    PNG = "png"


class Outbox:
    """A folder of released images. Writing one again changes nothing: names and bytes follow from the pixels."""

    def __init__(self, folder: Path, kind: OutFormat) -> None:
        """Make the folder; what a crash left half written goes."""
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"*{PARTIAL}"):
            leftover.unlink()
        self._folder, self._kind = folder, kind

    def release(self, image: GreyImage) -> str:
        """Write the very pixels that were checked; when this returns they are on the disk. Gives the file's name."""
        if self._kind is OutFormat.PNG:
            name, content = f"{image.digest}.png", encode_png(image.pixels)
        else:
            uid, content = encode_dicom(image.pixels)
            name = f"{uid}.dcm"
        write_durably(self._folder / name, content)
        return name
