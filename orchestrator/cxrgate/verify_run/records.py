"""What a run published and wrote for people: manifest, run.json and the two tables, as they lie on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.storage.regular_file import read_regular_file
from cxrgate.verify_run.journal import is_evidence, is_row
from cxrgate.verify_run.violation import Kind, Violation

RELEASED, MANIFEST = "released", "manifest.json"
_IDS = 3
"""Columns of evidence that name image, reference and patient; behind them are numbers."""
RUN, RESULTS, EVIDENCE = "results/run.json", "results/results.parquet", "results/evidence.parquet"


@dataclass(frozen=True, slots=True)
class Records:
    """`manifest` is None where no set is published; the tables are rows, with None for what is no number."""

    manifest: Mapping[str, Any] | None
    run: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    evidence: Sequence[Sequence[Any]] = field(default=(), repr=False)
    columns: Sequence[str] = ()
    """The evidence's, in their order."""

    @property
    def numbers(self) -> Sequence[str]:
        """The evidence's columns of numbers, in their order: distance, the similarities, score, matches."""
        return self.columns[_IDS:]

    @property
    def files(self) -> Mapping[str, str]:
        """Name to sha256 of what the manifest lists."""
        return dict((self.manifest or {}).get("files", {}))


def read_records(output: Path) -> tuple[Records, list[Violation]]:
    """All of it; a violation for what is missing although a set is published."""
    if not (output / RELEASED).is_dir():
        return Records(None), []
    found: dict[str, Any] = {}
    violations = []
    for name, read in _READERS.items():
        try:
            found[name] = read(output / name)
        except (OSError, *MALFORMED) as error:
            violations.append(Violation(Kind.RECORD_MISSING, name, f"cannot be read: {type(error).__name__}"))
    columns, evidence = found.get(EVIDENCE, ((), ()))
    manifest = found.get(f"{RELEASED}/{MANIFEST}", {})
    records = Records(manifest, found.get(RUN, {}), found.get(RESULTS, ()), evidence, columns)
    return records, violations


def _mapping(path: Path) -> Mapping[str, Any]:
    return dict(parse_json(read_regular_file(path)))


def _run(path: Path) -> Mapping[str, Any]:
    """ValueError where a part that others are held against is none."""
    run = _mapping(path)
    parts = [run.get(name, {}) for name in ("policy", "snapshot", "models", "synthetic", "timing", "held")]
    if not all(isinstance(part, dict) for part in [*parts, *run.get("models", {}).values()]):
        raise ValueError("expected policy, snapshot, models, synthetic, timing and held as mappings")
    return run


def _manifest(path: Path) -> Mapping[str, Any]:
    manifest = _mapping(path)
    files = dict(manifest["files"])
    if not all(isinstance(sha256, str) for sha256 in files.values()):
        raise ValueError("expected the digest of each file")
    if type(withheld := manifest.get("withheld", 0)) is not int:
        raise ValueError("expected the number of images that were withheld")
    return {**manifest, "files": files, "withheld": withheld}


def _rows(path: Path) -> Sequence[Mapping[str, Any]]:
    """ValueError where a row is none of results."""
    found = pd.read_parquet(path).to_dict("records")
    rows = [{str(name): plain_value(value) for name, value in row.items()} for row in found]
    if not all(map(is_row, rows)):
        raise ValueError("expected the columns of results, and texts and numbers in them")
    return rows


def _evidence(path: Path) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """ValueError where a row is none of evidence, or there are no columns to hold any."""
    table = pd.read_parquet(path)
    rows = [[plain_value(value) for value in row] for row in table.itertuples(index=False, name=None)]
    if len(table.columns) <= _IDS or not all(map(is_evidence, rows)):
        raise ValueError("expected the columns of evidence, and texts and numbers in them")
    return list(map(str, table.columns)), rows


def plain_value(value: Any) -> Any:
    """None stands for what is no number, as in the journal."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


_READERS: Mapping[str, Callable[[Path], Any]] = {
    f"{RELEASED}/{MANIFEST}": _manifest,
    RUN: _run,
    RESULTS: _rows,
    EVIDENCE: _evidence,
}
