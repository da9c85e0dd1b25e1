"""A calibration's findings as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cxrgate.calibration.findings import LeakFinding


def finding_table(title: str, findings: Sequence[LeakFinding]) -> Table:
    """A row per leak class and strength."""
    columns = ("class", "strength", "patients", "missed", "errors", "refused", "at most missed", "allowed")
    table = Table(*columns, title=title)
    for found in findings:
        allowed = "" if found.rate is None else f"{found.rate:.1%}"
        counts = map(str, (found.patients, found.misses, found.errors, found.refused))
        table.add_row(found.leak_class, found.strength, *counts, f"{found.upper:.2%}", allowed)
    return table
