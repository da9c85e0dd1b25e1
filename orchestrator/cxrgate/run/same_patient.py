"""Names the patients of a snapshot who may be one person under two ids: for the enrolment host alone."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from cxrgate.images import ImageFile
from cxrgate.index import Snapshot, opaque_id
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.suspects import SUSPECTS


def write_same_patient(reference_map: Path, files: Sequence[ImageFile], snapshot: Snapshot, key: bytes) -> Path | None:
    """Write patient_id and other_patient_id of each suspected pair beside the reference map, mode 0600.

    Args:
        reference_map: its file is called MAP-same-patient.csv.
        files: what is enrolled.
        snapshot: made of them.
        key: HMAC key of the opaque ids.

    Returns:
        The file, or None where no pair is suspected; one of an earlier snapshot is removed then.
    """
    path = reference_map.with_name(f"{reference_map.stem}-same-patient.csv")
    part = snapshot.parts.get(PartName.MEASUREMENT)
    if part is None or SUSPECTS not in part.arrays:
        path.unlink(missing_ok=True)
        return None
    names = {opaque_id(key, "patient", file.patient_id): file.patient_id for file in files}
    ids = [names[row.tobytes()] for row in part.arrays[SUSPECTS]]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "other_patient_id"])
        writer.writerows(zip(ids[::2], ids[1::2], strict=True))
    return path
