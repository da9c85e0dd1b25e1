"""What is asked of a source of images, and what comes of listing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.counted import images
from cxrgate.images.sources.files import ImageFile

ALL = "all"


class Layout(StrEnum):
    """How the images of a source are found."""

    FOLDER = "folder"
    CSV = "csv"
    MIMIC = "mimic"
    BRAX = "brax"
    CHEXPERT = "chexpert"
    NIH = "nih"
    PADCHEST = "padchest"
    VINDR = "vindr"


class PatientRule(StrEnum):
    """What a list has to say about patients."""

    OPTIONAL = "optional"
    """Nothing: an image without a patient counts as another patient's."""
    REQUIRED = "required"
    """A patient for every image; a folder has none, and every image counts as another patient's."""
    EACH_IMAGE = "each image"
    """The user says that images without a patient are each another patient's."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to list a source.

    Attributes:
        layout: None tells it by the name: a table is a list, everything else a folder (see `recognise`).
        recognise: without a layout a folder that is the root of a public data set is listed as that: for real images.
        split_table: MIMIC-CXR's table of splits where it does not lie in the root.
        splits: names of the splits to list, ("all",) for every one, () for the layout's own choice.
        all_views: lateral views, too.
        columns: per column that is asked for, the name that it has in the table.
        patients: what a list has to say about patients.
        float_range: what the floats of arrays call black and white.
    """

    layout: Layout | None = None
    recognise: bool = False
    split_table: Path | None = None
    splits: tuple[str, ...] = ()
    all_views: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    patients: PatientRule = PatientRule.OPTIONAL
    float_range: tuple[float, float] | None = None

    def takes(self, split: str, default: str | None = None) -> bool:
        """Whether an image of that split is listed; `default` is the layout's own choice, None for every split."""
        if not self.splits:
            return default is None or split == default
        return ALL in self.splits or split in self.splits

    def check_splits(self, known: set[str]) -> None:
        """Raise UsageError where a split is asked for that the source has not."""
        unknown = sorted(set(self.splits) - known - {ALL})
        if unknown:
            raise UsageError(
                f"no split is called {', '.join(unknown)}: there are {', '.join(sorted(known)) or 'none'}, and all"
            )


@dataclass(frozen=True, slots=True)
class Listing:
    """The images of a source.

    Attributes:
        files: the images, in the source's order.
        notes: sentences that the user should read: how something was understood.
        left_out: per reason, how many images the source has that are not listed.
        layout: as what it was listed.
    """

    files: Sequence[ImageFile]
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    layout: Layout = Layout.FOLDER

    @property
    def sentences(self) -> list[str]:
        """The notes, and what was left out and why."""
        told = [f"{images(count)} left out: {reason}" for reason, count in sorted(self.left_out.items())]
        return [*self.notes, *told]
