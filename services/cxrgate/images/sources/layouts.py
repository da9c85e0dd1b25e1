"""The layouts in which real images come: a folder, a CSV, or a public data set as it is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.brax import list_brax
from cxrgate.images.sources.chexpert import list_chexpert
from cxrgate.images.sources.files import ImageFile, list_csv, list_folder
from cxrgate.images.sources.mimic import list_mimic


class Layout(StrEnum):
    """How the images of a source are found."""

    FOLDER = "folder"
    CSV = "csv"
    MIMIC = "mimic"
    BRAX = "brax"
    CHEXPERT = "chexpert"


_LISTS: dict[Layout, Callable[[Path], list[ImageFile]]] = {
    Layout.FOLDER: list_folder,
    Layout.CSV: list_csv,
    Layout.BRAX: list_brax,
    Layout.CHEXPERT: list_chexpert,
}


def list_source(path: Path, layout: Layout | None = None, splits: Path | None = None) -> list[ImageFile]:
    """The images at `path`; without a layout a .csv is a CSV and everything else a folder.

    Args:
        path: the CSV, the folder, or the data set's root.
        layout: how to read it.
        splits: MIMIC-CXR's table of splits where it does not lie in the root.

    Raises:
        UsageError: the source is not of that layout, or `splits` is given for another than MIMIC-CXR's.
    """
    chosen = layout or (Layout.CSV if path.suffix.lower() == ".csv" else Layout.FOLDER)
    if chosen is Layout.MIMIC:
        return list_mimic(path, splits)
    if splits is not None:
        raise UsageError(f"expected a table of splits with the layout mimic only, got one with {chosen}")
    return _LISTS[chosen](path)
