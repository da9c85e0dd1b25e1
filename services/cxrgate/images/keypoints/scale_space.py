"""The image at ever coarser scales, and where each differs from the next (Lowe 2004, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UP = 2
"""The first octave has this many pixels per pixel of the image along each side."""
INTERVALS = 3
"""Scales within an octave, over which sigma doubles."""
SIGMA = 1.6
"""px of an octave, of its first scale."""
OWN_SIGMA = 0.5
"""px; what an image is taken to be blurred by as it is."""
SMALLEST = 16
"""px; octaves with a shorter side have too little in them."""
UNITS = 32
"""Of the scale space per grey level."""

_WEIGHT = 2**11
"""Sum of a kernel's weights. 255 * UNITS * _WEIGHT < 2**24: float32 has every sum, in any order."""
_BAND = 12
"""Rows or columns that are blurred at once: so small a product stays on one thread of OpenBLAS, whose others would be
waited for whenever a model keeps the processors busy."""
_REACH = 3.0
"""Radius of a kernel in multiples of its sigma."""

Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Octave:
    """Scales over which sigma doubles, and a few more.

    Attributes:
        scales: whole numbers, UNITS per grey level, float32[INTERVALS + 3, height, width].
        differences: of each scale from the one before it, float32[INTERVALS + 2, height, width].
        pixel: its pixel in pixels of the image.
    """

    scales: Float32s
    differences: Float32s
    pixel: float


def scale_space(pixels: NDArray[np.uint8]) -> list[Octave]:
    """Octaves of uint8[height, width], each with half the pixels of the one before along each side."""
    return list(_octaves(pixels))


def _octaves(pixels: NDArray[np.uint8]) -> Iterator[Octave]:
    height, width = pixels.shape
    enlarged = Image.fromarray(pixels).resize((UP * width, UP * height), Image.Resampling.BILINEAR)
    first = np.asarray(enlarged).astype(np.float32) * np.float32(UNITS)
    first, pixel = _blurred(first, (SIGMA**2 - (UP * OWN_SIGMA) ** 2) ** 0.5), 1 / UP
    while min(first.shape) >= SMALLEST:
        scales = [first]
        for i in range(1, INTERVALS + 3):
            scales.append(_blurred(scales[-1], _step(i)))
        stack = np.stack(scales)
        yield Octave(stack, stack[1:] - stack[:-1], pixel)
        first, pixel = scales[INTERVALS][::2, ::2], 2 * pixel


def _step(scale: int) -> float:
    """Sigma of the blur that leads from the scale before it to this one."""
    before, after = (SIGMA * 2 ** (i / INTERVALS) for i in (scale - 1, scale))
    return float((after**2 - before**2) ** 0.5)


def _blurred(values: Float32s, sigma: float) -> Float32s:
    """Gaussian blur, the edges drawn out; whole numbers again, float32[height, width] as given."""
    kernel = _band(sigma)
    radius = (kernel.shape[1] - _BAND) // 2
    (height, width), down = values.shape, np.empty_like(values, order="C")
    tall = np.concatenate([values[:1].repeat(radius, 0), values, values[-1:].repeat(radius, 0)])
    for top in range(0, height, _BAND):
        rows = min(_BAND, height - top)
        np.matmul(kernel[:rows, : rows + 2 * radius], tall[top : top + rows + 2 * radius], out=down[top : top + rows])
    _round(down)
    across = np.empty_like(down)
    wide = np.concatenate([down[:, :1].repeat(radius, 1), down, down[:, -1:].repeat(radius, 1)], axis=1)
    for left in range(0, width, _BAND):
        columns = min(_BAND, width - left)
        part = wide[:, left : left + columns + 2 * radius]
        np.matmul(part, kernel[:columns, : columns + 2 * radius].T, out=across[:, left : left + columns])
    return _round(across)


def _round(sums: Float32s) -> Float32s:
    """From sums of weighted numbers to their means, in place."""
    sums *= np.float32(1 / _WEIGHT)
    return np.rint(sums, out=sums)


@cache
def _band(sigma: float) -> Float32s:
    """Rows of the kernel's matrix, each the kernel one place further right, float32[_BAND, _BAND + 2 * radius]."""
    radius = int(np.ceil(_REACH * sigma))
    bell = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights = np.rint(bell * (_WEIGHT / bell.sum()))
    weights[radius] += _WEIGHT - weights.sum()
    matrix = np.zeros((_BAND, _BAND + 2 * radius), np.float32)
    for i in range(_BAND):
        matrix[i, i : i + len(weights)] = weights
    return matrix
