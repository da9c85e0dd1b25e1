"""What is trained on: the rows of a CSV with image, patient_id and, if there, source and split; split by patient."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.core.digest import bytes_digest
from cxrgate.core.progress import Tell, untold
from cxrgate.images.sources.counted import images
from cxrgate.images.sources.csv_list import expect_patients, table_files
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.tables import read_columns

SHARE_TUNE = 0.2


class Split(StrEnum):
    """Trained on; chosen on (thresholds, calibration); reported on."""

    TRAIN = "train"
    TUNE = "tune"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image of a listing; `source` is "" where the CSV has none."""

    file: ImageFile
    patient_id: str
    source: str
    split: Split | None


def patient_hash(patient_id: str) -> str:
    """The first 64 bits of sha256, in hex: enough to leave a patient out whom a model saw.

    Not a pseudonym: short ids can be guessed. It is for public data sets' ids.
    """
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16]


def hashed_patients(listed_images: Sequence[ListedImage]) -> list[str]:
    """The patients of the listed images, hashed and sorted."""
    return sorted({patient_hash(listed_image.patient_id) for listed_image in listed_images})


_COLUMNS = ("image", "patient_id", "source", "split")


def read_listed_images(path: Path, columns: Mapping[str, str] | None = None, tell: Tell = untold) -> list[ListedImage]:
    """Every row of a CSV, paths relative to its folder.

    Args:
        path: of the table.
        columns: per column of ours the name that it has in the table, where that is another.
        tell: called with how the table was understood, and how many images and patients it has.

    Raises:
        UsageError: no such file or column, an image without a patient, an unknown split, or a patient in two splits.
    """
    if unknown := sorted(set(columns or {}) - set(_COLUMNS)):
        raise UsageError(f"a listing has no column {', '.join(unknown)}: name {', '.join(_COLUMNS)}")
    named = tuple(column for column in _COLUMNS[2:] if column in (columns or {}))
    table = read_columns(path, _COLUMNS[:2], named, columns)
    expect_patients(table)
    listing = table_files(table)
    listed_images = [
        ListedImage(file, row["patient_id"], row.get("source", ""), _split(row.get("split", "")))
        for file, row in zip(listing.files, table.rows, strict=True)
    ]
    check_disjoint(listed_images)
    patients = len({listed_image.patient_id for listed_image in listed_images})
    for sentence in (*listing.notes, f"{path.name}: {images(len(listed_images))} of {counted(patients, 'patient')}"):
        tell(sentence)
    return listed_images


def _split(value: str) -> Split | None:
    if value and value not in set(Split):
        raise UsageError(f"the split {value!r} is none of {', '.join(Split)}")
    return Split(value) if value else None


class Assigned(Protocol):
    """What has a patient and a split."""

    @property
    def patient_id(self) -> str:
        """Whose it is."""
        ...

    @property
    def split(self) -> Split | None:
        """What it is used for."""
        ...


def check_disjoint(listed_images: Sequence[Assigned]) -> None:
    """Raise UsageError unless every patient is in one split only."""
    found: dict[str, set[Split | None]] = {}
    for listed_image in listed_images:
        found.setdefault(listed_image.patient_id, set()).add(listed_image.split)
    shared = [patient for patient, splits in found.items() if len(splits) > 1]
    if shared:
        raise UsageError(
            f"{len(shared)} patients are in several splits, the first {shared[0]!r}: put each patient into one"
        )


def with_splits(listed_images: Sequence[ListedImage], seed: int) -> list[ListedImage]:
    """Give listed images without a split one of train and tune (20 %), by a hash of patient and seed."""
    if any(listed_image.split for listed_image in listed_images):
        return [listed_image for listed_image in listed_images if listed_image.split]
    return [replace(listed_image, split=_drawn(listed_image.patient_id, seed)) for listed_image in listed_images]


def _drawn(patient_id: str, seed: int) -> Split:
    number = int(bytes_digest(f"{seed}:{patient_id}".encode())[:8], 16) / 2**32
    return Split.TUNE if number < SHARE_TUNE else Split.TRAIN


def without_sources(listed_images: Sequence[ListedImage], left_out: Sequence[str]) -> list[ListedImage]:
    """The listed images of all other sources.

    Raises:
        UsageError: a name that no image has.
    """
    unknown = set(left_out) - {listed_image.source for listed_image in listed_images}
    if unknown:
        raise UsageError(f"no image is of the sources {sorted(unknown)}: check the names")
    return [listed_image for listed_image in listed_images if listed_image.source not in left_out]
