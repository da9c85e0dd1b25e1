"""The columns of a run's tables, and what the manual says of each."""

from __future__ import annotations

from pathlib import Path

import yaml

from cxrgate.run.rows import EVIDENCE_COLUMNS, RESULT_COLUMNS
from manual.text import named, table

MEANINGS = Path("docs/reference/columns.yaml")
TABLES = {"results": RESULT_COLUMNS, "evidence": EVIDENCE_COLUMNS}
_INTRODUCTION = """# Results

`results/results.parquet` and `.csv` have one row per image, in the order of the list; `evidence.parquet` and `.csv` one
row per image and candidate. In the CSV files, text that a spreadsheet would take for a
formula begins with an apostrophe. Numbers that do not exist are empty. Keep these tables: a release report is made, and
verified, from them.

"""


def results_page() -> str:
    """The page; a column without a meaning, or a meaning without a column, fails."""
    meanings = yaml.safe_load(MEANINGS.read_text())
    parts = [_INTRODUCTION]
    for name, columns in TABLES.items():
        if set(meanings[name]) != set(columns):
            raise ValueError(f"{MEANINGS}: {name} and the table's columns differ: {set(meanings[name]) ^ set(columns)}")
        rows = [(named(column, f"{name}."), meanings[name][column]) for column in columns]
        parts += [f"## {name}\n\n", table(("column", "meaning"), rows), "\n"]
    return "".join(parts)
