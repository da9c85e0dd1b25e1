"""The result tables of a run, as Parquet and CSV, written from the journal alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from cxrgate.core.spaces import SIMILARITIES
from cxrgate.run.rows import EVIDENCE_COLUMNS, EVIDENCE_NUMBERS, RESULT_COLUMNS, RESULT_NUMBERS
from cxrgate.storage import make_folder, whole_file

NEAREST = "nearest.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

ROW_GROUP = 2048
"""Rows of a table that are in memory at a time, and those of a row group of its Parquet file."""


def write_results(folder: Path, batches: Mapping[int, Mapping[str, Any]]) -> Counter[str]:
    """Write results and evidence in source order, a row group at a time, and count the decisions."""
    make_folder(folder)
    decisions: Counter[str] = Counter()
    numbers = {**dict.fromkeys(RESULT_NUMBERS, "float64"), "borderline": "bool", "colour": "bool"}
    with ExitStack() as stack:
        results = stack.enter_context(_Table(folder / "results", RESULT_COLUMNS, numbers))
        more = dict.fromkeys(EVIDENCE_NUMBERS, "float64")
        evidence = stack.enter_context(_Table(folder / "evidence", EVIDENCE_COLUMNS, more))
        for number in sorted(batches):
            batch = batches[number]
            decisions.update(row["decision"] for row in batch["results"])
            results.add(batch["results"])
            evidence.add(batch["evidence"])
    return decisions


def write_nearest(folder: Path, rows: pd.DataFrame) -> None:
    """Write nearest.csv: the released images to look at first, see nearness.nearest_released."""
    columns = ["image_id", "nearness", "score", "standout", *SIMILARITIES, "borderline", "released_as"]
    with whole_file(folder / NEAREST) as partial:
        spreadsheet_safe(rows[columns]).to_csv(partial, index=False)


class _Table:
    """NAME.parquet and NAME.csv, which take the place of older ones when the context is left without an error."""

    def __init__(self, name: Path, columns: Sequence[str], types: Mapping[str, str]) -> None:
        self._name, self._columns, self._types = name, list(columns), dict(types)
        self._rows: list[Any] = []
        self._files = ExitStack()
        self._parquet: Any = None

    def __enter__(self) -> Self:
        paths = (self._name.with_suffix(suffix) for suffix in (".parquet", ".csv"))
        self._partial, self._csv = (self._files.enter_context(whole_file(path)) for path in paths)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None and (self._rows or self._parquet is None):
                self._write(self._rows)
        finally:
            if self._parquet is not None:
                self._parquet.close()
            self._files.__exit__(kind, error, at)

    def add(self, rows: Sequence[Any]) -> None:
        """The next rows, in order: mappings by column, or sequences in the order of the columns."""
        self._rows += rows
        while len(self._rows) >= ROW_GROUP:
            self._write(self._rows[:ROW_GROUP])
            self._rows = self._rows[ROW_GROUP:]

    def _write(self, rows: Sequence[Any]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - takes a while, and only a run's end needs it
        import pyarrow.parquet as pq  # noqa: PLC0415

        table = pd.DataFrame(rows, columns=self._columns).astype(self._types)
        first = self._parquet is None
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._partial, pa.Schema.from_pandas(table, preserve_index=False))
        self._parquet.write_table(pa.Table.from_pandas(table, self._parquet.schema, preserve_index=False, nthreads=1))
        spreadsheet_safe(table).to_csv(self._csv, mode="a", header=first, index=False)


def spreadsheet_safe(table: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would take for a formula gets an apostrophe (CWE-1236)."""
    text = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.assign(**{name: table[name].map(_neutral) for name in text})


def _neutral(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
