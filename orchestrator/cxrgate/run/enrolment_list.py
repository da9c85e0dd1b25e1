"""Which images are enrolled: what is listed, but for what the operator leaves out by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.gate.config import Enrol
from cxrgate.images import ImageFile, list_source


@dataclass(frozen=True, slots=True)
class EnrolmentList:
    """The images to enrol, in order, and how many the operator left out."""

    files: tuple[ImageFile, ...]
    excluded: int

    @property
    def patients(self) -> int:
        """Whose they are."""
        return len({file.patient_id for file in self.files})

    @property
    def about(self) -> dict[str, Any]:
        """What the snapshot's manifest says of the list: numbers, and no name."""
        return {"listed": len(self.files) + self.excluded, "excluded": self.excluded}


def list_enrolment(settings: Enrol) -> EnrolmentList:
    """List what is to be enrolled; UsageError where list_source or read_excluded refuses, or nothing is left."""
    listed = list_source(settings.images, settings.layout, settings.splits)
    excluded = read_excluded(settings.exclude, listed)
    files = tuple(file for file in listed if file.image_id not in excluded)
    if not files:
        raise UsageError(f"expected images to enrol in {settings.images}, all of them are excluded")
    return EnrolmentList(files, len(excluded))


def read_excluded(path: Path | None, files: Sequence[ImageFile]) -> set[str]:
    """The image ids that the operator leaves out, one a line; what follows a tab is a remark.

    Raises:
        UsageError: no such file, or a name that is not among the files: a slip there would leave an image out unseen.
    """
    if path is None:
        return set()
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected a file of image names at {path}, one a line: {error}") from error
    names = {line.split("\t")[0].strip() for line in lines if line.strip() and not line.startswith("#")}
    unknown = names - {file.image_id for file in files}
    if unknown:
        raise UsageError(f"expected names of real images in {path}, {len(unknown)} are not: {sorted(unknown)[:3]}")
    return names
