"""MIMIC-CXR-JPG: files/p10/p10000032/s50414267/<dicom_id>.jpg, and tables beside `files`."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly, find_table, is_lateral
from cxrgate.images.sources.files import ImageFile, distinct, read_table, relative_name

SPLITS = "mimic-cxr-2.0.0-split.csv"
METADATA = "mimic-cxr-2.0.0-metadata.csv"
LABELS = "mimic-cxr-2.0.0-chexpert.csv"
"""The tables' names, versions 2.0.0 and 2.1.0 alike; PhysioNet has them gzipped."""


def list_mimic(root: Path, splits: Path | None = None) -> list[ImageFile]:
    """Every image of the split `train` but side views.

    Views are known where the metadata table lies in `root`, labels where the table of CheXpert's labels does.

    Raises:
        UsageError: a table is missing or is not what it should be, or it has no training image.
    """
    table = splits or find_table(root, SPLITS)
    if table is None:
        raise UsageError(f"expected {SPLITS} in {root}")
    rows = read_table(table, ("dicom_id", "study_id", "subject_id", "split"))
    lateral, labels = _lateral(root), _labels(root)
    kept = [row for row in rows if row["split"] == "train" and row["dicom_id"] not in lateral]
    return distinct([_file(root, row, labels.get(row["study_id"], "")) for row in kept], table)


def _file(root: Path, row: dict[str, str], label: str) -> ImageFile:
    subject = f"p{row['subject_id']}"
    name = relative_name(f"files/{subject[:3]}/{subject}/s{row['study_id']}/{row['dicom_id']}.jpg")
    return ImageFile(root / name, name, label, row["subject_id"])


def _lateral(root: Path) -> set[str]:
    """The dicom ids of side views."""
    table = find_table(root, METADATA)
    rows = read_table(table, ("dicom_id", "ViewPosition")) if table else []
    return {row["dicom_id"] for row in rows if is_lateral(row["ViewPosition"])}


def _labels(root: Path) -> dict[str, str]:
    """Per study id the class."""
    table = find_table(root, LABELS)
    rows = read_table(table, ("study_id", "Cardiomegaly")) if table else []
    return {row["study_id"]: cardiomegaly(row["Cardiomegaly"]) for row in rows}
