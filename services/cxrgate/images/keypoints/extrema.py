"""Where a difference of scales is larger or smaller than all around it, in place and scale (Lowe 2004, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cxrgate.images.keypoints.scale_space import INTERVALS, SIGMA, UNITS, Octave

CONTRAST = 0.04 * 255 / INTERVALS * UNITS
"""Of the interpolated extremum, at least."""
NEARLY = 0.8
"""Of the contrast, before the extremum is interpolated."""
EDGE = 10.0
"""The larger curvature is at most this many times the smaller one: an edge slides along itself."""
MARGIN = 5
"""px of the octave at each edge without extrema."""

_AROUND = sorted(set(product((-1, 0, 1), repeat=3)) - {(0, 0, 0)}, key=lambda at: (abs(at[0]), sum(map(abs, at))))
"""The 26 neighbours, those nearest ones first."""

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of a scale space, one in each row of every array.

    Attributes:
        octave: its place among the octaves, int64[n].
        x: px of the octave, float64[n].
        y: the same.
        sigma: px of the octave, float64[n].
        strength: float64[n].
        angle: radians from x towards y, float64[n]; 0 where nobody has found it.
    """

    octave: Int64s
    x: Float64s
    y: Float64s
    sigma: Float64s
    strength: Float64s
    angle: Float64s

    def __len__(self) -> int:
        return len(self.octave)

    def chosen(self, rows: Int64s) -> Points:
        """Those rows, in that order."""
        return Points(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def strongest(self, count: int) -> Points:
        """The strongest, at most `count`, in order."""
        order = np.lexsort((self.angle, self.x, self.y, self.octave, -self.strength))
        return self.chosen(order[:count])


def find_extrema(octaves: Sequence[Octave]) -> Points:
    """All that are strong and no edges."""
    found = [_within(i, octave.differences) for i, octave in enumerate(octaves)]
    joined = {field.name: np.concatenate([getattr(p, field.name) for p in found]) for field in fields(Points)}
    return Points(**joined)


def _within(octave: int, differences: Float32s) -> Points:
    """Extrema of one octave, moved to where the parabola through their neighbours has its own."""
    scale, row, column = np.unravel_index(_extrema(differences), differences.shape)

    def at(s: int, y: int, x: int) -> Float64s:
        return differences[scale + s, row + y, column + x].astype(np.float64)

    here = at(0, 0, 0)
    slope = ((at(1, 0, 0) - at(-1, 0, 0)) / 2, (at(0, 1, 0) - at(0, -1, 0)) / 2, (at(0, 0, 1) - at(0, 0, -1)) / 2)
    ss, yy, xx = (at(*step) + at(*(-i for i in step)) - 2 * here for step in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    sy = (at(1, 1, 0) - at(1, -1, 0) - at(-1, 1, 0) + at(-1, -1, 0)) / 4
    sx = (at(1, 0, 1) - at(1, 0, -1) - at(-1, 0, 1) + at(-1, 0, -1)) / 4
    yx = (at(0, 1, 1) - at(0, 1, -1) - at(0, -1, 1) + at(0, -1, -1)) / 4
    offset = _solved((ss, sy, sx, yy, yx, xx), slope)
    near = (np.abs(offset) < 1).all(axis=0)
    strength = np.abs(here + sum(a * np.where(near, b, 0) for a, b in zip(slope, offset, strict=True)) / 2)
    curvature, product_of_both = yy + xx, yy * xx - yx * yx
    kept = near & (strength >= CONTRAST)
    kept &= (product_of_both > 0) & (EDGE * curvature**2 < (EDGE + 1) ** 2 * product_of_both)
    s, y, x = (np.stack([scale, row, column]) + offset)[:, kept]
    return Points(np.full(len(s), octave), x, y, SIGMA * 2 ** (s / INTERVALS), strength[kept], np.zeros(len(s)))


def _extrema(differences: Float32s) -> Int64s:
    """Flat places where the size of a difference is larger than all around, int64[n]; of equal neighbours the last."""
    values = np.abs(differences)
    (_, height, width), flat = values.shape, values.reshape(-1)
    here = values[1:-1, MARGIN:-MARGIN, MARGIN:-MARGIN]
    mask = here > NEARLY * CONTRAST
    # The nearest neighbours densely: few places are left to look up the others of.
    for y, x in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        other = values[1:-1, MARGIN + y : height - MARGIN + y, MARGIN + x : width - MARGIN + x]
        mask &= here > other if (y, x) > (0, 0) else here >= other
    scale, row, column = np.unravel_index(np.flatnonzero(mask), mask.shape)
    places = ((scale + 1) * height + row + MARGIN) * width + column + MARGIN
    for s, y, x in _AROUND:
        step = (s * height + y) * width + x
        above = flat[places] - flat[places + step]
        places = places[above > 0 if step > 0 else above >= 0]
    return np.asarray(places, np.int64)


def _solved(matrix: Sequence[Float64s], slope: Sequence[Float64s]) -> Float64s:
    """Where the slope vanishes, float64[3, n]; infinite or not a number where it does so nowhere or everywhere.

    Args:
        matrix: the upper triangle of the second derivatives, row by row.
        slope: the first derivatives.
    """
    a, b, c, d, e, f = matrix
    inverse = [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b]
    rows = [[inverse[i] for i in row] for row in ((0, 1, 2), (1, 3, 4), (2, 4, 5))]
    determinant = a * inverse[0] + b * inverse[1] + c * inverse[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([-sum(p * q for p, q in zip(row, slope, strict=True)) / determinant for row in rows])
