"""Which images are enrolled: what is listed, but for what the operator leaves out by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.core.progress import Progress, silent
from cxrgate.gate.config import Enrol
from cxrgate.images import ImageFile, Layout, Listing, read_listing
from cxrgate.images.sources.counted import images
from cxrgate.images.sources.patient_ids import notes_on_patients, with_one_form
from cxrgate.run.dicom_patients import with_dicom_patients
from cxrgate.storage.text_file import read_lines

_SHOWN = 3
"""Names in a message."""


@dataclass(frozen=True, slots=True)
class EnrolmentList:
    """The images to enrol, in order, and how many the operator left out.

    Attributes:
        files: the images.
        excluded: how many the operator left out by name.
        left_out: per reason, how many the data set's layout left out.
        notes: sentences on how the list was understood.
    """

    files: Sequence[ImageFile]
    excluded: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def patients(self) -> int:
        """Whose they are."""
        return len({file.patient_id for file in self.files})

    @property
    def about(self) -> dict[str, Any]:
        """What the snapshot's manifest says of the list: numbers, and no name."""
        listed = len(self.files) + self.excluded
        return {"listed": listed, "excluded": self.excluded, "left_out": dict(self.left_out)}

    @property
    def sentences(self) -> list[str]:
        """What the user is told before anything is computed."""
        more = [f"{counted(self.excluded, 'image is', 'images are')} excluded by name"] if self.excluded else []
        verb = "is" if len(self.files) == 1 else "are"
        return [f"{images(len(self.files))} of {counted(self.patients, 'patient')} {verb} listed", *self.notes, *more]


def list_enrolment(settings: Enrol, workers: int = 1, progress: Progress = silent) -> EnrolmentList:
    """List what is to be enrolled.

    Args:
        settings: what, and how to list it.
        workers: processes that read the headers of a folder of DICOM files.
        progress: called with "headers" where there are such files.

    Raises:
        UsageError: as read_listing, with_dicom_patients and read_excluded; or nothing is left.
    """
    listed = read_listing(settings.images, settings.options)
    excluded = read_excluded(settings.exclude, listed.files)
    if excluded:
        listed = replace(listed, files=tuple(file for file in listed.files if file.image_id not in excluded))
    if not listed.files:
        raise UsageError(f"no image is left to enrol of {settings.images}: all of them are excluded")
    if listed.layout is Layout.FOLDER:
        listed = with_dicom_patients(listed, settings, workers, progress)
        listed = _warned(listed, settings)
    files = with_one_form(listed.files)
    notes = (*listed.sentences, *notes_on_patients(files))
    return EnrolmentList(files, len(excluded), listed.left_out, notes)


def _warned(listed: Listing, settings: Enrol) -> Listing:
    """A folder's listing with what follows where images count as patients and nobody said that they are."""
    alone = sum(file.patient_id == file.image_id for file in listed.files)
    if not alone or settings.every_image_is_a_patient:
        return listed
    place = "folder" if settings.images.is_dir() else "file"
    note = (
        f"{counted(alone, 'image', 'images')} of the {place} {'names' if alone == 1 else 'name'} no patient, and "
        f"{'counts as a patient' if alone == 1 else 'count as a patient each'}. A leak of a patient who has "
        "several may pass, for the others count as other patients': list the images with their patients in a table, or "
        "write `every_image_is_a_patient: true` (--every-image-is-a-patient), if every image is of another patient"
    )
    return replace(listed, notes=(*listed.notes, note))


def read_excluded(path: Path | None, files: Sequence[ImageFile]) -> set[str]:
    """The image ids that the operator leaves out, one a line; what follows a tab is a remark.

    Raises:
        UsageError: as read_lines; or a name that is not among the files: a slip there would leave an image out unseen.
    """
    if path is None:
        return set()
    lines = read_lines(path, "image names")
    names = {line.split("\t")[0].strip(): number for number, line in reversed(lines)}
    unknown = sorted(names.keys() - {file.image_id for file in files}, key=names.__getitem__)
    if unknown:
        told = ", ".join(f"{name} (line {names[name]})" for name in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise UsageError(
            f"{path} has {counted(len(unknown), 'name')} of no real image: {told}{more}. Take them out, or correct them"
        )
    return set(names)
