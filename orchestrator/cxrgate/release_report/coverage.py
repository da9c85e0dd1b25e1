"""Coverage: how much of what a generator was trained on is enrolled. What is missing is counted, never named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import GreyImage
from cxrgate.core.digest import file_digest
from cxrgate.core.progress import Progress, silent
from cxrgate.images import ImageFile, list_csv
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot, opaque_id
from cxrgate.index.comparison import ImageComparer
from cxrgate.run.reading import decoded_files, file_stamp


@dataclass(frozen=True, slots=True)
class Coverage:
    """A generator's training manifest against a snapshot.

    Attributes:
        manifest: sha256 of the manifest's file.
        listed: images in it.
        enrolled: of those, the ones whose pixels a reference has, under whatever name. The name decides where the
            file is not on this host, or the snapshot holds no digests of pixels.
        patients_missing: patients with one or more listed images that are not enrolled.
        others: references of the snapshot that the manifest does not list; they do no harm.
        compared: of the enrolled ones, those whose pixels were compared too, and are the enrolled ones.
        exchanged: listed images with the name of a reference and other pixels; they are not among the enrolled.
    """

    manifest: str
    listed: int
    enrolled: int
    patients_missing: int
    others: int
    compared: int = 0
    exchanged: int = 0

    @property
    def missing(self) -> int:
        """Listed images that are not enrolled: a copy of one of these is found by chance only."""
        return self.listed - self.enrolled

    def to_json(self) -> dict[str, Any]:
        """As a report holds it."""
        return asdict(self)


def cover(manifest: Path, snapshot: Snapshot, key: bytes, workers: int = 1, progress: Progress = silent) -> Coverage:
    """Count.

    Args:
        manifest: CSV with the column image, its paths relative to its folder, and patient_id if there.
        snapshot: what the release was checked against.
        key: of its opaque ids and pixel digests.
        workers: decode workers.
        progress: called with "compare", images done now and in all.

    Raises:
        UsageError: the manifest cannot be read, or lists an image twice.
    """
    files = list_csv(manifest)
    comparer = ImageComparer(snapshot, key)
    found = comparer.compare(files, [file_stamp(file.path) for file in files])
    ids = {file.image_id: opaque_id(key, "reference", file.image_id) for file in files}
    here = {} if not found.recorded else {file.image_id: file for file in files if file.path.is_file()}
    # A file with the name, size and time of its enrolment is the enrolled one; the pixels of every other are asked for.
    same = {file.image_id for file in found.unchanged}
    asked = [file for name, file in here.items() if name not in same]
    content = asyncio.run(_content(asked, comparer, workers, progress))
    known = comparer.references
    matched = {
        name: content[name] if name in content else frozenset({reference} & known) for name, reference in ids.items()
    }
    missing = [file for file in files if not matched[file.image_id]]
    names = {name for name, reference in ids.items() if reference in known}
    return Coverage(
        manifest=file_digest(manifest),
        listed=len(files),
        enrolled=len(files) - len(missing),
        patients_missing=len({file.patient_id for file in missing}),
        others=len(known - frozenset().union(*matched.values())),
        compared=sum(bool(matched[name]) for name in here),
        exchanged=sum(file.image_id in names for file in missing),
    )


async def _content(
    files: Sequence[ImageFile], comparer: ImageComparer, workers: int, progress: Progress
) -> dict[str, frozenset[bytes]]:
    """Per image the references that have its pixels; none for a file that cannot be decoded."""
    found: dict[str, frozenset[bytes]] = {}
    if not files:
        return found
    with SandboxedDecoder(workers) as decoder:
        async for file, image in decoded_files(files, decoder):
            same = comparer.with_content(image.digest) if isinstance(image, GreyImage) else frozenset()
            found[file.image_id] = same
            progress("compare", 1, len(files))
    return found
