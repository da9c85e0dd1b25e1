"""Pictures for the side-by-side view of the report, read from the files where they lie."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Failure, UsageError
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sources.names import relative_name
from cxrgate.images.sources.tables import read_table


class FilePictures:
    """Implements report.Pictures; only for readers who may see real patients' images."""

    def __init__(
        self,
        synthetic: Sequence[ImageFile],
        reference_map: Path,
        decoder: SandboxedDecoder,
        references: Path | None = None,
    ) -> None:
        """Take the synthetic files and the map from opaque ids to real files that enrolment wrote.

        With `references` the real files lie below that folder under their own names, not where they were enrolled.
        """
        rows = read_table(reference_map, ("reference_id", "image", "path"))
        self._references = {
            row["reference_id"]: ImageFile(_place(row, references), row["reference_id"]) for row in rows
        }
        self._synthetic = {file.image_id: file for file in synthetic}
        self._decoder = decoder

    def synthetic(self, image_id: str) -> NDArray[np.uint8]:
        """See report.Pictures."""
        return self._pixels(self._synthetic, image_id)

    def reference(self, reference_id: str) -> NDArray[np.uint8]:
        """See report.Pictures."""
        return self._pixels(self._references, reference_id)

    def _pixels(self, files: Mapping[str, ImageFile], name: str) -> NDArray[np.uint8]:
        if name not in files:
            raise UsageError(
                f"there is no file of {name}: the reference map or the synthetic set is another run's, name this run's"
            )
        (image,) = asyncio.run(self._decoder.decode([files[name].read()]))
        if isinstance(image, Failure):
            raise UsageError(
                f"the picture of {name} cannot be read any more, {image.reason}: put the file back as it was"
            )
        return image.pixels


def _place(row: Mapping[str, str], references: Path | None) -> Path:
    return Path(row["path"]) if references is None else references / relative_name(row["image"])
