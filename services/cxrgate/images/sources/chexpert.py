"""CheXpert: train.csv, whose column Path starts with the data set's own folder, CheXpert-v1.0[-small]."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly
from cxrgate.images.sources.files import ImageFile, distinct, read_table, relative_name

TABLE = "train.csv"


def list_chexpert(root: Path) -> list[ImageFile]:
    """Every image of train.csv but side views. `root` is the data set's folder or the one that holds it.

    Raises:
        UsageError: there is not exactly one train.csv, or it is not what it should be.
    """
    tables = [path for path in (root / TABLE, *sorted(root.glob(f"CheXpert-v1.0*/{TABLE}"))) if path.is_file()]
    if len(tables) != 1:
        raise UsageError(f"expected one {TABLE} in {root} or CheXpert-v1.0* below it, found {len(tables)}")
    rows = read_table(tables[0], ("Path", "Frontal/Lateral"))
    kept = [row for row in rows if row["Frontal/Lateral"].strip() != "Lateral"]
    return distinct([_file(tables[0].parent, row) for row in kept], tables[0])


def _file(folder: Path, row: dict[str, str]) -> ImageFile:
    """`Path` counts from the folder above the data set's, whatever name the download was given since."""
    parts = PurePosixPath(relative_name(row["Path"])).parts
    name = "/".join(parts[parts.index("train") :] if "train" in parts else parts)
    patient = next((part for part in parts if part.startswith("patient")), "")
    if not patient:
        raise UsageError(f"expected a folder patient... in {row['Path']!r}")
    return ImageFile(folder / name, name, cardiomegaly(row.get("Cardiomegaly", "")), patient)
