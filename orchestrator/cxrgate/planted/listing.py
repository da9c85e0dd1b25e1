"""What the models are judged on: the test part of a listing, without the patients that a model saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.tables import read_table
from cxrgate.models import ModelManifest
from cxrgate.train import Sample, Split, read_samples
from cxrgate.train.scoring.models import unseen

LISTING = "manifest.csv"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the listing; `view`, `follow_up` and `licence` are "" where it does not say."""

    sample: Sample
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
    def samples(self) -> list[Sample]:
        """The entries' samples, in order."""
        return [entry.sample for entry in self.entries]


def read_entries(folder: Path) -> list[Entry]:
    """Every row of folder/manifest.csv: columns image, patient_id, source and, if there, split, view, follow_up.

    Raises:
        UsageError: no such file or column, or a row that read_samples refuses.
    """
    path = folder / LISTING
    rows = read_table(path, ("image", "patient_id", "source"))
    return [
        Entry(sample, *(row.get(column, "").strip() for column in ("view", "follow_up", "licence")))
        for sample, row in zip(read_samples(path), rows, strict=True)
    ]


def hold_out(entries: Sequence[Entry], models: Iterable[ModelManifest]) -> HeldOut:
    """The rows with split `test`, all rows where none has a split, of patients that no model saw.

    Raises:
        UsageError: nothing is left.
    """
    if any(entry.sample.split for entry in entries):
        entries = [entry for entry in entries if entry.sample.split is Split.TEST]
    samples = [entry.sample for entry in entries]
    for model in models:
        samples = unseen(model, samples)
    names = {sample.file.image_id for sample in samples}
    kept = [entry for entry in entries if entry.sample.file.image_id in names]
    if not kept:
        raise UsageError(f"a model saw the patient of each of the {len(entries)} images: give images of other patients")
    patients = {entry.sample.patient_id for entry in entries} - {sample.patient_id for sample in samples}
    return HeldOut(kept, len(entries) - len(kept), len(patients))
