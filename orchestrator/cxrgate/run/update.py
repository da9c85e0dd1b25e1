"""`cxrgate index update`: a snapshot brought to what is listed now. Only images that are new or changed are embedded.

The new snapshot has a digest of its own, so a certificate of the old one does not hold for it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrgate.core import MismatchError, UsageError
from cxrgate.core.counted import counted
from cxrgate.core.progress import Progress
from cxrgate.gate.config import Enrol
from cxrgate.gate.local import LocalModels
from cxrgate.images import ImageFile
from cxrgate.index import PartName, Snapshot, opaque_id, read_key
from cxrgate.index.build import EnrolmentError, ModelDigests
from cxrgate.index.changes import PER_REFERENCE, Addition, replace_references
from cxrgate.index.comparison import ImageComparer
from cxrgate.index.image_records import STAMPS, stamp_digest
from cxrgate.index.keypoint_rows import expect_method
from cxrgate.index.measuring.measure import measured
from cxrgate.run.enrol import enrol, trained_on, write_reference_map
from cxrgate.run.enrolment_list import list_enrolment
from cxrgate.run.failed_names import enrolment_error
from cxrgate.run.held import changed_pixels
from cxrgate.run.reading import file_stamp
from cxrgate.run.record_images import with_records
from cxrgate.run.same_patient import write_same_patient

_KNOWN, _NEW = "known", "new"


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did: `snapshot` is None where nothing had to be done."""

    snapshot: Snapshot | None
    added: int = 0
    replaced: int = 0
    dropped: int = 0
    notes: tuple[str, ...] = ()
    """What the user should read of the list."""


def update(
    settings: Enrol,
    base: Snapshot,
    output: Path,
    models: LocalModels,
    progress: Progress,
    *,
    workers: int,
    drop_unlisted: bool,
) -> Updated:
    """Write to `output` a snapshot of what is listed now, and the reference map anew.

    Args:
        settings: the list, the key and the reference map.
        base: what to start from; it is verified, and stays as it is.
        output: folder of the new snapshot, which must not exist.
        models: those that the base was built with.
        progress: called with "compare" and "enrol", images done now and in all.
        workers: decode workers.
        drop_unlisted: leave out references that nothing listed has; without it they are an error.

    Raises:
        EnrolmentError: an image that is new or changed cannot be enrolled; nothing is written.
        MismatchError: the models are not those of the base.
        SnapshotError: the base is not what its manifest says, or is not of the images that it should be of.
        UsageError: references are no longer listed, or the list or key cannot be read.
    """
    base.verify()
    manifest = base.manifest
    expect_method(manifest)
    if ModelDigests.of(manifest) != models.digests:
        raise MismatchError("the snapshot was built with other models: name those, or build a new snapshot with these")
    work = output.with_name(f"{output.name}.updating")
    try:
        updated = _Update(settings, models, work, workers, progress).make(base, output, drop_unlisted=drop_unlisted)
    finally:
        # What was embedded stays beside them, for an update that was stopped goes on.
        for name in (_KNOWN, _NEW):
            shutil.rmtree(work / name, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return updated


class _Update:
    """The steps of one update; `work` is a folder for what is thrown away."""

    def __init__(self, settings: Enrol, models: LocalModels, work: Path, workers: int, progress: Progress) -> None:
        self._settings, self._models, self._work = settings, models, work
        self._workers, self._progress = workers, progress
        self._listed, self._key = list_enrolment(settings, workers, progress), read_key(settings.key)

    def make(self, base: Snapshot, output: Path, *, drop_unlisted: bool) -> Updated:
        """See update."""
        files = self._listed.files
        known = base
        if PartName.IMAGES not in base.parts:
            known = with_records(base, files, self._work / _KNOWN, self._key, self._workers, self._progress)
        comparer = ImageComparer(known, self._key)
        # Before pixels are compared: a file that is changed afterwards has another stamp, and is compared again.
        stamps = {file.image_id: file_stamp(file.path) for file in files}
        found = comparer.compare(files, list(stamps.values()))
        if found.gone and not drop_unlisted:
            raise UsageError(
                f"{counted(len(found.gone), 'enrolled image is', 'enrolled images are')} not listed any more: list "
                "again what is meant to stay, or give --drop-unlisted: copies of what is dropped pass then"
            )
        again = [*changed_pixels(found.touched, comparer, self._workers, self._progress), *found.moved]
        if known is base and not (again or found.new or found.gone or found.touched):
            return Updated(None, notes=self._listed.notes)
        addition = self._enrolled([*again, *found.new], base)
        leaving = {opaque_id(self._key, "reference", file.image_id) for file in again} | set(found.gone)
        current = _restamped(known, found.touched, stamps, self._key)
        listed = self._listed
        derive = measured(self._models.terms, trained_on(self._models, files, self._key))
        made = replace_references(current, output, leaving, addition, listed.excluded, listed.about, derive)
        write_reference_map(self._settings.reference_map, files, self._key)
        write_same_patient(self._settings.reference_map, files, made, self._key)
        return Updated(made, len(found.new), len(again), len(found.gone), listed.notes)

    def _enrolled(self, chosen: Sequence[ImageFile], base: Snapshot) -> Addition | None:
        """The rows of newly enrolled files in the list's order, by way of a snapshot of these alone."""
        names = {file.image_id for file in chosen}
        files = [file for file in self._listed.files if file.image_id in names]
        if not files:
            return None
        task = enrol(
            files,
            self._work / _NEW,
            self._models,
            self._key,
            workers=self._workers,
            progress=lambda count: self._progress("enrol", count, len(files)),
            storage_key=base.storage_key,
            keypoints=PartName.KEYPOINTS in base.parts,
        )
        try:
            made = asyncio.run(task)
        except EnrolmentError as error:
            raise enrolment_error(self._settings, error.failures) from error
        rows = {name: made.arrays[name] for name in PER_REFERENCE}
        for part, held in made.parts.items():
            if held.per_reference:
                rows |= {f"{part}.{name}": array for name, array in held.arrays.items()}
        return Addition(rows)


def _restamped(
    snapshot: Snapshot, touched: Sequence[ImageFile], now: Mapping[str, tuple[int, int]], key: bytes
) -> Snapshot:
    """The snapshot with the stamps `now`, by name, of files with the pixels of before; changed ones are replaced."""
    part = snapshot.parts[PartName.IMAGES]
    stamps = np.array(part.arrays[STAMPS])
    rows = {row.tobytes(): i for i, row in enumerate(np.asarray(snapshot.reference_ids))}
    for file in touched:
        digest = stamp_digest(key, file.image_id, now[file.image_id])
        stamps[rows[opaque_id(key, "reference", file.image_id)]] = np.frombuffer(digest, np.uint8)
    fresh = replace(part, arrays={**part.arrays, STAMPS: stamps})
    return replace(snapshot, parts={**snapshot.parts, PartName.IMAGES: fresh})
