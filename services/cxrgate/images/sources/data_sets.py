"""Roots of public data sets, told by the tables that lie in them. No image is looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cxrgate.images.sources.brax import brax_table
from cxrgate.images.sources.chexpert import chexpert_tables
from cxrgate.images.sources.listing import Layout
from cxrgate.images.sources.mimic import mimic_table
from cxrgate.images.sources.nih import nih_table
from cxrgate.images.sources.padchest import padchest_tables
from cxrgate.images.sources.vindr import vindr_table

_TABLES: dict[Layout, Callable[[Path], Path | None]] = {
    Layout.MIMIC: mimic_table,
    Layout.BRAX: brax_table,
    Layout.CHEXPERT: lambda root: next(iter(chexpert_tables(root)), None),
    Layout.NIH: nih_table,
    Layout.PADCHEST: lambda root: next(iter(padchest_tables(root)), None),
    Layout.VINDR: vindr_table,
}


def find_data_sets(root: Path) -> dict[Layout, Path]:
    """Per data set whose root the folder may be, the table that says so; none for what is no folder.

    A table that is damaged below its header counts: listing the data set says what is wrong with it.

    Raises:
        UsageError: a table that may be a data set's by its name cannot be read.
    """
    if not root.is_dir():
        return {}
    return {layout: table for layout, find in _TABLES.items() if (table := find(root)) is not None}
