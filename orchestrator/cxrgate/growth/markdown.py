"""The tables of README and model_store/README.md about identity, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from cxrgate.growth.extrapolation import FAR, Extrapolation
from cxrgate.growth.galleries import Protocol
from cxrgate.growth.measure import ALL, RATES, GrowthRow
from cxrgate.index.measuring.fit import DEFAULT_RATE
from cxrgate.train.scoring.figures import Figure

_BOTH = (Protocol.ONE_REFERENCE, Protocol.ALL_BUT_QUERY)
_COSTS = (1000, 4500)
"""Measured sizes that the table of costs names."""


def markdown(rows: Sequence[GrowthRow], extrapolated: Sequence[Extrapolation]) -> str:
    """Three tables: what each false-flag rate costs, the growth of both protocols, and who is flagged."""
    parts = (_costs(rows, extrapolated), _growth(rows, extrapolated), _flagged(rows))
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _costs(rows: Sequence[GrowthRow], extrapolated: Sequence[Extrapolation]) -> Iterator[str]:
    """Per rate what is recognised: measured sizes, then extrapolated ones."""
    sizes = [size for size in _COSTS if any(row.references == size for row in rows)]
    names = " / ".join(f"{size:,}" for size in (*sizes, *FAR))
    one = f"one reference per patient: recognised at {names} references"
    yield f"| `policy: {{false_flags: …}}` | {one} | all images but the query enrolled |"
    yield "|---|---|---|"
    for rate in RATES:
        cells = (_cost(rows, extrapolated, protocol, rate, sizes) for protocol in _BOTH)
        default = " (default)" if rate == DEFAULT_RATE else ""
        yield f"| {rate:.2f}{default} | {' | '.join(cells)} |"


def _cost(
    rows: Sequence[GrowthRow],
    extrapolated: Sequence[Extrapolation],
    protocol: Protocol,
    rate: float,
    sizes: Sequence[int],
) -> str:
    found = {row.references: row.recognised[rate].value for row in _of(rows, protocol)}
    far = next((item.shares for item in extrapolated if (item.protocol, item.rate) == (protocol, rate)), {})
    values = [*(found.get(size, math.nan) for size in sizes), *(far[size].value for size in far)]
    return " / ".join("-" if math.isnan(value) else f"{100 * value:.0f}" for value in values) + " %"


def _growth(rows: Sequence[GrowthRow], extrapolated: Sequence[Extrapolation]) -> Iterator[str]:
    """Per size what is recognised in both protocols at each rate, with intervals."""
    heads = [f"{name}{100 * rate:g} %" for name in ("one each, ", "all but the query, ") for rate in RATES]
    yield f"| references | {' | '.join(heads)} |"
    yield "|---" * (1 + len(heads)) + "|"
    measured = {protocol: {row.references: row.recognised for row in _of(rows, protocol)} for protocol in _BOTH}
    for size in sorted(measured[_BOTH[0]].keys() | measured[_BOTH[1]].keys()):
        cells = [_cell(measured[protocol].get(size, {}).get(rate)) for protocol in _BOTH for rate in RATES]
        yield f"| {size:,} | {' | '.join(cells)} |"
    far = {(item.protocol, item.rate): item.shares for item in extrapolated}
    for size in FAR if far else ():
        cells = [_cell(far.get((protocol, rate), {}).get(size)) for protocol in _BOTH for rate in RATES]
        yield f"| {size:,}, extrapolated | {' | '.join(cells)} |"


def _flagged(rows: Sequence[GrowthRow]) -> Iterator[str]:
    """Per source the unenrolled patients that the default rule flags, with the deviation over the draws."""
    chosen = [row for row in rows if row.protocol is Protocol.AT_RANDOM]
    sizes = sorted({row.references for row in chosen})
    yield f"| unenrolled patients flagged | {' | '.join(f'{size:,}' for size in sizes)} |"
    yield "|---" * (1 + len(sizes)) + "|"
    for source in dict.fromkeys(row.source for row in chosen):
        found = {row.references: row for row in chosen if row.source == source}
        cells = [
            f"{found[size].flagged[DEFAULT_RATE].value:.3f} ({found[size].spread[DEFAULT_RATE]:.3f})"
            if size in found
            else "-"
            for size in sizes
        ]
        yield f"| {'all sources' if source == ALL else source} | {' | '.join(cells)} |"


def _of(rows: Sequence[GrowthRow], protocol: Protocol) -> list[GrowthRow]:
    return [row for row in rows if (row.source, row.protocol) == (ALL, protocol) and row.queries]


def _cell(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:.2f} ({figure.low:.2f}-{figure.high:.2f})"
