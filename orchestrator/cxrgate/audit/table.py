"""The figures of an audit as a table to read."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from cxrgate.core.spaces import REASONS
from cxrgate.planted.figures import ANY, Row, Share


def leak_table(rows: Iterable[Row], release: int, leaks: float) -> Table:
    """One row per class and strength."""
    title = (
        f"Planted leaks. Patients, of whom nothing is released, at least (95 %); whom a stage missed; "
        f"leaks expected in a release of {release:,} images with {leaks:.1%} leaks before filtering, at most (95 %)"
    )
    heads = ("patients", "not released", "at least", "search", *REASONS, "expected", "at most")
    table = Table("class", "strength", title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        whole = row.strength == ANY
        missed = (str(count) for count in (row.missed_search, *row.missed.values()))
        table.add_row(
            row.leak_class if whole else "",
            "" if whole else row.strength,
            *share_cells(row.share),
            *missed,
            *(f"{number:.1f}" for number in row.expected(release, leaks) or ()),
            style="bold" if whole else None,
        )
    return table


def share_cells(share: Share) -> tuple[str, str, str]:
    """How many patients, the share, its lower bound; "-" where there are none."""
    if share.recall is None or share.lower_95 is None:
        return str(share.n), "-", "-"
    return str(share.n), f"{share.recall:.3f}", f"{share.lower_95:.3f}"
