"""Histograms: values to the geometry of a small SVG, drawn by the template."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 420.0, 206.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 412.0, 40.0, 172.0
"""The plot's edges within the drawing, in its own units; thresholds are labelled in two rows above it."""

SIZE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}
"""What the template needs to know of them."""

LABEL = 105.0
"""Room for a threshold's label, in the drawing's units."""

BINS = 40
SLACK = 1e-6
"""Values this far outside the axis are rounding errors of float32 and belong to the outermost bin."""


class Zone(StrEnum):
    """What a value means, by the side of the thresholds that it lies on."""

    CLEAR = "clear"
    BORDERLINE = "borderline"
    MATCH = "match"
    ATYPICAL = "atypical"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the axis with one meaning, in words: from `low` (inclusive) to the next region's `low`."""

    zone: Zone
    low: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold: where it is drawn and how it is labelled."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin that is not empty: a rectangle, what it covers, and how many images."""

    x: float
    y: float
    width: float
    height: float
    zone: Zone
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled position: a tick of an axis or a threshold. `text_x` and `anchor` keep the text inside."""

    position: float
    label: str
    text_x: float = 0.0
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """How many values lie in a region."""

    zone: Zone
    meaning: str
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """A drawing: bars, ticks and thresholds in the drawing's units, and the counts behind it.

    `missing` counts the values that are not numbers on the axis.
    """

    bars: tuple[Bar, ...]
    x_ticks: tuple[Line, ...]
    y_ticks: tuple[Line, ...]
    marks: tuple[Line, ...]
    zones: tuple[ZoneCount, ...]
    counted: int
    missing: int


def histogram(
    values: NDArray[np.float64], high: float, regions: Sequence[Region], marks: Sequence[Mark] = ()
) -> Histogram:
    """Bin values, float64[n], over the axis from the first region's `low` to `high`.

    No bin lies in two regions, so that each has one meaning; heights are logarithmic, log(1 + count), so that a
    single image stays visible beside a hundred thousand.

    Raises:
        ValueError: the regions do not rise, or do not begin below `high`.
    """
    low = regions[0].low
    if low >= high or any(first.low > second.low for first, second in pairwise(regions)):
        raise ValueError(f"expected rising regions below {high}, got {[region.low for region in regions]}")
    inside = np.isfinite(values) & (values >= low - SLACK) & (values <= high + SLACK)
    edges, owners = _edges(regions, high)
    counts = np.histogram(values[inside].clip(low, high), edges)[0]
    top = max(int(counts.max()), 1)
    return Histogram(
        bars=tuple(_bars(edges, owners, counts, top)),
        x_ticks=tuple(Line(_x(value, low, high), f"{value:g}") for value in _round_values(low, high)),
        y_ticks=tuple(Line(_y(count, top), _short(count)) for count in _powers(top)),
        marks=tuple(_marks(marks, low, high)),
        zones=tuple(_zone_counts(owners, counts)),
        counted=int(inside.sum()),
        missing=int((~inside).sum()),
    )


def _edges(regions: Sequence[Region], high: float) -> tuple[NDArray[np.float64], list[Region]]:
    """Edges of about BINS bins, each region cut into equal ones, and the region of each bin."""
    width = (high - regions[0].low) / BINS
    edges: list[NDArray[np.float64]] = []
    owners: list[Region] = []
    for region, end in zip(regions, [*(region.low for region in regions[1:]), high], strict=True):
        count = max(round((end - region.low) / width), 1) if region.low < end else 0
        edges.append(np.linspace(region.low, end, count, endpoint=False))
        owners += [region] * count
    return np.append(np.concatenate(edges), high), owners


def _bars(edges: NDArray[np.float64], owners: Sequence[Region], counts: NDArray[np.int64], top: int) -> Iterator[Bar]:
    low, high = float(edges[0]), float(edges[-1])
    for start, end, region, count in zip(edges[:-1], edges[1:], owners, counts, strict=True):
        if count:
            x, y = _x(start, low, high), _y(count, top)
            width = round(_x(end, low, high) - x, 2)
            yield Bar(x, y, width, round(BOTTOM - y, 2), region.zone, float(start), float(end), int(count))


def _zone_counts(owners: Sequence[Region], counts: NDArray[np.int64]) -> Iterator[ZoneCount]:
    for region in dict.fromkeys(owners):
        total = sum(int(count) for owner, count in zip(owners, counts, strict=True) if owner == region)
        yield ZoneCount(region.zone, region.meaning, total)


def _marks(marks: Sequence[Mark], low: float, high: float) -> Iterator[Line]:
    """Thresholds; each label stands to the right of its line, the lowest one's to the left, if there is room."""
    lowest = min((mark.value for mark in marks), default=0)
    for mark in marks:
        x = _x(min(max(mark.value, low), high), low, high)
        left = x + LABEL > RIGHT or (len(marks) > 1 and mark.value == lowest and x - LABEL > 0)
        yield Line(x, mark.label, round(x - 5 if left else x + 5, 2), "end" if left else "start")


def _x(value: float, low: float, high: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * (float(value) - low) / (high - low), 2)


def _y(count: int, top: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * math.log1p(int(count)) / math.log1p(top), 2)


def _round_values(low: float, high: float) -> list[float]:
    """Four to eight round values that cover the axis."""
    raw = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * min((factor for factor in (1, 2, 5) if factor * power >= raw), default=10)
    first, last = math.ceil(low / step - SLACK), math.floor(high / step + SLACK)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _powers(top: int) -> list[int]:
    """Powers of ten up to the highest count, and that itself where there is room for its label."""
    powers = [10**power for power in range(len(str(top)))]
    return [*powers, top] if 3 * powers[-1] <= top < 10_000 else powers


def _short(count: int) -> str:
    """A label that fits the margin: 10,000 is 10k."""
    return f"{count:,}" if count < 10_000 else f"{count // 1000:,}k"
