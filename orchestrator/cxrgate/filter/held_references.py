"""Real images that a caller holds in memory, as the list of files that enrolment reads.

The files lie in a folder of their own, for their owner alone, and go when the filter is closed: the cache keeps
descriptors, and no pixels of a patient.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cxrgate.core import Failure, UsageError
from cxrgate.core.counted import counted
from cxrgate.filter.given import UNIT_RANGE, Range, expect_several, read_given
from cxrgate.images.sources.csv_list import is_patient
from cxrgate.images.sources.names import relative_name

_LIST = "images.csv"

Patients = Mapping[str, Any] | Iterable[Any] | None


@dataclass(frozen=True, slots=True)
class HeldReferences:
    """What was written of them.

    Attributes:
        listed: a list with the columns image and patient_id.
        files: the file of each image by its name in the list; the caller's own where a path was given.
        float_range: what floats of arrays call black and white.
    """

    listed: Path
    files: Mapping[str, Path]
    float_range: Range


@contextmanager
def held_references(
    images: Any, patients: Patients, float_range: Range | None, *, own: bool
) -> Iterator[HeldReferences]:
    """The images as files, as long as the context lasts.

    Args:
        images: several, as for Filter.check; a mapping from names names them, else image000012 is the thirteenth.
        patients: whose each is: values in the images' order, or a mapping from the images' names; None names nobody.
        float_range: what floats of arrays call black and white; None is 0 and 1.
        own: whether the caller says that an image without a patient is another patient's.

    Raises:
        UsageError: there is no image, one cannot be read, a name is no relative path or there twice, there are more
            or fewer patients than images, or an image has none and `own` is not said.
    """
    with TemporaryDirectory(prefix="cxrgate-") as folder:
        root, files = Path(folder), {}
        for name, item in _named(images):
            files[name] = _written(root, name, item, float_range)
        if not files:
            raise UsageError("there is no image to enrol: give the real images")
        with (root / _LIST).open("w", newline="", encoding="utf-8") as table:
            whose = _whose(files, patients, own=own)
            csv.writer(table).writerows([("image", "patient_id"), *zip(files, whose, strict=True)])
        yield HeldReferences(root / _LIST, files, float_range or UNIT_RANGE)


def _named(images: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(images, Mapping):
        yield from ((relative_name(str(name)), item) for name, item in images.items())
        return
    expect_several(images)
    for number, item in enumerate(images):
        # The ending stays: by it alone a DICOM file without preamble is told.
        ending = Path(item).suffix if isinstance(item, str | os.PathLike) else ""
        yield f"image{number:06}{ending}", item


def _written(root: Path, name: str, item: Any, float_range: Range | None) -> Path:
    """Where the image lies: written below `root` and, where the caller gave a path, there."""
    (given,) = read_given([item], float_range)
    if isinstance(given.record, Failure):
        told = given.name if isinstance(item, str | os.PathLike) else name
        raise UsageError(f"{told} cannot be enrolled: {given.record.message}")
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(given.record.content)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"two images are called {name}, or one is called as another's folder: rename it") from error
    return Path(item).absolute() if isinstance(item, str | os.PathLike) else path


def _whose(files: Mapping[str, Path], patients: Patients, *, own: bool) -> list[str]:
    """The patient of each image, "" where none is named."""
    if isinstance(patients, Mapping):
        named = {relative_name(str(name)): patient for name, patient in patients.items()}
        found = [named.get(name, "") for name in files]
    else:
        found = [""] * len(files) if patients is None else list(patients)
    if len(found) != len(files):
        raise UsageError(f"{len(found)} patients were given for {len(files)} images: give one for each image")
    told = [str(patient) for patient in found]
    if not own and (without := [name for name, patient in zip(files, told, strict=True) if not is_patient(patient)]):
        raise UsageError(
            f"{counted(len(without), 'image has', 'images have')} no patient, the first is {without[0]}: "
            'name them by `patients`, or give listing={"every_image_is_a_patient": True}, if every image is of '
            "another patient"
        )
    return told
