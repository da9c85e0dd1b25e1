"""Coverage: how much of what a generator was trained on is enrolled. What is missing is counted, never named."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxrgate.core.digest import file_digest
from cxrgate.images import list_csv
from cxrgate.index import Snapshot, opaque_id


@dataclass(frozen=True, slots=True)
class Coverage:
    """A generator's training manifest against a snapshot.

    Attributes:
        manifest: sha256 of the manifest's file.
        listed: images in it.
        enrolled: of those, references of the snapshot. Names are compared, by their opaque ids: it is not looked at
            whether an image was exchanged under its name after enrolment.
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


def cover(manifest: Path, snapshot: Snapshot, key: bytes) -> Coverage:
    """Count.

    Args:
        manifest: CSV with the column image, named as at enrolment, and patient_id if there.
        snapshot: what the release was checked against.
        key: of its opaque ids.

    Raises:
        UsageError: the manifest cannot be read, or lists an image twice.
    """
    files = list_csv(manifest)
    enrolled = {row.tobytes() for row in snapshot.reference_ids}
    missing = [file for file in files if opaque_id(key, "reference", file.image_id) not in enrolled]
    found = len(files) - len(missing)
    patients = {file.patient_id for file in missing}
    return Coverage(file_digest(manifest), len(files), found, len(patients), len(enrolled) - found)
