"""A small line plot: numbers to the geometry of an SVG, which the template draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from cxrgate.plots.histogram import Line

WIDTH, HEIGHT = 420.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 408.0, 22.0, 218.0
SIZE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
"""The drawing and the plot's edges in it, in its own units."""
_DEVIATES = NormalDist()


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with a label and the values that are marked: even, logarithmic, or in normal deviates.

    Normal deviates are for shares between 0 and 1: two normal distributions give a straight line (Martin et al. 1997).
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = False
    percent: bool = False
    normal: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at `low` and 1 at `high`; what is outside lies on the edge."""
        value = min(max(value, self.low), self.high)
        if self.normal:
            low, at, high = (_DEVIATES.inv_cdf(share) for share in (self.low, value, self.high))
            return (at - low) / (high - low)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def name(self, value: float) -> str:
        """As a tick says it."""
        return f"{100 * value:g} %" if self.percent else f"{value:,g}"


@dataclass(frozen=True, slots=True)
class Series:
    """Points (x, y) under one name: a line, an area below it, or dots. The template has a look for each number."""

    name: str
    points: Sequence[tuple[float, float]] = field(repr=False)
    look: int
    form: str = "line"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series in the drawing's units: `path` as an SVG polyline takes it, and the points."""

    name: str
    look: int
    form: str
    path: str = field(repr=False)
    points: Sequence[tuple[float, float]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing and its words."""

    title: str
    caption: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Line]
    y_ticks: Sequence[Line]
    series: Sequence[Drawn]
    marks: Sequence[Line]
    size: Mapping[str, float] = field(default_factory=SIZE.copy, repr=False)


def plot(
    title: str, caption: str, x: Axis, y: Axis, series: Sequence[Series], marks: Sequence[tuple[float, str]] = ()
) -> Plot:
    """Draw series over two axes; `marks` are values of x with a line and a label."""
    return Plot(
        title,
        caption,
        x.label,
        y.label,
        [Line(_across(x, value), x.name(value)) for value in x.ticks],
        [Line(_up(y, value), y.name(value)) for value in y.ticks],
        [_drawn(item, x, y) for item in series if item.points],
        [_mark(_across(x, value), label) for value, label in marks],
    )


def _drawn(series: Series, x: Axis, y: Axis) -> Drawn:
    points = [(_across(x, first), _up(y, second)) for first, second in series.points]
    corners = [(points[0][0], BOTTOM), *points, (points[-1][0], BOTTOM)] if series.form == "area" else points
    return Drawn(series.name, series.look, series.form, " ".join(f"{a},{b}" for a, b in corners), points)


def _mark(position: float, label: str) -> Line:
    left = position > (LEFT + RIGHT) / 2
    return Line(position, label, round(position + (-5 if left else 5), 2), "end" if left else "start")


def _across(axis: Axis, value: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * axis.share(value), 2)


def _up(axis: Axis, value: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * axis.share(value), 2)
