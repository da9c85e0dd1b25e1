"""A snapshot beside what is listed: which images are new, gone, of another patient, or perhaps of other content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrgate.images import ImageFile
from cxrgate.index.image_records import NO_FILE, NOT_KNOWN, PIXELS, STAMPS, pixels_digest, stamp_digest
from cxrgate.index.keys import opaque_id
from cxrgate.index.manifest import PartName
from cxrgate.index.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Comparison:
    """What compares differently. Only `new`, `gone` and `moved` are certain; the others' pixels decide.

    Attributes:
        new: listed, and no reference of the snapshot.
        gone: reference ids of the snapshot that nothing listed has.
        moved: enrolled as another patient's.
        touched: the file's size or time is not that at enrolment, or nothing is known of it.
        unchanged: name, patient, size and time are those of the enrolment.
        absent: enrolled and listed, but the file is not on this host.
        recorded: whether the snapshot knows more of its images than their names and patients.
    """

    new: tuple[ImageFile, ...]
    gone: tuple[bytes, ...]
    moved: tuple[ImageFile, ...]
    touched: tuple[ImageFile, ...]
    unchanged: tuple[ImageFile, ...]
    absent: tuple[ImageFile, ...]
    recorded: bool

    @property
    def certain(self) -> int:
        """How many images differ whatever their pixels are."""
        return len(self.new) + len(self.gone) + len(self.moved)


class ImageComparer:
    """Compares images with the references of one snapshot."""

    def __init__(self, snapshot: Snapshot, key: bytes) -> None:
        """Look the snapshot's ids up with the key that they were made with."""
        self._key = key
        self._rows = {row.tobytes(): i for i, row in enumerate(np.asarray(snapshot.reference_ids))}
        self._patients = np.asarray(snapshot.patient_keys)
        part = snapshot.parts.get(PartName.IMAGES)
        self._stamps = None if part is None else np.asarray(part.arrays[STAMPS])
        self._pixels = None if part is None else np.asarray(part.arrays[PIXELS])
        self._by_pixels: dict[bytes, list[bytes]] = {}
        for reference, row in zip(self._rows, () if self._pixels is None else self._pixels, strict=False):
            if row.tobytes() != NOT_KNOWN:
                self._by_pixels.setdefault(row.tobytes(), []).append(reference)

    def compare(self, files: Sequence[ImageFile], stamps: Sequence[tuple[int, int]]) -> Comparison:
        """Compare all that is listed; `stamps` are the files' sizes and times, NO_FILE where there is none."""
        kinds: dict[str, list[ImageFile]] = {
            kind: [] for kind in ("new", "moved", "touched", "unchanged", "absent", "uncompared")
        }
        listed = set()
        for file, stamp in zip(files, stamps, strict=True):
            listed.add(opaque_id(self._key, "reference", file.image_id))
            kinds[self._kind(file, stamp)].append(file)
        del kinds["uncompared"]
        gone = tuple(reference for reference in self._rows if reference not in listed)
        found = {kind: tuple(items) for kind, items in kinds.items()}
        return Comparison(**found, gone=gone, recorded=self._stamps is not None)

    def _kind(self, file: ImageFile, stamp: tuple[int, int]) -> str:
        row = self._rows.get(opaque_id(self._key, "reference", file.image_id))
        if row is None:
            return "new"
        if self._patients[row].tobytes() != opaque_id(self._key, "patient", file.patient_id):
            return "moved"
        if self._stamps is None:
            return "uncompared"
        if stamp == NO_FILE:
            return "absent"
        same = self._stamps[row].tobytes() == stamp_digest(self._key, file.image_id, stamp)
        return "unchanged" if same else "touched"

    def has_pixels(self, image_id: str, digest: str) -> bool:
        """Whether the reference of that name was enrolled with the pixels of that digest (hex)."""
        row = self._rows.get(opaque_id(self._key, "reference", image_id))
        if row is None or self._pixels is None:
            return False
        return bool(self._pixels[row].tobytes() == pixels_digest(self._key, digest))

    def with_content(self, digest: str) -> frozenset[bytes]:
        """The reference ids, of whatever name, that were enrolled with the pixels of that digest (hex)."""
        return frozenset(self._by_pixels.get(pixels_digest(self._key, digest), ()))

    @property
    def references(self) -> frozenset[bytes]:
        """All reference ids of the snapshot."""
        return frozenset(self._rows)

    def order(self, files: Iterable[ImageFile]) -> list[ImageFile]:
        """The files that are references, in the snapshot's order."""
        rows = {opaque_id(self._key, "reference", file.image_id): file for file in files}
        return [rows[reference] for reference in self._rows if reference in rows]
