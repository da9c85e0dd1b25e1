"""MIMIC-CXR and MIMIC-CXR-JPG: p10/p10000032/s50414267/<dicom_id>.jpg below `files`, and tables beside it.

The images may be the published JPG or DICOM, or PNG that somebody made of them; the folder `files` may be missing, and
all of it may lie where `wget -r` puts it.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly, choose, find_table, view_notes
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import ALL, Listing, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import read_columns, read_table

SPLITS = "mimic-cxr-2.0.0-split.csv"
METADATA = "mimic-cxr-2.0.0-metadata.csv"
LABELS = "mimic-cxr-2.0.0-chexpert.csv"
"""The tables' names, versions 2.0.0 and 2.1.0 alike; PhysioNet has them gzipped."""
RECORDS = "cxr-record-list.csv"
"""The list that comes with the DICOM files; it has no split."""
_FOLDERS, _ENDINGS = ("files", ""), (".jpg", ".png", ".dcm", ".jpeg")
_MIRRORS = ("physionet.org/files/mimic-cxr-jpg/*", "physionet.org/files/mimic-cxr/*")
_PROBED = 50


def mimic_table(root: Path) -> Path | None:
    """The table by which a folder is MIMIC-CXR; None where it is not."""
    return find_table(_base(root), SPLITS, RECORDS)


def list_mimic(root: Path, options: SourceOptions) -> Listing:
    """The images of the split `train`, or of those that are asked for.

    Views are known where the metadata table lies there, labels where the table of CheXpert's labels does.

    Raises:
        UsageError: a table is missing or is not what it should be, or it has no such image.
    """
    base = _base(root, options.split_table)
    splits = options.split_table or find_table(base, SPLITS)
    table = splits or (find_table(base, RECORDS) if ALL in options.splits else None)
    if table is None:
        raise UsageError(f"{root} lacks {SPLITS}; where it lies elsewhere, name it by `splits`")
    columns = ("dicom_id", "study_id", "subject_id", *(("split",) if splits else ()))
    rows = read_columns(table, columns, names=options.columns).rows
    if splits:
        options.check_splits({row["split"] for row in rows})
    views = _views(base)
    for row in rows:
        row["view"] = (views or {}).get(row["dicom_id"], "")
    view = None if views is None else "view"
    kept, left_out = choose(rows, options, view, "split" if splits else None, "train")
    folder, ending = _kind(base, kept)
    labels = _labels(base)
    files = [_file(base, row, labels.get(row["study_id"], ""), folder, ending) for row in kept]
    return Listing(tuple(distinct(files, table)), tuple(view_notes(kept, options, view)), left_out)


def _base(root: Path, split_table: Path | None = None) -> Path:
    """Where the tables lie: the root, or below it where PhysioNet's own download puts them."""
    mirrors = [path for pattern in _MIRRORS for path in sorted(root.glob(pattern)) if path.is_dir()]
    places = [root, *mirrors]
    tables = (SPLITS, RECORDS)
    found = next((place for place in places if find_table(place, *tables) is not None), None)
    if found is None and split_table is not None:
        found = next((place for place in reversed(places) if (place / "files").is_dir()), None)
    return found or root


def _kind(base: Path, rows: list[dict[str, str]]) -> tuple[str, str]:
    """The folder and the ending under which most of the first images lie; those of MIMIC-CXR-JPG where none does."""

    def hits(kind: tuple[str, str]) -> int:
        return sum((base / _name(row, *kind)).is_file() for row in rows[:_PROBED])

    return max(product(_FOLDERS, _ENDINGS), key=hits)


def _name(row: dict[str, str], folder: str, ending: str) -> str:
    subject = f"p{row['subject_id']}"
    name = f"{subject[:3]}/{subject}/s{row['study_id']}/{row['dicom_id']}{ending}"
    return relative_name(f"{folder}/{name}" if folder else name)


def _file(base: Path, row: dict[str, str], label: str, folder: str, ending: str) -> ImageFile:
    name = _name(row, folder, ending)
    return ImageFile(base / name, name, label, row["subject_id"])


def _views(root: Path) -> dict[str, str] | None:
    """ViewPosition by dicom id; None without the table."""
    table = find_table(root, METADATA)
    if table is None:
        return None
    return {row["dicom_id"]: row["ViewPosition"] for row in read_table(table, ("dicom_id", "ViewPosition"))}


def _labels(root: Path) -> dict[str, str]:
    """Per study id the class."""
    table = find_table(root, LABELS)
    rows = read_table(table, ("study_id", "Cardiomegaly")) if table else []
    return {row["study_id"]: cardiomegaly(row["Cardiomegaly"]) for row in rows}
