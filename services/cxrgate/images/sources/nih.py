"""NIH ChestX-ray14: Data_Entry_2017*.csv, and the images in images_001/images and its fellows."""

from __future__ import annotations

import os
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.columns import choose
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.listing import Listing, SourceOptions
from cxrgate.images.sources.names import distinct, relative_name
from cxrgate.images.sources.tables import read_columns

TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
SPLITS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}


def nih_table(root: Path) -> Path | None:
    """The table by which a folder is ChestX-ray14; None where it is not."""
    return next((root / name for name in TABLES if (root / name).is_file()), None)


def list_nih(root: Path, options: SourceOptions) -> Listing:
    """Every image of the table, all of them frontal; or of the splits that are asked for. An image is named as there.

    Raises:
        UsageError: no table, or it is not what it should be.
    """
    table = nih_table(root)
    if table is None:
        raise UsageError(f"{root} has neither {' nor '.join(TABLES)}: name the folder that has the table")
    rows = read_columns(table, ("Image Index", "Patient ID"), names=options.columns).rows
    splits = {split: (root / name) for split, name in SPLITS.items() if (root / name).is_file()}
    options.check_splits(set(splits))
    split_of = {name: split for split, path in splits.items() for name in path.read_text().split()}
    for row in rows:
        row["split"] = split_of.get(row["Image Index"], "")
    kept, left_out = choose(rows, options, None, "split")
    places = {name: Path(folder) / name for folder, _, names in os.walk(root, followlinks=True) for name in names}
    files = [_file(root, row, places) for row in kept]
    return Listing(tuple(distinct(files, table)), (), left_out)


def _file(root: Path, row: dict[str, str], places: dict[str, Path]) -> ImageFile:
    name = relative_name(row["Image Index"])
    return ImageFile(places.get(name, root / "images" / name), name, "", row["Patient ID"])
