"""Which rows of a run's results were changed: each table is written twice, as Parquet and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from cxrgate.release_report.changes import Change
from cxrgate.run.results import spreadsheet_safe

SHOWN = 20


def changed_rows(folder: Path, name: str) -> list[Change]:
    """The first rows in which the two forms of a table differ, by image and column.

    Args:
        folder: of the results.
        name: results or evidence.

    Returns:
        Nothing where one of both cannot be read: then there are no rows to name.
    """
    try:
        table = pd.read_parquet(folder / f"{name}.parquet")
        text = spreadsheet_safe(table).to_csv(index=False)
        other = (folder / f"{name}.csv").read_text(encoding="utf-8")
        pairs = list(zip(_rows(text), _rows(other), strict=True))
    except Exception:  # noqa: BLE001 - a damaged Parquet file may raise anything
        return []
    changes = (change for number, pair in enumerate(pairs) for change in _changes(name, pairs[0][0], number, *pair))
    return [change for change, _ in zip(changes, range(SHOWN), strict=False)]


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def _changes(name: str, columns: list[str], number: int, first: list[str], second: list[str]) -> Iterator[Change]:
    for column, one, other in zip(columns, first, second, strict=False):
        if one != other:
            place = f"{name}, row {number}, {first[0]} > {column}"
            yield Change(place, f"{one!r} in the Parquet file, {other!r} in the CSV file")
