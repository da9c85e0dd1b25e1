"""The plots of identity as the number of references grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cxrgate.growth.extrapolation import FAR, Extrapolation
from cxrgate.growth.galleries import Protocol
from cxrgate.growth.measure import ALL, GrowthRow
from cxrgate.index.measuring.fit import DEFAULT_RATE
from cxrgate.plots.plot import Axis, Plot, Series, plot

TITLES = {
    Protocol.ONE_REFERENCE: "One reference per patient",
    Protocol.ALL_BUT_QUERY: "All images but the query enrolled",
}
_SIZES = (250, 1000, 4500, FAR[-1])
_HIGHEST, _MOST_FLAGGED = 0.8, 0.15


def growth_plots(rows: Sequence[GrowthRow], extrapolated: Sequence[Extrapolation]) -> tuple[Plot, ...]:
    """What is recognised, by protocol, and who is flagged; nothing for what was not measured."""
    return (*_recognised(rows, extrapolated), *_flagged(rows))


def _recognised(rows: Sequence[GrowthRow], extrapolated: Sequence[Extrapolation]) -> Iterator[Plot]:
    for protocol, title in TITLES.items():
        chosen = [row for row in rows if (row.source, row.protocol) == (ALL, protocol) and row.queries]
        far = {item.rate: item.shares for item in extrapolated if item.protocol is protocol}
        if not chosen:
            continue
        series = [
            Series(
                f"{100 * rate:g} % flagged",
                [
                    *((row.references, row.recognised[rate].value) for row in chosen),
                    *((size, figure.value) for size, figure in far.get(rate, {}).items()),
                ],
                look,
            )
            for look, rate in enumerate(chosen[0].recognised, 1)
        ]
        dots = [(row.references, figure.value) for row in chosen for figure in row.recognised.values()]
        yield plot(
            title,
            f"Other radiographs of enrolled patients. Dots: measured on {chosen[-1].queries} patients; beyond them the "
            "lines are extrapolated.",
            Axis("references", _SIZES[0], _SIZES[-1], _SIZES, logarithmic=True),
            Axis("recognised", 0, _HIGHEST, (0, 0.2, 0.4, 0.6, _HIGHEST), percent=True),
            [*series, Series("measured", dots, 0, "dots")],
        )


def _flagged(rows: Sequence[GrowthRow]) -> Iterator[Plot]:
    chosen = [row for row in rows if row.protocol is Protocol.AT_RANDOM]
    if not chosen:
        return
    largest = max(row.references for row in chosen)
    sources = list(dict.fromkeys(row.source for row in chosen))[: len(_LOOKS)]
    series = [
        Series(
            "all sources" if source == ALL else source,
            [(row.references, row.flagged[DEFAULT_RATE].value) for row in chosen if row.source == source],
            look,
        )
        for look, source in zip(_LOOKS, sources, strict=False)
    ]
    ticks = [size for size in (*_SIZES[:-1], largest) if size <= largest]
    yield plot(
        f"The default rule promises {100 * DEFAULT_RATE:g} %",
        "Patients who are not enrolled, the mean over galleries drawn at random.",
        Axis("references", _SIZES[0], max(largest, 2 * _SIZES[0]), sorted(set(ticks)), logarithmic=True),
        Axis("unenrolled patients that are flagged", 0, _MOST_FLAGGED, (0, 0.03, 0.05, 0.07, 0.1, 0.15), percent=True),
        series,
    )


_LOOKS = (1, 2, 3, 4)
