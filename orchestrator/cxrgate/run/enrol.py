"""Enrolment of the real images: files to a snapshot, and the map from opaque ids to files, kept apart."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from cxrgate.core.progress import Progress
from cxrgate.gate.config import Enrol, RunConfig
from cxrgate.gate.local import LocalModels
from cxrgate.gate.model_set import with_keypoints
from cxrgate.images import ImageFile, Layout, Listing, SourceOptions, list_source, read_listing
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot, opaque_id, read_key
from cxrgate.index.build import EmbeddedImage, Enrolment, EnrolmentError, build_snapshot
from cxrgate.index.measuring.measure import measured
from cxrgate.run.engines.engine import Embed
from cxrgate.run.enrolment_journal import EnrolmentJournal
from cxrgate.run.enrolment_list import EnrolmentList
from cxrgate.run.failed_names import enrolment_error
from cxrgate.run.host_fault import HostFault, expect_no_outage
from cxrgate.run.reading import BATCH, decoded_files, file_stamp
from cxrgate.run.same_patient import write_same_patient
from cxrgate.train import patient_hash


def list_images(path: Path, layout: Layout | None = None, splits: Path | None = None) -> list[ImageFile]:
    """The images of a CSV file, a folder or a public data set; see images.list_source."""
    return list_source(path, layout, splits)


def list_synthetic(config: RunConfig) -> Listing:
    """The images that a run checks; errors as read_listing."""
    return read_listing(config.synthetic, SourceOptions(float_range=config.float_range))


def enrol_listed(
    settings: Enrol,
    listed: EnrolmentList,
    folder: Path,
    models: LocalModels,
    progress: Progress,
    *,
    workers: int,
    storage_key: bytes | None,
    embedding: AbstractAsyncContextManager[Embed] | None = None,
    keypoints: bool = False,
) -> Snapshot:
    """Enrol what is listed but for what is excluded, then write the reference map.

    Args:
        settings: the key of the opaque ids, which exists, and the place of the reference map.
        listed: the images.
        folder: of the new snapshot.
        models: what enrolment and checking share.
        progress: called with "enrol", the images done now and those in all.
        workers: decode workers.
        storage_key: seals the snapshot, None where nothing is sealed.
        embedding: who decodes and embeds; None is this process.
        keypoints: the snapshot keeps keypoints, so that a policy may ask for matches; `embedding` gives them, too.

    Raises:
        CxrgateError: see read_key and build_snapshot.
    """
    key = read_key(settings.key)
    task = enrol(
        listed.files,
        folder,
        models,
        key,
        excluded=listed.excluded,
        workers=workers,
        progress=lambda count: progress("enrol", count, len(listed.files)),
        storage_key=storage_key,
        listing=listed.about,
        embedding=embedding,
        keypoints=keypoints,
    )
    try:
        snapshot = asyncio.run(task)
    except EnrolmentError as error:
        raise enrolment_error(settings, error.failures) from error
    write_reference_map(settings.reference_map, listed.files, key)
    write_same_patient(settings.reference_map, listed.files, snapshot, key)
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
    listing: Mapping[str, Any] | None = None,
    embedding: AbstractAsyncContextManager[Embed] | None = None,
    keypoints: bool = False,
) -> Snapshot:
    """Decode, embed and store every file, then let the snapshot measure itself.

    What was embedded is kept beside the folder until the snapshot is there: an enrolment that was stopped, or in which
    images failed, goes on where it was.

    Raises:
        EnrolmentError: names each image that could not be enrolled, after all the others were embedded.
        HostFault: nothing could be decoded, through no fault of the images, or memory ran out.
    """
    ranges = {file.value_range for file in files if file.value_range is not None}
    journal_of = EnrolmentJournal(folder, models.digests, key, storage_key, ranges, keypoints=keypoints)
    embedder = with_keypoints(models.embedder) if keypoints else models.embedder
    with SandboxedDecoder(workers) as decoder, journal_of as journal:
        here = nullcontext(partial(decoded_files, decoder=decoder))
        try:
            async with embedding or here as embed:
                made = await build_snapshot(
                    folder,
                    _decoded(files, embed, journal),
                    len(files),
                    embedder,
                    models.verifier,
                    models.digests,
                    key,
                    excluded,
                    progress,
                    storage_key,
                    measured(models.terms, trained_on(models, files, key)),
                    listing,
                    journal.keep,
                )
        except MemoryError as error:
            raise HostFault("memory ran out; make room and start again: what was embedded is kept") from error
        journal.finish()
        return made


def trained_on(models: LocalModels, files: Sequence[ImageFile], key: bytes) -> set[bytes]:
    """Opaque keys of the patients whose images one of the models was trained on, by the hashes in its manifest."""
    seen: set[str] = set()
    for manifest in models.manifests.values():
        seen.update(manifest.provenance.get("patients", {}).get("train", ()))
    return {opaque_id(key, "patient", file.patient_id) for file in files if patient_hash(file.patient_id) in seen}


async def _decoded(
    files: Sequence[ImageFile], embed: Embed, journal: EnrolmentJournal
) -> AsyncIterator[list[Enrolment]]:
    """Batches in the files' order, of images that were embedded before and of such as are decoded now."""
    # Stamped before it is read: a file that is changed in between has another stamp later, and is decoded again.
    stamps = {file.image_id: file_stamp(file.path) for file in files}
    known = {file.image_id for file in files if journal.knows(file, stamps[file.image_id])}
    asked = [file for file in files if file.image_id not in known]
    first = True
    async with aclosing(embed(asked)) as fresh:
        for start in range(0, len(files), BATCH):
            batch, asked_now = [], []
            for file in files[start : start + BATCH]:
                stamp = stamps[file.image_id]
                found = journal.find(file, stamp) if file.image_id in known else None
                item = Enrolment(file.image_id, file.patient_id, found or (await anext(fresh))[1], stamp)
                batch.append(item)
                if found is None:
                    asked_now.append(item)
            if first and asked_now:
                expect_no_outage([item.image for item in asked_now], "decoded")
                first = False
            # What is decoded here is embedded, and kept, by who asked for this batch.
            journal.keep([(item, item.image) for item in asked_now if isinstance(item.image, EmbeddedImage)])
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
