"""The shape of a batch's line in a run's journal: whatever it was written by, nothing else is read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxrgate.run.rows import EVIDENCE_COLUMNS, RESULT_COLUMNS, RESULT_NUMBERS

_IDS = 3
"""Columns of evidence that name image, reference and patient; behind them are numbers."""
_FLAGS = ("borderline", "colour")
_TEXTS = tuple(name for name in RESULT_COLUMNS if name not in (*RESULT_NUMBERS, *_FLAGS))
_LARGEST = 2**63


def is_batch(content: Mapping[str, Any]) -> bool:
    """Whether it has results, evidence and released files, each with everything that is written into tables."""
    results, evidence, released = (content.get(name) for name in ("results", "evidence", "released"))
    return (
        isinstance(results, list)
        and isinstance(evidence, list)
        and isinstance(released, dict)
        and all(map(_is_result, results))
        and all(map(_is_evidence, evidence))
        and all(isinstance(sha256, str) for sha256 in released.values())
    )


def _is_result(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == set(RESULT_COLUMNS)
        and all(isinstance(row[name], str) for name in _TEXTS)
        and all(isinstance(row[name], bool) for name in _FLAGS)
        and all(_is_number(row[name]) for name in RESULT_NUMBERS)
    )


def _is_evidence(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == len(EVIDENCE_COLUMNS)
        and all(isinstance(name, str) for name in row[:_IDS])
        and all(map(_is_number, row[_IDS:]))
    )


def _is_number(value: Any) -> bool:
    """Or None, which stands for one that is none."""
    return value is None or isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)
