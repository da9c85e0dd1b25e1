"""Records of its images for a snapshot that was made before there were any (format 1)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Failure, GreyImage, SnapshotError
from cxrgate.core.progress import Progress
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Part, PartName, Snapshot
from cxrgate.index.changes import with_parts
from cxrgate.index.comparison import ImageComparer
from cxrgate.index.image_records import PIXELS, STAMPS, pixels_digest, stamp_digest
from cxrgate.run.reading import decoded_files, file_stamp


def with_records(
    base: Snapshot, files: Sequence[ImageFile], folder: Path, key: bytes, workers: int, progress: Progress
) -> Snapshot:
    """Write the snapshot again with records of its images, after proof that they are those which it was made from.

    Args:
        base: of format 1.
        files: what is listed; every reference must be among it.
        folder: of the new snapshot, which must not exist.
        key: of the opaque ids.
        workers: decode workers.
        progress: called with "compare", images done now and in all.

    Raises:
        SnapshotError: a reference is not listed, cannot be read, or the pixels are not those that were enrolled.
    """
    ordered = ImageComparer(base, key).order(files)
    missing = base.manifest.references - len(ordered)
    if missing:
        raise SnapshotError(
            f"{base.path}: {missing} of its {base.manifest.references} images are not listed, and it was made before "
            "images were recorded; build a new snapshot"
        )
    stamps = [stamp_digest(key, file.image_id, file_stamp(file.path)) for file in ordered]
    digests = asyncio.run(_digests(ordered, workers, progress))
    images = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests))
    if images.hexdigest() != base.manifest.images:
        raise SnapshotError(
            f"{base.path} is not of the listed images: their pixels are others (or patients were withdrawn or added "
            "since, which leaves no proof); build a new snapshot"
        )
    arrays = {STAMPS: _rows(stamps), PIXELS: _rows([pixels_digest(key, digest) for digest in digests])}
    return with_parts(base, folder, {PartName.IMAGES: Part({}, arrays, per_reference=True)})


async def _digests(files: Sequence[ImageFile], workers: int, progress: Progress) -> list[str]:
    """The pixel digests in hex."""
    digests = []
    with SandboxedDecoder(workers) as decoder:
        async for _, image in decoded_files(files, decoder):
            digests.append(_digest(image))
            progress("compare", 1, len(files))
    return digests


def _digest(image: GreyImage | Failure) -> str:
    if isinstance(image, Failure):
        raise SnapshotError(f"the enrolled image {image.image_id} cannot be read: {image.message}")
    return image.digest


def _rows(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1)
