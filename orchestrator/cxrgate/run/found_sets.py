"""What lies in a folder that a first configuration could speak of: sets of images, lists, public data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images import ImageFile, Layout, SourceOptions, read_listing
from cxrgate.images.sources.data_sets import find_data_sets
from cxrgate.images.sources.tables import is_table, likely_names, read_columns

_SYNTHETIC = re.compile(r"synth|generat|fake|sample|diffus|gan\b|gan_|_gan")
_REAL = re.compile(r"real|train|refer|origin|enrol")
_OWN = {"snapshot", "private", "out", "output", "work", "model_store", "models"}
"""Folders that cxrgate makes or reads: no sets."""
_COLUMNS = ("image", "patient_id")


@dataclass(frozen=True, slots=True)
class FoundSet:
    """One set of images.

    Attributes:
        path: its folder or list.
        images: how many are listed.
        layout: of a public data set; None for a folder or a list.
        has_patients: whether it says whose the images are.
        is_dicom: whether the files are DICOM by their names: patients are taken from the headers.
        columns: what the columns are called, where they have other names than image and patient_id.
    """

    path: Path
    images: int
    layout: Layout | None = None
    has_patients: bool = False
    is_dicom: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def looks_synthetic(self) -> bool:
        """By its name."""
        return bool(_SYNTHETIC.search(self.path.name.lower()))

    @property
    def looks_real(self) -> bool:
        """By its name, or because it names patients or is a public data set."""
        named = bool(_REAL.search(self.path.name.lower()))
        return named or self.layout is not None or self.has_patients or self.is_dicom


def find_sets(root: Path) -> list[FoundSet]:
    """The sets in a folder: itself where it is a public data set, and what lies directly in it.

    Raises:
        UsageError: no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}: name one that holds runs")
    if (whole := _data_set(root)) is not None:
        return [whole]
    return [found for path in sorted(root.iterdir()) if (found := _set(path)) is not None]


def choose_sets(found: list[FoundSet]) -> tuple[FoundSet | None, FoundSet | None]:
    """The real and the synthetic set among those that were found; None where none looks like it.

    A list that names patients goes before the folder of its images.
    """
    synthetic = next((each for each in found if each.looks_synthetic and not each.has_patients), None)
    others = [each for each in found if each is not synthetic and not each.looks_synthetic]
    order = sorted(others, key=lambda each: (not each.has_patients, each.layout is None, not each.looks_real))
    real = order[0] if order and (order[0].looks_real or synthetic is not None or len(others) > 1) else None
    if synthetic is None:
        rest = [each for each in others if each is not real and not each.looks_real]
        synthetic = rest[0] if len(rest) == 1 else None
    return real, synthetic


def _set(path: Path) -> FoundSet | None:
    if path.name.startswith(".") or path.name.lower() in _OWN:
        return None
    if is_table(path):
        return _list(path)
    if not (path.is_dir() or path.suffix.lower() in {".npz", ".npy"}):
        return None
    return _data_set(path) or _folder(path)


def _data_set(path: Path) -> FoundSet | None:
    try:
        layouts = find_data_sets(path)
    except UsageError:
        return None
    for layout in layouts:
        for files in _listed(path, layout):
            return FoundSet(path, len(files), layout, has_patients=True)
    return None


def _folder(path: Path) -> FoundSet | None:
    for files in _listed(path, None):
        is_dicom = all(file.path.suffix.lower() in {".dcm", ".dicom", ".ima", ".dic"} for file in files)
        return FoundSet(path, len(files), is_dicom=is_dicom)
    return None


def _listed(path: Path, layout: Layout | None) -> Iterator[Sequence[ImageFile]]:
    """The images, or nothing where it is no set of that layout."""
    try:
        yield read_listing(path, SourceOptions(layout=layout)).files
    except UsageError:
        return


def _list(path: Path) -> FoundSet | None:
    """A table with a column of images, under its own name or one that other tables use."""
    try:
        table = read_columns(path, (), _COLUMNS)
    except UsageError:
        return None
    columns = {}
    for column in _COLUMNS:
        if column not in table.rows[0] and (names := likely_names(table.header, column)):
            columns[column] = names[0]
    known = {*table.rows[0], *columns}
    if "image" not in known:
        return None
    return FoundSet(path, len(table.rows), has_patients="patient_id" in known, columns=columns)
