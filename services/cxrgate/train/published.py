"""The published split and pair files of Packhäuser et al. (Sci Rep 12:14851, 2022) for ChestX-ray14 and others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError

_LABELS = {"1.0": True, "0.0": False}


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two images by name, and whether they show one patient."""

    first: str
    second: str
    same: bool


def read_pairs(path: Path) -> list[NamedPair]:
    """A pair file: per line two images and 1.0 (one patient) or 0.0 (two), separated by tabs.

    Raises:
        UsageError: no such file, no line, or a line that is not a pair.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a file of pairs, {path}: {error}") from error
    if not rows:
        raise UsageError(f"{path}: expected pairs, the file is empty")
    return [_pair(row, f"{path}, line {number}") for number, row in enumerate(rows, 1)]


def _pair(row: Sequence[str], place: str) -> NamedPair:
    if len(row) != 3 or row[2] not in _LABELS or not (row[0] and row[1]):
        raise UsageError(f"{place}: expected two images and 1.0 or 0.0 separated by tabs, got {row}")
    if row[0] == row[1]:
        raise UsageError(f"{place}: expected two different images, got {row[0]!r} twice")
    return NamedPair(row[0], row[1], _LABELS[row[2]])
