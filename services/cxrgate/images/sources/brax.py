"""BRAX: a master spreadsheet, images/*.png and Anonymized_DICOMs/*.dcm."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly, find_table, is_lateral
from cxrgate.images.sources.files import ImageFile, distinct, read_table, relative_name

TABLES = ("master_spreadsheet_update.csv", "master_spreadsheet.csv")
"""The spreadsheet of version 1.1.0 first; it mends that of 1.0.0."""

MIRROR = "files/brax/1.1.0"
"""Where PhysioNet's own download puts the data set."""


def list_brax(root: Path) -> list[ImageFile]:
    """Every image of the spreadsheet but side views (BRAX has no split): the PNG, or the DICOM where no PNG came along.

    Raises:
        UsageError: no spreadsheet, or it is not what it should be.
    """
    folder = root / MIRROR if (root / MIRROR).is_dir() else root
    table = find_table(root, *TABLES) or find_table(folder, *TABLES)
    if table is None:
        raise UsageError(f"expected {' or '.join(TABLES)} in {root}")
    column = "PngPath" if (folder / "images").is_dir() else "DicomPath"
    rows = read_table(table, (column, "PatientID", "ViewPosition"))
    kept = [row for row in rows if not is_lateral(row["ViewPosition"])]
    return distinct([_file(folder, row, column) for row in kept], table)


def _file(folder: Path, row: dict[str, str], column: str) -> ImageFile:
    name = relative_name(row[column])
    return ImageFile(folder / name, name, cardiomegaly(row.get("Cardiomegaly", "")), row["PatientID"])
