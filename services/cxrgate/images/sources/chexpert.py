"""CheXpert in its published forms.

small, or full size    train.csv and valid.csv, whose column Path starts with CheXpert-v1.0[-small]/train/patient00001
full size from Azure   the same tables; the patients lie in CheXpert-v1.0 batch 2 (train 1) and its fellows
Plus                   df_chexpert_plus_*.csv, its images in PNG/ or DICOM/
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import cardiomegaly, choose, view_notes
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import has_columns, read_columns

TABLE = "train.csv"
SPLIT_TABLES = {"train": TABLE, "valid": "valid.csv", "test": "test.csv"}
PLUS = "df_chexpert_plus_*.csv"
_PLUS_PLACES = (("PNG", ".png"), ("DICOM", ".dcm"), ("", ".png"), ("", ".dcm"), ("", ".jpg"))
_BATCHES = "*batch *"


def chexpert_tables(root: Path) -> list[Path]:
    """The tables by which a folder is CheXpert, of which it should have one.

    Raises:
        UsageError: a train.csv, which other sets have too, cannot be read.
    """
    plus, tables = _tables(root)
    return [*plus, *(table for table in tables if has_columns(table, ("Path", "Frontal/Lateral")))]


def list_chexpert(root: Path, options: SourceOptions) -> Listing:
    """The images of the split `train`, or of those asked for. `root` is the data set's folder or the one above.

    Raises:
        UsageError: there is not exactly one table of training images, or it is not what it should be.
    """
    plus, tables = _tables(root)
    if len(plus) + len(tables) != 1:
        raise UsageError(
            f"{root} and CheXpert-v1.0* below it have {len(plus) + len(tables)} tables {TABLE}, where one is needed"
        )
    return _plus(plus[0], options) if plus else _plain(tables[0], options)


def _tables(root: Path) -> tuple[list[Path], list[Path]]:
    """The tables of CheXpert Plus, and those of the other forms."""
    plus = [path for pattern in (PLUS, f"*/{PLUS}") for path in sorted(root.glob(pattern))]
    places = (root / TABLE, *sorted(root.glob(f"CheXpert-v1.0*/{TABLE}")), *sorted(root.glob(f"chexpert*/{TABLE}")))
    return plus, list(dict.fromkeys(path for path in places if path.is_file()))


def _plain(table: Path, options: SourceOptions) -> Listing:
    tables = {split: table.with_name(name) for split, name in SPLIT_TABLES.items()}
    there = {split: path for split, path in tables.items() if path.is_file()}
    options.check_splits(set(there))
    rows = []
    for split, path in there.items():
        if split == "train" or options.takes(split, "train"):
            found = read_columns(path, ("Path", "Frontal/Lateral"), names=options.columns).rows
        else:
            found = read_columns(path, ("Path",), ("Frontal/Lateral",), names=options.columns).rows
        rows += [{"Frontal/Lateral": "", **row, "split": split} for row in found]
    kept, left_out = choose(rows, options, "Frontal/Lateral", "split", "train")
    batches = _batches(table)
    files = distinct([_file(table.parent, row, batches) for row in kept], table)
    return Listing(tuple(files), tuple(view_notes(kept, options, "Frontal/Lateral")), left_out)


def _batches(table: Path) -> list[Path]:
    """The folders in which the download from Azure has the patients, which its table does not name."""
    above = [table.parent, *([table.parent.parent] if "batch" in table.parent.name else [])]
    return [path for folder in above for path in sorted(folder.glob(_BATCHES)) if path.is_dir()]


def _file(folder: Path, row: dict[str, str], batches: list[Path]) -> ImageFile:
    """`Path` counts from the folder above the data set's, whatever name the download was given since."""
    parts = PurePosixPath(relative_name(row["Path"])).parts
    start = next((parts.index(split) for split in SPLIT_TABLES if split in parts), 0)
    name = "/".join(parts[start:])
    patient = _patient(row["Path"], parts)
    path = folder / name
    if batches and not path.is_file():
        inner = "/".join(parts[parts.index(patient) :])
        path = next((batch / inner for batch in batches if (batch / inner).is_file()), path)
    return ImageFile(path, name, cardiomegaly(row.get("Cardiomegaly", "")), patient)


def _patient(name: str, parts: tuple[str, ...]) -> str:
    patient = next((part for part in parts if part.startswith("patient")), "")
    if not patient:
        raise UsageError(f"the table names {name!r}, which has no folder patient... that says whose it is")
    return patient


def _plus(table: Path, options: SourceOptions) -> Listing:
    required = ("path_to_image", "frontal_lateral", "deid_patient_id", "split")
    rows = read_columns(table, required, names=options.columns).rows
    options.check_splits({row["split"] for row in rows})
    kept, left_out = choose(rows, options, "frontal_lateral", "split", "train")
    root = table.parent
    places = [(root / folder if folder else root, ending) for folder, ending in _PLUS_PLACES]

    def hits(place: tuple[Path, str]) -> int:
        return sum((place[0] / _plus_name(row, place[1])).is_file() for row in kept[:50])

    base, ending = max(places, key=hits)
    named = [(_plus_name(row, ending), row["deid_patient_id"]) for row in kept]
    files = distinct([ImageFile(base / name, name, "", patient) for name, patient in named], table)
    return Listing(tuple(files), tuple(view_notes(kept, options, "frontal_lateral")), left_out)


def _plus_name(row: dict[str, str], ending: str) -> str:
    return PurePosixPath(relative_name(row["path_to_image"])).with_suffix(ending).as_posix()
