"""PadChest: PADCHEST_chest_x_ray_images_labels_160K_*.csv, and the images in the folders that its ImageDir names."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import choose, view_notes
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import read_columns

TABLE = "PADCHEST*.csv*"
_PROBED = 50


def padchest_tables(root: Path) -> list[Path]:
    """The tables by which a folder is PadChest; of which it should have one."""
    return [path for path in sorted(root.glob(TABLE)) if path.is_file()]


def list_padchest(root: Path, options: SourceOptions) -> Listing:
    """The images of the table (PadChest has no split).

    Raises:
        UsageError: there is not exactly one table, or it is not what it should be.
    """
    options.check_splits(set())
    tables = padchest_tables(root)
    if len(tables) != 1:
        raise UsageError(f"{root} has {len(tables)} tables {TABLE}, where one is needed: name the folder that has it")
    rows = read_columns(tables[0], ("ImageID", "ImageDir", "PatientID", "Projection"), names=options.columns).rows
    kept, left_out = choose(rows, options, "Projection")
    folders = _folders(root, kept)
    files = distinct([_file(root, row, folders=folders) for row in kept], tables[0])
    return Listing(tuple(files), tuple(view_notes(kept, options, "Projection")), left_out)


def _folders(root: Path, rows: list[dict[str, str]]) -> bool:
    """Whether the images lie in their folders, as published; some unpack all of them into one."""
    first = rows[:_PROBED]
    apart = sum((root / row["ImageDir"] / row["ImageID"]).is_file() for row in first)
    return apart >= sum((root / row["ImageID"]).is_file() for row in first)


def _file(root: Path, row: dict[str, str], *, folders: bool) -> ImageFile:
    name = relative_name(f"{row['ImageDir']}/{row['ImageID']}" if folders else row["ImageID"])
    return ImageFile(root / name, name, "", row["PatientID"])
