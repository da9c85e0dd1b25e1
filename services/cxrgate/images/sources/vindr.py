"""VinDr-CXR: folders `train` and `test` of DICOM files (or of PNG made of them) and tables of labels beside them.

The tables have one row per finding or reader, so an image is named many times; none names a patient.
"""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import choose
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, PatientRule, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import has_columns, read_columns

_FOLDERS, _STEMS = ("annotations/", ""), ("image_labels_", "annotations_", "")
TABLES = {
    split: tuple(f"{folder}{stem}{split}.csv" for folder in _FOLDERS for stem in _STEMS) for split in ("train", "test")
}
ENDINGS = (".dicom", ".dcm", ".png", ".jpg")
_MIRRORS = ("files/vindr-cxr/1.0.0", "physionet.org/files/vindr-cxr/1.0.0")


def vindr_table(root: Path) -> Path | None:
    """The table by which a folder is VinDr-CXR; None where it is not.

    Raises:
        UsageError: a train.csv, which other sets have too, cannot be read.
    """
    base = _base(root)
    table = _table(base, TABLES["train"]) if (base / "train").is_dir() else None
    return table if table is not None and has_columns(table, ("image_id",)) else None


def list_vindr(root: Path, options: SourceOptions) -> Listing:
    """The images of the split `train`, or of those that are asked for.

    Raises:
        UsageError: no table, it is not what it should be, or nothing says that every image is its own patient.
    """
    base = _base(root)
    tables = {split: table for split, names in TABLES.items() if (table := _table(base, names))}
    if "train" not in tables:
        raise UsageError(f"{root} has none of {', '.join(TABLES['train'])}: name the folder that has one")
    if options.patients is PatientRule.REQUIRED and "patient_id" not in options.columns:
        raise UsageError(
            "VinDr-CXR names no patients. Write `every_image_is_a_patient: true` to count every image as "
            "another patient's, or `columns: {patient_id: NAME}` where your table has them"
        )
    options.check_splits(set(tables))
    rows = [row for split, table in tables.items() for row in _rows(table, split, options)]
    kept, left_out = choose(rows, options, None, "split", "train")
    files = [_file(base, row) for row in kept]
    return Listing(tuple(distinct(files, tables["train"])), (), left_out)


def _base(root: Path) -> Path:
    """Where the tables lie: the root, or below it where PhysioNet's own download puts them."""
    return next((root / mirror for mirror in _MIRRORS if (root / mirror).is_dir()), root)


def _table(base: Path, names: tuple[str, ...]) -> Path | None:
    return next((base / name for name in names if (base / name).is_file()), None)


def _rows(table: Path, split: str, options: SourceOptions) -> list[dict[str, str]]:
    """One row per image."""
    columns = ("image_id", *(name for name in options.columns if name == "patient_id"))
    rows = read_columns(table, columns, names=options.columns).rows
    return list({row["image_id"]: {**row, "split": split} for row in rows}.values())


def _file(base: Path, row: dict[str, str]) -> ImageFile:
    names = [relative_name(f"{row['split']}/{row['image_id']}{ending}") for ending in ENDINGS]
    name = next((name for name in names if (base / name).is_file()), names[0])
    return ImageFile(base / name, name, "", row.get("patient_id") or name)
