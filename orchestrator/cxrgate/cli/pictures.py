"""Pictures for the side-by-side view of the report, read from the files where they lie."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Failure, GreyImage, UsageError
from cxrgate.images import ImageFile
from cxrgate.images.codec.shrink import shrink
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sources.names import relative_name
from cxrgate.images.sources.tables import read_table
from cxrgate.run_page.pictures import PictureChanged


class FilePictures:
    """Implements report.Pictures; only for readers who may see real patients' images."""

    def __init__(
        self,
        synthetic: Sequence[ImageFile],
        reference_map: Path,
        decoder: SandboxedDecoder,
        references: Path | None = None,
        side: int | None = None,
    ) -> None:
        """Take the synthetic files and the map from opaque ids to real files that enrolment wrote.

        With `references` the real files lie below that folder under their own names, not where they were enrolled.
        `side` is the run's `release.side`: larger images were judged as it makes them.
        """
        rows = read_table(reference_map, ("reference_id", "image", "path"))
        self._references = {
            row["reference_id"]: ImageFile(_place(row, references), row["reference_id"]) for row in rows
        }
        self._synthetic = {file.image_id: file for file in synthetic}
        self._decoder, self._side = decoder, side

    def synthetic(self, image_id: str, pixel_digest: str) -> NDArray[np.uint8]:
        """See report.Pictures."""
        judged = shrink(self._image(self._synthetic, image_id), self._side)
        if judged.digest != pixel_digest:
            raise PictureChanged(f"{image_id} has other pixels than those that were judged: put the file back")
        return judged.pixels

    def reference(self, reference_id: str) -> NDArray[np.uint8]:
        """See report.Pictures."""
        return self._image(self._references, reference_id).pixels

    def _image(self, files: Mapping[str, ImageFile], name: str) -> GreyImage:
        if name not in files:
            raise UsageError(
                f"there is no file of {name}: the reference map or the synthetic set is another run's, name this run's"
            )
        (image,) = asyncio.run(self._decoder.decode([files[name].read()]))
        if isinstance(image, Failure):
            raise UsageError(
                f"the picture of {name} cannot be read any more, {image.reason}: put the file back as it was"
            )
        return image


def _place(row: Mapping[str, str], references: Path | None) -> Path:
    return Path(row["path"]) if references is None else references / relative_name(row["image"])
