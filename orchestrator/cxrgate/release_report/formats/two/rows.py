"""Leaks in the order in which a committee needs them."""

from __future__ import annotations

from collections.abc import Iterable

from cxrgate.release_report.formats.one.leaks import LeakRow

FIRST = ("same_patient", "generated")
"""The measured classes that matter most: another radiograph of the patient, and what a generator draws of memory."""


def in_order(rows: Iterable[LeakRow]) -> list[LeakRow]:
    """What is promised first, as the certificate has it; then FIRST; then what passes most."""
    return sorted(rows, key=_place)


def _place(row: LeakRow) -> tuple[int, float]:
    if row.promised is not None:
        return 0, 0.0
    if row.leak_class in FIRST:
        return 1 + FIRST.index(row.leak_class), -row.at_most
    return 1 + len(FIRST), -row.at_most
