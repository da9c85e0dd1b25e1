"""BRAX: a master spreadsheet, images/*.png and Anonymized_DICOMs/*.dcm."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly, choose, find_table, view_notes
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import read_columns

TABLES = ("master_spreadsheet_update.csv", "master_spreadsheet.csv")
"""The spreadsheet of version 1.1.0 first; it mends that of 1.0.0."""

MIRRORS = ("files/brax/*", "physionet.org/files/brax/*")
"""Where PhysioNet's own download puts the data set, by its version."""


def brax_table(root: Path) -> Path | None:
    """The spreadsheet by which a folder is BRAX; None where it is not."""
    return find_table(root, *TABLES) or find_table(_folder(root), *TABLES)


def list_brax(root: Path, options: SourceOptions) -> Listing:
    """The images of the spreadsheet (BRAX has no split): the PNG, or the DICOM where no PNG came along.

    Raises:
        UsageError: no spreadsheet, or it is not what it should be.
    """
    options.check_splits(set())
    folder, table = _folder(root), brax_table(root)
    if table is None:
        raise UsageError(f"{root} has neither {' nor '.join(TABLES)}: name the folder that has the table")
    column = "PngPath" if (folder / "images").is_dir() else "DicomPath"
    rows = read_columns(table, (column, "PatientID", "ViewPosition"), names=options.columns).rows
    kept, left_out = choose(rows, options, "ViewPosition")
    files = distinct([_file(folder, row, column) for row in kept], table)
    return Listing(tuple(files), tuple(view_notes(kept, options, "ViewPosition")), left_out)


def _folder(root: Path) -> Path:
    """Where the images lie: the root, or below it where PhysioNet's own download puts them."""
    return next((path for mirror in MIRRORS for path in sorted(root.glob(mirror), reverse=True)), root)


def _file(folder: Path, row: dict[str, str], column: str) -> ImageFile:
    name = relative_name(row[column])
    path = folder / name
    if column == "DicomPath" and not path.is_file() and path.with_suffix("").is_file():
        path = path.with_suffix("")  # version 1.0.0 has them without the ending that its table names
    return ImageFile(path, name, cardiomegaly(row.get("Cardiomegaly", "")), row["PatientID"])
