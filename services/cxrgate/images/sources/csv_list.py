"""Images by a table with the column `image`, and `patient_id` and `label` if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.counted import images
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, PatientRule, SourceOptions
from cxrgate.images.sources.names import distinct, expect_relative, place, relative_name
from cxrgate.images.sources.packed import PackedFiles
from cxrgate.images.sources.tables import Table, columns_line, likely_names, read_columns

NO_PATIENT = frozenset(
    {"", "nan", "none", "null", "na", "n/a", "<na>", "#n/a", "#na", "#nv", "n.a.", "nat", "nil", "(null)", "\\n"}
)
"""What programs write where a table has no value; compared without case."""

_SHOWN = 5
_EACH = (
    "`every_image_is_a_patient: true` (--every-image-is-a-patient on a command line), if every image is of another "
    "patient"
)


def list_csv(path: Path) -> list[ImageFile]:
    """The images of a table, with patients where it has any; errors as list_table."""
    return list(list_table(path, SourceOptions()).files)


def list_table(path: Path, options: SourceOptions) -> Listing:
    """The rows of a table; names are relative to its folder.

    Raises:
        UsageError: no such file, no such column, an empty or repeated image, a path that leaves the folder, or an
            image without a patient where patients are required.
    """
    table = read_columns(path, ("image",), ("patient_id", "label"), options.columns)
    _check_patients(table, options.patients)
    listing = table_files(table)
    missing = sum(not has_patient(row) for row in table.rows)
    if not missing or options.patients is not PatientRule.EACH_IMAGE:
        return listing
    note = f"{path.name}: {images(missing)} without a patient, each counted as another patient's"
    return replace(listing, notes=(*listing.notes, note))


def table_files(table: Table) -> Listing:
    """One image per row, in order, and how the table was understood; an image without a patient is its own.

    Raises:
        UsageError: an empty or repeated image, or a path that leaves the folder.
    """
    names = [row["image"] for row in table.rows]
    expect_relative(names, table.path, table.lines)
    files = [_row(table.path.parent, row) for row in table.rows]
    notes = [*table.notes, *_spellings(files, names)]
    distinct_files = distinct(files, table.path, table.lines)
    return Listing(PackedFiles(table.path.parent, distinct_files), tuple(notes))


def is_patient(patient_id: str) -> bool:
    """Whether it names a patient, and is not what programs write where there is none."""
    return patient_id.strip().lower() not in NO_PATIENT


def has_patient(row: Mapping[str, str]) -> bool:
    """Whether a row says whose image it is."""
    return is_patient(row.get("patient_id", ""))


def _row(root: Path, row: Mapping[str, str]) -> ImageFile:
    name = relative_name(row["image"])
    if "\\" in row["image"] and (root / row["image"]).exists():
        name = row["image"]
    patient = row["patient_id"] if has_patient(row) else name
    return ImageFile(place(root, name), name, row.get("label") or "", patient)


def _check_patients(table: Table, rule: PatientRule) -> None:
    """Raise UsageError where an image has no patient, and it must have one."""
    if rule is not PatientRule.REQUIRED:
        return
    if "patient_id" not in table.rows[0]:
        likely = likely_names(table.header, "patient_id")
        found = ", ".join(name or "(without a name)" for name in table.header)
        named = columns_line({"patient_id": likely[0] if likely else "NAME"})
        cure = named if likely else f"Add it, or say which it is: {named}"
        raise UsageError(f"{table.path} has no column patient_id, but found {found}. {cure}; or {_EACH}")
    expect_patients(table, f", or write {_EACH}")


def expect_patients(table: Table, other_way: str = "") -> None:
    """Raise UsageError, with the lines, where an image has no patient; `other_way` than to fill them in is named."""
    without = [line for line, row in zip(table.lines, table.rows, strict=True) if not has_patient(row)]
    if without:
        lines = ", ".join(map(str, without[:_SHOWN])) + (" ..." if len(without) > _SHOWN else "")
        raise UsageError(
            f"{table.path}: {images(len(without))} without a patient_id (lines {lines}; nan, None, NULL and NA are "
            f"none); fill them in{other_way}"
        )


def _spellings(files: list[ImageFile], spelt: list[str]) -> list[str]:
    """What was read in another way than it is written."""
    slashes = sum("\\" in name and "\\" not in file.image_id for file, name in zip(files, spelt, strict=True))
    forms = sum(not str(file.path).endswith(file.image_id) for file in files)
    notes = []
    if slashes:
        notes.append(f"names read with / for \\: {slashes}")
    if forms:
        notes.append(f"names found on the disk in their other Unicode form: {forms}")
    return notes
