"""A table on the disk, read a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def row_groups(table: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """The row groups of a Parquet file, of these columns alone."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - takes a while

    # By this thread alone: Arrow never ends where its own threads find no memory.
    with pq.ParquetFile(table) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns, use_threads=False).to_pandas(use_threads=False)
