"""Enrolment of the real images: files to a snapshot, and the map from opaque ids to files, kept apart."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from cxrgate.core import Failure, ImageRecord, UsageError
from cxrgate.gate.config import Enrol
from cxrgate.gate.local import LocalModels
from cxrgate.gate.ordered import batched, ordered_map
from cxrgate.gate.pipeline import WINDOW
from cxrgate.images import ImageFile, Layout, SandboxedDecoder, list_source
from cxrgate.index import Enrolment, Snapshot, build_snapshot, opaque_id, read_key
from cxrgate.run.reading import read_files

BATCH = 16


def list_images(path: Path, layout: Layout | None = None, splits: Path | None = None) -> list[ImageFile]:
    """The images of a CSV file, a folder or a public data set; see images.list_source."""
    return list_source(path, layout, splits)


def read_excluded(path: Path | None, files: Sequence[ImageFile]) -> set[str]:
    """The image ids that the operator leaves out, one a line.

    Raises:
        UsageError: a name that is not among the files: a slip there would leave an image out unseen.
    """
    if path is None:
        return set()
    names = {line.strip() for line in path.read_text().splitlines() if line.strip()}
    unknown = names - {file.image_id for file in files}
    if unknown:
        raise UsageError(f"expected names of real images in {path}, {len(unknown)} are not: {sorted(unknown)[:3]}")
    return names


def enrol_listed(
    settings: Enrol,
    folder: Path,
    models: LocalModels,
    progress: Callable[[str, int, int], None],
    *,
    workers: int,
    storage_key: bytes | None,
) -> Snapshot:
    """Enrol what is listed but for what is excluded, then write the reference map.

    Args:
        settings: the images and the key of the opaque ids, which exists.
        folder: of the new snapshot.
        models: what enrolment and checking share.
        progress: called with "enrol", the images done now and those in all.
        workers: decode workers.
        storage_key: seals the snapshot, None where nothing is sealed.

    Raises:
        CxrgateError: see list_images, read_excluded, read_key and build_snapshot.
    """
    files = list_images(settings.images, settings.layout, settings.splits)
    excluded = read_excluded(settings.exclude, files)
    kept = [file for file in files if file.image_id not in excluded]
    key = read_key(settings.key)
    task = enrol(
        kept,
        folder,
        models,
        key,
        excluded=len(excluded),
        workers=workers,
        progress=lambda count: progress("enrol", count, len(kept)),
        storage_key=storage_key,
    )
    snapshot = asyncio.run(task)
    write_reference_map(settings.reference_map, kept, key)
    return snapshot


async def enrol(
    files: Sequence[ImageFile],
    folder: Path,
    models: LocalModels,
    key: bytes,
    *,
    excluded: int = 0,
    workers: int = 1,
    progress: Callable[[int], None] = lambda _: None,
    storage_key: bytes | None = None,
) -> Snapshot:
    """Decode, embed and store every file; EnrolmentError names each that could not be."""
    with SandboxedDecoder(workers) as decoder:
        return await build_snapshot(
            folder,
            _decoded(files, decoder),
            len(files),
            models.embedder,
            models.verifier,
            models.digests,
            key,
            excluded,
            progress,
            storage_key,
        )


async def _decoded(files: Sequence[ImageFile], decoder: SandboxedDecoder) -> AsyncIterator[list[Enrolment]]:
    patients = {file.image_id: file.patient_id for file in files}

    async def decode(records: list[ImageRecord | Failure]) -> list[Enrolment]:
        images = iter(await decoder.decode([record for record in records if isinstance(record, ImageRecord)]))
        found = [next(images) if isinstance(record, ImageRecord) else record for record in records]
        return [Enrolment(image.image_id, patients[image.image_id], image) for image in found]

    async for batch in ordered_map(decode, batched(read_files(files), BATCH), WINDOW):
        yield batch


def write_reference_map(path: Path, files: Sequence[ImageFile], key: bytes) -> None:
    """Write reference_id, patient_key, image, patient_id and path: for the enrolment host alone, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reference_id", "patient_key", "image", "patient_id", "path"])
        for image in files:
            reference = opaque_id(key, "reference", image.image_id).hex()
            patient = opaque_id(key, "patient", image.patient_id).hex()
            writer.writerow([reference, patient, image.image_id, image.patient_id, image.path.resolve()])
