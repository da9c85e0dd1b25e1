"""The retrieval split of ChestX-ray14 that Packhäuser et al. (Sci Rep 12:14851, 2022) published, as a listing."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images import list_folder
from cxrgate.images.sources.tables import read_table
from cxrgate.train.listing import Split, check_disjoint

_SPLIT_FILES = {Split.TRAIN: "train.csv", Split.TUNE: "validation.csv", Split.TEST: "test.csv"}


@dataclass(frozen=True, slots=True)
class SplitImage:
    """One row of the published split files."""

    name: str
    patient_id: str
    split: Split


def read_splits(folder: Path) -> list[SplitImage]:
    """The published retrieval split: train.csv, validation.csv (which becomes `tune`) and test.csv in `folder`.

    Raises:
        UsageError: a file or its columns are missing, an image stands there twice, or a patient is in two splits.
    """
    images = [
        SplitImage(row["Image Index"], row["Patient ID"], split)
        for split, name in _SPLIT_FILES.items()
        for row in read_table(folder / name, ("Image Index", "Patient ID"))
    ]
    empty = [image for image in images if not (image.name and image.patient_id)]
    if empty:
        raise UsageError(f"{folder}: a row lacks its image or its patient: {empty[0]}")
    twice = [name for name, count in Counter(image.name for image in images).items() if count > 1]
    if twice:
        raise UsageError(f"{folder}: {len(twice)} images are listed twice, the first {twice[0]!r}")
    check_disjoint(images)
    return images


def write_listing(images: Sequence[SplitImage], folder: Path, output: Path) -> None:
    """Write the listing (image, patient_id, split) of published splits, paths relative to its own folder.

    Args:
        images: see read_splits.
        folder: where the image files lie, at any depth.
        output: CSV to write, in `folder` or above it.

    Raises:
        UsageError: an image has no file or several, or `output` lies elsewhere.
    """
    if not folder.resolve().is_relative_to(output.parent.resolve()):
        raise UsageError(f"the listing must lie in {folder} or above it, not at {output}")
    files: dict[str, list[Path]] = {}
    for file in list_folder(folder):
        files.setdefault(file.path.name, []).append(file.path)
    wrong = [image.name for image in images if len(files.get(image.name, [])) != 1]
    if wrong:
        raise UsageError(f"{len(wrong)} listed images have no file or several in {folder}, the first {wrong[0]!r}")
    root = output.parent.resolve()
    with output.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image", "patient_id", "split"])
        for image in images:
            # Only the folder is resolved: a file may be a link out of it.
            path = folder.resolve() / files[image.name][0].relative_to(folder)
            writer.writerow([path.relative_to(root).as_posix(), image.patient_id, image.split])
