"""Names the patients of a snapshot who may be one person under two ids: for the enrolment host alone."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from cxrgate.images import ImageFile
from cxrgate.index import Snapshot, opaque_id
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.measure import PICTURES
from cxrgate.index.measuring.suspects import SUSPECTS

_WHY = {PICTURES: "they share a picture", SUSPECTS: "they resemble each other"}


def write_same_patient(reference_map: Path, files: Sequence[ImageFile], snapshot: Snapshot, key: bytes) -> Path | None:
    """Write patient_id and other_patient_id of each such pair, and why, beside the reference map, mode 0600.

    Pairs who share a picture come first.

    Args:
        reference_map: its file is called MAP-same-patient.csv.
        files: what is enrolled.
        snapshot: made of them.
        key: HMAC key of the opaque ids.

    Returns:
        The file, or None where there is no pair; one of an earlier snapshot is removed then.
    """
    path = reference_map.with_name(f"{reference_map.stem}-same-patient.csv")
    part = snapshot.parts.get(PartName.MEASUREMENT)
    arrays = {} if part is None else part.arrays
    if not (PICTURES in arrays or SUSPECTS in arrays):
        path.unlink(missing_ok=True)
        return None
    names = {opaque_id(key, "patient", file.patient_id): file.patient_id for file in files}
    why: dict[tuple[str, str], str] = {}
    for name, reason in _WHY.items():
        ids = [names[row.tobytes()] for row in arrays.get(name, ())]
        for pair in zip(ids[::2], ids[1::2], strict=True):
            why.setdefault(pair, reason)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "other_patient_id", "why"])
        writer.writerows((*pair, reason) for pair, reason in why.items())
    return path
