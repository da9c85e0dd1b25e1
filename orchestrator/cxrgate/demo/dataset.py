"""The demo's data set: radiographs of invented patients, a synthetic set, and leaks planted in it.

real/0001_1.png, ...        several radiographs per patient
real.csv                    image, patient_id
synthetic/<class>/0001.png  other invented patients, and among them the planted files
planted.csv                 image, kind, source: kept apart from synthetic/, as nothing that is checked may tell
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrgate.demo.anatomy import Patient
from cxrgate.demo.drawing import View, draw
from cxrgate.demo.planting import MAKERS, Content, Pixels, PlantedKind
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sources.tables import read_table
from cxrgate.storage import whole_folder

CLASSES = ("No_Cardiomegaly", "Cardiomegaly")
PLANTED = "planted.csv"
SEED = 20230418
"""Any number would do; a fixed one makes every demo the same."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is drawn.

    Attributes:
        patients: enrolled patients.
        others: synthetic images of patients who are not enrolled.
        views: planted radiographs of enrolled patients: more than copies, as they are what is hard to find.
        copies: planted files of each other kind.
        side: of a picture, pixels; half of it is the least that is decoded.
    """

    patients: int = 40
    others: int = 80
    views: int = 12
    copies: int = 4
    side: int = 256

    def __post_init__(self) -> None:
        if min(self.patients, self.others, self.views, self.copies) < 1 or self.side < 128:
            raise ValueError(f"expected at least one of everything and 128 pixels a side, got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class _Real:
    """One radiograph of an enrolled patient."""

    name: str
    patient_id: str
    patient: Patient
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class _Synthetic:
    """One file of the synthetic set before it has a name; `kind` is empty for what was not planted."""

    label: str
    content: Content
    kind: str = ""
    source: str = ""


def write_dataset(folder: Path, seed: int, extent: Extent | None = None) -> None:
    """Draw a data set; equal seeds and extents give equal bytes. Whole or not at all: a rename comes last.

    Raises:
        OSError: the folder exists and is not empty, or cannot be written.
    """
    extent = extent or Extent()
    rng = np.random.default_rng(seed)
    with whole_folder(folder, everybodys=True) as partial:  # it shows nobody, and containers of another user read it
        real = list(_real(rng, extent))
        _write_real(partial, real)
        files = [*_others(rng, extent), *_planted(rng, extent, real)]
        _write_synthetic(partial, [files[number] for number in rng.permutation(len(files))])


def read_planted(folder: Path) -> dict[str, PlantedKind]:
    """What was planted: image id in the synthetic set to kind."""
    return {row["image"]: PlantedKind(row["kind"]) for row in read_table(folder / PLANTED, ("image", "kind"))}


def _real(rng: np.random.Generator, extent: Extent) -> Iterator[_Real]:
    """Two to four radiographs of each patient."""
    for number in range(1, extent.patients + 1):
        patient = Patient.sample(rng)
        for view in range(1, int(rng.integers(2, 5)) + 1):
            name, patient_id = f"real/{number:04}_{view}.png", f"invented{number:04}"
            yield _Real(name, patient_id, patient, draw(patient, View.sample(rng), extent.side))


def _others(rng: np.random.Generator, extent: Extent) -> Iterator[_Synthetic]:
    for _ in range(extent.others):
        patient = Patient.sample(rng)
        pixels = draw(patient, View.sample(rng), extent.side)
        yield _Synthetic(CLASSES[patient.cardiomegaly], (encode_png(pixels), ".png"))


def _planted(rng: np.random.Generator, extent: Extent, real: Sequence[_Real]) -> Iterator[_Synthetic]:
    for kind, make in MAKERS.items():
        count = extent.views if kind is PlantedKind.SAME_PATIENT else extent.copies
        for chosen in rng.choice(len(real), count, replace=count > len(real)):
            source = real[chosen]
            pixels = source.pixels
            if kind is PlantedKind.SAME_PATIENT:
                pixels = draw(source.patient, View.sample(rng), extent.side)
            yield _Synthetic(CLASSES[source.patient.cardiomegaly], make(pixels, rng), kind, source.name)


def _write_real(folder: Path, images: Sequence[_Real]) -> None:
    for image in images:
        _write(folder / image.name, encode_png(image.pixels))
    _write_table(folder / "real.csv", ("image", "patient_id"), ((i.name, i.patient_id) for i in images))


def _write_synthetic(folder: Path, files: Sequence[_Synthetic]) -> None:
    """Number the files as they come: a name says nothing about what was planted."""
    names = [f"{file.label}/{number:04}{file.content[1]}" for number, file in enumerate(files, 1)]
    for name, file in zip(names, files, strict=True):
        _write(folder / "synthetic" / name, file.content[0])
    rows = sorted((name, file.kind, file.source) for name, file in zip(names, files, strict=True) if file.kind)
    _write_table(folder / PLANTED, ("image", "kind", "source"), rows)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
