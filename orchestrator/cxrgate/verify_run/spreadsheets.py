"""The CSV files beside the tables, which people open: they say what the tables say, byte for byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from cxrgate.core.json_text import MALFORMED
from cxrgate.verify_run.records import EVIDENCE, RESULTS, Records
from cxrgate.verify_run.violation import Kind, Violation

NEAREST = "results/nearest.csv"
_NEARNESS = "nearness"
"""The column of NEAREST that no table has."""
_MOST = 10
"""Rows of NEAREST."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PASSED = "ANONYMOUS"


def changed_spreadsheets(output: Path, records: Records) -> Iterator[Violation]:
    """Where a CSV file is missing, or has other lines than its table."""
    results = [list(row.values()) for row in records.results]
    columns = list(records.results[0]) if records.results else None
    for table, names, rows in ((RESULTS, columns, results), (EVIDENCE, records.columns, records.evidence)):
        if names:
            name = Path(table).with_suffix(".csv").as_posix()
            yield from _changed(output, name, [names, *rows])
    if records.results and not str(records.run.get("cxrgate", "")).startswith("0.1."):
        yield from _changed_nearest(output, records)


def _changed(output: Path, name: str, rows: Sequence[Sequence[Any]]) -> Iterator[Violation]:
    """Nothing is read of a link: what lies behind it is none of the run's."""
    path = output / name
    if not path.is_file() or path.is_symlink():
        yield Violation(Kind.RECORD_MISSING, name, "is no file of the run, which writes one beside each table")
        return
    with path.open("rb") as file:
        for number, row in enumerate(rows):
            line = _line(row)
            if file.read(len(line)) != line:
                where = f"{name}, {row[0]}" if number else name
                yield Violation(Kind.ROW_DIFFERS, where, f"is not what the table has in row {number}")
                return
        if file.read(1):
            yield Violation(Kind.ROW_DIFFERS, name, f"has more than the {len(rows) - 1} rows of its table")


def _line(row: Sequence[Any]) -> bytes:
    """As the run writes it; text that a spreadsheet would take for a formula has an apostrophe before it."""
    with io.StringIO(newline="") as text:
        csv.writer(text, lineterminator="\n").writerow([_neutral(value) for value in row])
        return text.getvalue().encode()


def _neutral(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _changed_nearest(output: Path, records: Records) -> Iterator[Violation]:
    """Its rows are those of released images; a reviewer may have withheld some of them since."""
    path = output / NEAREST
    if not path.is_file() or path.is_symlink():
        yield Violation(Kind.RECORD_MISSING, NEAREST, "is no file of the run, which names the images to look at first")
        return
    passed = {_neutral(row["image_id"]): row for row in records.results if row["decision"] == _PASSED}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            told = list(_strange_rows(file, passed))
    except (OSError, csv.Error, *MALFORMED) as error:
        told = [f"cannot be read: {type(error).__name__}"]
    for each in told:
        yield Violation(Kind.ROW_DIFFERS, NEAREST, each)


def _strange_rows(file: IO[str], passed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    found = list(csv.DictReader(file))
    images = [str(row["image_id"]) for row in found]
    if len(set(images)) != len(images) or len(images) > _MOST:
        yield f"has {len(images)} rows of {len(set(images))} images"
    if not images and passed:
        yield f"names none of {len(passed)} images that passed"
    for image, row in zip(images, found, strict=True):
        names = [name for name in row if name != _NEARNESS]
        expected = _cells([passed.get(image, {}).get(name) for name in names])
        if image not in passed or [row[name] for name in names] != expected:
            yield f"the row of {image} is not that of an image that passed"


def _cells(row: Sequence[Any]) -> list[str]:
    return next(csv.reader(io.StringIO(_line(row).decode(), newline="")))
