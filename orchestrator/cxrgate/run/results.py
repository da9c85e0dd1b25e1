"""The result tables of a run, as Parquet and CSV, written from the journal alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core.spaces import SIMILARITIES
from cxrgate.run.rows import EVIDENCE_COLUMNS, EVIDENCE_NUMBERS, RESULT_COLUMNS, RESULT_NUMBERS
from cxrgate.storage import whole_file

NEAREST = "nearest.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_results(folder: Path, batches: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Write results and evidence in source order, and give the results: one row per image."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = [batches[number] for number in sorted(batches)]
    results = pd.DataFrame([row for batch in ordered for row in batch["results"]], columns=list(RESULT_COLUMNS))
    evidence = pd.DataFrame([row for batch in ordered for row in batch["evidence"]], columns=list(EVIDENCE_COLUMNS))
    numbers = dict.fromkeys(RESULT_NUMBERS, "float64")
    results = results.astype({**numbers, "borderline": "bool", "colour": "bool"})
    evidence = evidence.astype(dict.fromkeys(EVIDENCE_NUMBERS, "float64"))
    for name, table in (("results", results), ("evidence", evidence)):
        _replace(folder / f"{name}.parquet", lambda path, table=table: table.to_parquet(path, index=False))
        _replace(folder / f"{name}.csv", lambda path, table=table: spreadsheet_safe(table).to_csv(path, index=False))
    return results


def write_nearest(folder: Path, rows: pd.DataFrame) -> None:
    """Write nearest.csv: the released images to look at first, see nearness.nearest_released."""
    columns = ["image_id", "nearness", "score", "standout", *SIMILARITIES, "borderline", "released_as"]
    _replace(folder / NEAREST, lambda path: spreadsheet_safe(rows[columns]).to_csv(path, index=False))


def _replace(path: Path, write: Any) -> None:
    with whole_file(path) as partial:
        write(partial)


def spreadsheet_safe(table: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would take for a formula gets an apostrophe (CWE-1236)."""
    text = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.assign(**{name: table[name].map(_neutral) for name in text})


def _neutral(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
