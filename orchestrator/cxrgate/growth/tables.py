"""Identity as the index grows, as tables to read."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.table import Table

from cxrgate.growth.extrapolation import FAR
from cxrgate.growth.growth import Growth
from cxrgate.train.scoring.figures import Figure


def growth_tables(name: str, growth: Growth) -> Iterator[Table]:
    """What was measured and what was extrapolated; nothing for what there is not. `name` is that of the models."""
    if growth.rows:
        yield _measured(name, growth)
    if growth.extrapolated:
        yield _extrapolated(name, growth)


def _measured(name: str, growth: Growth) -> Table:
    title = "What is recognised as the index grows, and which unenrolled patients are flagged (spread over the draws)"
    heads = ("source", "enrolled", "references", "of seen patients", "queried patients", "promised")
    table = Table(*heads, "recognised", "flagged", title=f"{name}. {title}", title_justify="left")
    for row in growth.rows:
        for rate, recognised in row.recognised.items():
            flagged = f"{row.flagged[rate].value:.3f} (±{row.spread[rate]:.3f})"
            about = (row.source, row.protocol.value.replace("_", " "), f"{row.references:,}", f"{row.filled:,.0f}")
            table.add_row(*about, str(row.queries), f"{100 * rate:g} %", figure_cell(recognised), flagged)
    return table


def _extrapolated(name: str, growth: Growth) -> Table:
    title = "Extrapolated: probit of the share linear in log N (Gumbel limit of the largest)"
    heads = ("enrolled", "promised", *(f"at {size:,}" for size in FAR), "check at", "measured", "foretold")
    table = Table(*heads, title=f"{name}. {title}", title_justify="left")
    for item in growth.extrapolated:
        about = (item.protocol.value.replace("_", " "), f"{100 * item.rate:g} %")
        cells = [figure_cell(item.shares[size]) for size in FAR]
        table.add_row(*about, *cells, f"{item.largest:,}", f"{item.measured:.3f}", f"{item.foretold:.3f}")
    return table


def figure_cell(figure: Figure) -> str:
    """A figure with its interval; "-" where there is nothing to measure."""
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} ({figure.low:.3f}-{figure.high:.3f})"
