"""What the models are judged on: the test part of a listing, without the patients that a model saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.tables import read_table
from cxrgate.models import ModelManifest
from cxrgate.train import ListedImage, Split, read_listed_images
from cxrgate.train.scoring.models import unseen

LISTING = "manifest.csv"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the listing; `view`, `follow_up` and `licence` are "" where it does not say."""

    listed_image: ListedImage
    view: str = ""
    follow_up: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The entries that are judged, and how many images and patients were left out because a model saw them."""

    entries: Sequence[Entry] = field(repr=False)
    images_left_out: int
    patients_left_out: int

    @property
    def listed_images(self) -> list[ListedImage]:
        """The entries' listed images, in order."""
        return [entry.listed_image for entry in self.entries]


def read_entries(folder: Path) -> list[Entry]:
    """Every row of folder/manifest.csv: columns image, patient_id, source and, if there, split, view, follow_up.

    Raises:
        UsageError: no such file or column, or a row that read_listed_images refuses.
    """
    path = folder / LISTING
    rows = read_table(path, ("image", "patient_id", "source"))
    return [
        Entry(listed_image, *(row.get(column, "").strip() for column in ("view", "follow_up", "licence")))
        for listed_image, row in zip(read_listed_images(path), rows, strict=True)
    ]


def hold_out(entries: Sequence[Entry], models: Iterable[ModelManifest]) -> HeldOut:
    """The rows with split `test`, all rows where none has a split, of patients that no model saw.

    Raises:
        UsageError: nothing is left.
    """
    if any(entry.listed_image.split for entry in entries):
        entries = [entry for entry in entries if entry.listed_image.split is Split.TEST]
    listed_images = [entry.listed_image for entry in entries]
    for model in models:
        listed_images = unseen(model, listed_images)
    names = {listed_image.file.image_id for listed_image in listed_images}
    kept = [entry for entry in entries if entry.listed_image.file.image_id in names]
    if not kept:
        raise UsageError(f"a model saw the patient of each of the {len(entries)} images: give images of other patients")
    patients = {entry.listed_image.patient_id for entry in entries} - {
        listed_image.patient_id for listed_image in listed_images
    }
    return HeldOut(kept, len(entries) - len(kept), len(patients))
